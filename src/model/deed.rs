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

impl Target {
    /// The other one.
    pub fn other(self) -> Target {
        match self {
            Target::Data => Target::Metadata,
            Target::Metadata => Target::Data,
        }
    }
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

/// How often each deed has been done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeedCounts {
    /// Growths of the data device that a fresh look bore out.
    pub data_growths: u64,
    /// Likewise of the metadata device.
    pub metadata_growths: u64,
    /// Restarts of the daemon, whatever came of them.
    pub restarts: u64,
}

impl DeedCounts {
    /// Counts a deed that has ended. One that is stuck may still end, and counts then.
    pub fn count(&mut self, deed: &Deed, outcome: &Outcome) {
        match (deed, outcome) {
            (Deed::Grow { target, .. }, Outcome::Done) => match target {
                Target::Data => self.data_growths += 1,
                Target::Metadata => self.metadata_growths += 1,
            },
            (Deed::Restart, Outcome::Done | Outcome::Failed(_)) => self.restarts += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_counted_once() {
        let grow = |target| Deed::Grow {
            target,
            from: Bytes::gib(1),
            to: Bytes::gib(2),
        };
        let mut counts = DeedCounts::default();
        for (deed, outcome) in [
            (grow(Target::Data), Outcome::Done),
            (grow(Target::Data), Outcome::Failed("no room".into())),
            (grow(Target::Metadata), Outcome::Done),
            (grow(Target::Metadata), Outcome::Done),
            (Deed::Restart, Outcome::NotBegun("D state".into())),
            (Deed::Restart, Outcome::Stuck("90 s".into())),
            (Deed::Restart, Outcome::Failed("silent".into())),
            (Deed::Resume, Outcome::Done),
        ] {
            counts.count(&deed, &outcome);
        }
        let wanted = DeedCounts {
            data_growths: 1,
            metadata_growths: 2,
            restarts: 1,
        };
        assert_eq!(counts, wanted);
    }
}
