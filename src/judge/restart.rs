//! Whether a restart of Docker is allowed: the last resort, behind every law that speaks of it (1, 2, 3, 11). And what it would
//! do to the containers, which is said before it is done.

use super::{Case, FORBIDDEN_BY, Verdict};
use crate::model::{Allow, Bytes, Code, Daemon, Deed, Finding, Pool, Seen, Settings, Unit, UnitFault, When};
use std::time::Duration;

/// What dockerd writes when it starts (its databases, a pidfile, containers' files) is far less.
const FOR_A_START: Bytes = Bytes::mib(16);

/// A restart that is thought of.
pub(super) struct Restart<'a> {
    pub case: Case<'a>,
    pub unit: &'a Unit,
    /// Since when the pool has been well.
    pub cured: Option<Duration>,
    /// How long the daemon has been silent; `None` where it answers, and is to be restarted all the same.
    pub silence: Option<Duration>,
}

impl Restart<'_> {
    /// Asks for the restart if it is allowed; says what comes next, and what a restart does, before it is done.
    pub fn consider(&self, verdict: &mut Verdict) -> String {
        let settings = &self.case.settings.restart;
        let effect = effect(&self.case.seen.daemon, self.unit);
        let restarts = &self.case.memory.kept.restarts;
        let spent = restarts.len() as u32;
        let against = self.allowed().and_then(|()| self.calm());
        if let Err(why) = against {
            return format!("no restart: {why}. What one would do: {effect}");
        }
        // That the budget is spent is told only where nothing else but the pause stands against it.
        if spent >= settings.budget {
            verdict.restarts_spent = Some(spent);
            return format!(
                "no restart: {spent} within {} h have not helped for good, and there is no budget for more; look \
                 at the host, then 'systemctl restart {}' yourself: {effect}",
                settings.window.as_secs() / 3600,
                self.unit.name
            );
        }
        let pause = settings.cool_down.saturating_mul(1 << spent.saturating_sub(1).min(16));
        if let Some(seconds_left) = left(restarts.last().map(|last| self.case.since(*last)), pause) {
            return format!(
                "no restart: cooling down after the last one; {seconds_left} s to go. What one would do: {effect}"
            );
        }
        verdict.deed.get_or_insert(Deed::Restart);
        format!("thinguard restarts it now: stop, see it gone, start, see it answer; {effect}")
    }

    /// What the operator allows, and what systemd can be trusted to end.
    fn allowed(&self) -> Result<(), String> {
        let rules = &self.case.settings.restart;
        if rules.when == When::Never {
            return Err("[restart] when = \"never\" in thinguard.toml".into());
        }
        match rules.allow {
            Allow::Never => return Err(format!("[restart] allow = \"never\" {FORBIDDEN_BY}")),
            Allow::ContainersSurvive => survival(&self.case.seen.daemon, self.unit)
                .map_err(|why| format!("[restart] allow = \"containers-survive\" in thinguard.toml, and {why}"))?,
            Allow::Always => {}
        }
        if let Some((why, _)) = forbidden(self.unit) {
            return Err(why);
        }
        self.could_write()
    }

    /// A daemon that cannot open or write its files does not start again. What preflight would say is asked right before the stop.
    fn could_write(&self) -> Result<(), String> {
        let deleted = |pool: &Pool| pool.is_on_files() && !pool.is_loop();
        if !self.case.seen.names_gone.is_empty() || self.case.seen.pool().is_some_and(deleted) {
            return Err("a file of the pool was deleted or moved: dockerd could not start again".into());
        }
        match &self.case.seen.host {
            Seen::Unknown(why) => Err(format!("it is not known whether dockerd could write its files: {why}")),
            Seen::Known(host) if host.read_only => {
                Err(format!("{} is read-only: dockerd could not start again", host.path))
            }
            Seen::Known(host) if host.free_bytes < FOR_A_START => Err(format!(
                "{} has {} free, and dockerd needs some {FOR_A_START} to start again",
                host.path, host.free_bytes
            )),
            Seen::Known(_) => Ok(()),
        }
    }

    /// The pool is well, nothing is in D state, and both have been so for long enough.
    fn calm(&self) -> Result<(), String> {
        let (memory, settings) = (self.case.memory, self.case.settings);
        let pool = self.case.seen.pool().ok_or("the pool cannot be seen")?;
        if !pool.is_well() {
            return Err("the pool is not well".into());
        }
        let cured = self.cured.map(|at| self.case.since(at));
        if let Some(seconds_left) = left(cured, settings.watch.settle) {
            return Err(format!("the pool is well for too short a time; {seconds_left} s to go"));
        }
        let alive = memory.last_uninterruptible.map(|at| self.case.since(at));
        if let Some(seconds_left) = left(alive, settings.watch.settle) {
            return Err(format!("a task was in D state a moment ago; {seconds_left} s to go"));
        }
        if let (Some(why), Some(_)) = (self.case.seen.daemon.containerd.why_unknown(), self.silence) {
            return Err(format!(
                "it is not known whether containerd or a shim is in D state: {why}"
            ));
        }
        let held = self.case.seen.daemon.driver.silent_for() >= Some(settings.watch.silent_after);
        if self.silence.is_some() && !held {
            return Err(format!(
                "nothing shows that the storage driver hangs: a request to it {}",
                self.case.seen.daemon.driver
            ));
        }
        // Silence counts from the cure on, and from the end of the D state: what was silent before them had a reason to be.
        let quiet = self
            .silence
            .map(|silence| [cured, alive].into_iter().flatten().fold(silence, Duration::min));
        if let Some(seconds_left) = left(quiet, settings.restart.after_silence) {
            return Err(format!("it may still come back by itself; {seconds_left} s to go"));
        }
        let pause = memory.restart_tries.pause(self.case.now);
        if pause > Duration::ZERO {
            return Err(format!("the last try was not begun; {} s to go", pause.as_secs()));
        }
        match memory.growing {
            true => Err("a growth is under way".into()),
            false => Ok(()),
        }
    }
}

