//! The Docker daemon as systemd, `/proc` and its own socket show it.

use super::{Seen, UnitFault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// systemd's `ActiveState` (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActiveState {
    /// Started, answering as far as systemd knows.
    Active,
    /// `systemctl reload` is under way.
    Reloading,
    /// Stopped.
    Inactive,
    /// Ended badly.
    Failed,
    /// Starting: not to be judged.
    Activating,
    /// Stopping: not to be judged.
    Deactivating,
    /// A word this build does not know.
    Other,
}

/// systemd's own word.
impl fmt::Display for ActiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ActiveState::Active => "active",
            ActiveState::Reloading => "reloading",
            ActiveState::Inactive => "inactive",
            ActiveState::Failed => "failed",
            ActiveState::Activating => "activating",
            ActiveState::Deactivating => "deactivating",
            ActiveState::Other => "in an unknown state",
        })
    }
}

/// What systemd says of Docker's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// `docker.service`
    pub name: String,
    /// The unit's state.
    pub active_state: ActiveState,
    /// Finer state, `running`, `stop-sigterm`, … (differs between systemd versions; for people).
    pub sub_state: String,
    /// Main process, 0 if there is none. May be a shell (RHEL 7.2's units).
    pub main_pid: u32,
    /// A job (start, stop, restart) is queued or running for the unit.
    pub job_pending: bool,
    /// Control group of the unit, `/system.slice/docker.service`; empty when it has none.
    pub control_group: String,
    /// When the unit left the inactive state: systemd's monotonic clock, to which a look adds the time for which the host slept; `None` when
    /// never.
    pub inactive_exit: Option<Duration>,
    /// How long each step of a stop may take; `None` is for ever (`TimeoutStopSec=0` before systemd 229, `infinity` after).
    pub stop_timeout: Option<Duration>,
    /// What keeps systemd from starting the unit once it is stopped: it was masked or its file removed since.
    pub fault: Option<UnitFault>,
    /// `CanStart`: its configuration does not forbid a start (`RefuseManualStart=`).
    pub can_start: bool,
    /// `CanStop`, likewise.
    pub can_stop: bool,
    /// systemd itself is shutting the host down (`SystemState` is `stopping`).
    pub host_stopping: bool,
    /// Whom a stop kills: `control-group`, `mixed`, `process` or `none` (systemd.kill(5)); empty where systemd does not tell.
    pub kill_mode: String,
    /// How the last run or start ended: `success`, `exit-code`, `start-limit-hit`, … (systemd 219: `start-limit`).
    pub result: String,
    /// The unit counts as active only once the daemon has said so (`Type=notify`); else `active` may mean that it is starting.
    pub notifies: bool,
}

impl Unit {
    /// It runs, and neither a job nor the end of the host is about to change that.
    pub fn is_steady(&self) -> bool {
        self.active_state == ActiveState::Active && !self.job_pending && !self.host_stopping
    }

    /// The socket unit beside it, `docker.socket`; it shares the start limit's fate where Docker is started by it.
    pub fn socket(&self) -> String {
        socket_of(&self.name)
    }

    /// It was started too often in too short a time, and systemd starts it no more until `reset-failed` (src/core/service.c,
    /// `service_result_table`; `start-limit` in 219, `start-limit-hit` from 230 on).
    pub fn hit_start_limit(&self) -> bool {
        matches!(self.result.as_str(), "start-limit" | "start-limit-hit")
    }
}

/// The socket unit beside a service of this name.
pub fn socket_of(service: &str) -> String {
    format!("{}.socket", service.strip_suffix(".service").unwrap_or(service))
}

/// State letter of a task in `/proc/PID/task/TID/stat` (proc(5)), as far as we care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// `D`: uninterruptible sleep; no signal reaches it.
    Uninterruptible,
    /// `T` or `t`: stopped by a signal or a tracer.
    Stopped,
    /// `Z` or `X`: ended, not reaped.
    Dead,
    /// Running, sleeping, idle.
    Alive,
}

/// One task (thread) of one of the daemon's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// Name, at most 15 bytes, chosen by the program: hostile text.
    pub comm: String,
    /// State letter.
    pub state: TaskState,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
    /// Kernel function it sleeps in; empty or `0` where the kernel does not tell, and where nobody asked.
    pub wchan: String,
}

impl Task {
    /// Thread and start time: they name a task for good.
    pub fn id(&self) -> (u32, u64) {
        (self.tid, self.start_ticks)
    }

    /// It is in uninterruptible sleep.
    pub fn is_in_d(&self) -> bool {
        self.state == TaskState::Uninterruptible
    }
}

/// A task in D state, and for how long the guard has seen it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckTask {
    /// Process.
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// Its name.
    pub comm: String,
    /// Kernel function it sleeps in.
    pub wchan: String,
    /// Whole seconds since the first look that saw it so, with every look since agreeing.
    pub state_since_s: u64,
}

/// What one endpoint of the daemon's socket did with the newest request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Answered with an HTTP success.
    Answered {
        /// From request to answer.
        took: Duration,
        /// How long ago the request was sent: an answer speaks for no later time.
        asked_ago: Duration,
    },
    /// The request is out and unanswered for this long. No second one is sent meanwhile.
    Silent(Duration),
    /// The daemon answered, but with an error; or the socket refused; the text says what.
    Refused(String),
    /// Not asked: the unit is not active, and connecting could start it.
    #[default]
    NotAsked,
}

/// What the endpoint does, as a sentence's end.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Answered { took, .. } => write!(f, "answers in {} ms", took.as_millis()),
            Probe::Silent(waited) => write!(f, "is silent for {} s", waited.as_secs()),
            Probe::Refused(why) => write!(f, "refuses ({why})"),
            Probe::NotAsked => f.write_str("was not asked"),
        }
    }
}

impl Probe {
    /// How long the endpoint has been silent, if it is.
    pub fn silent_for(&self) -> Option<Duration> {
        match self {
            Probe::Silent(waited) => Some(*waited),
            _ => None,
        }
    }
}

/// What is known of the containers, so that it can be said beforehand what a restart does to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containers {
    /// Docker leaves them running when it stops (`LiveRestoreEnabled` of `/info`, or else the configuration).
    pub live_restore: Option<bool>,
    /// How many were running at the daemon's newest answer.
    pub running: Option<u64>,
}

/// One look at the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// The unit as systemd sees it.
    pub unit: Seen<Unit>,
    /// Tasks of all processes in the unit's control group.
    pub tasks: Seen<Vec<Task>>,
    /// `GET /_ping`: is the HTTP loop alive? It answers while the storage driver is stuck.
    pub ping: Probe,
    /// `GET /info`: the cheapest request that takes the driver's lock.
    pub info: Probe,
    /// Another request that takes that lock, put while `/info` is silent: where it is answered, the driver works.
    pub driver: Probe,
    /// Tasks of containerd's own unit, its shims among them. They are looked at only while `/info` is silent.
    pub containerd: Seen<Vec<Task>>,
    /// What the daemon last said of its containers, while it still answered.
    pub containers: Containers,
}

impl Daemon {
    /// Tasks in D state that a stop would wait for: the unit's, containerd's and the shims', as far as they were seen.
    pub fn in_d(&self) -> impl Iterator<Item = &Task> {
        let seen = [&self.tasks, &self.containerd];
        seen.into_iter()
            .filter_map(Seen::known)
            .flatten()
            .filter(|task| task.is_in_d())
    }
}
