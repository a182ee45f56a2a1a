//! What dockerd would refuse of its command line.

use crate::docker::Sourced;
use crate::docker::build::{Build, Version};
use crate::docker::go::go_bool;
use crate::docker::known::{self, Flag};

/// What dockerd would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such flag.
    Unknown {
        /// The word up to its `=`.
        spelling: Sourced<String>,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The last word is a flag that needs a value.
    NoValue {
        /// As it is written.
        spelling: Sourced<String>,
    },
    /// A value that the flag does not take.
    BadValue {
        /// As it is written.
        spelling: Sourced<String>,
        /// Docker's words.
        why: String,
    },
    /// This version has no such command: `docker daemon`, `docker -d`.
    NoSuchCommand {
        /// The first word behind the program.
        word: Sourced<String>,
    },
    /// A flag that some releases of this version know and others do not.
    Doubtful {
        /// As it is written.
        spelling: Sourced<String>,
    },
    /// A long flag with one dash, of which the parser makes a letter and its value: `-storage-driver=devicemapper`.
    OneDash {
        /// The word, with its place.
        word: Sourced<String>,
        /// The letter.
        letter: String,
        /// The letter's value.
        value: String,
        /// The flag that was meant.
        meant: String,
        /// dockerd certainly refuses the value.
        refused: bool,
    },
    /// dockerd prints what is asked for and ends well: Docker does not run then, but nothing is refused.
    NoStart {
        /// As it is written.
        spelling: Sourced<String>,
        /// It checks the configuration first.
        checks: bool,
    },
    /// A word that is neither flag nor value.
    Stray {
        /// The word.
        word: Sourced<String>,
    },
}

impl Problem {
    /// Why dockerd may read the line otherwise, or not at all.
    pub fn leaves_unread(&self) -> Option<String> {
        match self {
            Problem::NoValue { spelling } => {
                Some(format!("flag {} of {} has no value", spelling.value, spelling.place))
            }
            Problem::BadValue { spelling, why } => {
                Some(format!("flag {} of {}: {why}", spelling.value, spelling.place))
            }
            Problem::Stray { word } => Some(format!("word {:?} of {} is no flag", word.value, word.place)),
            _ => None,
        }
    }
}

/// From 1.13 on `-storage-driver=devicemapper` is `-s` with the value `torage-driver=devicemapper`.
pub(super) fn one_dash(
    flag: &Flag,
    spelling: &Sourced<String>,
    value: &str,
    version: Version,
    build: &Build,
) -> Option<Problem> {
    let letter = spelling.value.strip_prefix('-').filter(|letter| letter.len() == 1)?;
    let meant = format!("{letter}{}", value.split('=').next()?);
    known::flag_long(&meant, build).filter(|_| version >= Version::new(1, 13, 0))?;
    Some(Problem::OneDash {
        word: spelling.with(format!("-{letter}{value}")),
        letter: letter.to_owned(),
        value: value.to_owned(),
        meant,
        // No driver has such a name. What becomes of the others depends on their values.
        refused: flag.long == "storage-driver",
    })
}

pub(super) fn no_start(flag: &Flag, spelling: &Sourced<String>, value: &str) -> Option<Problem> {
    let asks = matches!(flag.long, "version" | "help" | "validate") && go_bool(value) == Some(true);
    asks.then(|| Problem::NoStart {
        spelling: spelling.clone(),
        checks: flag.long == "validate",
    })
}
