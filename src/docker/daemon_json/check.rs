//! Which keys of a daemon.json its dockerd would not let pass, would not read, or would refuse for their types.

use super::{DaemonJson, Fault};
use crate::docker::build::Build;
use crate::docker::known;
use std::collections::BTreeMap;

impl DaemonJson {
    pub(super) fn check_repeated(&mut self) {
        let repeated: Vec<_> = self
            .lines
            .iter()
            .filter(|(_, found)| found.all.len() > 1)
            .map(|(key, found)| (key.clone(), found.all.len(), found.line))
            .collect();
        for (key, times, line) in repeated {
            self.push(line, Fault::Repeated { key, times }, Some(false));
        }
    }

    /// Keys that no flag bears are refused; keys that only a flag bears are let through and not read (moby v20.10.24
    /// `daemon/config/config.go`, `findConfigurationConflicts`).
    pub(super) fn check_names(&mut self, build: &Build) {
        let object = std::mem::take(&mut self.object);
        let certain = known::exact(build).map(|_| true);
        for (name, top) in known::unknown_keys(&object, build) {
            let what = Fault::UnknownKey {
                name: name.to_owned(),
                meant: known::nearest_key(name, build),
            };
            self.push(self.line_of(top), what, certain);
        }
        for (name, (top, _)) in known::flattened(&object, build) {
            let read = match known::decoded(top, build).first() {
                Some(known::Kind::Proxies) => true,
                _ => name == top && !known::decoded(name, build).is_empty(),
            };
            if known::lets_pass(name, build) && !read {
                self.push(self.line_of(top), not_read(name, top, build), Some(false));
            }
        }
        self.object = object;
    }

    /// Every value of a repeated key is decoded, one after the other.
    pub(super) fn check_types(&mut self, build: &Build) {
        let entries = std::mem::take(&mut self.entries);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, value) in &entries {
            let time = seen.entry(key).or_default();
            let line = self.lines.get(key).and_then(|found| found.all.get(*time)).copied();
            *time += 1;
            let kinds = known::decoded(key, build);
            let refusals: Option<Vec<_>> = kinds.iter().map(|kind| known::mismatch(*kind, value, build)).collect();
            if let Some(wanted) = refusals.and_then(|refusals| refusals.first().copied()) {
                // A build may let a key pass that it does not decode.
                let certain = known::exact(build).is_some() || known::always_decoded(key);
                let key = key.clone();
                self.push(
                    line.unwrap_or(1),
                    Fault::WrongType { key, wanted },
                    certain.then_some(true),
                );
            }
        }
        self.entries = entries;
    }

    fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).map_or(1, |found| found.line)
    }
}

fn not_read(name: &str, top: &str, build: &Build) -> Fault {
    if name != top {
        return Fault::Inside {
            name: name.to_owned(),
            top: top.to_owned(),
        };
    }
    if matches!(name, "http-proxy" | "https-proxy" | "no-proxy") {
        return Fault::Proxy(name.to_owned());
    }
    let flag = known::flag_long(name, build).filter(|flag| flag.key != name);
    Fault::FlagName {
        name: name.to_owned(),
        key: flag.map(|flag| flag.key),
    }
}
