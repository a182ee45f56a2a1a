//! Who fills the pool.

use super::Bytes;
use serde::{Deserialize, Serialize};

/// An active volume on the pool, and the container whose layer it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its device-mapper name.
    pub device: String,
    /// The container's id; `None` where it is no container's, or that was not found.
    pub container: Option<String>,
    /// The container's name.
    pub name: Option<String>,
    /// What is mapped of it. Blocks that it shares with its image are counted with each that shares them.
    pub mapped_bytes: Bytes,
}
