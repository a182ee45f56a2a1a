//! The real file and its loop device, and the lock that lets one deed run at a time.

#[cfg(test)]
mod tests;

use super::Store;
use crate::kernel::lock;
use crate::kernel::loop_device::LoopDevice;
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap, msync, munmap};
use std::fs::{File, OpenOptions};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Held while it lives, and by the kernel for as long as a stuck grower lives: two never overlap.
#[derive(Debug)]
pub(in crate::kernel) struct DeedLock(#[allow(dead_code)] Flock<File>);

impl DeedLock {
    /// Takes the lock, without waiting for it.
    pub(in crate::kernel) fn take(path: &Path) -> Result<Self> {
        let told = || format!("lock {}", path.display());
        let file = lock::open(path).with_context(told)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(DeedLock(lock)),
            Err((_, Errno::EWOULDBLOCK)) => bail!("busy: another thinguard holds {}", path.display()),
            Err((_, errno)) => Err(errno).with_context(told),
        }
    }
}

/// A file and the loop device on it, proven to belong together.
#[derive(Debug)]
pub(super) struct LoopFile {
    file: File,
    device: LoopDevice,
    name: String,
}

impl LoopFile {
    /// Opens both, and makes sure that `loop_name` in `dev` is the block device `numbers` (`7:0`), and that the kernel has
    /// attached to it the very file that `path` names now, whole and writable.
    pub(super) fn open(path: &Path, dev: &Path, loop_name: &str, numbers: &str) -> Result<Self> {
        let name = path.display().to_string();
        let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
        let file = opened.with_context(|| format!("open {name}"))?;
        let about = file.metadata().with_context(|| format!("look at {name}"))?;
        ensure!(about.is_file(), "{name} is not a regular file");

        let device = LoopDevice::open(dev, loop_name)?;
        let (major, minor) = device.numbers();
        ensure!(
            numbers == format!("{major}:{minor}"),
            "the pool is on device {numbers}, not on {loop_name} ({major}:{minor})"
        );
        let attached = device
            .attached()
            .with_context(|| format!("ask {loop_name} for its file"))?;
        // Device and inode, from the kernel itself: a path can be renamed, replaced or seen through another mount.
        ensure!(
            (attached.file_device, attached.file_inode) == (about.dev(), about.ino()),
            "{name} is not the file that {loop_name} is on"
        );
        ensure!(about.nlink() > 0, "{name} was deleted");
        ensure!(!attached.read_only, "{loop_name} is read-only");
        // With either, a longer file would not make the device longer by as much, or at all. Docker sets neither.
        ensure!(
            attached.offset == 0,
            "{loop_name} does not begin at the start of its file"
        );
        ensure!(attached.size_limit == 0, "{loop_name} has a size limit");
        Ok(LoopFile { file, device, name })
    }
}

impl Store for LoopFile {
    fn file_size(&self) -> Result<u64> {
        Ok(self
            .file
            .metadata()
            .with_context(|| format!("look at {}", self.name))?
            .len())
    }

    fn lengthen_file(&self, to: u64) -> Result<()> {
        // ftruncate shortens as well; look once more, right before (nobody else changes the size while the lock is held, but
        // dockerd grows the file at its start without it).
        ensure!(self.file_size()? <= to, "{} has grown meanwhile", self.name);
        self.file
            .set_len(to)
            .with_context(|| format!("make {} {to} bytes long", self.name))
    }

    /// Not `fdatasync`: that would first write out all that the containers have left in the page cache, gigabytes perhaps, while
    /// the pool's 60 seconds run out. `msync` of one page syncs that page and the inode (vfs_fsync_range; before Linux 3.16 the
    /// whole file after all), and the size is part of the inode even for a data-only sync.
    fn make_size_durable(&self) -> Result<()> {
        const PAGE: usize = 4096;
        let told = || format!("sync the size of {}", self.name);
        // The last whole stretch of 64 KiB, a multiple of every page size in use.
        let last = self.file_size()?.saturating_sub(1) & !0xffff;
        let offset = libc::off_t::try_from(last).with_context(told)?;
        let length = NonZeroUsize::MIN.saturating_add(PAGE - 1);
        // SAFETY: the kernel chooses the address, so no other mapping is touched. The memory is never read or written, so it does
        // not matter that others change the file, or that a page past its end could not be read.
        let page = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ,
                MapFlags::MAP_SHARED,
                &self.file,
                offset,
            )
        };
        let Ok(page) = page else {
            return self.file.sync_data().with_context(told);
        };
        // SAFETY: `page` is the mapping just made, of this length.
        let synced = unsafe { msync(page, PAGE, MsFlags::MS_SYNC) };
        // SAFETY: as above; nothing points into the mapping, and it is not used after this.
        let unmapped = unsafe { munmap(page, PAGE) };
        synced.and(unmapped).with_context(told)
    }

    fn tell_loop(&self) -> Result<()> {
        self.device
            .set_capacity()
            .with_context(|| format!("tell the loop device that {} has grown", self.name))
    }

    fn loop_size(&self) -> Result<u64> {
        Ok(self.device.size().context("ask the loop device for its size")?.0)
    }
}
