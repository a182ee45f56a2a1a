//! The daemon: answers, hangs on the pool, is stuck after the cure, or is silent for another cause (laws 2 and 12).

mod apart;
mod incurable;
mod other;

pub(super) use incurable::came_out;
pub use other::slow;

use super::memory::Incident;
use super::restart::{self, Restart};
use super::{Case, Verdict};
use crate::model::{Code, Finding, Pool, Probe, Seen, StuckTask, Unit, When};
use std::time::Duration;

/// A daemon of a unit that is active at once has this long to start.
const STARTS_WITHIN: Duration = Duration::from_secs(600);

pub(super) fn judge(case: Case<'_>, verdict: &mut Verdict) {
    let Case {
        seen, settings, memory, ..
    } = case;
    let unit = match &seen.daemon.unit {
        Seen::Known(unit) => unit,
        Seen::Unknown(why) => {
            return verdict.add(
                Finding::warn(Code::UnitUnknown, &settings.docker.unit)
                    .says(format!(
                        "systemd does not tell the unit's state: {why}; Docker is not judged, the pool is still grown"
                    ))
                    .at("system bus")
                    .next("systemctl status dbus"),
            );
        }
    };
    if memory.restarting {
        return;
    }
    verdict.add(other::failed(unit));
    // A unit that starts, stops, has a job waiting, or a host that shuts down, is no one's to judge.
    if !unit.is_steady() || may_be_starting(case, unit) {
        return;
    }
    verdict.add(other::refusal(case, unit));
    if seen.pool().is_some() {
        verdict.add(restart::not_possible(unit, case.settings));
    }
    let stuck = memory.stuck_tasks(seen, case.now);
    match memory.progress.waited(seen, case.now) {
        Some(silence) if silence >= memory.patience(case, &stuck) => {
            let hang = Hang {
                case,
                unit,
                silence,
                cause: apart::cause(&seen.daemon, unit, &stuck),
                stuck,
            };
            // Silence of /info alone is not yet a hang.
            if hang.stuck.is_empty()
                && hang.cause.is_none()
                && let Some(slow) = other::works(seen, unit, silence)
            {
                let told = silence >= case.settings.watch.silent_after;
                return verdict.add(told.then_some(slow));
            }
            match memory.kept.incident.filter(|incident| !incident.silent_before) {
                Some(incident) => hang.on_pool(incident, verdict),
                None => hang.for_another_cause(verdict),
            }
        }
        _ => {
            verdict.add(apart::tasks_stuck(case, unit, &stuck));
            after_cure(case, unit, verdict);
        }
    }
}

/// The daemon answers again. Where the operator wants a fresh one after each hang, that is thought of now, behind the same laws.
fn after_cure(case: Case<'_>, unit: &Unit, verdict: &mut Verdict) {
    let over = case
        .memory
        .kept
        .cured_hang
        .filter(|hang| hang.main_pid == unit.main_pid);
    let (Some(hang), When::AfterEveryCure, Probe::Answered { .. }) =
        (over, case.settings.restart.when, &case.seen.daemon.info)
    else {
        return;
    };
    let restart = Restart {
        case,
        unit,
        cured: Some(hang.over),
        silence: None,
    };
    let next = restart.consider(verdict);
    verdict.add(
        Finding::warn(Code::RestartAfterCure, &unit.name)
            .says(format!(
                "the hang has been over for {} s and /info answers; [restart] when = \"after-every-cure\" asks \
                 for a fresh daemon",
                case.since(hang.over).as_secs()
            ))
            .at(other::place(case.seen, unit))
            .next(next),
    );
}

/// A unit that is active before its daemon has said so may still be restoring containers, or moving its store over.
fn may_be_starting(case: Case<'_>, unit: &Unit) -> bool {
    let young = unit
        .inactive_exit
        .is_some_and(|began| case.since(began) < STARTS_WITHIN);
    young && !unit.notifies && !case.memory.progress.has_started(unit.main_pid)
}

/// A daemon that has been silent for long, and what speaks for its cause; each finding tells all of it.
struct Hang<'a> {
    case: Case<'a>,
    unit: &'a Unit,
    silence: Duration,
    stuck: Vec<StuckTask>,
    cause: Option<apart::Cause>,
}

