//! Values that dockerd checks whatever they were set by: addresses, domains, labels, runtimes (moby `opts/opts.go`,
//! `opts/runtime.go`), and the rules of its `Validate` for a whole daemon.json.

use super::build::{Build, Version};
use super::flag_values;
use super::known::{self, go_ip};
use serde_json::{Map, Value};

/// `ValidateIPAddress`.
pub fn address(text: &str) -> Option<String> {
    (!go_ip(text.trim())).then(|| format!("{text} is not an ip address"))
}

/// `ValidateDNSSearch`: `.`, or a domain with a letter in it. Docker's pattern is looser than it looks: each `(:?` lets a colon in.
pub fn domain(text: &str) -> Option<String> {
    let trimmed = text.trim_matches(' ').trim_end();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let good = trimmed == "."
        || (trimmed.contains(|c: char| c.is_ascii_alphabetic())
            && trimmed.chars().all(allowed)
            && trimmed.len() <= 4096
            && !trimmed.contains("..")
            && !trimmed.starts_with(['-', '.']));
    (!good).then(|| format!("{text} is not a valid domain"))
}

/// `ValidateLabel`; the reserved names came with v20.10.0.
pub fn label(text: &str, build: &Build) -> Option<String> {
    if !text.contains('=') {
        return Some(format!("bad attribute format: {text}"));
    }
    let lowered = text.to_lowercase();
    let reserved = ["com.docker.", "io.docker.", "org.dockerproject."];
    let new = known::exact(build).is_some_and(|version| version >= Version::new(20, 10, 0));
    (new && reserved.iter().any(|prefix| lowered.starts_with(prefix)))
        .then(|| format!("label {text} is not allowed: the namespaces com.docker.*, io.docker.*, and org.dockerproject.* are reserved for internal use"))
}

/// `RuntimeOpt.Set`.
pub fn runtime(text: &str) -> Option<String> {
    let good = text
        .split_once('=')
        .is_some_and(|(name, path)| !name.trim().is_empty() && !path.trim().is_empty());
    (!good).then(|| format!("invalid runtime argument: {text}"))
}

/// What a rule says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The key.
    pub key: &'static str,
    /// Docker's words.
    pub why: String,
}

/// The rules that `Validate` of this version has for the values of the file, in its order. A build that is not known to the letter
/// has none: its rules are not known.
///
/// moby v1.11.2 `daemon/config.go` (addresses, domains, labels), v1.12.0 (concurrency, runtimes), v17.09.0 (`default-ipc-mode`,
/// generic resources), v20.10.0 (`max-download-attempts`, `default-cgroupns-mode`), v23.0.0 (level, MTU), v25.0.0 (format).
pub fn breaches(object: &Map<String, Value>, build: &Build) -> Vec<Breach> {
    let Some(version) = known::exact(build) else {
        return Vec::new();
    };
    let rules = Rules { object, build, version };
    rules.all()
}

struct Rules<'a> {
    object: &'a Map<String, Value>,
    build: &'a Build,
    version: Version,
}

