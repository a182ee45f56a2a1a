//! The old daemon: whether it may be stopped (law 2), and whether it is gone (law 3).

use super::{RestartOrder, World};
use crate::docker::names;
use crate::model::{ActiveState, Task, TaskState};

/// What is left of the old daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    Gone,
    /// A process of it is there; a zombie whose threads are stuck still holds the pool.
    There,
    /// Not to be able to tell is not to be gone.
    Unknown,
}

pub(super) fn old_daemon(world: &mut dyn World, order: &RestartOrder) -> Old {
    let mut left = Old::Gone;
    for (pid, start) in &order.old {
        match world.process(*pid) {
            Ok(tasks) => match tasks.iter().find(|task| task.tid == *pid) {
                // The number was given to another process.
                Some(leader) if leader.start_ticks != *start => {}
                None if tasks.is_empty() => {}
                _ => return Old::There,
            },
            Err(_) => left = Old::Unknown,
        }
    }
    left
}

/// Whether it is the daemon that was judged, nobody else is at it, and no task of its unit is in D state (law 2). Gives its processes by
/// number and start time.
pub(super) fn may_be_stopped(world: &mut dyn World, order: &RestartOrder) -> Result<Vec<(u32, u64)>, String> {
    let unit = world.unit()?;
    let same = unit.active_state == ActiveState::Active && unit.main_pid == order.main_pid;
    if !same || unit.job_pending || unit.host_stopping {
        return Err(format!(
            "{} has changed since it was judged ({}, process {})",
            order.unit, unit.sub_state, unit.main_pid
        ));
    }
    let tasks = world.group(&unit.control_group)?;
    if let Some(task) = tasks.iter().find(|task| task.state == TaskState::Uninterruptible) {
        return Err(format!(
            "{}[{}] is in D state ({}); no signal is sent",
            task.comm, task.tid, task.wchan
        ));
    }
    let is_old =
        |task: &&Task| task.tid == task.pid && (task.pid == order.main_pid || names::is_daemon_comm(&task.comm));
    let old: Vec<_> = tasks
        .iter()
        .filter(is_old)
        .map(|task| (task.pid, task.start_ticks))
        .collect();
    match old.iter().any(|(pid, _)| *pid == order.main_pid) {
        true => Ok(old),
        false => Err("the daemon is gone already".into()),
    }
}
