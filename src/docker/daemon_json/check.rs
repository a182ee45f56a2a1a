//! Which keys of a daemon.json its dockerd would not let pass, would not read, or would refuse for their types.

use super::DaemonJson;
use crate::docker::build::Build;
use crate::docker::json_lines::KeyLines;
use crate::docker::known;
use crate::model::{Code, Severity};
use std::collections::BTreeMap;

impl DaemonJson {
    /// Keys that no flag bears are refused; keys that only a flag bears are let through and not read (moby v20.10.24
    /// `daemon/config/config.go`, `findConfigurationConflicts`).
    pub(super) fn check_names(&mut self, build: &Build) {
        let object = std::mem::take(&mut self.object);
        for (name, top) in known::unknown_keys(&object, build) {
            self.unknown(name, top, build);
        }
        for (name, (top, _)) in known::flattened(&object, build) {
            let read = match known::decoded(top, build).first() {
                Some(known::Kind::Proxies) => true,
                _ => name == top && !known::decoded(name, build).is_empty(),
            };
            if known::lets_pass(name, build) && !read {
                self.not_read(name, top, build);
            }
        }
        self.object = object;
    }

    fn unknown(&mut self, name: &str, top: &str, build: &Build) {
        let (severity, why) = match known::exact(build) {
            Some(version) => (
                Severity::Refuse,
                format!(
                    "dockerd {version} would refuse the file: the following directives don't match any configuration option: {name}"
                ),
            ),
            None => (
                Severity::Warn,
                format!(
                    "no dockerd that is known here has the key \"{name}\", and dockerd refuses keys that it does not know"
                ),
            ),
        };
        let remedy = match known::nearest_key(name, build) {
            Some(near) => format!("did you mean \"{near}\"? otherwise remove \"{name}\""),
            None => format!("remove \"{name}\""),
        };
        self.push(severity, Code::DaemonJsonKeyUnknown, self.line_of(top), &why, &remedy);
    }

    fn not_read(&mut self, name: &str, top: &str, build: &Build) {
        let (why, remedy) = if name == top {
            let remedy = match known::flag_long(name, build).filter(|flag| flag.key != name) {
                _ if name.ends_with("-proxy") => format!("write it into \"proxies\": {{\"{name}\": …}}"),
                Some(flag) => format!("write \"{}\" in place of \"{name}\"", flag.key),
                None => format!("remove \"{name}\""),
            };
            (
                format!("\"{name}\" has no effect: it is the name of a flag, not of a key"),
                remedy,
            )
        } else {
            let why =
                format!("\"{name}\" has no effect inside \"{top}\": dockerd reads its keys at the top level alone");
            (why, format!("move \"{name}\" out of \"{top}\""))
        };
        self.push(
            Severity::Warn,
            Code::DaemonJsonKeyWithoutEffect,
            self.line_of(top),
            &why,
            &remedy,
        );
    }

    /// Every value of a repeated key is decoded, one after the other.
    pub(super) fn check_types(&mut self, lines: &BTreeMap<String, KeyLines>, build: &Build) {
        let entries = std::mem::take(&mut self.entries);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, value) in &entries {
            let time = seen.entry(key).or_default();
            let line = lines.get(key).and_then(|found| found.all.get(*time)).copied();
            *time += 1;
            let kinds = known::decoded(key, build);
            let refusals: Option<Vec<_>> = kinds.iter().map(|kind| known::mismatch(*kind, value, build)).collect();
            if let Some(wanted) = refusals.and_then(|refusals| refusals.first().copied()) {
                // A build may let a key pass that it does not decode.
                let certain = known::exact(build).is_some() || known::always_decoded(key);
                let severity = if certain { Severity::Refuse } else { Severity::Warn };
                self.mistyped(severity, key, line.unwrap_or(1), wanted);
            }
        }
        self.entries = entries;
    }

    fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests;