impl Hang<'_> {
    /// It is silent without pool evidence: no deed follows (law 12).
    fn for_another_cause(&self, verdict: &mut Verdict) {
        let Case {
            seen, settings, memory, ..
        } = self.case;
        if memory.progress.silence(seen, self.case.now) < Some(settings.watch.silent_after) {
            return;
        }
        let about_pool = match (&verdict.cannot_grow, memory.kept.incident) {
            (_, Some(_)) => "it was so while the pool was still well".to_owned(),
            (Some(why), None) => format!("the pool is not well, but has not run out while it waits: {why}"),
            (None, None) => "nothing points at the pool".to_owned(),
        };
        // Not by a line to copy: the unit's main process may be a shell, which a signal ends.
        let next = self.cause.as_ref().map_or(
            "'thinguard explain daemon-silent' shows how dockerd tells what it waits for",
            |cause| &cause.remedy,
        );
        let next = format!("no deed without pool evidence; {next}");
        verdict.add(self.finding(Code::DaemonSilent, &about_pool, next));
    }

    /// The pool ran out while it waits.
    fn on_pool(&self, incident: Incident, verdict: &mut Verdict) {
        if self.silence >= self.case.settings.watch.silent_after
            && let Some((about_pool, next)) = incurable::judge(self.case, &self.stuck, &incident, verdict)
        {
            verdict.add(self.finding(Code::HangIncurable, &about_pool, next));
            return;
        }
        let in_d = !self.stuck.is_empty() || self.case.seen.daemon.tasks.known().is_none();
        let (about_pool, next) = match incident.cured {
            _ if self.case.seen.pool().is_some_and(Pool::is_broken) => (
                "the pool ran out while it waits, and is broken now",
                "put the pool right first, as its own finding says; a restart would not help before",
            ),
            _ if in_d => (
                "the pool ran out while it waits",
                "thinguard grows the pool where there is room; do not restart Docker while a task is in D state",
            ),
            None => (
                "the pool is exhausted, no task is in D state yet",
                "thinguard grows the pool where there is room",
            ),
            Some(_) => return self.after_the_cure(incident, verdict),
        };
        verdict.add(self.finding(Code::DaemonHungOnPool, about_pool, next));
    }

    /// The pool is well again and the daemon is not.
    fn after_the_cure(&self, incident: Incident, verdict: &mut Verdict) {
        let restart = Restart {
            case: self.case,
            unit: self.unit,
            cured: incident.cured,
            silence: self.case.memory.progress.silence(self.case.seen, self.case.now),
        };
        // Who has stopped it can let it go on, and a restart would end what they are at (law 12).
        let next = match self.cause.as_ref().filter(|cause| cause.by_hand) {
            Some(cause) => format!("no restart: another cause stands in its way; {}", cause.remedy),
            None => restart.consider(verdict),
        };
        let about_pool = "the pool has room again and no task is in D state";
        verdict.add(self.finding(Code::DaemonStuck, about_pool, next));
    }

    fn finding(&self, code: Code, about_pool: &str, remedy: impl Into<String>) -> Finding {
        let daemon = &self.case.seen.daemon;
        let ping = match daemon.ping {
            Probe::Answered { .. } => "/_ping answers",
            Probe::Silent(_) => "/_ping is silent too",
            Probe::Refused(_) => "/_ping is refused",
            Probe::NotAsked => "/_ping was not asked",
        };
        let driver = daemon.driver.silent_for().map_or_else(String::new, |waited| {
            format!(", the storage driver has been silent for {} s", waited.as_secs())
        });
        let tasks = match (&daemon.tasks, self.stuck.as_slice()) {
            (Seen::Unknown(why), _) => format!("its tasks cannot be seen: {why}"),
            (Seen::Known(_), []) => "none of its tasks is in D state".into(),
            (Seen::Known(_), stuck) => stuck
                .iter()
                .take(3)
                .map(|t| format!("{}[{}] in D for {} s in {}", t.comm, t.tid, t.state_since_s, t.wchan))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let cause = self
            .cause
            .as_ref()
            .map_or_else(String::new, |cause| format!("; {}", cause.words));
        Finding::refuse(code, &self.unit.name)
            .says(format!(
                "/info has been silent for {} s, {ping}{driver}; {tasks}{cause}; {about_pool}",
                self.silence.as_secs()
            ))
            .at(other::place(self.case.seen, self.unit))
            .next(remedy)
    }
}
