//! Docker's configuration as the next start will see it: unit, environment and daemon.json, read in a child, merged here.

use super::start_command::{self, Question, Reading, Source};
use super::{build, tree, units};
use crate::docker::build::Build;
use crate::docker::command_line::{self, Line};
use crate::docker::configuration::Configuration;
use crate::docker::daemon_json::{self, DaemonJson};
use crate::docker::{Sourced, names, remap};
use crate::kernel::proc;
use crate::model::{Settings, Unit};
use crate::systemd::bus::Manager;
use crate::systemd::unit_file::NoCommand;
use crate::systemd::version::Version;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The texts that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// The unit's command and environment; more than one where systemd's version is not known and its versions do not agree.
    pub readings: Vec<Reading>,
    /// Which systemd reads the unit.
    pub systemd: Version,
    /// daemon.json.
    pub path: String,
    /// Its text; `None` where there is no such file.
    pub text: Result<Option<String>, Unreadable>,
    /// The unit as this host's systemd has it.
    pub unit: Option<Unit>,
    /// Its processes, where it is active: its main process may be a mere shell (RHEL 7.2).
    pub running: Vec<u32>,
    /// Which Docker is installed.
    pub build: Build,
    /// `/etc/subuid` and `/etc/subgid`, where there are such files.
    pub subordinates: [String; 2],
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

/// Reads all texts, in the child. Inside the unit (`ExecStartPre=`) this process' own environment is Docker's; by hand, the
/// unit's assignments and files are read as its systemd reads them. In a tree the unit's files tell how Docker is started.
pub(super) fn look(question: &Question) -> Raw {
    let root = Path::new(&question.root);
    let (source, systemd, unit) = match root == Path::new("/") {
        true => ask_manager(&question.unit),
        false => (Source::Tree, units::version(root), None),
    };
    let readings = start_command::look(question, &source, systemd);
    // A program that somebody only asks about is not run.
    let may_run = root == Path::new("/") && question.exec_line.is_none();
    let build = build::look(root, readings.first().and_then(daemon), may_run);
    let read = |path: &str| tree::read(root, path, MOST_JSON);
    let lines = |path: &str| read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
    let subordinates = ["/etc/subuid", "/etc/subgid"].map(|path| lines(path).unwrap_or_default());
    Raw {
        subordinates,
        systemd,
        running: unit.as_ref().map(running).unwrap_or_default(),
        unit,
        ..gather(readings, &question.unit, build, read)
    }
}

/// Puts the texts of a start together; `read` reads daemon.json.
pub fn gather(readings: Vec<Reading>, unit: &str, build: Build, read: impl FnOnce(&str) -> io::Result<Vec<u8>>) -> Raw {
    let line = readings.first().map(|reading| line_of(reading, unit, &build));
    let named = line.and_then(Result::ok).and_then(|line| line.last("config-file"));
    let path = named
        .as_ref()
        .map_or(names::DEFAULT_CONFIG_FILE, |named| &named.value)
        .to_owned();
    // An empty name is no file at all (`loadDaemonCliConfig`: `if opts.configFile != ""`).
    let text = match (!path.is_empty()).then(|| read(&path)) {
        None => Ok(None),
        Some(Ok(bytes)) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        // Only the usual file may be missing (moby v20.10.27 `cmd/dockerd/daemon.go`, `loadDaemonCliConfig`).
        Some(Err(error)) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(None),
        Some(Err(error)) => Err(Unreadable {
            for_dockerd_too: matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory
            ),
            why: error.to_string(),
        }),
    };
    Raw {
        readings,
        systemd: Version::UNKNOWN,
        path,
        text,
        unit: None,
        running: Vec::new(),
        build,
        subordinates: Default::default(),
    }
}

/// What this host's systemd says of the unit.
fn ask_manager(unit: &str) -> (Source, Version, Option<Unit>) {
    match Manager::connect() {
        Ok(mut manager) => (
            Source::Manager(manager.exec_start(unit).map_err(|error| format!("{error:#}"))),
            manager.version().unwrap_or_default(),
            manager.unit(unit).ok(),
        ),
        Err(error) => (Source::Manager(Err(format!("{error:#}"))), Version::UNKNOWN, None),
    }
}

