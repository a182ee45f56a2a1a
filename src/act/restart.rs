//! The safe restart: stop, see the old daemon gone, start, see the unit active (laws 2 and 3). Never `RestartUnit`: after a stop
//! that failed on a D-state process, systemd turns it into a start beside the old daemon.

mod intent;
mod old;
mod operator;
mod others;
mod preflight;
mod real;
mod world;

pub use intent::{path as intent_path, unfinished};

use super::RUN_DIR;
use crate::kernel::errand::Undone;
use crate::kernel::process;
use crate::model::{ActiveState, Unit, socket_of};
use intent::{Patience, lock};
use old::{Old, may_be_stopped, old_daemon};
pub use operator::how_to_call_off;
use operator::{called_off, free_to_stop, give_way};
use others::active_again;
use real::Real;
use serde::{Deserialize, Serialize};
use std::time::Duration;
pub use world::{Ordered, World};

/// A restart that has not ended after this time is called stuck (and left alone).
pub const LONGEST: Duration = Duration::from_secs(20 * 60);

/// systemd's ladder has four steps of `TimeoutStopSec` (SIGTERM, SIGKILL, and both again for what is left).
const STOP_STEPS: u32 = 4;

/// A start replays logs of every container's filesystem; it is given this long.
const START_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long a stop whose order got no answer may take to show as a job.
const STOP_SHOWS: Duration = Duration::from_secs(10);

/// What the child needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartOrder {
    /// `docker.service`
    pub unit: String,
    /// The daemon that was judged; another one is left alone. May be a shell (RHEL 7.2's units).
    pub main_pid: u32,
    /// The old daemon's processes by number and start time, which tells them from later ones of the same number. Filled in
    /// before the stop.
    pub old: Vec<(u32, u64)>,
    /// When the stop was ordered, since boot.
    pub ordered_at: Duration,
    /// Time that one step of the stop may take.
    pub stop_timeout: Duration,
    /// The job that our stop is, once systemd has told.
    #[serde(default)]
    pub stop_job: Option<u32>,
    /// The unit's socket outlived the order to stop: when it is seen stopped later, somebody else has done that.
    #[serde(default)]
    pub socket_stays: bool,
    /// Units that systemd stops with this one and that were up before: to be started after it.
    #[serde(default)]
    pub stopped_with_it: Vec<String>,
}

/// Restarts the unit, in the child.
///
/// # Errors
/// What stopped it, and in which state it left the daemon.
pub fn restart(order: &RestartOrder) -> Result<String, Undone> {
    let _lock = lock(Patience::None).map_err(Undone::NotBegun)?;
    restart_in(&mut Real::new(order), order)
}

/// Completes a restart whose stop was ordered by an earlier life of the guard, in the child. The child of that life may still be at it:
/// then it is waited for, and what it leaves counts.
///
/// # Errors
/// As [`restart`].
pub fn finish() -> Result<String, Undone> {
    let _lock = lock(Patience::ForEver).map_err(Undone::NotBegun)?;
    match unfinished(process::since_boot()) {
        Some(order) => Ok(finish_in(&mut Real::new(&order), &order)?),
        None => {
            // What is left of it is too old. Should it not go away, it only is too old again the next time.
            let _ = intent::keep(None);
            Ok("no start is to come any more: the process that began it has ended it, or it is too long ago".into())
        }
    }
}

fn restart_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, Undone> {
    // The longest looks come first: what is judged below must not be old when the stop is ordered.
    world.could_start_again().map_err(Undone::NotBegun)?;
    let stopped_with_it = world.stopped_with().map_err(Undone::NotBegun)?;
    let old = may_be_stopped(world, order).map_err(Undone::NotBegun)?;
    let mut order = RestartOrder {
        old,
        stopped_with_it,
        ..order.clone()
    };
    world.intend(Some(&order)).map_err(Undone::NotBegun)?;
    let listened = match free_to_stop(world) {
        Ok(orders) => orders.socket_listens == Some(true),
        Err(why) => {
            world.intend(None)?;
            return Err(Undone::NotBegun(why));
        }
    };
    match others::stop(world, &mut order) {
        Ordered::Queued(job) => {
            order.stop_job = job;
            // All jobs of an order are there once systemd has answered: a socket that is to stop with the service has its own.
            order.socket_stays = listened && world.orders().is_ok_and(|orders| orders.socket_listens == Some(true));
            // Should it not be written, a later life of the guard only knows less.
            let _ = world.intend(Some(&order));
        }
        Ordered::Refused(why) => {
            world.intend(None)?;
            return Err(Undone::NotBegun(format!("systemd did not take the stop: {why}")));
        }
        // No answer is not a refusal: the stop may have been queued all the same.
        Ordered::NotAnswered(why) if !stop_shows(world) => {
            world.intend(None)?;
            return Err(Undone::NotBegun(format!("systemd did not take the stop: {why}")));
        }
        Ordered::NotAnswered(_) => {}
    }
    Ok(finish_in(world, &order)?)
}

