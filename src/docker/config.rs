//! The configuration dockerd would run with: flags, daemon.json and `DOCKER_DRIVER` merged, each value with its place.

mod line;

use super::build::Build;
use super::daemon_json::DaemonJson;
use super::flags::Flags;
use super::{Sourced, names};
use crate::model::{Code, Finding};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What dockerd would run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Docker's data root as written: symlinks are not resolved and a `userns-remap` directory is not added.
    pub data_root: Sourced<String>,
    /// The storage driver asked for; `None` where Docker chooses by what it finds in the data root.
    pub driver: Option<Sourced<String>>,
    /// Storage options in order. They come wholly from the flags or wholly from the file.
    pub storage_opts: Vec<Sourced<String>>,
    /// Where the API listens; empty means the default socket.
    pub hosts: Vec<Sourced<String>>,
    /// Containers outlive the daemon. A reload (SIGHUP) may have changed it since the start.
    pub live_restore: Option<Sourced<bool>>,
    /// User namespaces: the data root is then `<root>/<uid>.<gid>`.
    pub userns_remap: Option<Sourced<String>>,
    /// The daemon's pidfile, where it is not `/var/run/docker.pid`.
    pub pidfile: Option<Sourced<String>>,
    /// The daemon's state directory, where it is not `/var/run/docker`.
    pub exec_root: Option<Sourced<String>>,
    /// Why this is not certain: daemon.json could not be read, or a flag of ours could not. Refuse nothing on its ground.
    pub uncertain: Option<String>,
    /// What is wrong with the configuration.
    pub findings: Vec<Finding>,
}

impl Effective {
    /// Merges as dockerd does. Precedence of the driver: a non-empty `DOCKER_DRIVER`, in all versions, then flag or file
    /// (moby v20.10.27 `daemon/daemon.go:902`). A key that is set both as a flag and in the file makes dockerd refuse to
    /// start, in all versions that read a file (`daemon/config/config.go:386-537`).
    pub fn merge(flags: &Flags, file: &DaemonJson, environment: &BTreeMap<String, String>, build: &Build) -> Self {
        let mut merger = Merger {
            path: &file.path,
            lines: &file.lines,
            build,
            findings: file.findings.clone(),
        };
        let environment_driver = environment
            .get("DOCKER_DRIVER")
            .filter(|driver| !driver.is_empty())
            .map(|driver| Sourced::new(driver.clone(), "environment variable DOCKER_DRIVER"));
        let driver = merger.single("storage-driver", &flags.storage_driver, &file.storage_driver);
        let mut effective = Effective {
            data_root: merger.data_root(flags, file),
            driver: environment_driver.or(driver).filter(|driver| !driver.value.is_empty()),
            storage_opts: merger.list("storage-opts", &flags.storage_opts, &file.storage_opts),
            hosts: merger.list("hosts", &flags.hosts, &file.hosts),
            live_restore: merger.single("live-restore", &flags.live_restore, &file.live_restore),
            userns_remap: merger.single("userns-remap", &flags.userns_remap, &file.userns_remap),
            pidfile: merger.single("pidfile", &flags.pidfile, &file.pidfile),
            exec_root: merger.single("exec-root", &flags.exec_root, &file.exec_root),
            uncertain: file.unreadable.clone().or_else(|| flags.uncertain()),
            findings: Vec::new(),
        };
        merger.whole_line(&flags.line, file);
        merger.values(&flags.line, file);
        effective.findings = merger.findings;
        effective.findings.sort_by_key(|finding| line::stage(finding.code));
        effective
    }

    /// Whether devicemapper is asked for by name. Docker also takes it unasked where the data root has been used with it.
    pub fn asks_for_devicemapper(&self) -> bool {
        self.driver
            .as_ref()
            .is_some_and(|driver| driver.value == names::DEVICEMAPPER)
    }

    /// The daemon's socket in the filesystem: its first `unix://` host, the default for `fd://` (docker.socket) and where no
    /// host is set. `None` where it listens on TCP alone.
    pub fn socket_path(&self) -> Option<String> {
        let default = || Some(names::DEFAULT_SOCKET.to_owned());
        // An empty host is the default one (moby opts/hosts.go, ParseHost).
        let hosts: Vec<&str> = self.hosts.iter().map(|host| host.value.trim()).collect();
        match hosts.iter().find_map(|host| host.strip_prefix("unix://")) {
            Some("") => default(),
            Some(path) => Some(path.to_owned()),
            None if hosts.is_empty() => default(),
            None if hosts.iter().any(|host| host.is_empty() || host.starts_with("fd://")) => default(),
            None => None,
        }
    }

    /// Where dockerd writes its goroutines (moby v20.10.27 `daemon/daemon.go`, `stackDumpDir`). One that is not absolute is relative to a
    /// directory that only the daemon knows: `None`.
    pub fn dump_directory(&self) -> Option<&str> {
        let directory = match &self.exec_root {
            None => names::DEFAULT_EXEC_ROOT,
            Some(root) if root.value.is_empty() => &self.data_root.value,
            Some(root) => &root.value,
        };
        directory.starts_with('/').then_some(directory)
    }
}

/// A value as dockerd shows it in its message: bare, lists as `[a b]`.
trait Shown {
    fn shown(&self) -> String;
    fn places(&self) -> String;
}

impl<T: Display> Shown for Sourced<T> {
    fn shown(&self) -> String {
        self.value.to_string()
    }