/// Without a main process the unit does not run yet: what its control group holds then is this very process, or an old daemon.
fn running(unit: &Unit) -> Vec<u32> {
    if unit.main_pid == 0 {
        return Vec::new();
    }
    let mut all = proc::processes_of_group(Path::new("/"), &unit.control_group).unwrap_or_default();
    all.push(unit.main_pid);
    all
}

/// The daemon's command line.
///
/// # Errors
/// Why the line is not understood: then nothing is known of the flags, which is not to say that there are none.
fn line_of(reading: &Reading, unit: &str, build: &Build) -> Result<Line, NoCommand> {
    let words = reading.command.as_ref().map_err(Clone::clone)?;
    command_line::read(words, build).ok_or_else(|| {
        format!(
            "{unit}'s ExecStart starts no Docker daemon that thinguard knows: {}",
            texts(words).join(" ")
        )
        .into()
    })
}

fn texts(words: &[Sourced<String>]) -> Vec<&str> {
    words.iter().map(|word| word.value.as_str()).collect()
}

/// The program that the unit starts, if it is a daemon that we know.
fn daemon(reading: &Reading) -> Option<&str> {
    let words = texts(reading.command.as_ref().ok()?);
    command_line::form(&words)?;
    words.into_iter().next()
}

/// The line of the first reading, and why it is not known: where others differ in what matters, it is not.
fn agreed(raw: &Raw, unit: &str) -> (Line, Option<NoCommand>) {
    let Some((first, others)) = raw.readings.split_first() else {
        return (Line::default(), Some("nothing was read".to_owned().into()));
    };
    let value = |reading: &Reading| reading.driver.as_ref().map(|driver| driver.value.clone());
    let line = line_of(first, unit, &raw.build);
    // A unit that one release refuses and another loads is in doubt, even where neither starts a daemon that is known here.
    let fault = |line: &Result<Line, NoCommand>| line.as_ref().err().map(|why| why.fault);
    let differs = others.iter().any(|other| {
        let others = line_of(other, unit, &raw.build);
        value(other) != value(first) || fault(&others) != fault(&line) || others.ok() != line.clone().ok()
    });
    if differs {
        let why = format!("{}: its releases read the unit's files differently", raw.systemd);
        return (line.unwrap_or_default(), Some(why.into()));
    }
    match line {
        Ok(line) => (line, None),
        Err(why) => (Line::default(), Some(why)),
    }
}

/// Makes sense of the texts.
pub fn parse(raw: &Raw, settings: &Settings) -> Configuration {
    let file = match &raw.text {
        Ok(Some(text)) => daemon_json::parse(text, &raw.path, &raw.build),
        Ok(None) => DaemonJson::default(),
        Err(unreadable) => DaemonJson::unreadable(&raw.path, &unreadable.why, unreadable.for_dockerd_too),
    };
    let (line, unknown) = agreed(raw, &settings.docker.unit);
    let reading = raw.readings.first();
    let mut config = Configuration::merge(
        line,
        file,
        reading.and_then(|reading| reading.driver.clone()),
        &raw.build,
    );
    let named = &settings.docker.data_root;
    if named.is_empty() {
        let [subuid, subgid] = &raw.subordinates;
        config.remapped_root = config.userns_remap.as_ref().and_then(|remap| {
            let directory = remap::directory(&remap.value, subuid, subgid)?;
            let root = &config.data_root;
            Some(root.with(format!("{}/{directory}", root.value)))
        });
    } else {
        config.data_root = Sourced::new(named.clone(), "[docker] data_root");
    }
    Configuration {
        unit_fault: unknown.as_ref().and_then(|it| it.fault),
        line_unknown: unknown.map(|it| it.why),
        odd: reading.map(|reading| reading.odd.clone()).unwrap_or_default(),
        unit: raw.unit.clone(),
        running: raw.running.clone(),
        ..config
    }
}

#[cfg(test)]
mod tests;