/// Whether the unit is no longer just running, a while after the stop was ordered.
fn stop_shows(world: &mut dyn World) -> bool {
    let mut limit = STOP_SHOWS;
    loop {
        match world.unit() {
            Ok(unit) if unit.active_state != ActiveState::Active || unit.job_pending => return true,
            Ok(_) | Err(_) if world.rest(&mut limit) => {}
            // What cannot be seen is taken for a stop: the start that follows then is the lesser harm.
            Err(_) => return true,
            Ok(_) => return false,
        }
    }
}

/// How long the stop may take to end.
fn stop_limit(order: &RestartOrder) -> Duration {
    order.stop_timeout.saturating_mul(STOP_STEPS) + Duration::from_secs(30)
}

fn finish_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    let mut limit = stop_limit(order);
    let inactive_exit = loop {
        // A look that fails is no reason to leave Docker stopped; the next may not.
        let seen = world.unit();
        if let Ok(unit) = &seen
            && unit.active_state == ActiveState::Active
            && unit.main_pid != order.main_pid
            && unit.main_pid != 0
        {
            return active_again(world, order, unit);
        }
        if let Some(why) = called_off(world, order, false) {
            return give_way(world, order, &why);
        }
        let ended = seen.as_ref().ok().filter(|unit| has_stopped(unit));
        let left = old_daemon(world, order);
        if let (Some(unit), Old::Gone) = (ended, left) {
            break unit.inactive_exit;
        }
        if !world.rest(&mut limit) {
            let failed = ended.is_some() && left == Old::There;
            let state = seen.map_or_else(|why| format!("in an unknown state ({why})"), |unit| unit.sub_state);
            return Err(not_stopped(world, order, &state, failed));
        }
    };
    let mut limit = START_LIMIT;
    others::start_sockets(world, order);
    let mut started = world.start();
    let mut forgiven = false;
    loop {
        match world.unit() {
            Ok(unit) if unit.active_state == ActiveState::Active => return active_again(world, order, &unit),
            // Started often before we came (systemd counts every start): it failed before dockerd was run. We have stopped it, so
            // we are to start it; once more, for what fails again has another reason.
            Ok(unit)
                if unit.active_state == ActiveState::Failed
                    && !unit.job_pending
                    && unit.hit_start_limit()
                    && !forgiven =>
            {
                forgiven = true;
                started = world
                    .reset_failed(&unit.name)
                    .and_then(|()| world.reset_failed(&unit.socket()))
                    .and_then(|()| world.start());
            }
            Ok(unit) if unit.active_state == ActiveState::Failed && !unit.job_pending && started.is_ok() => {
                world.intend(None)?;
                return Err(format!(
                    "{} was stopped and failed to start: journalctl -u {}; once that is put right: {}",
                    order.unit,
                    order.unit,
                    others::by_hand(order)
                ));
            }
            // Refused, for the socket's stop still ran, say. A stop that had to kill has left the unit failed, with no start in it.
            Ok(unit) if has_stopped(&unit) && started.is_err() => {
                started = world.start();
            }
            // It began to start and has ended without a failure: a stop that was over before it was seen.
            Ok(unit)
                if unit.active_state == ActiveState::Inactive
                    && !unit.job_pending
                    && unit.inactive_exit != inactive_exit =>
            {
                return give_way(world, order, "somebody else has stopped it as it started");
            }
            _ => {}
        }
        if let Some(why) = called_off(world, order, true) {
            return give_way(world, order, &why);
        }
        if !world.rest(&mut limit) {
            return Err(format!(
                "{} was stopped and has not started{}; it is tried again; systemctl start {} does it at once; {}",
                order.unit,
                started.err().map_or_else(String::new, |why| format!(" ({why})")),
                order.unit,
                how_to_call_off(order)
            ));
        }
    }
}

fn has_stopped(unit: &Unit) -> bool {
    matches!(unit.active_state, ActiveState::Inactive | ActiveState::Failed) && !unit.job_pending
}

/// The stop has not been seen to end in its time. Where it may still succeed, Docker is not left down after it. Where systemd has given it
/// up with the old daemon still there it has `failed`, and an operator is likely to come: a start is only still to come where his orders
/// would show, for one under a repair does more harm than none.
fn not_stopped(world: &mut dyn World, order: &RestartOrder, state: &str, failed: bool) -> String {
    let (unit, pid) = (&order.unit, order.main_pid);
    if failed && !order.socket_stays {
        let forgotten = world.intend(None);
        let socket = socket_of(unit);
        return format!(
            "{unit} is {state} and its old daemon (process {pid}) is still there; no second one is started beside it, nor later, for \
             without a {socket} that outlives the stop nothing shows whether somebody wants it down; once that process is gone: \
             {}{}",
            others::by_hand(order),
            forgotten.err().map_or_else(String::new, |why| format!(" ({why})"))
        );
    }
    format!(
        "{unit} is {state} and its old daemon (process {pid}) may still be there; no second one is started beside it; once it is gone \
         thinguard starts {unit}, up to some {} min after the stop was ordered; {}",
        intent::holds(order).as_secs() / 60,
        how_to_call_off(order)
    )
}

#[cfg(test)]
mod tests;
