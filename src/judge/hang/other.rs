//! A daemon that does not hang, and is not well either: its unit failed, it refuses the question, or it is slow to answer.

use crate::docker::names;
use crate::judge::Case;
use crate::model::{ActiveState, Code, Finding, Probe, Snapshot, Unit};
use std::time::Duration;

/// Nobody has waited for long enough to call the daemon silent, but no answer for `patience` is no health. Where more is known of
/// the daemon already, that says it.
pub fn slow(seen: &Snapshot, found: &[Finding], patience: Duration) -> Option<Finding> {
    let waited = seen.daemon.info.silent_for().filter(|waited| *waited >= patience)?;
    let unit = seen.daemon.unit.known()?;
    (!found.iter().any(|finding| finding.code.is_about_daemon())).then(|| {
        Finding::warn(Code::DaemonSlow, &unit.name)
            .says(format!("/info has had no answer for {} s", waited.as_secs()))
            .at(&unit.name)
            .next("thinguard status again in a minute; journalctl -u thinguard tells what the guard makes of it")
    })
}

/// `/info` is silent, and another request that takes the driver's lock was answered: what hangs is not the driver, and all else works.
pub(super) fn works(seen: &Snapshot, unit: &Unit, silence: Duration) -> Option<Finding> {
    let Probe::Answered { took, .. } = &seen.daemon.driver else {
        return None;
    };
    let tasks = seen.daemon.tasks.known().map(Vec::as_slice).unwrap_or_default();
    let waits_for = tasks
        .iter()
        .find(|task| task.tid == task.pid && names::is_run_by_info(&task.comm));
    let (for_whom, next) = match waits_for {
        Some(task) => (
            format!("it waits for {}[{}]", task.comm, task.pid),
            format!(
                "see what {}[{}] waits for (cat /proc/{}/wchan; for rpm: rm -f /var/lib/rpm/__db.*), or end it: kill {}",
                task.comm, task.pid, task.pid, task.pid
            ),
        ),
        None => (
            "what it waits for is not known".to_owned(),
            "'thinguard explain daemon-silent' shows how dockerd tells what it waits for".to_owned(),
        ),
    };
    Some(
        Finding::warn(Code::DaemonSlow, &unit.name)
            .says(format!(
                "/info has been silent for {} s, and the storage driver answers in {} ms: {for_whom}; Docker works, and is left alone",
                silence.as_secs(),
                took.as_millis()
            ))
            .at(place(seen, unit))
            .next(next),
    )
}

/// A unit that failed by itself is reported and not started: whoever or whatever stopped it may have had a reason, and a start is
/// not what the guard was asked for.
pub(super) fn failed(unit: &Unit) -> Option<Finding> {
    if unit.active_state != ActiveState::Failed || unit.job_pending || unit.host_stopping {
        return None;
    }
    let again = match unit.hit_start_limit() {
        true => format!(
            "systemctl reset-failed {} {}; systemctl start {}",
            unit.name,
            unit.socket(),
            unit.name
        ),
        false => format!("systemctl start {}", unit.name),
    };
    Some(
        Finding::warn(Code::DaemonFailed, &unit.name)
            .says(format!(
                "the unit has failed ({}); thinguard does not start it",
                unit.result
            ))
            .at(&unit.name)
            .next(format!("journalctl -b -u {} tells why; then {again}", unit.name)),
    )
}

/// A daemon that refuses the question is not stuck, but it cannot be judged either: nobody would see it hang.
pub(super) fn refusal(case: Case<'_>, unit: &Unit) -> Option<Finding> {
    let (refused_for, why) = case.memory.refusal(case.now)?;
    (refused_for >= case.settings.watch.silent_after).then(|| {
        Finding::warn(Code::DaemonRefuses, &unit.name)
            .says(format!(
                "/info has been refused for {} s: {why}; Docker is not judged, the pool is still grown",
                refused_for.as_secs()
            ))
            .at(place(case.seen, unit))
            .next("see whether 'docker info' answers; where dockerd listens elsewhere, say so in [docker] socket")
    })
}

/// dockerd, whose unit's main process may be a shell.
pub(super) fn place(seen: &Snapshot, unit: &Unit) -> String {
    format!("pid {}", names::daemon_of(seen.daemon.tasks.all(), unit.main_pid))
}
