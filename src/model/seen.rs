//! `Seen<T>`: a look either knows or says why it does not; a failed look is a fact, not an error.

use serde::{Deserialize, Serialize};

/// What a bounded look brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    /// The look succeeded.
    Known(T),
    /// The look failed, was refused or is stuck; the text says why, for people.
    Unknown(String),
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen::unknown("not seen yet")
    }
}

impl<T> Seen<T> {
    /// An unknown with its reason.
    pub fn unknown(why: impl Into<String>) -> Self {
        Seen::Unknown(why.into())
    }

    /// The value, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Seen::Known(value) => Some(value),
            Seen::Unknown(_) => None,
        }
    }

    /// The value itself, where it is known.
    pub fn known_or_none(self) -> Option<T> {
        match self {
            Seen::Known(value) => Some(value),
            Seen::Unknown(_) => None,
        }
    }

    /// The reason, where it is not known.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Seen::Known(_) => None,
            Seen::Unknown(why) => Some(why),
        }
    }
}

impl<T> Seen<Vec<T>> {
    /// What was seen; nothing where it is not known.
    pub fn all(&self) -> &[T] {
        self.known().map(Vec::as_slice).unwrap_or_default()
    }
}

impl<T> From<anyhow::Result<T>> for Seen<T> {
    fn from(result: anyhow::Result<T>) -> Self {
        match result {
            Ok(value) => Seen::Known(value),
            Err(error) => Seen::Unknown(format!("{error:#}")),
        }
    }
}
