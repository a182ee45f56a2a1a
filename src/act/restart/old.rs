//! Whether the old daemon is gone (law 3).

use super::{RestartOrder, World};

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
