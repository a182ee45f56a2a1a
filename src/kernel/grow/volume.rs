//! Growing a live pool of LVM's: LVM does it, since the map of its disks is its own. The one program that is run for a deed.

use super::{DeedLock, may_grow};
use crate::kernel::dm::Control;
use crate::kernel::lvm::pool::{extend as arguments, program};
use crate::kernel::program::does;
use crate::model::{Bytes, Target};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Which volume to extend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendOrder {
    /// The pool's device-mapper name.
    pub pool: String,
    /// Its volume group.
    pub group: String,
    /// Its logical volume.
    pub volume: String,
    /// Which of its two devices.
    pub target: Target,
    /// Size wanted; LVM rounds it up to whole extents.
    pub to: Bytes,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
    /// See [`super::GrowOrder::lock`].
    pub lock: PathBuf,
}

/// Extends a volume of a live pool by `lvextend`, and gives what it said. It is waited for as long as it takes and never killed:
/// between its suspend and its resume that would leave the pool suspended (law 4). Run it in a child process with a deadline.
///
/// # Errors
/// Where another deed runs, where the kernel would not grow the pool, where there is no `lvextend`, or where it refuses: the volume
/// is that large already, or the group has no room. Nothing has changed then.
pub fn extend(order: &ExtendOrder) -> Result<String> {
    let _lock = DeedLock::take(&order.lock)?;
    let control = Control::open(&order.dm_control)?;
    ensure!(
        !control.info(&order.pool)?.suspended,
        "'{}' is suspended; LVM's commands would wait for it",
        order.pool
    );
    may_grow(order.target, &control, &order.pool)?;
    let lvextend = program("lvextend", Path::new("/")).context("there is no lvextend")?;
    let arguments = arguments(&order.group, &order.volume, order.target, order.to);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    does(&lvextend, &arguments).with_context(|| format!("lvextend {}", arguments.join(" ")))
}
