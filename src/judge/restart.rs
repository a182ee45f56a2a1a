//! Whether a restart of Docker is allowed: the last resort, behind every law that speaks of it (1, 2, 3, 11).

use super::Memory;
use super::memory::Incident;
use crate::model::{Mode, Seen, Settings, Snapshot, Unit};
use std::time::Duration;

/// Allows a restart of a daemon that is silent although its pool is well again.
///
/// # Errors
/// The first reason against it, for people.
pub(super) fn permit(
    seen: &Snapshot,
    unit: &Unit,
    settings: &Settings,
    memory: &Memory,
    incident: &Incident,
    silence: Duration,
    now: Duration,
) -> Result<(), String> {
    let rules = &settings.restart;
    let Seen::Known(Some(pool)) = &seen.pool else {
        return Err("the pool cannot be seen".into());
    };
    let since = |at: Duration| now.saturating_sub(at);
    if !rules.enabled {
        return Err("[restart] enabled = false in thinguard.toml".into());
    }
    if pool.mode != Mode::Rw || pool.needs_check || pool.suspended || pool.is_exhausted() {
        return Err("the pool is not well".into());
    }
    if unit.stop_timeout.is_none() {
        return Err(format!(
            "{} may take for ever to stop (TimeoutStopSec is infinite)",
            unit.name
        ));
    }
    if let Some(seconds_left) = left(incident.cured.map(since), settings.watch.settle) {
        return Err(format!("the pool is well for too short a time; {seconds_left} s to go"));
    }
    if let Some(seconds_left) = left(memory.last_uninterruptible.map(since), settings.watch.settle) {
        return Err(format!("a task was in D state a moment ago; {seconds_left} s to go"));
    }
    // Silence counts from the cure on, and from the end of the D state: what was silent before them had a reason to be.
    let quiet = [incident.cured, memory.last_uninterruptible]
        .into_iter()
        .flatten()
        .map(since)
        .fold(silence, Duration::min);
    if let Some(seconds_left) = left(Some(quiet), rules.after_silence) {
        return Err(format!("it may still come back by itself; {seconds_left} s to go"));
    }
    if now < memory.restart_tries.not_before {
        return Err(format!(
            "the last try was not begun; {} s to go",
            memory.restart_tries.not_before.saturating_sub(now).as_secs()
        ));
    }
    if memory.growing {
        return Err("a growth is under way".into());
    }
    let spent = memory.kept.restarts.len() as u32;
    if spent >= rules.budget {
        return Err(format!(
            "{spent} restarts within {} h have not helped for good, and there is no budget for more; look at the host, then \
             'systemctl restart {}' yourself",
            rules.window.as_secs() / 3600,
            unit.name
        ));
    }
    if let Some(last) = memory.kept.restarts.last() {
        let pause = rules.cool_down.saturating_mul(1 << (spent.saturating_sub(1)).min(16));
        if let Some(seconds_left) = left(Some(since(*last)), pause) {
            return Err(format!("cooling down after the last one; {seconds_left} s to go"));
        }
    }
    Ok(())
}

/// Whole seconds, rounded up, until `passed` reaches `needed`; `None` when it has, or when there is nothing to wait for.
fn left(passed: Option<Duration>, needed: Duration) -> Option<u64> {
    let left = needed.saturating_sub(passed?);
    (left > Duration::ZERO).then(|| left.as_secs_f64().ceil() as u64)
}
