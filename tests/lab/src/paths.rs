//! Where things are: the workspace, its target directory, and the lab's own corner of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};

use crate::progress;

/// The directories of this run.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The workspace: where `units/` is.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// `target/lab`: the image cache, logs, and what failed scenarios leave.
    pub lab: PathBuf,
}

impl Paths {
    /// Asks cargo, which alone knows all the ways in which a target directory can be set.
    pub fn find() -> Result<Paths> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
            .join("Cargo.toml");
        let said = progress::output(
            cargo()
                .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
                .arg(&manifest),
        )?;
        let metadata: serde_json::Value = serde_json::from_str(&said).context("cargo metadata is not JSON")?;
        let directory = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .ok_or_else(|| anyhow!("cargo metadata has no {key}"))
        };
        let target = directory("target_directory")?;
        let lab = target.join("lab");
        fs::create_dir_all(&lab).with_context(|| format!("cannot create {}", lab.display()))?;
        Ok(Paths {
            root: directory("workspace_root")?,
            target,
            lab,
        })
    }

    /// Waits for any other lab run that prepares the image. The lock is held until the result is dropped.
    pub fn lock(&self) -> Result<Flock<fs::File>> {
        let path = self.lab.join("lock");
        let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((file, _)) => file,
        };
        eprintln!("lab: another run prepares the image; waiting for it (interrupt with Ctrl-C)");
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| anyhow!("cannot lock: {error}"))
    }
}

/// The cargo that started us, or the one in PATH.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Whether a program is in PATH or where Debian keeps the administrator's programs.
pub fn has_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .any(|directory| is_file(&directory.join(name)))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}
