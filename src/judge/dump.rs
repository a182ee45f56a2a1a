//! Whether dockerd may be asked what it waits for. That is a signal to the daemon, and law 2 speaks of those.

use super::{Memory, Verdict};
use crate::docker::build::Version;
use crate::docker::names;
use crate::model::{Code, GoroutineDump, Settings, Snapshot, Task, TaskState};
use std::time::Duration;

/// The first version that writes its goroutines to a file; before, they went into the log (moby v1.13.0 `daemon/debugtrap_unix.go`).
const TO_A_FILE: Version = Version::new(1, 13, 0);

/// A daemon sets its handler up while it starts (moby `NewDaemon`); one that has run this long has done so.
const SETTLED: Duration = Duration::from_secs(60);

/// The daemon's main task, if it may be asked now. `version` is the installed Docker's, where it is known.
pub fn wanted<'a>(
    seen: &'a Snapshot,
    settings: &Settings,
    memory: &Memory,
    verdict: &Verdict,
    version: Option<Version>,
    now: Duration,
) -> Option<&'a Task> {
    let (stuck, silent) = (verdict.finding(Code::DaemonStuck), verdict.finding(Code::DaemonSilent));
    let allowed = match settings.evidence.goroutine_dump {
        GoroutineDump::Never => false,
        GoroutineDump::BeforeRestart => stuck.is_some(),
        GoroutineDump::WhenSilent => stuck.or(silent).is_some(),
    };
    let unit = seen.daemon.unit.known().filter(|unit| unit.is_steady())?;
    let runs_for = now.saturating_sub(unit.inactive_exit?);
    let settled = memory
        .last_uninterruptible
        .is_none_or(|at| now.saturating_sub(at) >= settings.watch.settle);
    let tasks = seen.daemon.tasks.known()?;
    let alive = tasks.iter().all(|task| task.state == TaskState::Alive);
    let new_enough = version.is_some_and(|version| version >= TO_A_FILE);
    if !(allowed && settled && alive && new_enough && runs_for >= SETTLED) || memory.restarting {
        return None;
    }
    // The unit's main process may be a shell, and its group may hold more than the daemon.
    let mut daemons = tasks
        .iter()
        .filter(|task| task.tid == task.pid && task.comm.starts_with("dockerd") && names::is_daemon_comm(&task.comm));
    daemons.next().filter(|_| daemons.next().is_none())
}
