//! What others have ordered of a service: a restart gives way to them.

use super::value::{Value, fields, number, text};
use super::{Manager, UNIT, is_not_loaded};
use anyhow::Result;

const JOB: &str = "org.freedesktop.systemd1.Job";

/// What systemd shows of other people's orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The unit is masked: nobody is to start it.
    pub masked: bool,
    /// Number and type (`start`, `stop`, …) of the job that is queued or running for the unit. Another stop merges into a stop that runs
    /// and leaves no trace (src/core/job.c, `job_install`).
    pub job: Option<(u32, String)>,
    /// Whether the unit's socket listens; `None` while that changes, or where the socket has failed.
    pub socket_listens: Option<bool>,
}

impl Manager {
    /// Asks about a service and the socket unit beside it.
    ///
    /// # Errors
    /// The service does not exist, or systemd does not answer in time.
    pub fn orders(&mut self, service: &str, socket: &str) -> Result<Orders> {
        let path = self.unit_path(service)?;
        Ok(Orders {
            masked: self
                .optional(&path, UNIT, "LoadState")?
                .as_ref()
                .and_then(text)
                .as_deref()
                == Some("masked"),
            job: self.job(&path)?,
            socket_listens: self.listens(socket)?,
        })
    }

    pub(super) fn job(&mut self, unit: &str) -> Result<Option<(u32, String)>> {
        let job = self.get(unit, UNIT, "Job")?;
        let Some([id, path]) = fields(&job) else {
            return Ok(None);
        };
        let id = number(id).and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0);
        let (Some(id), Some(path)) = (id, text(path)) else {
            return Ok(None);
        };
        // A job that has ended meanwhile has no type.
        let kind: Option<Value> = self.optional(&path, JOB, "JobType")?;
        Ok(kind.as_ref().and_then(text).map(|kind| (id, kind)))
    }

    fn listens(&mut self, socket: &str) -> Result<Option<bool>> {
        let path = match self.ask_for_unit("GetUnit", socket) {
            Err(error) if is_not_loaded(&error) => return Ok(Some(false)),
            path => path?,
        };
        if self.job(&path)?.is_some() {
            return Ok(None);
        }
        let state = text(&self.get(&path, UNIT, "ActiveState")?);
        Ok(match state.as_deref() {
            Some("active") => Some(true),
            Some("inactive") => Some(false),
            _ => None,
        })
    }
}
