//! Gathers once all that the judge needs to know of one start.

use super::pool;
use crate::commands::look::Once;
use crate::judge::before::Before;
use crate::kernel::process;
use crate::model::{Seen, Snapshot};
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
    let device = before.config.thin_pool_device().filter(|device| !device.is_empty());
    if let (Some(device), Some(_)) = (device, pool(seen)) {
        before.volume_group = once.look_at_volume_group(device);
    }
    Some(before)
}
