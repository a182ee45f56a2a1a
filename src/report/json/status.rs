//! The answer of `status`: pool, daemon, guard, findings, and what could not be seen.

use super::PoolReport;
use crate::docker::names;
use crate::model::{ActiveState, Daemon, Finding, Outcome, Probe, Severity, StuckTask};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Answer of `thinguard status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusReport {
    /// The pool; `None` when there is none or it could not be seen.
    pub pool: Option<PoolReport>,
    /// Why the pool could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_unknown: Option<String>,
    /// The daemon.
    pub daemon: DaemonReport,
    /// The guard.
    pub guard: GuardReport,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What could not be seen, and why.
    #[serde(default)]
    pub cannot_see: Vec<CannotSee>,
}

/// Something that the answer would tell and that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannotSee {
    /// Which look it was.
    pub what: Part,
    /// Why not.
    pub why: String,
    /// Root would see it.
    pub needs_root: bool,
}

macro_rules! parts {
    ($($name:ident = $text:literal,)*) => {
        /// A part of the answer, by the words that people and JSON get for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Part {
            $(#[doc = $text] #[serde(rename = $text)] $name,)*
        }

        impl fmt::Display for Part {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Part::$name => $text,)*
                })
            }
        }
    };
}

parts! {
    Pool = "pool",
    Room = "room below the pool",
    VolumeGroup = "the volume group",
    Consumers = "who fills the pool",
    ContainerNames = "names of containers",
    Unit = "Docker's unit",
    Answers = "whether Docker answers",
    Tasks = "Docker's tasks",
    KernelLog = "the kernel's log",
}

/// The state that `status` exits with, after the monitoring plugins' convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// Exit 0.
    Healthy = 0,
    /// Exit 1.
    Warning = 1,
    /// Exit 2.
    Critical = 2,
    /// Exit 3.
    Unknown = 3,
}

impl StatusReport {
    /// The worst of what is known; `Unknown` when the pool could not be seen and nothing critical is known.
    pub fn health(&self) -> Health {
        match self.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Refuse) => Health::Critical,
            _ if self.pool_unknown.is_some() => Health::Unknown,
            Some(Severity::Warn) => Health::Warning,
            _ => Health::Healthy,
        }
    }
}

/// Does the daemon answer what takes its storage driver's lock?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// It does.
    Yes,
    /// Refused, or silent for longer than the settings allow.
    No,
    /// Not asked, or not waited for long enough yet.
    Unknown,
}

/// The Docker daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonReport {
    /// Its unit.
    pub unit: String,
    /// The unit's state, where systemd told it.
    pub active_state: Option<ActiveState>,
    /// dockerd, or else the unit's main process; `None` when there is none or systemd did not tell.
    pub main_pid: Option<u32>,
    /// Whether it answers.
    pub answers: Answers,
    /// Seconds that a request has been out unanswered; `None` where none is out.
    #[serde(default)]
    pub silent_for_s: Option<u64>,
    /// Its tasks in D state.
    pub stuck_tasks: Vec<StuckTask>,
}

impl DaemonReport {
    /// What one look saw; `unit` is the configured name, for when systemd did not answer.
    pub fn new(daemon: &Daemon, unit: &str, stuck_tasks: Vec<StuckTask>, silent_after: Duration) -> Self {
        let seen = daemon.unit.known();
        let tasks = daemon.tasks.known().map(Vec::as_slice).unwrap_or_default();
        let answers = match &daemon.info {
            Probe::Answered { .. } => Answers::Yes,
            // Not its refusal but the kernel's: who asks may not use the socket.
            Probe::Refused(why) if is_forbidden(why) => Answers::Unknown,
            Probe::Refused(_) => Answers::No,
            Probe::Silent(waited) if *waited >= silent_after => Answers::No,
            Probe::Silent(_) | Probe::NotAsked => Answers::Unknown,
        };
        DaemonReport {
            unit: seen.map_or(unit, |unit| &unit.name).to_owned(),
            active_state: seen.map(|unit| unit.active_state),
            main_pid: seen
                .map(|unit| names::daemon_of(tasks, unit.main_pid))
                .filter(|&pid| pid != 0),
            answers,
            silent_for_s: daemon.info.silent_for().map(|waited| waited.as_secs()),
            stuck_tasks,
        }
    }
}

/// The guard itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// `thinguard watch` runs.
    pub running: bool,
    /// What it did last.
    pub last_deed: Option<LastDeed>,
    /// What it did of late, newest first, that deed included.
    #[serde(default)]
    pub deeds: Vec<LastDeed>,
    /// Restarts of Docker that its budget still allows.
    pub restarts_left: Option<u32>,
}

/// A deed of the guard and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDeed {
    /// In words: `grow the data device from 1.17 GiB to 2.17 GiB`.
    pub deed: String,
    /// What a fresh look showed.
    pub outcome: Outcome,
    /// Seconds since.
    pub seconds_ago: u64,
}

/// Whether these are the kernel's words for a lack of rights (EACCES, EPERM).
pub fn is_forbidden(why: &str) -> bool {
    why.contains("(os error 13)") || why.contains("(os error 1)") || why.contains("EACCES") || why.contains("EPERM")
}
