//! What a child is asked for, and how its answer travels.

use super::Undone;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Which part of the house a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A look of the senses.
    Look,
    /// A deed; it goes on when the guard has gone.
    Deed,
    /// A step of a drill.
    Drill,
    /// The settings files are to be read.
    Settings,
    /// The file of figures is to be written.
    Metrics,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Look, Kind::Deed, Kind::Drill, Kind::Settings, Kind::Metrics];

    pub(super) fn from_byte(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One errand's request.
#[derive(Debug)]
pub struct Request {
    pub(super) kind: Kind,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Asks for `what`.
    pub fn new(kind: Kind, what: &impl Serialize) -> Request {
        // Plain data cannot fail to become JSON; an empty body is answered with an error.
        let body = serde_json::to_vec(what).unwrap_or_default();
        Request { kind, body }
    }
}

/// Has `work` answer a request, in the child.
pub fn answer<Q: DeserializeOwned>(body: &[u8], work: impl FnOnce(Q) -> Vec<u8>) -> Vec<u8> {
    match serde_json::from_slice(body) {
        Ok(what) => work(what),
        Err(error) => encode::<()>(Err(format!("unreadable request: {error}"))),
    }
}

/// The bytes of an answer.
pub fn encode<T: Serialize>(result: Result<T, impl Into<Undone>>) -> Vec<u8> {
    serde_json::to_vec(&result.map_err(Into::into)).unwrap_or_default()
}

/// Reads an answer that [`encode`] has written.
///
/// # Errors
/// [`Undone::Unreadable`], or what the child said.
pub fn decode<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Undone> {
    serde_json::from_slice(answer).unwrap_or_else(|error| Err(Undone::Unreadable(error.to_string())))
}
