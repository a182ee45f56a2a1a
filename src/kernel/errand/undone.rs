//! Why an errand gave nothing.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Why there is no answer, or none that is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Undone {
    /// No child could be sent: the helper is gone, or the kernel refuses.
    NotSent(String),
    /// The last child of this kind has not come back: a second one would hang beside it.
    StillOut,
    /// The child ended without an answer, or said too much.
    Lost,
    /// The answer is none of ours.
    Unreadable(String),
    /// What the child says went wrong.
    Failed(String),
    /// Why the child has not even begun: nothing has changed.
    NotBegun(String),
    /// The child is not back after this time.
    Late(Duration),
    /// A signal ended the wait; the child is left alone.
    Interrupted,
}

impl From<String> for Undone {
    fn from(why: String) -> Undone {
        Undone::Failed(why)
    }
}

/// With the whole chain of the error.
impl From<anyhow::Error> for Undone {
    fn from(error: anyhow::Error) -> Undone {
        Undone::Failed(format!("{error:#}"))
    }
}

impl std::error::Error for Undone {}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undone::NotSent(why) => write!(f, "no errand could be sent: {why}"),
            Undone::StillOut => f.write_str("the last one has not ended"),
            Undone::Lost => f.write_str("the child ended without an answer"),
            Undone::Unreadable(why) => write!(f, "the child's answer cannot be read: {why}"),
            Undone::Failed(why) => f.write_str(why),
            Undone::NotBegun(why) => write!(f, "not begun: {why}"),
            Undone::Late(waited) => write!(
                f,
                "not back after {} s; left alone, it may still complete",
                waited.as_secs()
            ),
            Undone::Interrupted => f.write_str("cut short by a signal; what was begun may still complete"),
        }
    }
}
