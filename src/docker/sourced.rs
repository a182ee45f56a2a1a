//! `Sourced<T>`: a value that remembers where it was read.

/// A value and its provenance, `flag --storage-opt of docker.service's ExecStart` or `/etc/docker/daemon.json:3`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was read, for people.
    pub place: String,
}

impl<T> Sourced<T> {
    /// `value`, read at `place`.
    pub fn new(value: T, place: impl Into<String>) -> Self {
        Sourced {
            value,
            place: place.into(),
        }
    }

    /// Another value from the same place.
    pub fn with<U>(&self, value: U) -> Sourced<U> {
        Sourced {
            value,
            place: self.place.clone(),
        }
    }
}
