//! The configuration dockerd would run with: command line, daemon.json and `DOCKER_DRIVER` merged, each value with its place.

mod twice;

use super::build::Build;
use super::command_line::{self, Line};
use super::daemon_json::DaemonJson;
use super::go::go_bool;
use super::options::{self, StorageOptions};
use super::values::{self, Both, Breach};
use super::{Sourced, known, names};
use crate::model::{Unit, UnitFault};
use serde::{Deserialize, Serialize};

/// What dockerd would run with, and what of it dockerd would refuse. Nothing here is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Which Docker is installed.
    pub build: Build,
    /// The command line.
    pub line: Line,
    /// Why the command line is not known, if it is not.
    pub line_unknown: Option<String>,
    /// daemon.json.
    pub file: DaemonJson,
    /// Docker's data root as written: symlinks are not resolved and a `userns-remap` directory is not added.
    pub data_root: Sourced<String>,
    /// The storage driver asked for; `None` where Docker chooses by what it finds in the data root.
    pub driver: Option<Sourced<String>>,
    /// Storage options in order. They come wholly from the flags or wholly from the file.
    pub storage_opts: Vec<Sourced<String>>,
    /// The same, read as devicemapper's.
    pub options: StorageOptions,
    /// Where the API listens; empty means the default socket.
    pub hosts: Vec<Sourced<String>>,
    /// Containers outlive the daemon. A reload (SIGHUP) may have changed it since the start.
    pub live_restore: Option<Sourced<bool>>,
    /// User namespaces: the data root is then `<root>/<uid>.<gid>`.
    pub userns_remap: Option<Sourced<String>>,
    /// The data root that is used with `userns-remap`, where that can be told.
    pub remapped_root: Option<Sourced<String>>,
    /// The daemon's pidfile, where it is not `/var/run/docker.pid`.
    pub pidfile: Option<Sourced<String>>,
    /// The daemon's state directory, where it is not `/var/run/docker`.
    pub exec_root: Option<Sourced<String>>,
    /// What dockerd refuses of line and file together.
    pub problems: Vec<Problem>,
    /// Lines of the unit and its files that do not mean what they seem to.
    pub odd: Vec<Odd>,
    /// Why systemd will not start the unit, whatever the line says.
    pub unit_fault: Option<UnitFault>,
    /// The unit as this host's systemd has it.
    pub unit: Option<Unit>,
    /// The unit's processes, where it is active: a pidfile that names one of them is in order.
    pub running: Vec<u32>,
}

/// What dockerd refuses of line and file together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A flag and its key in the file are set both (`findConfigurationConflicts`): fatal even where they agree.
    Twice {
        /// The key.
        key: String,
        /// The flag's values, as dockerd shows them.
        flag: Sourced<String>,
        /// The file's value, as dockerd shows it.
        file: Sourced<String>,
    },
    /// `graph` and `data-root`, two names of one setting, both as flags or both in the file.
    TwoRoots {
        /// Where `graph` stands.
        graph: Sourced<String>,
        /// Where `data-root` stands.
        root: Sourced<String>,
        /// Both are flags.
        flags: bool,
    },
    /// `graph` is set from 23.0 on.
    GraphIsGone {
        /// Where.
        graph: Sourced<String>,
    },
    /// A value that is refused for what else is set.
    Value(Breach),
}

/// A line that does not mean what it seems to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// File and line.
    pub place: String,
    /// What systemd makes of it.
    pub why: String,
    /// systemd drops it: what it should set stays unset.
    pub dropped: bool,
    /// What to do.
    pub remedy: String,
}

