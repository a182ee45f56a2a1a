//! What the running kernel offers a Docker that is about to start: filesystems, XFS' knobs, a named pool, who holds the pidfile.

use super::own::bounded;
use crate::docker::state::{NamedPool, PidfileProcess};
use crate::kernel::{dm, proc, thin_pool};
use crate::observe::pools::there;
use crate::observe::tree;
use anyhow::{Context, Result, bail};
use nix::sys::stat;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Clusters that ext4 gives to nobody, root included (fs/ext4/balloc.c, `ext4_has_free_clusters`); statfs(2) counts them as free.
pub(super) fn held_back(path: &Path) -> Option<u64> {
    let device = fs::metadata(path).ok()?.dev();
    let block = format!("/sys/dev/block/{}:{}", stat::major(device), stat::minor(device));
    let name = fs::read_link(block).ok()?.file_name()?.to_owned();
    let reserved = Path::new("/sys/fs/ext4").join(name).join("reserved_clusters");
    fs::read_to_string(reserved).ok()?.trim().parse().ok()
}

/// The process that the pidfile names, if there is one (moby `pkg/pidfile/pidfile.go`: `/proc/<pid>` exists).
pub(super) fn pidfile(path: &str) -> Option<PidfileProcess> {
    let text = bounded(Path::new(path)).ok()?;
    let pid: u32 = String::from_utf8_lossy(&text).trim().parse().ok()?;
    let main = proc::tasks_of(Path::new("/"), pid)
        .ok()?
        .into_iter()
        .find(|task| task.tid == pid)?;
    Some(PidfileProcess {
        path: path.to_owned(),
        pid,
        comm: main.comm,
        zombie: main.state == crate::model::TaskState::Dead,
    })
}

/// Whether XFS here has the knob that `dm.xfs_nospace_max_retries` writes; only a mounted XFS shows it, never the kernel's number.
pub(super) fn xfs_knob() -> Option<bool> {
    let entries = fs::read_dir("/sys/fs/xfs").ok()?.flatten();
    let mut filesystems = entries
        .filter(|entry| entry.file_name() != "stats" && entry.path().is_dir())
        .map(|entry| entry.path().join("error/metadata/ENOSPC/max_retries"))
        .peekable();
    filesystems.peek()?;
    Some(filesystems.any(|knob| knob.exists()))
}

/// The kernel's release.
pub(super) fn kernel() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

pub(super) const AUFS: &str = "aufs";

/// A distribution's list of modules has some 500 KiB.
const MODULES_BYTES: u64 = 16 << 20;

/// Whether the kernel knows a filesystem, or modprobe would find a module of that name, which is what dockerd tries first. Anything
/// that cannot be read is unknown.
pub(super) fn kernel_has(filesystem: &str) -> Option<bool> {
    let known = fs::read_to_string("/proc/filesystems").ok()?;
    let mut names = known.lines().filter_map(|line| line.split_whitespace().next_back());
    if names.any(|name| name == filesystem) {
        return Some(true);
    }
    let release = kernel()?;
    let modules = format!("/lib/modules/{release}/modules.dep");
    let modules = tree::text(Path::new("/"), &modules, MODULES_BYTES)?;
    let module = format!("/{filesystem}.ko");
    let mut paths = modules.lines().filter_map(|line| line.split(':').next());
    Some(paths.any(|path| path.contains(&module)))
}

pub(super) fn named_pool(name: &str) -> NamedPool {
    let look = || -> Result<NamedPool> {
        let control = dm::Control::open(Path::new(dm::CONTROL))?;
        let Some((_, lines)) = there(control.status(name))? else {
            return Ok(NamedPool::Missing);
        };
        let line = lines.first().context("it has no table")?;
        if line.kind != thin_pool::KIND {
            return Ok(NamedPool::Other(line.kind.clone()));
        }
        match thin_pool::Status::parse(&line.params) {
            Ok(thin_pool::Status::Active(status)) => Ok(NamedPool::Pool {
                transaction_id: status.transaction_id,
                data_used: status.data_used,
            }),
            Ok(broken) => bail!("its status is '{broken:?}'"),
            Err(why) => bail!("its status is not understood: {why}"),
        }
    };
    look().unwrap_or_else(|error| NamedPool::Unknown(format!("{error:#}")))
}
