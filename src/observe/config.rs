//! Docker's configuration as the next start will see it: unit, environment and daemon.json, read in a child, merged here.

use super::start_command::{self, Odd, Question, Reading, Source};
use super::{build, tree, units};
use crate::docker::build::Build;
use crate::docker::{Sourced, config, daemon_json, flags, names, options};
use crate::model::{Code, Finding, Settings, Severity};
use crate::systemd::bus::Manager;
use crate::systemd::version::Version;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The texts that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// The unit's command and environment; more than one where systemd's version is not known and its versions do not agree.
    pub readings: Vec<Reading>,
    /// Which systemd reads the unit.
    pub systemd: Version,
    /// daemon.json: its path, and its text unless there is no such file.
    pub file: (String, Option<String>),
    /// The file cannot be read.
    pub file_unreadable: Option<Unreadable>,
    /// The daemon's main process, where its unit is active; else 0.
    pub main_pid: u32,
    /// Which Docker is installed.
    pub build: Build,
}

/// Why daemon.json cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// For people.
    pub why: String,
    /// dockerd cannot read it either. What only we may not read (SELinux), or will not (a device, a pipe), may be good for dockerd.
    pub for_dockerd_too: bool,
}

/// Longest daemon.json that is read, in bytes.
const MOST_JSON: u64 = 4 << 20;

/// What is known of Docker's configuration.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// Merged from flags, file and environment.
    pub effective: config::Effective,
    /// The storage options.
    pub options: options::StorageOptions,
    /// Docker's data root.
    pub data_root: String,
    /// Name of the pool of `dm.thinpooldev`, without `/dev/mapper/`.
    pub thin_pool_device: Option<String>,
    /// What is wrong with flags and files.
    pub findings: Vec<Finding>,
    /// Which Docker is installed.
    pub build: Build,
    /// The daemon's main process, where its unit is active; else 0.
    pub main_pid: u32,
    /// Why the unit's command line is not known, if it is not.
    pub unit_unknown: Option<String>,
}

/// Reads all texts, in the child. Inside the unit (`ExecStartPre=`) this process' own environment is Docker's; by hand, the
/// unit's assignments and files are read as its systemd reads them. In a tree the unit's files tell how Docker is started.
/// `exec_line` stands for the unit's own `ExecStart=`.
pub fn look(root: &Path, unit: &str, inside_unit: bool, exec_line: Option<&str>) -> Result<Raw> {
    let question = Question {
        root,
        unit,
        inside_unit,
        exec_line,
    };
    let (source, systemd, main_pid) = match root == Path::new("/") {
        true => ask_manager(unit),
        false => (Source::Tree, units::version(root), 0),
    };
    let readings = start_command::look(&question, &source, systemd);
    // A program that somebody only asks about is not run.
    let may_run = root == Path::new("/") && exec_line.is_none();
    let build = build::look(root, readings.first().and_then(daemon).as_deref(), may_run);
    let read = |path: &str| tree::read(root, path, MOST_JSON);
    Ok(gather(readings, unit, build, read).on(systemd, main_pid))
}

/// Puts the texts of a start together; `read` reads daemon.json.
pub fn gather(readings: Vec<Reading>, unit: &str, build: Build, read: impl FnOnce(&str) -> io::Result<Vec<u8>>) -> Raw {
    let flags = readings.first().map(|reading| flags_of(reading, unit, &build));
    let named = flags.and_then(Result::ok).and_then(|flags| flags.config_file);
    let path = named
        .as_ref()
        .map_or(names::DEFAULT_CONFIG_FILE, |named| &named.value)
        .to_owned();
    let mut file_unreadable = None;
    // An empty name is no file at all (`loadDaemonCliConfig`: `if opts.configFile != ""`).
    let text = match (path.as_str(), read) {
        ("", _) => None,
        (path, read) => match read(path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            // Only the usual file may be missing (moby v20.10.27 `cmd/dockerd/daemon.go`, `loadDaemonCliConfig`).
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => None,
            Err(error) => {
                file_unreadable = Some(Unreadable {
                    for_dockerd_too: matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
                    ),
                    why: error.to_string(),
                });
                None
            }
        },
    };
    Raw {
        readings,
        systemd: Version::UNKNOWN,
        file: (path, text),
        file_unreadable,
        main_pid: 0,
        build,
    }
}

impl Raw {
    /// The same on a host with this systemd, and this main process of the unit.
    fn on(self, systemd: Version, main_pid: u32) -> Raw {
        Raw {
            systemd,
            main_pid,
            ..self
        }
    }
}

/// What this host's systemd says of the unit.
fn ask_manager(unit: &str) -> (Source, Version, u32) {
    match Manager::connect() {
        Ok(mut manager) => (
            Source::Manager(manager.exec_start(unit).map_err(|error| format!("{error:#}"))),
            manager.version().unwrap_or_default(),
            manager.main_pid(unit).unwrap_or(0),
        ),
        Err(error) => (Source::Manager(Err(format!("{error:#}"))), Version::UNKNOWN, 0),
    }
}