impl Configuration {
    /// Merges as dockerd does. Precedence of the driver: a non-empty `DOCKER_DRIVER`, in all versions, then flag or file
    /// (moby v20.10.27 `daemon/daemon.go:902`). A key that is set both as a flag and in the file makes dockerd refuse to
    /// start, in all versions that read a file (`daemon/config/config.go:386-537`).
    pub fn merge(line: Line, file: DaemonJson, variable: Option<Sourced<String>>, build: &Build) -> Configuration {
        let text = |flag: &str, key: &str| line.last(flag).or_else(|| file.text(key));
        let list = |flag: &str, key: &str| match line.all(flag) {
            none if none.is_empty() => file.list(key).unwrap_or_default(),
            given => given,
        };
        let full = |it: &Sourced<String>| !it.value.is_empty();
        let driver = variable.filter(full).or(text("storage-driver", "storage-driver"));
        let storage_opts = list("storage-opt", "storage-opts");
        let switch = |flag: Sourced<String>| Some(flag.with(go_bool(&flag.value)?));
        Configuration {
            data_root: data_root(&line, &file),
            driver: driver.filter(full),
            options: options::parse(&storage_opts, build),
            storage_opts,
            hosts: list("host", "hosts"),
            live_restore: line
                .last("live-restore")
                .and_then(switch)
                .or_else(|| file.switch("live-restore")),
            userns_remap: text("userns-remap", "userns-remap").filter(full),
            remapped_root: None,
            pidfile: text("pidfile", "pidfile"),
            exec_root: text("exec-root", "exec-root"),
            problems: problems(&line, &file, build),
            build: build.clone(),
            line_unknown: None,
            line,
            file,
            odd: Vec::new(),
            unit_fault: None,
            unit: None,
            running: Vec::new(),
        }
    }

    /// Why what is set is not certain, where the line is known: daemon.json cannot be read, or dockerd may read the line otherwise.
    pub fn uncertain(&self) -> Option<String> {
        let by_line = || self.line.problems.iter().find_map(command_line::Problem::leaves_unread);
        self.file.unreadable.clone().or_else(by_line)
    }

    /// Docker makes its pool on the files of its own directory, and nothing of what says so is a guess.
    pub fn is_certainly_on_loop_files(&self) -> bool {
        let certain = self.line_unknown.is_none() && self.uncertain().is_none();
        certain && self.options.data_on_loop() && self.options.metadata_on_loop()
    }

    /// Name of the pool of `dm.thinpooldev`, without `/dev/mapper/`.
    pub fn thin_pool_device(&self) -> Option<&str> {
        self.options.thin_pool_dev.as_ref().map(|device| device.value.as_str())
    }

    /// Name of the pool that LVM made, for Docker or by its order.
    pub fn pool_of_lvm(&self) -> Option<String> {
        let set_up = self.options.direct_lvm_device.as_ref();
        let set_up = set_up.filter(|device| !device.value.is_empty());
        let named = self.thin_pool_device().map(str::to_owned);
        named.or_else(|| set_up.map(|_| names::DIRECT_LVM_POOL.to_owned()))
    }

    /// Takes the directory that `userns-remap` adds for the data root, where it is known: for the next start. A daemon that runs may have
    /// been started before that was set.
    pub fn use_remapped_root(&mut self) {
        if let Some(root) = self.remapped_root.take() {
            self.data_root = root;
        }
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

/// `--graph` and `--data-root` are two names of one setting; the file wins over the flag of the *other* name, silently
/// (moby v20.10.27 `daemon/config/config.go`, `MergeDaemonConfigurations`).
fn data_root(line: &Line, file: &DaemonJson) -> Sourced<String> {
    let full = |root: &Sourced<String>| !root.value.is_empty();
    let flags = (line.last("data-root"), line.last("graph"));
    let keys = (file.text("data-root"), file.text("graph"));
    let crossed = match &flags {
        (Some(_), None) => keys.0.is_none(),
        (None, Some(_)) => keys.1.is_none(),
        _ => false,
    };
    let from_file = keys.0.clone().or(keys.1.clone()).filter(full);
    let chosen = match from_file {
        Some(root) if crossed => Some(root),
        _ => flags.0.or(keys.0).or(flags.1).or(keys.1),
    };
    let default = || Sourced::new(names::DEFAULT_DATA_ROOT.to_owned(), "Docker's default");
    chosen.filter(full).unwrap_or_else(default)
}

fn problems(line: &Line, file: &DaemonJson, build: &Build) -> Vec<Problem> {
    let mut found = twice::settings(line, file, build);
    found.extend(twice::roots(line, file, build));
    if let Some(version) = known::exact(build) {
        let both = Both {
            entries: &file.entries,
            given: &line.given,
            version,
        };
        found.extend(values::Both::breaches(&both).into_iter().map(Problem::Value));
    }
    found
}

#[cfg(test)]
mod tests;
