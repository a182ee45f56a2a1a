//! What is thought of a start of Docker as a whole.

use serde::{Deserialize, Serialize};
use std::fmt;

/// May Docker start?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It may.
    Start,
    /// It must not.
    Refuse,
    /// That could not be judged, so it may.
    Unknown,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Start => "start",
            Answer::Refuse => "refuse",
            Answer::Unknown => "unknown",
        })
    }
}
