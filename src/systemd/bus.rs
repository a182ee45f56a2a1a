//! systemd's manager over D-Bus: the state of a unit, its start command, stop and start.
//!
//! Called only in a child process whose parent keeps the deadline. Nothing here asks for more than it needs, and never for
//! all properties at once: for `UnitFileState`, `UnitFilePreset` and `NeedDaemonReload` PID 1 itself goes to the disk, and
//! the disk may be what hangs.

mod dependents;
mod link;
mod orders;
#[cfg(test)]
mod tests;
mod value;

pub use dependents::Standing;
pub use orders::Orders;

use super::version::Version;
use crate::model::{ActiveState, Unit, UnitFault};
use anyhow::{Context, Result, bail, ensure};
use link::{Link, Refused, method};
use rustbus::params::{Container, Param};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, Instant};
use value::{Value, environment_files, fields, number, text, texts, truth};

const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const NO_SUCH_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";

/// "fail" refuses when another job for the unit or one it needs is queued that contradicts ours: someone else, or the
/// host's shutdown, is at it, and "replace" would cancel what they asked for. A refusal is an answer; judge again later.
const JOB_MODE: &str = "fail";

/// The D-Bus name of such a refusal.
const CONTRADICTS: &str = "org.freedesktop.systemd1.TransactionIsDestructive";

/// systemd knows no such unit.
#[derive(Debug)]
pub struct NoSuchUnit(String);

impl std::error::Error for NoSuchUnit {}

impl fmt::Display for NoSuchUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no unit {}", self.0)
    }
}

/// How a service is started, as systemd has it loaded, not as files on the disk say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecStart {
    /// Words of `ExecStart=`, the program's path first, variables not yet expanded. Empty when the unit has none.
    pub argv: Vec<String>,
    /// `Environment=`, as `NAME=value`.
    pub environment: Vec<String>,
    /// `EnvironmentFile=`: path and whether a missing file is ignored (`-`).
    pub environment_files: Vec<(String, bool)>,
    /// Why systemd will not start the unit.
    pub fault: Option<UnitFault>,
}

/// systemd is not away for longer while it executes itself anew. A look has five seconds.
const AWAY: Duration = Duration::from_millis(700);

/// A connection to systemd.
#[derive(Debug)]
pub struct Manager {
    link: Link,
}

impl Manager {
    /// Connects to systemd: as root by its private socket, as `systemctl` does, since the bus may be away or stuck; else, or where
    /// that does not answer, by the system bus.
    ///
    /// # Errors
    /// No way leads to systemd.
    pub fn connect() -> Result<Self> {
        let link = match nix::unistd::geteuid().is_root() {
            true => Link::private().or_else(|error| Link::system_bus().with_context(|| format!("{error:#}; then")))?,
            false => Link::system_bus()?,
        };
        Ok(Manager { link })
    }

    /// Looks at a service, and once more where that fails at once: systemd is away for a moment while it executes itself anew.
    ///
    /// # Errors
    /// As of [`Manager::connect`] and [`Manager::unit`].
    pub fn look_at(name: &str) -> Result<Unit> {
        Manager::unit_by(Manager::connect, name)
    }

    fn unit_by(mut connect: impl FnMut() -> Result<Manager>, name: &str) -> Result<Unit> {
        let begun = Instant::now();
        let mut look = || connect()?.unit(name);
        match look() {
            Err(error) if !error.is::<NoSuchUnit>() && begun.elapsed() < AWAY => {
                std::thread::sleep(AWAY);
                look().with_context(|| format!("{error:#}; then"))
            }
            seen => seen,
        }
    }

    /// systemd's own version.
    ///
    /// # Errors
    /// systemd does not answer in time.
    pub fn version(&mut self) -> Result<Version> {
        let version = self.optional(MANAGER_PATH, MANAGER, "Version")?;
        Ok(version
            .as_ref()
            .and_then(text)
            .map_or(Version::UNKNOWN, |version| Version::from_manager(&version)))
    }

