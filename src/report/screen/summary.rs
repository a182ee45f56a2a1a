//! How things are in two short sentences, for who has never heard of thin pools.

use crate::model::{ActiveState, Bytes, Mode};
use crate::report::json::{Answers, CannotSee, DaemonReport, Part, PoolReport, StatusReport};

/// The daemon's state, then what the containers can still write.
pub(super) fn sentences(report: &StatusReport) -> String {
    let pool = match (&report.pool, &report.pool_unknown) {
        (Some(pool), _) => of_pool(pool),
        (None, None) => "No thin pool is active: there is nothing that could fill up.".into(),
        (None, Some(_)) => {
            let root = |it: &CannotSee| it.what == Part::Pool && it.needs_root;
            match report.cannot_see.iter().any(root) {
                true => "Only root can see how full the pool is.".into(),
                false => "How full the pool is cannot be seen.".to_owned(),
            }
        }
    };
    format!("{} {pool}", of_daemon(&report.daemon))
}

fn of_daemon(daemon: &DaemonReport) -> String {
    let stuck = match daemon.stuck_tasks.len() {
        0 => String::new(),
        1 => ": one of its tasks is stuck in the kernel".into(),
        n => format!(": {n} of its tasks are stuck in the kernel"),
    };
    match (daemon.active_state, daemon.answers) {
        (Some(ActiveState::Inactive), _) => "Docker is not running.".into(),
        (Some(ActiveState::Failed), _) => "Docker has failed and is not running.".into(),
        (Some(ActiveState::Activating), _) => "Docker is starting.".into(),
        (Some(ActiveState::Deactivating), _) => format!("Docker is stopping{stuck}."),
        (_, Answers::Yes) => "Docker answers.".into(),
        (_, Answers::No) => format!("Docker does not answer{stuck}."),
        (_, Answers::Unknown) => match daemon.silent_for_s {
            Some(waited @ 1..) => format!("Docker has not answered for {waited} s{stuck}."),
            _ if !stuck.is_empty() => format!("Docker may hang{stuck}."),
            _ => "Whether Docker answers is not known.".into(),
        },
    }
}

fn of_pool(pool: &PoolReport) -> String {
    let free = pool.data.total_bytes.saturating_sub(pool.data.used_bytes);
    let metadata_full = pool.metadata.used_bytes >= pool.metadata.total_bytes;
    let more = pool.headroom_bytes.unwrap_or(free);
    match pool.mode {
        Some(Mode::Fail) => "The pool has failed: containers get I/O errors.".into(),
        _ if pool.suspended => "The pool is suspended: all I/O of containers waits.".into(),
        _ if metadata_full => "The pool's metadata are full: containers cannot write anything new.".into(),
        Some(Mode::Ro) => "The pool is read-only: containers cannot write anything new.".into(),
        Some(Mode::OutOfDataSpace) => "The pool is full: what containers write waits, and then fails.".into(),
        _ if free == Bytes(0) => "The pool is full: what containers write waits, and then fails.".into(),
        _ if more == Bytes(0) => {
            "The host filesystem is down to its reserve: what containers write may soon be lost.".into()
        }
        _ if more < free => format!("Containers can write {more} more: the host filesystem has no more for the pool."),
        _ => format!("Containers can write {more} more at the pool's present size."),
    }
}