/// Why this unit is never restarted, whatever happens, and what changes that: what cannot start again is not stopped (law 2), and no stop
/// is begun that may never end.
pub fn forbidden(unit: &Unit) -> Option<(String, String)> {
    let name = &unit.name;
    let unmask = format!("systemctl unmask {name}, or systemctl unmask --runtime {name}");
    Some(match unit.fault {
        Some(UnitFault::Masked) => (format!("{name} is masked, and could not be started again"), unmask),
        Some(UnitFault::Missing) => (
            format!("systemd no longer has {name}, and could not start it again"),
            format!("put its file back, then systemctl daemon-reload; systemctl cat {name}"),
        ),
        Some(UnitFault::Refused) => (
            format!("systemd refuses the files of {name}, and could not start it again"),
            format!("systemctl status {name} names the line"),
        ),
        None if !unit.can_start || !unit.can_stop => (
            format!("RefuseManualStart= or RefuseManualStop= of {name} forbids it"),
            format!("systemctl edit {name}, and set both to no"),
        ),
        None if unit.stop_timeout.is_none() => (
            format!("{name} may take for ever to stop (TimeoutStopSec is infinite)"),
            format!("systemctl edit {name}, and set TimeoutStopSec=100 in [Service]"),
        ),
        None => return None,
    })
}

/// The settings allow a restart, and the unit does not: to be known while all is well.
pub(super) fn not_possible(unit: &Unit, settings: &Settings) -> Option<Finding> {
    let (why, remedy) = forbidden(unit).filter(|_| !settings.restart.is_off())?;
    Some(
        Finding::note(Code::RestartNotPossible, &unit.name)
            .says(format!("thinguard would never restart it, stuck or not: {why}"))
            .at(&unit.name)
            .next(remedy),
    )
}

/// What a restart would do, for people, before it is done.
fn effect(daemon: &Daemon, unit: &Unit) -> String {
    let containers = match (survival(daemon, unit), daemon.containers.running) {
        (_, Some(0)) => "no container was running".into(),
        (Ok(()), Some(1)) => "the 1 container keeps running (live-restore)".into(),
        (Ok(()), Some(count)) => format!("the {count} containers keep running (live-restore)"),
        (Ok(()), None) => "containers keep running (live-restore)".into(),
        (Err(why), Some(1)) => format!("it stops 1 container, for {why}"),
        (Err(why), Some(count)) => format!("it stops {count} containers, for {why}"),
        (Err(why), None) => format!("it stops all containers, how many is not known, for {why}"),
    };
    match unit.stop_timeout {
        Some(step) => format!(
            "{containers}; each step of the stop may take {} s (TimeoutStopSec)",
            step.as_secs()
        ),
        None => containers,
    }
}

/// Whether containers outlive a stop of the daemon: what is not known counts against it.
///
/// # Errors
/// Why they do not, for people.
fn survival(daemon: &Daemon, unit: &Unit) -> Result<(), String> {
    match daemon.containers.live_restore {
        Some(true) => {}
        Some(false) => return Err("live-restore is off".into()),
        None => return Err("it is not known whether live-restore is on".into()),
    }
    // Docker before 18.09 keeps containerd and the containers' shims in its own control group.
    let tasks = daemon.tasks.known().ok_or("its processes cannot be seen")?;
    let shims = tasks.iter().any(|task| is_shim(&task.comm));
    match shims && !matches!(unit.kill_mode.as_str(), "process" | "none") {
        true => Err(format!(
            "live-restore is on but KillMode={} of {} kills the containers' shims",
            unit.kill_mode, unit.name
        )),
        false => Ok(()),
    }
}

/// `containerd-shim…` and `docker-containerd…`, as the kernel cuts names off (15 bytes).
fn is_shim(comm: &str) -> bool {
    comm.starts_with("containerd-shim") || comm.starts_with("docker-containe")
}

/// Whole seconds, rounded up, until `passed` reaches `needed`; `None` when it has, or when there is nothing to wait for.
fn left(passed: Option<Duration>, needed: Duration) -> Option<u64> {
    let left = needed.saturating_sub(passed?);
    (left > Duration::ZERO).then(|| left.as_secs_f64().ceil() as u64)
}
