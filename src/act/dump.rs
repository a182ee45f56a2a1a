//! dockerd's own account of what it waits for: on SIGUSR1 it writes the stacks of its goroutines to a file (moby
//! `daemon/debugtrap_unix.go`; into the exec root from 1.13 on, into its log before).

use crate::kernel::proc;
use crate::kernel::signal::{self, Handle};
use crate::model::TaskState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time for the file to come. The daemon has but to write it.
const FILE_COMES: Duration = Duration::from_secs(5);

/// Which process is meant, beyond doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpOrder {
    /// Its number.
    pub pid: u32,
    /// Its start, which no other process with that number shares.
    pub start_ticks: u64,
    /// Its name.
    pub comm: String,
    /// The unit's control group.
    pub control_group: String,
    /// Where the file comes to be.
    pub directory: String,
}

/// Has the daemon write its goroutines; gives the file. In the child.
///
/// # Errors
/// Why it was not asked, or that no file came.
pub fn dump(order: &DumpOrder) -> Result<String, String> {
    let root = Path::new("/");
    let handle = Handle::take(order.pid).map_err(|error| format!("process {}: {error}", order.pid))?;
    certain(root, order)?;
    let before = files(&order.directory);
    handle
        .user_signal()
        .map_err(|error| format!("SIGUSR1 to process {}: {error}", order.pid))?;
    let end = Instant::now() + FILE_COMES;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
        if let Some(new) = files(&order.directory).difference(&before).next() {
            return Ok(new.display().to_string());
        }
    }
    Err(format!("no file came into {} after SIGUSR1", order.directory))
}

/// Looks once more, with the handle already taken: it is this very process, in the unit, with a handler for the signal, and none of
/// its tasks is in D state or stopped (law 2).
fn certain(root: &Path, order: &DumpOrder) -> Result<(), String> {
    let tasks = proc::tasks_of(root, order.pid).map_err(|error| format!("tasks of process {}: {error}", order.pid))?;
    let is_it = tasks.iter().any(|task| {
        (task.tid, task.start_ticks, task.comm.as_str()) == (order.pid, order.start_ticks, order.comm.as_str())
    });
    if !is_it {
        return Err(format!("process {} is another one now", order.pid));
    }
    if let Some(task) = tasks.iter().find(|task| task.state != TaskState::Alive) {
        let state = match task.state {
            TaskState::Uninterruptible => "in D state",
            TaskState::Stopped => "stopped",
            TaskState::Dead | TaskState::Alive => "ending",
        };
        return Err(format!("task {} of the daemon is {state}", task.tid));
    }
    let inside = proc::processes_of_group(root, &order.control_group).is_some_and(|pids| pids.contains(&order.pid));
    if !inside {
        return Err(format!("process {} is not in {}", order.pid, order.control_group));
    }
    match signal::catches_user_signal(root, order.pid) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "process {} has no handler for SIGUSR1 and would die of it",
            order.pid
        )),
        Err(error) => Err(format!("status of process {}: {error}", order.pid)),
    }
}

fn files(directory: &str) -> BTreeSet<PathBuf> {
    let is_dump = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("goroutine-stacks-"))
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_dump).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pid: u32) -> DumpOrder {
        DumpOrder {
            pid,
            start_ticks: 1,
            comm: "dockerd".into(),
            control_group: "/system.slice/docker.service".into(),
            directory: "/nonexistent".into(),
        }
    }

    #[test]
    fn nobody_else_is_signalled() {
        // If it were, the test would die.
        let why = dump(&order(std::process::id())).unwrap_err();
        assert!(why.ends_with("is another one now"), "{why}");
        assert!(dump(&order(u32::MAX)).is_err());
    }

    #[test]
    fn a_process_outside_the_unit_is_not() {
        let me = std::process::id();
        let tasks = proc::tasks_of(Path::new("/"), me).unwrap();
        let main = tasks.iter().find(|task| task.tid == me).unwrap();
        let order = DumpOrder {
            start_ticks: main.start_ticks,
            comm: main.comm.clone(),
            ..order(me)
        };
        let why = dump(&order).unwrap_err();
        assert!(
            why.contains("is not in /system.slice") || why.contains("Uninterruptible"),
            "{why}"
        );
    }
}
