//! The environment that the daemon will have, and where each variable of it stands.

use crate::docker::Sourced;
use crate::docker::configuration::Odd;
use crate::observe::tree;
use crate::systemd::environment_file;
use crate::systemd::exec_line::Command;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Longest environment file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The environment as it grows: `Environment=`, then each file; the later assignment wins (systemd.exec(5)).
#[derive(Default)]
pub(super) struct Variables {
    pub(super) values: BTreeMap<String, String>,
    pub(super) places: BTreeMap<String, String>,
    /// What does not mean what it seems to.
    pub(super) odd: Vec<Odd>,
}

impl Variables {
    pub(super) fn set(&mut self, name: String, value: String, place: String) {
        self.places.insert(name.clone(), place);
        self.values.insert(name, value);
    }

    pub(super) fn tell(&mut self, place: String, why: String, dropped: bool, remedy: &str) {
        let remedy = remedy.to_owned();
        self.odd.push(Odd {
            place,
            why,
            dropped,
            remedy,
        });
    }

    /// Reads an environment file and tells what in it is odd.
    pub(super) fn read_file(&mut self, root: &Path, path: &str, may_be_missing: bool, version: u16) {
        let bytes = match tree::read(root, path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && may_be_missing => return,
            Err(error) => {
                let why = format!("{path} cannot be read: {error}");
                let remedy = "put the file there, or write '-' before its path in the unit";
                return self.tell(path.to_owned(), why, false, remedy);
            }
        };
        let file = environment_file::parse(&bytes, version);
        if let Some(why) = file.rejected {
            let why = format!("systemd takes nothing from {path}: {why}");
            self.tell(path.to_owned(), why, true, "correct the file");
        }
        for warning in file.warnings {
            let place = format!("{path}:{}", warning.line);
            self.tell(place, warning.why, warning.dropped, warning.remedy);
        }
        for set in file.assignments {
            self.set(set.key, set.value, format!("{path}:{}", set.line));
        }
    }

    /// `DOCKER_DRIVER` as the daemon will have it; the command itself may assign it.
    pub(super) fn driver(&self, command: Option<&Command>) -> Option<Sourced<String>> {
        const NAME: &str = "DOCKER_DRIVER";
        let assigned = command.and_then(|command| command.assignments.get(NAME));
        let value = assigned.or(self.values.get(NAME))?;
        let place = match self.places.get(NAME).filter(|_| assigned.is_none()) {
            Some(place) => format!("{NAME} in {place}"),
            None => format!("environment variable {NAME}"),
        };
        Some(Sourced::new(value.clone(), place))
    }

    /// Takes this process' own environment, which is the unit's, for the values; what the files say then only tells the places.
    pub(super) fn take(&mut self, own: BTreeMap<String, String>) {
        self.places
            .retain(|name, _| own.get(name).is_some_and(|value| self.values.get(name) == Some(value)));
        self.values = own;
    }
}

/// The variables of this process that are text.
pub(super) fn own() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
