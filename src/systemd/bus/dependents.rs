//! The units that systemd stops with a service, and how one of them stands. systemd carries a stop on to whatever requires the service,
//! and only a restart of its own (`RestartUnit`) brings those back.

use super::value::{text, texts};
use super::{JOB_MODE, Manager, UNIT, check_name, is_not_loaded};
use anyhow::{Result, ensure};

/// Which dependencies a stop follows (`UNIT_ATOM_PROPAGATE_STOP` in src/core/unit-dependency-atom.c): `Requires=`, `Requisite=`,
/// `BindsTo=`, `PartOf=` and `StopPropagatedFrom=` of other units. Versions that do not know one refuse it.
const STOPS_WITH: [&str; 5] = ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"];

/// No more units are looked at: each takes some questions to PID 1. Room for a unit a container.
const MOST: usize = 256;

/// Kinds that are started by an order. Slices come by themselves, scopes and devices never by an order.
const STARTED: [&str; 8] = [
    ".service",
    ".socket",
    ".target",
    ".timer",
    ".path",
    ".mount",
    ".automount",
    ".swap",
];

/// How a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Active, or about to be.
    Up,
    /// It stops, or is about to.
    Stopping,
    /// Nothing of it runs.
    Down,
}

impl Manager {
    /// The units that are up and that systemd would stop with the service, those next to it first. Not the service's own socket, which
    /// its start brings back.
    ///
    /// # Errors
    /// systemd does not answer in time.
    pub fn stopped_with(&mut self, service: &str, socket: &str) -> Result<Vec<String>> {
        check_name(service)?;
        let mut met = vec![service.to_owned()];
        let mut up = Vec::new();
        let mut next = 0;
        while let Some(name) = met.get(next).cloned() {
            next += 1;
            let path = match self.ask_for_unit("GetUnit", &name) {
                Err(error) if is_not_loaded(&error) => continue,
                path => path?,
            };
            let kept = name != service && name != socket && can_be_started(&name);
            if kept && self.standing_of(&path)? == Standing::Up {
                up.push(name);
            }
            // Also through those that are down: systemd goes on behind them.
            let mut behind = Vec::new();
            for property in STOPS_WITH {
                let names = self.optional(&path, UNIT, property)?;
                behind.extend(names.as_ref().map(texts).unwrap_or_default());
            }
            // systemd has them in no order.
            behind.sort();
            for name in behind {
                if met.len() < MOST && !met.contains(&name) {
                    met.push(name);
                }
            }
        }
        Ok(up)
    }

    /// How a unit stands. One that is not loaded is down.
    ///
    /// # Errors
    /// systemd does not answer in time.
    pub fn standing(&mut self, name: &str) -> Result<Standing> {
        match self.ask_for_unit("GetUnit", name) {
            Err(error) if is_not_loaded(&error) => Ok(Standing::Down),
            path => self.standing_of(&path?),
        }
    }

    fn standing_of(&mut self, path: &str) -> Result<Standing> {
        match self.job(path)?.as_ref().map(|(_, kind)| kind.as_str()) {
            Some("stop") => return Ok(Standing::Stopping),
            Some("start" | "restart") => return Ok(Standing::Up),
            _ => {}
        }
        let state = text(&self.get(path, UNIT, "ActiveState")?);
        Ok(match state.as_deref() {
            Some("active" | "activating" | "reloading" | "refreshing") => Standing::Up,
            Some("deactivating") => Standing::Stopping,
            _ => Standing::Down,
        })
    }

    /// Queues the start of a unit that was stopped with a service, and returns.
    ///
    /// # Errors
    /// systemd refused (it is masked, a contradicting job is queued) or does not answer in time.
    pub fn start_again(&mut self, name: &str) -> Result<()> {
        ensure!(
            can_be_started(name),
            "'{}' is not the name of a unit to start",
            name.escape_debug()
        );
        self.queue("StartUnit", name, JOB_MODE).map(drop)
    }
}

fn can_be_started(name: &str) -> bool {
    let suffix = name.rfind('.').map_or("", |dot| &name[dot..]);
    STARTED.contains(&suffix) && check_name(&name.replace(suffix, ".service")).is_ok()
}
