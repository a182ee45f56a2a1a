//! The making of the states that are kept: begun from the one before, brought about by scripts, and kept.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Host;
use crate::machine::{Console, Disks, Snapshot, Start};

/// How long Docker may take for a step of the image's making.
const DOCKER_LIMIT: Duration = Duration::from_secs(240);

impl Host {
    /// Begins the making of a further state: a boot, or on from a state that is kept already.
    pub fn begin(&mut self, from: Option<Snapshot>) -> Result<()> {
        let disks = self.pristine.make_disks(from, self.stage())?;
        let start = match from {
            None => Start::Boot(disks),
            Some(from) => Start::Continue {
                from: self.pristine.disks(from),
                disks,
            },
        };
        let console = Console::Log(self.pristine.console_log(self.number));
        self.start(&start, console)
    }

    /// Keeps the state that was begun, and ends its machine.
    pub fn keep(&mut self, snapshot: Snapshot) -> Result<()> {
        let machine = self.machine.take().context("no machine is running")?;
        let stage = self.stage();
        machine.keep(&stage.memory())?;
        std::fs::rename(stage.directory, self.pristine.disks(snapshot).directory)?;
        Ok(())
    }

    /// Where the disks of this host's next state lie until it is kept.
    fn stage(&self) -> Disks {
        Disks::in_directory(self.pristine.directory.join(format!("stage-{}", self.number)))
    }

    /// Runs a step of the image's making.
    pub fn provision(&mut self, script: &str) -> Result<()> {
        let done = self.sh_timeout(script, DOCKER_LIMIT)?;
        ensure!(done.ok(), "{script}\n{done:?}");
        Ok(())
    }

    /// Where the hang of the state `Hung` is written down.
    pub fn hang_file(&self) -> PathBuf {
        self.pristine.hang()
    }
}