impl Rules<'_> {
    fn all(&self) -> Vec<Breach> {
        let mut found = Vec::new();
        let mut add = |key, why: Option<String>| found.extend(why.map(|why| Breach { key, why }));
        if self.from(23, 0) {
            add("log-level", self.word("log-level", &LEVELS, "invalid logging level: "));
        } else if self.from(20, 10) {
            // Not of Validate, but of what comes right after it (`cmd/dockerd/daemon.go`, configureDaemonLogs).
            add(
                "log-level",
                self.word("log-level", &LEVELS, "unable to parse logging level: "),
            );
        }
        if self.from(25, 0) {
            add(
                "log-format",
                self.word("log-format", &["text", "json"], "invalid log format: "),
            );
        }
        if self.from(1, 11) {
            if !self.from(25, 0) {
                add("dns", self.each("dns", address));
            }
            add("dns-search", self.each("dns-search", domain));
            add("labels", self.each("labels", |text| label(text, self.build)));
        }
        if self.from(23, 0) {
            add("mtu", self.below("mtu", 0, "invalid default MTU"));
        }
        if self.from(1, 12) {
            let downloads = "max-concurrent-downloads";
            add(downloads, self.below(downloads, 0, "invalid max concurrent downloads"));
            let uploads = "max-concurrent-uploads";
            add(uploads, self.below(uploads, 0, "invalid max concurrent uploads"));
        }
        if self.from(20, 10) {
            // From 23.0 on zero stands for the default.
            let least = if self.from(23, 0) { 0 } else { 1 };
            let attempts = "max-download-attempts";
            add(attempts, self.below(attempts, least, "invalid max download attempts"));
        }
        // Not of Validate, but of what comes soon after it (v1.10.3 `docker/daemon.go`, v20.10.24 `cmd/dockerd/daemon.go`, loadListeners).
        add("hosts", self.each("hosts", flag_values::host));
        add("runtimes", self.reserved_runtime());
        if self.from(18, 2) {
            add("node-generic-resources", self.each("node-generic-resources", resource));
        }
        add("default-runtime", self.default_runtime());
        if self.from(25, 0) && self.number("oom-score-adjust").is_some_and(|number| number != 0) {
            let why = "DEPRECATED: The \"oom-score-adjust\" config parameter and the dockerd \"--oom-score-adjust\" options have been removed.";
            add("oom-score-adjust", Some(why.to_owned()));
        }
        if self.from(17, 9) {
            let why = "use \"shareable\" or \"private\" as the default IPC mode, not ";
            add(
                "default-ipc-mode",
                self.word("default-ipc-mode", &["shareable", "private"], why),
            );
        }
        if self.from(20, 10) {
            let why = "use \"host\" or \"private\" as the default cgroup namespace mode, not ";
            add(
                "default-cgroupns-mode",
                self.word("default-cgroupns-mode", &["host", "private"], why),
            );
        }
        if self.from(1, 13) {
            add("labels", self.labels_agree());
        }
        found
    }

    fn from(&self, major: u16, minor: u16) -> bool {
        self.version >= Version::new(major, minor, 0)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.object.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.object.get(key)?.as_i64()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &str> {
        let items = self.object.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str)
    }

    fn each(&self, key: &str, refusal: impl Fn(&str) -> Option<String>) -> Option<String> {
        self.items(key).find_map(refusal)
    }

    fn below(&self, key: &str, least: i64, why: &str) -> Option<String> {
        let number = self.number(key).filter(|number| *number < least)?;
        Some(format!("{why}: {number}"))
    }

    fn word(&self, key: &str, good: &[&str], why: &str) -> Option<String> {
        let word = self.text(key)?;
        (!good.contains(&word.to_lowercase().as_str())).then(|| format!("{why}{word}"))
    }

    fn runtimes(&self) -> Option<&Map<String, Value>> {
        self.object.get("runtimes")?.as_object()
    }

    fn reserved_runtime(&self) -> Option<String> {
        let checked = self.from(1, 12) && !self.from(25, 0);
        let reserved = checked && self.runtimes()?.contains_key("runc");
        reserved.then(|| "runtime name 'runc' is reserved".to_owned())
    }

    /// Names with a dot are containerd's own from 20.10 on, and pass here.
    fn default_runtime(&self) -> Option<String> {
        let name = self
            .text("default-runtime")
            .filter(|_| self.from(1, 12) && !self.from(25, 0))?;
        let stock = name == "runc" || (self.from(20, 10) && name.contains('.'));
        let there = self.runtimes().is_some_and(|runtimes| runtimes.contains_key(name));
        (!stock && !there).then(|| format!("specified default runtime '{name}' does not exist"))
    }

    /// `GetConflictFreeLabels`.
    fn labels_agree(&self) -> Option<String> {
        let mut seen = std::collections::BTreeMap::new();
        self.items("labels").find_map(|label| {
            let (key, value) = label.split_once('=')?;
            let before = seen.insert(key, value).filter(|before| *before != value)?;
            Some(format!("conflict labels for {key}={value} and {key}={before}"))
        })
    }
}

/// logrus' levels, and containerd's from 25.0 on, which has no `warning`.
const LEVELS: [&str; 8] = ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"];

/// `genericresource.Parse` of swarmkit: one equals sign.
fn resource(text: &str) -> Option<String> {
    (text.matches('=').count() != 1)
        .then(|| format!("could not parse GenericResource: incorrect term {text}, missing '=' or malformed expression"))
}

#[cfg(test)]
mod tests;
