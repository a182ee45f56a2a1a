//! What the hands may do, and what came of it.

use super::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which of the pool's two devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Container and image contents.
    Data,
    /// The pool's own mappings.
    Metadata,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Data => "data",
            Target::Metadata => "metadata",
        })
    }
}

/// One thing to be done. There are no others: nothing shrinks, deletes or repairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Make one of the pool's files larger and let the kernel use it.
    Grow {
        /// Which device.
        target: Target,
        /// Size before, in bytes.
        from: Bytes,
        /// Size wanted, in bytes.
        to: Bytes,
    },
    /// Resume a pool that was left suspended.
    Resume,
    /// Where nothing can grow: filesystems that are being unmounted fail their writes instead of repeating them for ever.
    XfsGiveUp {
        /// Tasks of the daemon that are to come out of D state: thread and start time, which name a task for good.
        tasks: Vec<(u32, u64)>,
    },
    /// Stop the daemon, see it gone, start it, see it answer.
    Restart,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Grow { target, from, to } => write!(f, "grow the {target} device from {from} to {to}"),
            Deed::Resume => f.write_str("resume the suspended pool"),
            Deed::XfsGiveUp { .. } => {
                f.write_str("have XFS give up the writes of filesystems that are being unmounted")
            }
            Deed::Restart => f.write_str("restart the Docker service"),
        }
    }
}

/// What came of a deed, as a fresh look shows it (law 6), not as an exit code claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A fresh look shows what was wanted.
    Done,
    /// It was tried, and a fresh look shows that it did not come to be; the text says what was seen instead.
    Failed(String),
    /// Still under way at its deadline; it was left alone.
    Stuck(String),
    /// The world had changed since it was judged, so nothing was done; the text says how.
    NotBegun(String),
}