/// `path` inside the tree at `root`.
pub fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The daemon's flags, each with the place of its word: the file and line of a variable, or the unit's own line.
///
/// # Errors
/// Why the line is not understood: then nothing is known of the flags, which is not to say that there are none.
fn flags_of(reading: &Reading, unit: &str, build: &Build) -> Result<flags::Flags, String> {
    let command = reading.command.as_ref().map_err(Clone::clone)?;
    let place = |variable: &Option<String>| match variable {
        None => reading.place.clone(),
        Some(name) => reading
            .places
            .get(name)
            .map_or_else(|| format!("the environment variable {name}"), Clone::clone),
    };
    let words = command.words.iter();
    let words: Vec<_> = words
        .map(|word| Sourced::new(word.text.clone(), place(&word.variable)))
        .collect();
    flags::parse(&words, build).ok_or_else(|| {
        format!(
            "{unit}'s ExecStart starts no Docker daemon that thinguard knows: {}",
            command.argv().join(" ")
        )
    })
}

/// The program that the unit starts, if it is a daemon that we know.
fn daemon(reading: &Reading) -> Option<String> {
    let argv = reading.command.as_ref().ok()?.argv();
    flags::is_daemon(&argv).then(|| argv.into_iter().next()).flatten()
}

/// The flags and the reading that they are of: the first. Where others differ in what matters, says so.
fn agreed<'a>(raw: &'a Raw, unit: &str) -> (flags::Flags, Option<&'a Reading>, Option<String>) {
    let Some(first) = raw.readings.first() else {
        return (flags::Flags::default(), None, Some("nothing was read".into()));
    };
    let driver = |reading: &Reading| reading.environment.get("DOCKER_DRIVER").cloned();
    let flags = flags_of(first, unit, &raw.build);
    let differs = raw.readings.iter().skip(1).any(|other| {
        let others = flags_of(other, unit, &raw.build);
        driver(other) != driver(first) || others.is_ok() != flags.is_ok() || others.ok() != flags.clone().ok()
    });
    match (flags, differs) {
        (Ok(flags), false) => (flags, Some(first), None),
        (Err(why), false) => (flags::Flags::default(), Some(first), Some(why)),
        (flags, true) => {
            let why = format!("{}: its releases read the unit's files differently", raw.systemd);
            (flags.unwrap_or_default(), Some(first), Some(why))
        }
    }
}

/// Findings of lines that do not mean what they seem to.
fn odd(odd: &Odd, unit: &str) -> Finding {
    Finding::warn(
        match odd.dropped {
            true => Code::EnvironmentFileLineDropped,
            false => Code::EnvironmentFileOdd,
        },
        unit,
    )
    .says(format!("{}: {}", odd.place, odd.why))
    .at(&odd.place)
    .next(&odd.remedy)
}

fn cannot_be_read(path: &str, unreadable: &Unreadable) -> Finding {
    let why = &unreadable.why;
    let (severity, message) = match unreadable.for_dockerd_too {
        true => (
            Severity::Refuse,
            format!("dockerd would refuse to start: unable to configure the Docker daemon with file {path}: {why}"),
        ),
        false => (
            Severity::Warn,
            format!("thinguard cannot read {path}: {why}; what it says is not known"),
        ),
    };
    Finding::new(severity, Code::DaemonJsonUnreadable, path)
        .says(message)
        .at(path)
        .next(format!(
            "put the file there as a plain file, or correct --config-file ({path})"
        ))
}

/// Makes sense of the texts.
pub fn parse(raw: &Raw, settings: &Settings) -> Learnt {
    let (path, text) = &raw.file;
    let build = &raw.build;
    let mut file = text
        .as_deref()
        .map_or_else(Default::default, |text| daemon_json::parse(text, path, build));
    if let Some(unreadable) = &raw.file_unreadable {
        file.unreadable = Some(format!("{path}: {}", unreadable.why));
        file.findings.push(cannot_be_read(path, unreadable));
    }
    let unit = &settings.docker.unit;
    let (flags, reading, unit_unknown) = agreed(raw, unit);
    let mut environment = reading.map(|reading| reading.environment.clone()).unwrap_or_default();
    if let Some(Ok(command)) = reading.map(|reading| &reading.command) {
        environment.extend(command.assignments.clone());
    }
    let mut effective = config::Effective::merge(&flags, &file, &environment, build);
    if let (Some(driver), Some(place)) = (
        &mut effective.driver,
        reading.and_then(|it| it.places.get("DOCKER_DRIVER")),
    ) && environment.get("DOCKER_DRIVER") == Some(&driver.value)
    {
        driver.place = format!("DOCKER_DRIVER in {place}");
    }
    let options = options::parse(&effective.storage_opts, build);
    let data_root = match settings.docker.data_root.as_str() {
        "" => effective.data_root.value.clone(),
        named => named.to_owned(),
    };
    let mut findings = effective.findings.clone();
    let all_odd = reading.map(|reading| reading.odd.iter()).into_iter().flatten();
    findings.extend(all_odd.map(|it| odd(it, unit)));
    if unit_unknown.is_some() {
        // Flags may point elsewhere.
        for finding in &mut findings {
            finding.severity = finding.severity.min(Severity::Warn);
        }
    }
    Learnt {
        data_root,
        thin_pool_device: options.thin_pool_dev.as_ref().map(|device| device.value.clone()),
        findings,
        build: build.clone(),
        main_pid: raw.main_pid,
        unit_unknown,
        options,
        effective,
    }
}

impl Learnt {
    /// Name of the pool that LVM made, for Docker or by its order.
    pub fn pool_of_lvm(&self) -> Option<String> {
        let set_up = self.options.direct_lvm_device.as_ref();
        let set_up = set_up.filter(|device| !device.value.is_empty());
        self.thin_pool_device
            .clone()
            .or_else(|| set_up.map(|_| names::DIRECT_LVM_POOL.to_owned()))
    }
}

#[cfg(test)]
mod tests;
