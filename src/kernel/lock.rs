//! The lock files in `/run/thinguard`: for root alone, since whoever may open one may hold it for ever.

#[cfg(test)]
mod tests;

use nix::libc;
use procfs::{Current, LockType, Locks};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Opens a lock file to read and write, and makes it and its directory if they are missing. What is in it stays.
pub fn open(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    // An earlier release let everybody read it, and so lock it.
    if file.metadata()?.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Whether somebody holds the lock, by the kernel's list of locks. Anybody may read that, and nothing is locked by looking.
pub fn is_held(path: &Path) -> bool {
    let (Ok(about), Ok(locks)) = (fs::metadata(path), Locks::current()) else {
        return false;
    };
    let (major, minor) = (nix::sys::stat::major(about.dev()), nix::sys::stat::minor(about.dev()));
    locks.0.iter().any(|lock| {
        lock.lock_type == LockType::FLock
            && lock.inode == about.ino()
            && (u64::from(lock.devmaj), u64::from(lock.devmin)) == (major, minor)
    })
}