    fn places(&self) -> String {
        self.place.clone()
    }
}

impl Shown for Vec<Sourced<String>> {
    fn shown(&self) -> String {
        let values: Vec<&str> = self.iter().map(|item| item.value.as_str()).collect();
        format!("[{}]", values.join(" "))
    }

    fn places(&self) -> String {
        let mut places: Vec<&str> = self.iter().map(|item| item.place.as_str()).collect();
        places.dedup();
        places.join(", ")
    }
}

struct Merger<'a> {
    path: &'a str,
    /// Lines of the file's keys.
    lines: &'a BTreeMap<String, usize>,
    build: &'a Build,
    findings: Vec<Finding>,
}

impl Merger<'_> {
    fn single<T: Display + Clone>(
        &mut self,
        key: &str,
        flag: &Option<Sourced<T>>,
        file: &Option<Sourced<T>>,
    ) -> Option<Sourced<T>> {
        if let (Some(flag), Some(file)) = (flag, file) {
            self.twice(key, flag, file);
        }
        flag.clone().or_else(|| file.clone())
    }

    fn list(
        &mut self,
        key: &str,
        flag: &Vec<Sourced<String>>,
        file: &Option<Vec<Sourced<String>>>,
    ) -> Vec<Sourced<String>> {
        match file {
            Some(file) if flag.is_empty() => file.clone(),
            Some(file) => {
                self.twice(key, flag, file);
                flag.clone()
            }
            None => flag.clone(),
        }
    }

    /// `--graph` and `--data-root` are two names of one setting; the file wins over the flag of the *other* name, silently
    /// (moby v20.10.27 `daemon/config/config.go`, `MergeDaemonConfigurations`).
    fn data_root(&mut self, flags: &Flags, file: &DaemonJson) -> Sourced<String> {
        let one_variable = self.build.at_least(23, 0, 0) != Some(true);
        if let (Some(graph), Some(root), true) = (&flags.graph, &flags.data_root, one_variable) {
            let why = "cannot specify both \"--graph\" and \"--data-root\" option";
            self.refuse_twice(
                "data-root",
                why,
                graph,
                root,
                format!("remove --graph ({})", graph.place),
            );
        }
        let full = |root: &&Sourced<String>| !root.value.is_empty();
        if let (Some(graph), Some(root)) = (file.graph.as_ref().filter(full), file.data_root.as_ref().filter(full)) {
            let why = "cannot specify both \"graph\" and \"data-root\" config file options";
            self.refuse_twice(
                "data-root",
                why,
                graph,
                root,
                format!("remove \"graph\" ({})", graph.place),
            );
        }
        if self.build.is_upstream() && self.build.at_least(23, 0, 0) == Some(true) {
            let graphs = [&flags.graph, &file.graph].into_iter().flatten();
            for graph in graphs.filter(full) {
                let message = match self.build.at_least(24, 0, 0) {
                    Some(true) => "dockerd from 24.0 on does not know \"graph\" any more".to_owned(),
                    _ => "dockerd would refuse it: the \"graph\" config file option is deprecated; use \"data-root\" instead".into(),
                };
                let remedy = format!("write data-root in place of graph ({})", graph.place);
                self.refuse(Code::GraphIsGone, "graph", &graph.place, message, remedy);
            }
        }
        let new = self.single("data-root", &flags.data_root, &file.data_root);
        let old = self.single("graph", &flags.graph, &file.graph);
        let not_empty = |root: &Sourced<String>| !root.value.is_empty();
        let from_file = file.data_root.clone().or_else(|| file.graph.clone()).filter(not_empty);
        let crossed = match (&flags.data_root, &flags.graph) {
            (Some(_), None) => file.data_root.is_none(),
            (None, Some(_)) => file.graph.is_none(),
            _ => false,
        };
        let chosen = match from_file {
            Some(root) if crossed => Some(root),
            _ => new.or(old),
        };
        chosen
            .filter(not_empty)
            .unwrap_or_else(|| Sourced::new(names::DEFAULT_DATA_ROOT.to_owned(), "Docker's default"))
    }

    fn twice<T: Shown>(&mut self, key: &str, flag: &T, file: &T) {
        let why = format!(
            "unable to configure the Docker daemon with file {}: the following directives are specified both as a flag and \
             in the configuration file: {key}: (from flag: {}, from file: {})",
            self.path,
            flag.shown(),
            file.shown()
        );
        // A list is removed from its key on, not from its first item.
        let place = match self.lines.get(key) {
            Some(line) => format!("{}:{line}", self.path),
            None => self.path.to_owned(),
        };
        let remedy = format!("remove \"{key}\" from {place}, or remove the {}", flag.places());
        let places = format!("{}; {place}", flag.places());
        self.refuse(Code::OptionSetTwice, key, &places, why, remedy);
    }

    fn refuse_twice<T: Shown>(&mut self, key: &str, why: &str, one: &T, other: &T, remedy: String) {
        let place = format!("{}; {}", one.places(), other.places());
        self.refuse(Code::OptionSetTwice, key, &place, why.to_owned(), remedy);
    }

    fn refuse(&mut self, code: Code, subject: &str, place: &str, message: String, remedy: String) {
        self.findings
            .push(Finding::refuse(code, subject).says(message).at(place).next(remedy));
    }
}

#[cfg(test)]
mod tests;
