//! What can go wrong between device-mapper and us, in words for an operator.

use nix::errno::Errno;
use std::fmt;

/// Why device-mapper did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The control device cannot be opened; the text says why.
    NotAvailable(String),
    /// There is no device of this name (`ENXIO`).
    NoSuchDevice(String),
    /// The kernel refused: what was asked, of which device, and its error. Details stand in the kernel's log.
    Refused {
        /// What was asked, to follow "cannot".
        purpose: &'static str,
        /// The device; empty where the command is about none.
        name: String,
        /// The kernel's error.
        errno: Errno,
    },
    /// The name is longer than the interface carries (127 bytes), or holds a NUL byte.
    BadName(String),
    /// A table that was to be loaded cannot be put into a request; the text says why.
    BadTable(String),
    /// The kernel's answer contradicts itself; the text says how, to follow "the answer is malformed:".
    BadReply(&'static str),
    /// The answer does not fit into 1 MiB.
    TooLarge,
}

impl Error {
    /// A signal ended the call before anything happened; asking again is right.
    pub fn is_interrupted(&self) -> bool {
        matches!(
            self,
            Error::Refused {
                errno: Errno::EINTR,
                ..
            }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAvailable(why) => write!(f, "device-mapper is not available: {why}; modprobe dm_mod"),
            Error::NoSuchDevice(name) => write!(f, "device-mapper has no device '{name}'"),
            Error::Refused { purpose, name, errno } if name.is_empty() => {
                write!(f, "cannot {purpose}: {}", errno.desc())
            }
            Error::Refused { purpose, name, errno } => {
                write!(f, "cannot {purpose} '{name}': {} ({errno:?})", errno.desc())
            }
            Error::BadName(name) => write!(f, "'{}' cannot be a device-mapper name", name.escape_default()),
            Error::BadTable(why) => write!(f, "the table cannot be loaded: {why}"),
            Error::BadReply(why) => write!(f, "device-mapper's answer is malformed: {why}"),
            Error::TooLarge => f.write_str("device-mapper's answer does not fit into 1 MiB"),
        }
    }
}

impl std::error::Error for Error {}
