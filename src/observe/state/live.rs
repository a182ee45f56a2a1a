//! What the running kernel offers a Docker that is about to start: filesystems, XFS' knobs, a named pool, who holds the pidfile.

use super::own::bounded;
use crate::docker::state::{NamedPool, PidfileProcess};
use crate::kernel::{dm, proc, thin_pool};
use crate::observe::pools::there;
use crate::observe::tree;
use anyhow::{Context, Result, bail};
use nix::sys::stat;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
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
pub(super) fn has_filesystem(name: &str) -> Option<bool> {
    let known = fs::read_to_string("/proc/filesystems").ok()?;
    let mut lines = known.lines();
    let has = lines.any(|line| line.split_whitespace().next_back() == Some(name));
    if has {
        Some(true)
    } else {
        installed(name, "modules.dep")
    }
}

/// Whether the kernel has the target thin-pool, or would load its module when a pool is made.
pub(super) fn has_thin_pools() -> Option<bool> {
    // The module has a parameter (no_space_timeout), so it is here when it is built in, too; before that parameter the list tells.
    if Path::new("/sys/module/dm_thin_pool").exists() {
        return Some(true);
    }
    let lists = ["modules.dep", "modules.builtin"].map(|list| installed("dm-thin-pool", list));
    lists.into_iter().try_fold(false, |has, found| Some(has | found?))
}

/// Whether a list of modules of this kernel has this one.
fn installed(module: &str, list: &str) -> Option<bool> {
    let modules = text(&format!("/lib/modules/{}/{list}", kernel()?))?;
    let module = format!("/{module}.ko");
    let mut paths = modules.lines().filter_map(|line| line.split(':').next());
    Some(paths.any(|path| path.contains(&module)))
}

fn text(path: &str) -> Option<String> {
    tree::text(Path::new("/"), path, MODULES_BYTES)
}

/// What udev's blkid found on a block device when it last changed: a filesystem, `LVM2_member`, and so on.
pub(super) fn what_is_on(path: &str) -> Option<String> {
    let device = fs::metadata(path).ok()?;
    if !device.file_type().is_block_device() {
        return None;
    }
    let number = device.rdev();
    let record = format!("/run/udev/data/b{}:{}", stat::major(number), stat::minor(number));
    let record = text(&record)?;
    let mut kinds = record.lines().filter_map(|line| line.strip_prefix("E:ID_FS_TYPE="));
    kinds.next().map(str::to_owned)
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