    /// Looks at a service.
    ///
    /// # Errors
    /// The unit does not exist, or systemd does not answer in time.
    pub fn unit(&mut self, name: &str) -> Result<Unit> {
        let path = self.unit_path(name)?;
        let [
            active_state,
            job,
            main_pid,
            control_group,
            left_inactive,
            stop_timeout,
            load_state,
            can_start,
            can_stop,
            sub_state,
            kill_mode,
            result,
            kind,
            system_state,
        ] = self.ask([
            (&path, UNIT, "ActiveState"),
            (&path, UNIT, "Job"),
            (&path, SERVICE, "MainPID"),
            (&path, SERVICE, "ControlGroup"),
            (&path, UNIT, "InactiveExitTimestampMonotonic"),
            (&path, SERVICE, "TimeoutStopUSec"),
            (&path, UNIT, "LoadState"),
            (&path, UNIT, "CanStart"),
            (&path, UNIT, "CanStop"),
            (&path, UNIT, "SubState"),
            (&path, SERVICE, "KillMode"),
            (&path, SERVICE, "Result"),
            (&path, SERVICE, "Type"),
            (MANAGER_PATH, MANAGER, "SystemState"),
        ])?;
        let word = |value: Option<Value>| value.as_ref().and_then(text).unwrap_or_default();
        let number = |value: Option<Value>| value.as_ref().and_then(number);
        let can = |value: Option<Value>| value.as_ref().and_then(truth).unwrap_or(true);
        let job = job
            .as_ref()
            .and_then(fields)
            .and_then(<[Value]>::first)
            .and_then(value::number);
        Ok(Unit {
            name: name.to_owned(),
            active_state: match word(active_state).as_str() {
                "active" => ActiveState::Active,
                "reloading" => ActiveState::Reloading,
                "inactive" => ActiveState::Inactive,
                "failed" => ActiveState::Failed,
                "activating" => ActiveState::Activating,
                "deactivating" => ActiveState::Deactivating,
                "" => bail!("systemd tells no ActiveState of {name}"),
                _ => ActiveState::Other,
            },
            sub_state: word(sub_state),
            main_pid: number(main_pid).and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            // A job that cannot be read must be taken for one: it only holds our hands back.
            job_pending: job != Some(0),
            control_group: word(control_group),
            inactive_exit: number(left_inactive)
                .filter(|&usec| usec != 0)
                .map(Duration::from_micros),
            stop_timeout: self::stop_timeout(number(stop_timeout)),
            fault: fault(&word(load_state)),
            can_start: can(can_start),
            can_stop: can(can_stop),
            host_stopping: word(system_state) == "stopping",
            kill_mode: word(kill_mode),
            result: word(result),
            notifies: word(kind) == "notify",
        })
    }

    /// Reads how a service is started. Makes systemd look at the unit's files: for preflight, not for `watch`.
    ///
    /// # Errors
    /// The unit does not exist, or systemd does not answer in time.
    pub fn exec_start(&mut self, name: &str) -> Result<ExecStart> {
        let path = match self.loaded_unit(name) {
            Err(error) if is_not_loaded(&error) => self.load(name)?,
            path => path.with_context(|| format!("ask systemd for {name}"))?,
        };
        let [state, commands, environment, files] = self.ask([
            (&path, UNIT, "LoadState"),
            (&path, SERVICE, "ExecStart"),
            (&path, SERVICE, "Environment"),
            (&path, SERVICE, "EnvironmentFiles"),
        ])?;
        let state = state.as_ref().and_then(text).unwrap_or_default();
        if let Some(fault) = fault(&state) {
            return Ok(ExecStart {
                fault: Some(fault),
                ..ExecStart::default()
            });
        }
        let commands = value::commands(&commands.context("systemd tells no ExecStart")?);
        Ok(ExecStart {
            argv: commands.into_iter().next().unwrap_or_default(),
            environment: environment.as_ref().map(texts).unwrap_or_default(),
            environment_files: files.as_ref().map(environment_files).unwrap_or_default(),
            fault: None,
        })
    }

    /// Queues a stop and returns the job's number; whether it stopped is to be looked at.
    ///
    /// # Errors
    /// systemd refused (a contradicting job is queued, no such unit) or does not answer in time.
    pub fn stop(&mut self, name: &str) -> Result<Option<u32>> {
        check_name(name)?;
        self.queue("StopUnit", name, JOB_MODE)
    }

    /// Likewise, and takes the place of starts that are under way for what requires the service. Not of a shutdown's jobs, which systemd
    /// lets nobody replace.
    ///
    /// # Errors
    /// systemd refused or does not answer in time.
    pub fn stop_over_starts(&mut self, name: &str) -> Result<Option<u32>> {
        check_name(name)?;
        self.queue("StopUnit", name, "replace")
    }

    /// Queues a start and returns; whether it started is to be looked at.
    ///
    /// # Errors
    /// systemd refused (a contradicting job is queued, no such unit) or does not answer in time.
    pub fn start(&mut self, name: &str) -> Result<()> {
        check_name(name)?;
        self.queue("StartUnit", name, JOB_MODE).map(drop)
    }

    /// Forgets that a service or socket failed, and how often it was started; a unit that is not loaded has nothing to forget.
    ///
    /// # Errors
    /// systemd refused or does not answer in time.
    pub fn reset_failed(&mut self, name: &str) -> Result<()> {
        check_name(&name.replace(".socket", ".service"))?;
        let mut call = method(MANAGER_PATH, MANAGER, "ResetFailedUnit");
        call.body.push_param(name)?;
        match self.link.call(call) {
            Err(error) if is_not_loaded(&error) => Ok(()),
            answer => answer.map(drop).with_context(|| format!("ResetFailedUnit {name}")),
        }
    }

