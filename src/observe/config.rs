//! Docker's configuration as the next start will see it: unit, environment and daemon.json, read in a child, merged here.

use super::build;
use crate::docker::build::Build;
use crate::docker::{config, daemon_json, flags, names, options};
use crate::model::{Finding, Settings, Severity};
use crate::systemd::bus::{ExecStart, Manager};
use crate::systemd::{environment_file, exec_line, words};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The texts that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// The unit's line, or why systemd did not tell.
    pub exec: Result<ExecStart, String>,
    /// The environment that the daemon will have, as far as its configuration is concerned.
    pub environment: BTreeMap<String, String>,
    /// What was wrong with environment files.
    pub warnings: Vec<String>,
    /// daemon.json: its path, and its text unless there is no such file.
    pub file: (String, Option<String>),
    /// A file that `--config-file` names, or that is there, and that dockerd cannot read either; the text says why.
    pub file_unreadable: Option<String>,
    /// The daemon's main process, where its unit is active; else 0.
    pub main_pid: u32,
    /// Which Docker is installed.
    pub build: Build,
}

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
/// unit's assignments and files are read as systemd reads them. `exec_line` stands for the unit's own `ExecStart=`.
pub fn look(root: &Path, unit: &str, inside_unit: bool, exec_line: Option<&str>) -> Result<Raw> {
    let live = root == Path::new("/");
    let mut manager = match live {
        true => Manager::connect().map_err(|error| format!("{error:#}")),
        false => Err(format!(
            "systemd is not asked about another root ({}); give --exec-line",
            root.display()
        )),
    };
    let mut exec = match &mut manager {
        Ok(manager) => manager.exec_start(unit).map_err(|error| format!("{error:#}")),
        Err(why) => Err(why.clone()),
    };
    let main_pid = match &mut manager {
        Ok(manager) => manager.unit(unit).map_or(0, |unit| unit.main_pid),
        Err(_) => 0,
    };
    if let Some(line) = exec_line {
        exec = Ok(ExecStart {
            argv: words::split(line, 225).unwrap_or_default(),
            ..exec.unwrap_or_default()
        });
    }
    let mut warnings = Vec::new();
    let environment = match (&exec, inside_unit) {
        (_, true) => std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        (Ok(exec), false) => environment(root, exec, &mut warnings),
        (Err(_), false) => BTreeMap::new(),
    };
    let named = command_line(&exec, &environment, unit)
        .ok()
        .and_then(|flags| flags.config_file);
    let path = named
        .as_ref()
        .map_or(names::DEFAULT_CONFIG_FILE, |named| &named.value)
        .to_owned();
    let mut file_unreadable = None;
    let text = match fs::read(below(root, &path)) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        // Only the usual file may be missing (moby v20.10.27 `cmd/dockerd/daemon.go`, `loadDaemonCliConfig`).
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => None,
        Err(error) => {
            file_unreadable = Some(error.to_string());
            None
        }
    };
    // A program that somebody only asks about is not run.
    let may_run = live && exec_line.is_none();
    let build = build::look(root, daemon(&exec, &environment).as_deref(), may_run);
    Ok(Raw {
        exec,
        environment,
        warnings,
        file: (path, text),
        file_unreadable,
        main_pid,
        build,
    })
}

/// `path` inside the tree at `root`.
pub fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// `Environment=`, then each `EnvironmentFile=`; the later assignment wins (systemd.exec(5)).
fn environment(root: &Path, exec: &ExecStart, warnings: &mut Vec<String>) -> BTreeMap<String, String> {
    let assignments = exec.environment.iter().filter_map(|line| line.split_once('='));
    let mut environment: BTreeMap<_, _> = assignments
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (path, may_be_missing) in &exec.environment_files {
        match fs::read(below(root, path)) {
            Ok(bytes) => {
                let file = environment_file::parse(&bytes, 219);
                warnings.extend(
                    file.warnings
                        .iter()
                        .map(|warning| format!("{path}:{}: {}", warning.line, warning.why)),
                );
                environment.extend(file.assignments.into_iter().map(|it| (it.key, it.value)));
            }
            Err(error) if *may_be_missing && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warnings.push(format!("{path} cannot be read: {error}")),
        }
    }
    environment
}

/// The daemon's flags, from the unit's line and the environment.
///
/// # Errors
/// Why the line is not understood: then nothing is known of the flags, which is not to say that there are none.
fn command_line(
    exec: &Result<ExecStart, String>,
    environment: &BTreeMap<String, String>,
    unit: &str,
) -> Result<flags::Flags, String> {
    let exec = exec.as_ref().map_err(Clone::clone)?;
    let command = exec_line::command(&exec.argv, environment, 219)?;
    flags::parse(&command.argv(), &format!("{unit}'s ExecStart")).ok_or_else(|| {
        format!(
            "{unit}'s ExecStart starts no Docker daemon that thinguard knows: {}",
            exec.argv.join(" ")
        )
    })
}

/// The program that the unit starts, if it is a daemon that we know.
fn daemon(exec: &Result<ExecStart, String>, environment: &BTreeMap<String, String>) -> Option<String> {
    let argv = &exec.as_ref().ok()?.argv;
    let argv = exec_line::command(argv, environment, 219).ok()?.argv();
    flags::is_daemon(&argv).then(|| argv.into_iter().next()).flatten()
}

/// Makes sense of the texts.
pub fn parse(raw: &Raw, settings: &Settings) -> Learnt {
    let (path, text) = &raw.file;
    let build = &raw.build;
    let mut file = text
        .as_deref()
        .map_or_else(Default::default, |text| daemon_json::parse(text, path, build));
    if let Some(why) = &raw.file_unreadable {
        file.unreadable = Some(format!("{path}: {why}"));
        file.findings.push(Finding {
            code: "daemon-json-unreadable",
            severity: Severity::Refuse,
            subject: path.clone(),
            message: format!(
                "dockerd would refuse to start: unable to configure the Docker daemon with file {path}: {why}"
            ),
            place: path.clone(),
            remedy: format!("put the file there as a plain file, or correct --config-file ({path})"),
        });
    }
    let (flags, unit_unknown) = match command_line(&raw.exec, &raw.environment, &settings.docker.unit) {
        Ok(flags) => (flags, None),
        Err(why) => (flags::Flags::default(), Some(why)),
    };
    let effective = config::Effective::merge(&flags, &file, &raw.environment, build);
    let options = options::parse(&effective.storage_opts, build);
    let data_root = match settings.docker.data_root.as_str() {
        "" => effective.data_root.value.clone(),
        named => named.to_owned(),
    };
    let mut findings = effective.findings.clone();
    findings.extend(raw.warnings.iter().map(|warning| Finding {
        code: "environment-file-odd",
        severity: Severity::Warn,
        subject: settings.docker.unit.clone(),
        message: warning.clone(),
        place: warning.split(": ").next().unwrap_or_default().to_owned(),
        remedy: "correct the line; systemd reads it in the same way".into(),
    }));
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
