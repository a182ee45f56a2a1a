//! Gathers once all that the judge needs to know of one start.

use crate::commands::look::Once;
use crate::judge::before::Before;
use crate::kernel::process;
use crate::model::{Lvm, Seen, Snapshot};
use crate::observe::Sense;

/// Looks at what lies on the disk; `None` where Docker's configuration could not be learnt.
pub fn gather(once: &mut Once, seen: &Snapshot) -> Option<Before> {
    let config = once.observer.config().cloned()?;
    let mut before = Before::new(config, once.look_at_root());
    before.disk = once.observer.disk(process::since_boot());
    if let (Seen::Known(None), Seen::Known(disk)) = (&seen.pool, &before.disk)
        && disk.file(&disk.metadata_path).known().is_some()
    {
        before.superblock = Some(once.superblock(Sense::Superblock, &disk.metadata_path));
    }
    // A tree has no devices of its own, and of an active pool the page cache may hold what is old.
    let named = before.config.options.metadata_dev.clone();
    if let (Seen::Known(None), Some(device)) = (&seen.pool, named.filter(|device| !device.value.is_empty()))
        && once.observer.is_of_this_host()
    {
        before.named_superblock = Some(once.superblock(Sense::NamedSuperblock, &device.value));
    }
    let named = before
        .config
        .thin_pool_device()
        .is_some_and(|device| !device.is_empty());
    if named
        && seen.pool().is_some()
        && let Some(pool) = once.look_at_lvm().pool()
        && let Lvm::Asked(Seen::Known(said)) = &pool.lvm
    {
        before.lvm = Some(said.clone());
    }
    Some(before)
}
