//! `[cure]`: what may be given up to end a hang that growth cannot end.

use super::duration;
use serde::Deserialize;
use std::time::Duration;

/// `[cure]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CureSettings {
    /// Where the pool cannot grow, have XFS give up its writes to filesystems that are being unmounted and hold dockerd up. Off:
    /// what those filesystems have not written is lost.
    pub xfs_give_up: bool,
    /// How long a task of the daemon must have been in D state before that.
    #[serde(deserialize_with = "duration")]
    pub xfs_give_up_after: Duration,
}

impl Default for CureSettings {
    fn default() -> Self {
        CureSettings {
            xfs_give_up: false,
            xfs_give_up_after: Duration::from_secs(120),
        }
    }
}
