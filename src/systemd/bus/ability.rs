//! Whether a service could be stopped and started, asked without doing it.

use super::value::{number, truth};
use super::{Manager, SERVICE, UNIT};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// systemd knows no such unit.
#[derive(Debug)]
pub struct NoSuchUnit(pub(super) String);

impl std::error::Error for NoSuchUnit {}

impl fmt::Display for NoSuchUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no unit {}", self.0)
    }
}

/// What systemd would allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// `CanStart`: its configuration does not forbid it (`RefuseManualStart=`, a missing `ExecStart=`).
    pub start: bool,
    /// `CanStop`
    pub stop: bool,
    /// How long each step of a stop may take; `None` is for ever.
    pub stop_timeout: Option<Duration>,
}

impl Manager {
    /// Asks about a service.
    ///
    /// # Errors
    /// [`NoSuchUnit`], or systemd does not answer in time.
    pub fn ability(&mut self, name: &str) -> Result<Ability> {
        let path = self.unit_path(name)?;
        let mut can = |property| -> Result<bool> { Ok(truth(&self.get(&path, UNIT, property)?).unwrap_or(false)) };
        let (start, stop) = (can("CanStart")?, can("CanStop")?);
        let timeout = self.optional(&path, SERVICE, "TimeoutStopUSec")?;
        Ok(Ability {
            start,
            stop,
            stop_timeout: super::stop_timeout(timeout.as_ref().and_then(number)),
        })
    }
}
