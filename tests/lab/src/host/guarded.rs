//! Hosts with thinguard installed: each such state is made once in a run and restored from then on, for an installation takes an
//! emulated host seconds.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::Host;
use crate::cleanup::Scratch;
use crate::guard::File;
use crate::machine::{Console, Disks, Snapshot, Start};
use crate::times::Purpose;

/// What has systemd see new units.
const RELOAD: &str = "systemctl daemon-reload";

/// The states of one run, shared by its hosts.
#[derive(Default)]
pub struct Guarded {
    /// Held while a state is made: another host that wants the same one waits.
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    directory: Option<Scratch>,
    names: BTreeSet<String>,
}

impl Host {
    /// Installs these files of thinguard's. On a host that was restored and not used yet, the state with them takes its place.
    pub(super) fn install(&mut self, files: &[File]) -> Result<()> {
        match self.pending.take() {
            None => self.put_files(files),
            Some(snapshot) => {
                let disks = self.told(Purpose::Restoring, "a host with thinguard", |host| {
                    host.state_with(snapshot, files)
                })?;
                self.restore_disks(disks)
            }
        }
    }

    fn put_files(&mut self, files: &[File]) -> Result<()> {
        let files: Vec<(&str, u32, &[u8])> = files.iter().map(File::parts).collect();
        self.put_all(&files, RELOAD)
    }

    /// The kept state with these files, which is made now if this run has not needed it yet.
    fn state_with(&mut self, snapshot: Snapshot, files: &[File]) -> Result<Disks> {
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let name = format!("{}-{:016x}", snapshot.name(), hasher.finish());
        let states = std::sync::Arc::clone(&self.guarded);
        let mut made = states.made.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = self.directory_of(&mut made)?;
        let disks = Disks::in_directory(directory.join(&name));
        if !made.names.contains(&name) {
            self.make_state(snapshot, files, &disks)?;
            made.names.insert(name);
        }
        Ok(disks)
    }

    fn directory_of(&self, made: &mut Made) -> Result<PathBuf> {
        if let Some(directory) = &made.directory {
            return Ok(directory.path().to_owned());
        }
        let path = self
            .pristine
            .paths
            .lab
            .join(format!("work-{}-guarded", std::process::id()));
        std::fs::create_dir_all(&path)?;
        made.directory = Some(Scratch::adopt(path.clone()));
        Ok(path)
    }

    fn make_state(&mut self, snapshot: Snapshot, files: &[File], disks: &Disks) -> Result<()> {
        let base = self.pristine.disks(snapshot);
        self.pristine.make_overlays(&base, disks)?;
        let console = Console::Log(self.pristine.console_log(self.number));
        let start = Start::Continue {
            from: base,
            disks: disks.clone(),
        };
        self.start(&start, console)?;
        self.put_files(files)?;
        let machine = self.machine.take().context("no machine is running")?;
        self.spent.add_processor(machine.processor_time());
        machine.keep(&disks.memory())
    }
}