    /// The number of the job that was queued, where systemd tells it as it always has: `/org/freedesktop/systemd1/job/77`.
    fn queue(&mut self, verb: &str, name: &str, mode: &str) -> Result<Option<u32>> {
        let mut call = method(MANAGER_PATH, MANAGER, verb);
        call.body.push_param2(name, mode)?;
        let answer = self.link.call(call).with_context(|| format!("{verb} {name}"))?;
        let job = answer
            .unmarshall_all()
            .ok()
            .and_then(|answer| text(answer.params.first()?));
        Ok(job.and_then(|path| path.rsplit('/').next()?.parse().ok()))
    }

    /// The unit's object. `GetUnit` first: it never goes to the disk, and a unit that runs is always loaded.
    fn unit_path(&mut self, name: &str) -> Result<String> {
        match self.loaded_unit(name) {
            Err(error) if is_not_loaded(&error) => {
                let path = self.load(name)?;
                let state = self.get(&path, UNIT, "LoadState")?;
                ensure!(
                    text(&state).as_deref() != Some("not-found"),
                    NoSuchUnit(name.to_owned())
                );
                Ok(path)
            }
            answer => answer.with_context(|| format!("ask systemd for {name}")),
        }
    }

    fn load(&mut self, name: &str) -> Result<String> {
        self.ask_for_unit("LoadUnit", name)
            .with_context(|| format!("load {name}"))
    }

    fn loaded_unit(&mut self, name: &str) -> Result<String> {
        check_name(name)?;
        self.ask_for_unit("GetUnit", name)
    }

    fn ask_for_unit(&mut self, verb: &str, name: &str) -> Result<String> {
        let mut call = method(MANAGER_PATH, MANAGER, verb);
        call.body.push_param(name)?;
        let answer = self.link.call(call)?.unmarshall_all()?;
        answer
            .params
            .first()
            .and_then(text)
            .with_context(|| format!("{verb}: an answer of another type"))
    }

    /// Asks for properties (object, interface, name) in one go. What some version of systemd does not have is `None`.
    fn ask<const N: usize>(&mut self, wanted: [(&str, &str, &str); N]) -> Result<[Option<Value>; N]> {
        let mut calls = Vec::with_capacity(N);
        for (path, interface, property) in wanted {
            let mut call = method(path, PROPERTIES, "Get");
            call.body.push_param2(interface, property)?;
            calls.push(call);
        }
        let mut answers = self.link.call_all(&calls)?.into_iter();
        Ok(std::array::from_fn(|_| {
            match answers.next()?.ok()?.unmarshall_all().ok()?.params.pop()? {
                Param::Container(Container::Variant(variant)) => Some(variant.value),
                _ => None,
            }
        }))
    }

    /// One that every systemd has.
    fn get(&mut self, path: &str, interface: &str, property: &str) -> Result<Value> {
        let value = self.optional(path, interface, property);
        value.and_then(|value| value.with_context(|| format!("systemd does not tell {property}")))
    }

    fn optional(&mut self, path: &str, interface: &str, property: &str) -> Result<Option<Value>> {
        let [value] = self.ask([(path, interface, property)])?;
        Ok(value)
    }
}

/// What keeps systemd from starting a unit, by its `LoadState`.
fn fault(load_state: &str) -> Option<UnitFault> {
    match load_state {
        "not-found" => Some(UnitFault::Missing),
        "masked" => Some(UnitFault::Masked),
        // `error` is what systemd before 239 calls bad settings too.
        "bad-setting" | "error" => Some(UnitFault::Refused),
        _ => None,
    }
}

/// 0 was "for ever" before systemd 229, the largest number is since. Not told at all: take the worse for granted.
fn stop_timeout(usec: Option<u64>) -> Option<Duration> {
    usec.filter(|&usec| usec != 0 && usec != u64::MAX)
        .map(Duration::from_micros)
}

/// Whether systemd refused a job, since one that is queued contradicts it.
pub fn is_contradicted(error: &anyhow::Error) -> bool {
    is_refused_as(error, CONTRADICTS)
}

fn is_not_loaded(error: &anyhow::Error) -> bool {
    is_refused_as(error, NO_SUCH_UNIT)
}

fn is_refused_as(error: &anyhow::Error, name: &str) -> bool {
    error
        .downcast_ref::<Refused>()
        .is_some_and(|refused| refused.name == name)
}

/// Only services: what is stopped or asked for must be what the settings' author meant.
fn check_name(name: &str) -> Result<()> {
    let known = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    ensure!(
        name.len() <= 255 && name.len() > ".service".len() && name.ends_with(".service") && name.chars().all(known),
        "'{}' is not the name of a service unit",
        name.escape_debug()
    );
    Ok(())
}
