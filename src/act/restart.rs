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

/// What the child needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartOrder {
    /// `docker.service`
    pub unit: String,
    /// The daemon that was judged; another one is left alone.
    pub main_pid: u32,
    /// Its start time, which tells it from a later process of the same number. Filled in before the stop.
    pub start_ticks: Option<u64>,
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
    /// Tasks of the unit's processes, and of this process.
    fn tasks(&mut self, control_group: &str, pid: u32) -> Result<Vec<Task>, String>;
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
    let _lock = lock()?;
    restart_in(&mut Real::new(order)?, order)
}

/// Completes a restart whose stop was ordered by an earlier life of the guard, in the child.
///
/// # Errors
/// As [`restart`].
pub fn finish(order: &RestartOrder) -> Result<String, String> {
    let _lock = lock()?;
    finish_in(&mut Real::new(order)?, order)
}

/// The restart that an earlier life of the guard ordered and did not see completed.
pub fn unfinished() -> Option<RestartOrder> {
    serde_json::from_slice(&fs::read(intent_path()).ok()?).ok()
}

fn restart_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    let unit = world.unit()?;
    if unit.active_state != ActiveState::Active
        || unit.job_pending
        || unit.host_stopping
        || unit.main_pid != order.main_pid
    {
        return Err(format!(
            "{} has changed since it was judged ({}, pid {}); left alone",
            order.unit, unit.sub_state, unit.main_pid
        ));
    }
    let tasks = world.tasks(&unit.control_group, order.main_pid)?;
    if let Some(task) = tasks.iter().find(|task| task.state == TaskState::Uninterruptible) {
        return Err(format!(
            "{}[{}] is in D state ({}); no signal is sent",
            task.comm, task.tid, task.wchan
        ));
    }
    let leader = tasks
        .iter()
        .find(|task| task.tid == order.main_pid)
        .ok_or("the daemon is gone already")?;
    let order = RestartOrder {
        start_ticks: Some(leader.start_ticks),
        ..order.clone()
    };
    world.intend(Some(&order))?;
    if let Err(why) = world.stop() {
        world.intend(None)?;
        return Err(format!("systemd refused the stop: {why}"));
    }
    finish_in(world, &order)
}

fn finish_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    let mut limit = order.stop_timeout.saturating_mul(STOP_STEPS) + Duration::from_secs(30);
    loop {
        let unit = world.unit()?;
        if unit.active_state == ActiveState::Active && unit.main_pid != order.main_pid && unit.main_pid != 0 {
            world.intend(None)?;
            return Ok(format!("{} is active again, pid {}", order.unit, unit.main_pid));
        }
        let stopped = matches!(unit.active_state, ActiveState::Inactive | ActiveState::Failed) && !unit.job_pending;
        if stopped && !is_there(world, order)? {
            break;
        }
        if !world.rest(&mut limit) {
            // The intent stays: whoever looks next completes the start once the old daemon is gone.
            return Err(format!(
                "{} is {} and its old daemon (pid {}) is still there; no second one is started beside it",
                order.unit, unit.sub_state, order.main_pid
            ));
        }
    }
    world
        .start()
        .map_err(|why| format!("{} is stopped and systemd refused to start it: {why}", order.unit))?;
    let mut limit = START_LIMIT;
    loop {
        let unit = world.unit()?;
        match unit.active_state {
            ActiveState::Active => {
                world.intend(None)?;
                return Ok(format!("{} is active again, pid {}", order.unit, unit.main_pid));
            }
            ActiveState::Failed if !unit.job_pending => {
                world.intend(None)?;
                return Err(format!(
                    "{} was stopped and failed to start: journalctl -u {}",
                    order.unit, order.unit
                ));
            }
            _ if world.rest(&mut limit) => {}
            _ => {
                return Err(format!(
                    "{} was stopped and is still {} at its start",
                    order.unit, unit.sub_state
                ));
            }
        }
    }
}

/// Whether anything of the old daemon is left: a zombie whose threads are stuck counts, it still holds the pool.
fn is_there(world: &mut dyn World, order: &RestartOrder) -> Result<bool, String> {
    let tasks = world.tasks("", order.main_pid)?;
    let leader = tasks.iter().find(|task| task.tid == order.main_pid);
    Ok(match (leader, order.start_ticks) {
        // The number was given to another process.
        (Some(leader), Some(start)) if leader.start_ticks != start => false,
        (Some(leader), None) => names::is_daemon_comm(&leader.comm),
        _ => !tasks.is_empty(),
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

/// systemd, `/proc` and the clock.
struct Real {
    manager: Manager,
    unit: String,
}

impl Real {
    fn new(order: &RestartOrder) -> Result<Real, String> {
        let manager = Manager::connect().map_err(|error| format!("{error:#}"))?;
        Ok(Real {
            manager,
            unit: order.unit.clone(),
        })
    }
}

impl World for Real {
    fn unit(&mut self) -> Result<Unit, String> {
        self.manager.unit(&self.unit).map_err(|error| format!("{error:#}"))
    }

    fn stop(&mut self) -> Result<(), String> {
        self.manager.stop(&self.unit).map_err(|error| format!("{error:#}"))
    }

    fn start(&mut self) -> Result<(), String> {
        self.manager.start(&self.unit).map_err(|error| format!("{error:#}"))
    }

    fn tasks(&mut self, control_group: &str, pid: u32) -> Result<Vec<Task>, String> {
        let root = Path::new("/");
        let mut pids = proc::processes_of_group(root, control_group).unwrap_or_default();
        pids.push(pid);
        let mut tasks = Vec::new();
        for pid in pids {
            tasks.extend(proc::tasks_of(root, pid).map_err(|error| format!("/proc/{pid}: {error}"))?);
        }
        Ok(tasks)
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
