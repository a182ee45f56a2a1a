//! Which keys of a daemon.json its dockerd would not let pass, would not read, or would refuse for their values.

use super::DaemonJson;
use crate::docker::build::Build;
use crate::docker::{known, values};
use crate::model::{Code, Severity};

impl DaemonJson {
    /// Keys that no flag bears are refused; keys that only a flag bears are let through and not read (moby v20.10.24
    /// `daemon/config/config.go`, `findConfigurationConflicts`).
    pub(super) fn check_names(&mut self, build: &Build) {
        let object = std::mem::take(&mut self.object);
        for (name, top) in known::unknown_keys(&object, build) {
            self.unknown(name, top, build);
        }
        for (name, (top, _)) in known::flattened(&object, build) {
            let read = !known::decoded(name, build).is_empty();
            if known::lets_pass(name, build) && (name != top || !read) {
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

    /// Types first, since dockerd decodes before it looks at the values. The keys that the rest of this file reads have been told
    /// of already.
    pub(super) fn check_values(&mut self, build: &Build) {
        let object = std::mem::take(&mut self.object);
        for (key, value) in &object {
            let kinds = known::decoded(key, build);
            let refusals: Option<Vec<_>> = kinds.iter().map(|kind| known::mismatch(*kind, value, build)).collect();
            let wanted = refusals.and_then(|refusals| refusals.first().copied());
            if let Some(wanted) = wanted.filter(|_| !READ.contains(&key.as_str())) {
                // A build may let a key pass that it does not decode.
                let certain = known::exact(build).is_some() || known::always_decoded(key);
                let severity = if certain { Severity::Refuse } else { Severity::Warn };
                self.mistyped(severity, key, self.line_of(key), wanted);
            }
        }
        for breach in values::breaches(&object, build) {
            let why = format!("dockerd would refuse the value of \"{}\": {}", breach.key, breach.why);
            let line = self.line_of(breach.key);
            self.push(
                Severity::Refuse,
                Code::DaemonJsonInvalidValue,
                line,
                &why,
                "correct the value",
            );
        }
        self.object = object;
    }

    fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }
}

/// The keys that [`DaemonJson::fill`] reads, and refuses itself where they have the wrong type.
const READ: [&str; 9] = [
    "storage-driver",
    "storage-opts",
    "data-root",
    "graph",
    "hosts",
    "live-restore",
    "userns-remap",
    "pidfile",
    "exec-root",
];

#[cfg(test)]
mod tests;
