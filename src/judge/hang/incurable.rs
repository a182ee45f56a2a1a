//! Hangs that growth does not end: D state that outlives the cure, and D state of a pool that cannot grow.

use crate::judge::memory::Incident;
use crate::judge::{Case, FORBIDDEN_BY, Verdict};
use crate::model::{Deed, Pool, Snapshot, StuckTask, Task};
use std::time::Duration;

/// A hang that outlives the cure of the pool by this much will not clear by itself.
const OUTLIVES_THE_CURE: Duration = Duration::from_secs(120);

/// How long one task must have been in D state then: a task that is there for a moment is at work.
const STUCK_FOR: Duration = Duration::from_secs(60);

/// What is to be said of the pool and of the next step, if this hang will not end by itself. Asks for XFS to give up where the
/// settings allow it and nothing else is left.
pub(super) fn judge(
    case: Case<'_>,
    stuck: &[StuckTask],
    incident: &Incident,
    verdict: &mut Verdict,
) -> Option<(String, String)> {
    let longest = Duration::from_secs(stuck.iter().map(|task| task.state_since_s).max()?);
    if let Some(cured) = incident.cured.map(|at| case.since(at)) {
        // A long discard is in D state all the time, and gets on.
        let no_progress = case.memory.progress.stands_still(case.seen, case.now) >= Some(STUCK_FOR);
        let persists = cured >= OUTLIVES_THE_CURE && longest >= STUCK_FOR && no_progress;
        return persists.then(|| {
            (
                format!(
                    "the pool has been well for {} s and the D state persists: the host needs a reboot",
                    cured.as_secs()
                ),
                "no signal and no restart reaches a task in D state; save what runs elsewhere and reboot the host"
                    .into(),
            )
        });
    }
    let why = verdict.cannot_grow.clone()?;
    if longest < case.settings.cure.xfs_give_up_after {
        return None;
    }
    let about_pool = match case.seen.pool().is_some_and(Pool::is_broken) {
        true => {
            "the pool is broken, the D state persists: the host needs a reboot, and the pool a repair before Docker runs again"
        }
        false => "the pool is exhausted and cannot grow, the D state persists: without room the host needs a reboot",
    };
    let next = match give_up(case) {
        Ok(()) => {
            let tasks = in_d(case.seen);
            verdict.deed.get_or_insert(Deed::XfsGiveUp { tasks });
            "thinguard has XFS give up now: filesystems that are being unmounted are shut down and lose what they have not written".into()
        }
        Err(against) => format!("{why}; XFS does not give up, for {against}"),
    };
    Some((about_pool.into(), next))
}

/// Whether XFS may be told to give up.
///
/// # Errors
/// What stands against it, for people.
fn give_up(case: Case<'_>) -> Result<(), String> {
    if !case.settings.cure.xfs_give_up {
        return Err(format!("[cure] xfs_give_up = false {FORBIDDEN_BY}"));
    }
    let pool = case.seen.pool().ok_or("the pool cannot be seen")?;
    // As long as writes are held back none fails, and XFS has nothing to give up.
    if pool.queue_if_no_space {
        return Err("the pool still holds writes back (queue_if_no_space)".into());
    }
    if pool.suspended {
        return Err("the pool is suspended".into());
    }
    if case.memory.growing {
        return Err("another deed is under way".into());
    }
    let tries = &case.memory.give_up_tries;
    let pause = tries.pause(case.now);
    match pause.is_zero() {
        true => Ok(()),
        false => Err(format!(
            "it has not helped {} times; {} s to go until the next",
            tries.failures,
            pause.as_secs()
        )),
    }
}

/// The daemon's tasks in D state.
fn in_d(seen: &Snapshot) -> Vec<(u32, u64)> {
    seen.daemon.in_d().map(Task::id).collect()
}

/// Whether one of these tasks has come out of D state.
///
/// # Errors
/// What is seen instead.
pub(in crate::judge) fn came_out(tasks: &[(u32, u64)], seen: &Snapshot) -> Result<String, String> {
    if let Some(why) = seen.daemon.tasks.why_unknown() {
        return Err(format!("the daemon's tasks cannot be seen: {why}"));
    }
    let still = in_d(seen);
    let out = tasks.iter().filter(|task| !still.contains(task)).count();
    match out {
        0 => Err(format!("{} tasks are still in D state", still.len())),
        out => Ok(format!("{out} of {} tasks have come out of D state", tasks.len())),
    }
}
