//! `Snapshot`: everything one look saw, with what could not be seen.

use super::{BackingFile, Bytes, Daemon, Evidence, Pool, Seen, Target};
use serde::{Deserialize, Serialize};

/// Room on the filesystem that holds the pool's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The directory asked about.
    pub path: String,
    /// What an unprivileged program could still write (`f_bavail`): the filesystem's own root reserve is left alone.
    pub free_bytes: Bytes,
    /// The filesystem's size.
    pub total_bytes: Bytes,
    /// Mounted read-only: nothing can grow.
    pub read_only: bool,
}

/// The pool's files as they lie on the disk, whether a pool is active on them or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Docker's name for the pool of this data root, if the driver's directory is there.
    pub pool_name: Option<String>,
    /// Where the data file is, or would be.
    pub data_path: String,
    /// Where the metadata file is, or would be.
    pub metadata_path: String,
    /// Files that are there.
    pub files: Vec<BackingFile>,
    /// Of Docker's own names for the two files, those behind which there is nothing.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The filesystem below the data file; below the data root where there is no data file.
    pub host: Host,
    /// The filesystem below the metadata file, where that is another one.
    #[serde(default)]
    pub metadata_host: Option<Host>,
}

impl Disk {
    /// The filesystem below the file of this device.
    pub fn host_of(&self, target: Target) -> &Host {
        match (target, &self.metadata_host) {
            (Target::Metadata, Some(host)) => host,
            _ => &self.host,
        }
    }

    /// The file with this path.
    pub fn file(&self, path: &str) -> Seen<BackingFile> {
        match self.files.iter().find(|file| file.path == path) {
            Some(file) => Seen::Known(file.clone()),
            None => Seen::unknown(format!("there is no {path}")),
        }
    }
}

/// One look at everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The active pool; `Known(None)` when there is certainly none.
    pub pool: Seen<Option<Pool>>,
    /// The filesystem below the pool's data file.
    pub host: Seen<Host>,
    /// The filesystem below the metadata file, where that is another one.
    pub metadata_host: Option<Host>,
    /// The names by which Docker opens the files of this pool at its start, as far as there is nothing behind them.
    pub names_gone: Vec<String>,
    /// The Docker daemon.
    pub daemon: Daemon,
    /// The kernel's log, and tasks around Docker.
    pub evidence: Evidence,
}

impl Snapshot {
    /// The filesystem below the file of this device.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn host_of(&self, target: Target) -> Result<&Host, &str> {
        match (target, &self.metadata_host, &self.host) {
            (Target::Metadata, Some(host), _) | (_, _, Seen::Known(host)) => Ok(host),
            (_, _, Seen::Unknown(why)) => Err(why),
        }
    }

    /// What the pool's other sparse file was promised on the same filesystem and has not been given yet.
    pub fn owed_beside(&self, pool: &Pool, target: Target) -> Bytes {
        match self.metadata_host {
            Some(_) => Bytes(0),
            None => pool.device(target.other()).owed(),
        }
    }

    /// The active pool, if it was seen.
    pub fn pool(&self) -> Option<&Pool> {
        self.pool.known()?.as_ref()
    }
}
