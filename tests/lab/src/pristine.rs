//! The cached host: for each state that is kept its memory and its disks, read by every run and written by none.

use std::path::{Path, PathBuf};
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
        if let Some(base) = base {
            self.make_overlays(&Disks::in_directory(PathBuf::from("..").join(base.name())), &into)?;
            return Ok(into);
        }
        std::fs::create_dir_all(&into.directory)?;
        let tree = PathBuf::from(format!("../../tree-{}/{ROOT_DISK}", self.tree.key));
        self.make_overlay(&tree, "raw", &into.root())?;
        let log = self.log();
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

    /// Makes disks that begin as those of `base` are; a relative path counts from theirs.
    pub fn make_overlays(&self, base: &Disks, into: &Disks) -> Result<()> {
        std::fs::create_dir_all(&into.directory)?;
        self.make_overlay(&base.root(), "qcow2", &into.root())?;
        self.make_overlay(&base.docker(), "qcow2", &into.docker())
    }

    fn make_overlay(&self, backing: &Path, format: &str, disk: &Path) -> Result<()> {
        let mut create = Command::new("qemu-img");
        create
            .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
            .args([backing, disk]);
        progress::logged(&mut create, &self.log(), recipe::TOOL_LIMIT)
    }

    fn log(&self) -> PathBuf {
        self.paths.lab.join("image.log")
    }
}
