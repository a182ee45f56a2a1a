//! The cached host: for each state that is kept its memory and its disks, read by every run and written by none.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::accel::Accelerator;
use crate::image::{ROOT_DISK, Tree};
use crate::machine::{Disks, Snapshot};
use crate::paths::Paths;
use crate::{progress, recipe};

/// A host that is ready to be restored.
#[derive(Debug, Clone)]
pub struct Pristine {
    pub paths: Paths,
    pub tree: Tree,
    pub accelerator: Accelerator,
    /// One directory in it for each state.
    pub directory: PathBuf,
}

impl Pristine {
    /// The disks of a kept state, with its memory beside them.
    pub fn disks(&self, snapshot: Snapshot) -> Disks {
        Disks::in_directory(self.directory.join(snapshot.name()))
    }

    /// What was written down when the pool hung.
    pub fn hang(&self) -> PathBuf {
        self.directory.join("hang.json")
    }

    /// The console's log of one host of this run.
    pub fn console_log(&self, number: usize) -> PathBuf {
        match number {
            0 => self.paths.lab.join("console.log"),
            more => self.paths.lab.join(format!("console-{more}.log")),
        }
    }

    /// Makes disks of their own for a further state, on top of those of `base`; without one, a root and an empty filesystem for Docker.
    /// Their backing files are named relative to them, so that the cache can move.
    pub fn make_disks(&self, base: Option<Snapshot>, into: Disks) -> Result<Disks> {
        std::fs::create_dir_all(&into.directory)?;
        let log = self.paths.lab.join("image.log");
        let overlay = |backing: &str, format: &str, disk: PathBuf| {
            let mut create = Command::new("qemu-img");
            create
                .args(["create", "-q", "-f", "qcow2", "-F", format, "-b", backing])
                .arg(disk);
            progress::logged(&mut create, &log, recipe::TOOL_LIMIT)
        };
        if let Some(base) = base {
            overlay(&format!("../{}/root.qcow2", base.name()), "qcow2", into.root())?;
            overlay(&format!("../{}/docker.qcow2", base.name()), "qcow2", into.docker())?;
            return Ok(into);
        }
        overlay(&format!("../../tree-{}/{ROOT_DISK}", self.tree.key), "raw", into.root())?;
        let raw = into.directory.join("docker.raw");
        let mut filesystem = Command::new(crate::image::sbin("mkfs.ext4"));
        filesystem
            .args(["-q", "-F", "-m", "0", "-L", "docker"])
            .arg(&raw)
            .arg(recipe::DOCKER_SIZE);
        progress::logged(&mut filesystem, &log, recipe::TOOL_LIMIT)?;
        let mut convert = Command::new("qemu-img");
        convert
            .args(["convert", "-f", "raw", "-O", "qcow2"])
            .arg(&raw)
            .arg(into.docker());
        progress::logged(&mut convert, &log, recipe::TOOL_LIMIT)?;
        std::fs::remove_file(raw)?;
        Ok(into)
    }
}
