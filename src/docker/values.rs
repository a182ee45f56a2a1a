//! The values besides storage that decide a start by what else is set: the log level, and the default runtime with its runtimes.

use super::Sourced;
use super::build::Version;
use super::command_line::Given;
use serde_json::Value;

/// What a rule says of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The key, or the flag of that name.
    pub name: &'static str,
    /// The flag that set it, where it was not the file.
    pub flag: Option<Sourced<String>>,
    /// Docker's words.
    pub why: String,
}

/// A file and a command line, together.
#[derive(Debug)]
pub struct Both<'a> {
    /// The file's keys in order, repeated ones included.
    pub entries: &'a [(String, Value)],
    /// The flags.
    pub given: &'a [Given],
    /// The version whose rules hold to the letter.
    pub version: Version,
}

impl<'a> Both<'a> {
    /// What dockerd refuses.
    pub fn breaches(&self) -> Vec<Breach> {
        let found = [self.log_level(), self.reserved_runtime(), self.default_runtime()];
        found.into_iter().flatten().collect()
    }

    /// `logrus.ParseLevel` as each version vendors it: in lower case alone before 1.12, `trace` from 19.03 on (moby v1.10.3
    /// `docker/common.go`, v1.13.1 `cli/flags/common.go`, `SetLogLevel`; v19.03.15 `cmd/dockerd/daemon.go`, `configureDaemonLogs`).
    fn log_level(&self) -> Option<Breach> {
        let (level, flag) = self.single("log-level")?;
        let known = match self.from(1, 12) {
            true => level.to_lowercase(),
            false => level.to_owned(),
        };
        let good = matches!(
            known.as_str(),
            "panic" | "fatal" | "error" | "warn" | "warning" | "info" | "debug"
        ) || known == "trace" && self.from(19, 3);
        (!good).then(|| Breach {
            name: "log-level",
            flag,
            why: format!("unable to parse logging level: {level}"),
        })
    }

    /// moby v1.12.6 `daemon/config.go`, `ValidateConfiguration`, to v24.0.9 `daemon/config/config.go`, `Validate`.
    fn reserved_runtime(&self) -> Option<Breach> {
        let checked = self.from(1, 12) && !self.from(25, 0);
        let reserved = checked && self.runtimes_of_file().any(|name| name == "runc");
        reserved.then(|| Breach {
            name: "runtimes",
            flag: None,
            why: "runtime name 'runc' is reserved".to_owned(),
        })
    }

    /// Before 23.0 the file must name its default's runtime itself; the line may take what either names. Names with a dot are
    /// containerd's own from 20.10 on.
    fn default_runtime(&self) -> Option<Breach> {
        let (name, flag) = self
            .single("default-runtime")
            .filter(|_| self.from(1, 12) && !self.from(25, 0))?;
        let stock = name == "runc" || (self.from(20, 10) && name.contains('.'));
        let by_flag = flag.is_some() || self.from(23, 0);
        let there = self.runtimes_of_file().any(|runtime| runtime == name)
            || by_flag
                && self
                    .runtimes_of_line()
                    .any(|runtime| runtime.eq_ignore_ascii_case(name));
        (!stock && !there).then(|| Breach {
            name: "default-runtime",
            flag,
            why: format!("specified default runtime '{name}' does not exist"),
        })
    }

    fn from(&self, major: u16, minor: u16) -> bool {
        self.version >= Version::new(major, minor, 0)
    }

    /// The value of a text that key and flag set by one name, the flag's first: both at once are refused for that.
    fn single(&self, name: &str) -> Option<(&'a str, Option<Sourced<String>>)> {
        let of_line = self.given.iter().rev().find(|given| given.flag.long == name);
        let of_line = of_line.map(|given| (given.value.as_str(), Some(given.spelling.clone())));
        let of_file = self.entries.iter().rev().find(|(key, _)| key == name);
        let of_file = of_file.and_then(|(_, value)| Some((value.as_str()?, None)));
        of_line.or(of_file).filter(|(value, _)| !value.is_empty())
    }

    /// Go merges repeated objects into one map.
    fn runtimes_of_file(&self) -> impl Iterator<Item = &'a str> {
        let objects = self.entries.iter().filter(|(key, _)| key == "runtimes");
        let objects = objects.filter_map(|(_, value)| value.as_object());
        objects.flat_map(|object| object.keys().map(String::as_str))
    }

    /// `--add-runtime name=path`; the name is trimmed and in lower case (moby `opts/runtime.go`, `RuntimeOpt.Set`).
    fn runtimes_of_line(&self) -> impl Iterator<Item = &'a str> {
        let added = self.given.iter().filter(|given| given.flag.long == "add-runtime");
        added.filter_map(|given| given.value.split_once('=').map(|(name, _)| name.trim()))
    }
}

#[cfg(test)]
mod tests;
