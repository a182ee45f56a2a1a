//! A thin pool as LVM knows it: the room of its volume group, and whether LVM itself extends it.

use super::{Bytes, Seen, Usage};
use serde::{Deserialize, Serialize};

/// What is known of LVM's part in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lvm {
    /// The pool is not LVM's: its device-mapper UUID does not begin with `LVM-` (lvm2 `lib/misc/lvm-string.c`, `UUID_PREFIX`).
    No,
    /// The pool is LVM's, and LVM has not been asked about it.
    NotAsked,
    /// The pool is LVM's, and LVM has been asked about it.
    Asked(Seen<LvmPool>),
}

/// What LVM says of one of its pools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LvmPool {
    /// The volume group.
    pub group: String,
    /// The logical volume.
    pub volume: String,
    /// All extents of the group.
    pub group_size: Bytes,
    /// Extents of the group that no volume has.
    pub group_free: Bytes,
    /// One extent: sizes are multiples of it.
    pub extent: Bytes,
    /// Size of the pool's data volume.
    pub data_size: Bytes,
    /// Whether LVM extends the pool by itself.
    pub autoextend: Autoextend,
}

impl LvmPool {
    /// `docker/thinpool`, as LVM's commands take it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.group, self.volume)
    }

    /// LVM is to extend this device now, by its own measure: dmeventd acts when the use passes a multiple of five hundredths (lvm2 2.03
    /// `daemons/dmeventd/plugins/thin/dmeventd_thin.c`, `CHECK_STEP`).
    pub fn extension_is_due(&self, usage: &Usage) -> bool {
        const STEP: u8 = 5;
        let acts_at = self.autoextend.threshold.div_ceil(STEP) * STEP;
        self.autoextend.is_on() && (usage.used_percent() > acts_at || usage.is_exhausted())
    }
}

/// LVM's own extension of a pool, from lvm.conf and the volume's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoextend {
    /// `activation/thin_pool_autoextend_threshold`: extend when so many hundredths are used; 100 is off, and LVM takes less than 50
    /// as 50 (lvm2 `lib/thin/thin.c`, `_thin_pool_add_target_line`).
    pub threshold: u8,
    /// `activation/thin_pool_autoextend_percent`: by so many hundredths of the present size.
    pub percent: u32,
    /// dmeventd watches the pool. Without it nothing is extended, whatever the threshold.
    pub monitored: bool,
}

impl Autoextend {
    /// The settings ask for it.
    pub fn is_wanted(self) -> bool {
        self.threshold < 100 && self.percent > 0
    }

    /// It is asked for, and dmeventd is there to do it.
    pub fn is_on(self) -> bool {
        self.is_wanted() && self.monitored
    }
}
