//! The safe restart: stop, see the old daemon gone, start, see the unit active (laws 2 and 3). Never `RestartUnit`: after a stop
//! that failed on a D-state process, systemd turns it into a start beside the old daemon.

use super::RUN_DIR;
use crate::docker::names;
use crate::kernel::proc;
use crate::model::{ActiveState, Task, TaskState, Unit};
use crate::systemd::bus::Manager;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A restart that has not ended after this time is called stuck (and left alone).
pub const LONGEST: Duration = Duration::from_secs(20 * 60);

/// systemd's ladder has four steps of `TimeoutStopSec` (SIGTERM, SIGKILL, and both again for what is left).
const STOP_STEPS: u32 = 4;

/// A start replays logs of every container's filesystem; it is given this long.
const START_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Rest between two looks at the unit.
const REST: Duration = Duration::from_millis(250);

/// An intent older than this was left by a guard whose end nobody followed up; the operator has long decided otherwise.
const INTENT_HOLDS: Duration = Duration::from_secs(30 * 60);

/// How long a stop whose order got no answer may take to show as a job.
const STOP_SHOWS: Duration = Duration::from_secs(10);

/// Begins the text of an error after which nothing has been done to the daemon.
pub const NOT_BEGUN: &str = "not begun: ";

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
}

/// The outside world of a restart, so that its order can be tested without one.
pub trait World {
    /// The unit now.
    fn unit(&mut self) -> Result<Unit, String>;
    /// Queues the stop.
    fn stop(&mut self) -> Result<(), String>;
    /// Queues the start.
    fn start(&mut self) -> Result<(), String>;
    /// Forgets a failure of this unit, so that it may be started again.
    fn reset_failed(&mut self, unit: &str) -> Result<(), String>;
    /// Tasks of all processes in the control group.
    fn group(&mut self, control_group: &str) -> Result<Vec<Task>, String>;
    /// Tasks of one process; none when it has ended.
    fn process(&mut self, pid: u32) -> Result<Vec<Task>, String>;
    /// Writes down or forgets that a stop has been ordered by us.
    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String>;
    /// Time passes. `false` when the limit for this step is over.
    fn rest(&mut self, step: &mut Duration) -> bool;
}

/// Restarts the unit, in the child.
///
/// # Errors
/// What stopped it, and in which state it left the daemon.
pub fn restart(order: &RestartOrder) -> Result<String, String> {
    let _lock = lock().map_err(|why| format!("{NOT_BEGUN}{why}"))?;
    restart_in(&mut Real::new(order), order)
}

/// Completes a restart whose stop was ordered by an earlier life of the guard, in the child.
///
/// # Errors
/// As [`restart`].
pub fn finish(order: &RestartOrder) -> Result<String, String> {
    let _lock = lock().map_err(|why| format!("{NOT_BEGUN}{why}"))?;
    finish_in(&mut Real::new(order), order)
}

/// The restart that was ordered by us or an earlier life of the guard and not seen completed, if that was not long ago.
pub fn unfinished(now: Duration) -> Option<RestartOrder> {
    let order: RestartOrder = serde_json::from_slice(&fs::read(intent_path()).ok()?).ok()?;
    if now.saturating_sub(order.ordered_at) < INTENT_HOLDS {
        return Some(order);
    }
    // Should it not go away, it only is too old again the next time.
    let _ = fs::remove_file(intent_path());
    None
}

fn restart_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    let not_begun = |why: String| format!("{NOT_BEGUN}{why}");
    let unit = world.unit().map_err(not_begun)?;
    let same = unit.active_state == ActiveState::Active && unit.main_pid == order.main_pid;
    if !same || unit.job_pending || unit.host_stopping {
        return Err(not_begun(format!(
            "{} has changed since it was judged ({}, process {})",
            order.unit, unit.sub_state, unit.main_pid
        )));
    }
    let tasks = world.group(&unit.control_group).map_err(not_begun)?;
    if let Some(task) = tasks.iter().find(|task| task.state == TaskState::Uninterruptible) {
        return Err(not_begun(format!(
            "{}[{}] is in D state ({}); no signal is sent",
            task.comm, task.tid, task.wchan
        )));
    }
    let is_old =
        |task: &&Task| task.tid == task.pid && (task.pid == order.main_pid || names::is_daemon_comm(&task.comm));
    let old: Vec<_> = tasks
        .iter()
        .filter(is_old)
        .map(|task| (task.pid, task.start_ticks))
        .collect();
    if !old.iter().any(|(pid, _)| *pid == order.main_pid) {
        return Err(not_begun("the daemon is gone already".into()));
    }
    let order = RestartOrder { old, ..order.clone() };
    world.intend(Some(&order)).map_err(not_begun)?;
    if let Err(why) = world.stop() {
        // No answer is not a refusal: the stop may have been queued all the same.
        if !stop_shows(world) {
            world.intend(None)?;
            return Err(not_begun(format!("systemd did not take the stop: {why}")));
        }
    }
    finish_in(world, &order)
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

fn finish_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    let mut limit = order.stop_timeout.saturating_mul(STOP_STEPS) + Duration::from_secs(30);
    loop {
        // A look that fails is no reason to leave Docker stopped; the next may not.
        let seen = world.unit();
        if let Ok(unit) = &seen {
            if unit.active_state == ActiveState::Active && unit.main_pid != order.main_pid && unit.main_pid != 0 {
                return active_again(world, order, unit);
            }
            let stopped = matches!(unit.active_state, ActiveState::Inactive | ActiveState::Failed) && !unit.job_pending;
            if stopped && is_gone(world, order) {
                break;
            }
        }
        if !world.rest(&mut limit) {
            // The intent stays: the start is completed once the old daemon is gone.
            let state = seen.map_or_else(|why| format!("in an unknown state ({why})"), |unit| unit.sub_state);
            return Err(format!(
                "{} is {state} and its old daemon (process {}) may still be there; no second one is started beside it",
                order.unit, order.main_pid
            ));
        }
    }
    let mut limit = START_LIMIT;
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
                    "{} was stopped and failed to start: journalctl -u {}",
                    order.unit, order.unit
                ));
            }
            Ok(unit) if unit.active_state == ActiveState::Inactive && !unit.job_pending && started.is_err() => {
                started = world.start();
            }
            _ => {}
        }
        if !world.rest(&mut limit) {
            return Err(format!(
                "{} was stopped and has not started{}; it is tried again; systemctl start {} does it at once",
                order.unit,
                started.err().map_or_else(String::new, |why| format!(" ({why})")),
                order.unit
            ));
        }
    }
}

fn active_again(world: &mut dyn World, order: &RestartOrder, unit: &Unit) -> Result<String, String> {
    world.intend(None)?;
    Ok(format!("{} is active again, process {}", order.unit, unit.main_pid))
}

/// Whether nothing of the old daemon is left: a zombie whose threads are stuck still holds the pool. Not to be able to tell is
/// not to be gone.
fn is_gone(world: &mut dyn World, order: &RestartOrder) -> bool {
    order.old.iter().all(|(pid, start)| match world.process(*pid) {
        Ok(tasks) => match tasks.iter().find(|task| task.tid == *pid) {
            // The number was given to another process.
            Some(leader) => leader.start_ticks != *start,
            None => tasks.is_empty(),
        },
        Err(_) => false,
    })
}

fn intent_path() -> String {
    format!("{RUN_DIR}/restart-intent.json")
}

/// One restart at a time, across lives of the guard: the child outlives us and keeps its lock.
fn lock() -> Result<File, String> {
    let path = format!("{RUN_DIR}/restart.lock");
    fs::create_dir_all(RUN_DIR).map_err(|error| format!("{RUN_DIR}: {error}"))?;
    let file = File::create(&path).map_err(|error| format!("{path}: {error}"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err("another restart is under way".into()),
        Err(TryLockError::Error(error)) => Err(format!("{path}: {error}")),
    }
}

/// systemd, `/proc` and the clock. The connection to systemd is made anew after each failure.
struct Real {
    manager: Option<Manager>,
    unit: String,
}

impl Real {
    fn new(order: &RestartOrder) -> Real {
        Real {
            manager: None,
            unit: order.unit.clone(),
        }
    }

    fn ask<T>(&mut self, call: impl FnOnce(&mut Manager, &str) -> anyhow::Result<T>) -> Result<T, String> {
        let told = |error: anyhow::Error| format!("{error:#}");
        let mut manager = match self.manager.take() {
            Some(manager) => manager,
            None => Manager::connect().map_err(told)?,
        };
        let answer = call(&mut manager, &self.unit).map_err(told)?;
        self.manager = Some(manager);
        Ok(answer)
    }
}

impl World for Real {
    fn unit(&mut self) -> Result<Unit, String> {
        self.ask(Manager::unit)
    }

    fn stop(&mut self) -> Result<(), String> {
        self.ask(Manager::stop)
    }

    fn start(&mut self) -> Result<(), String> {
        self.ask(Manager::start)
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), String> {
        self.ask(|manager, _| manager.reset_failed(unit))
    }

    fn group(&mut self, control_group: &str) -> Result<Vec<Task>, String> {
        let pids = proc::processes_of_group(Path::new("/"), control_group)
            .ok_or_else(|| format!("control group '{control_group}' cannot be read"))?;
        let mut tasks = Vec::new();
        for pid in pids {
            tasks.extend(self.process(pid)?);
        }
        Ok(tasks)
    }

    fn process(&mut self, pid: u32) -> Result<Vec<Task>, String> {
        proc::tasks_of(Path::new("/"), pid).map_err(|error| format!("/proc/{pid}: {error}"))
    }

    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String> {
        let path = intent_path();
        match order {
            Some(order) => fs::write(&path, serde_json::to_vec(order).unwrap_or_default()),
            None => fs::remove_file(&path),
        }
        .map_err(|error| format!("{path}: {error}"))
    }

    fn rest(&mut self, step: &mut Duration) -> bool {
        let before = Instant::now();
        sleep(REST);
        *step = step.saturating_sub(before.elapsed());
        *step > Duration::ZERO
    }
}

#[cfg(test)]
mod tests;
