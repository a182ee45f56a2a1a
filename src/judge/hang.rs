//! The daemon: answers, hangs on the pool, is stuck after the cure, or is silent for another cause (laws 2 and 12).

mod apart;
mod incurable;
mod other;

pub(super) use incurable::came_out;
pub use other::slow;
use other::{failed, place, refusal, works};

use super::restart::{self, Case, Refusal};
use super::{Memory, Verdict};
use crate::model::{ActiveState, Code, Deed, Finding, Probe, Seen, Settings, Snapshot, StuckTask, Unit, When};
use std::time::Duration;

/// A daemon of a unit that is active at once has this long to start.
const STARTS_WITHIN: Duration = Duration::from_secs(600);

pub(super) fn judge(seen: &Snapshot, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let unit = match &seen.daemon.unit {
        Seen::Known(unit) => unit,
        Seen::Unknown(why) => {
            verdict.findings.push(
                Finding::warn(Code::UnitUnknown, &settings.docker.unit)
                    .says(format!(
                        "systemd does not tell the unit's state: {why}; Docker is not judged, the pool is still grown"
                    ))
                    .at("system bus")
                    .next("systemctl status dbus"),
            );
            return;
        }
    };
    if memory.restarting {
        return;
    }
    verdict.findings.extend(failed(unit));
    if !may_be_judged(unit) || may_be_starting(unit, memory, now) {
        return;
    }
    refusal(seen, unit, settings, memory, now, verdict);
    if matches!(seen.pool, Seen::Known(Some(_))) {
        verdict.findings.extend(restart::not_possible(unit, settings));
    }
    let stuck = memory.stuck_tasks(seen, now);
    let asked_for = seen.daemon.info.silent_for();
    let Some(silence) = asked_for.filter(|waited| *waited >= memory.patience(seen, &stuck, settings, now)) else {
        verdict
            .findings
            .extend(apart::tasks_stuck(&seen.daemon, unit, &stuck, settings));
        after_cure(seen, unit, settings, memory, now, verdict);
        return;
    };
    let cause = apart::cause(&seen.daemon, unit, &stuck);
    // Silence of /info alone is not yet a hang.
    if stuck.is_empty()
        && cause.is_none()
        && let Some(slow) = works(seen, unit, silence)
    {
        verdict
            .findings
            .extend((silence >= settings.watch.silent_after).then_some(slow));
        return;
    }
    let evidence = Evidence {
        driver: &seen.daemon.driver,
        unit,
        place: place(seen, unit),
        silence,
        stuck: &stuck,
        ping: &seen.daemon.ping,
        tasks_unknown: seen.daemon.tasks.why_unknown(),
        cause,
    };
    let without_progress = memory.progress.silence(seen, now);
    let Some(incident) = memory.kept.incident.filter(|incident| !incident.silent_before) else {
        if without_progress < Some(settings.watch.silent_after) {
            return;
        }
        let about_pool = match (&verdict.cannot_grow, memory.kept.incident) {
            (_, Some(_)) => "it was so while the pool was still well".to_owned(),
            (Some(why), None) => format!("the pool is not well, but has not run out while it waits: {why}"),
            (None, None) => "nothing points at the pool".to_owned(),
        };
        verdict.findings.push(evidence.finding(
            Code::DaemonSilent,
            &about_pool,
            evidence.cause.as_ref().map_or_else(
                // Not by a line to copy: the unit's main process may be a shell, which a signal ends.
                || {
                    "no deed without pool evidence; 'thinguard explain daemon-silent' shows how dockerd tells what \
             it waits for"
                        .into()
                },
                |cause| format!("no deed without pool evidence; {}", cause.remedy),
            ),
        ));
        return;
    };
    if silence >= settings.watch.silent_after
        && let Some((about_pool, next)) = incurable::judge(seen, &stuck, &incident, settings, memory, now, verdict)
    {
        verdict
            .findings
            .push(evidence.finding(Code::HangIncurable, &about_pool, next));
        return;
    }
    match (stuck.is_empty() && evidence.tasks_unknown.is_none(), incident.cured) {
        _ if is_broken(seen) => verdict.findings.push(evidence.finding(
            Code::DaemonHungOnPool,
            "the pool ran out while it waits, and is broken now",
            "put the pool right first, as its own finding says; a restart would not help before".into(),
        )),
        (false, _) => verdict.findings.push(evidence.finding(
            Code::DaemonHungOnPool,
            "the pool ran out while it waits",
            "thinguard grows the pool where there is room; do not restart Docker while a task is in D state".into(),
        )),
        (true, None) => verdict.findings.push(evidence.finding(
            Code::DaemonHungOnPool,
            "the pool is exhausted, no task is in D state yet",
            "thinguard grows the pool where there is room".into(),
        )),
        (true, Some(_)) => {
            let case = Case {
                seen,
                unit,
                cured: incident.cured,
                silence: without_progress,
            };
            // Who has stopped it can let it go on, and a restart would end what they are at (law 12).
            let next = match evidence.cause.as_ref().filter(|cause| cause.by_hand) {
                Some(cause) => format!("no restart: another cause stands in its way; {}", cause.remedy),
                None => consider(&case, settings, memory, now, verdict),
            };
            verdict.findings.push(evidence.finding(
                Code::DaemonStuck,
                "the pool has room again and no task is in D state",
                next,
            ));
        }
    }
}

/// The pool has blocks to give, and must be repaired or has failed all the same.
fn is_broken(seen: &Snapshot) -> bool {
    matches!(&seen.pool, Seen::Known(Some(pool)) if !pool.is_well() && !pool.is_exhausted() && !pool.suspended)
}

/// The daemon answers again. Where the operator wants a fresh one after each hang, that is thought of now, behind the same laws.
fn after_cure(
    seen: &Snapshot,
    unit: &Unit,
    settings: &Settings,
    memory: &Memory,
    now: Duration,
    verdict: &mut Verdict,
) {
    let over = memory.kept.cured_hang.filter(|hang| hang.main_pid == unit.main_pid);
    let (Some(hang), When::AfterEveryCure, Probe::Answered { .. }) = (over, settings.restart.when, &seen.daemon.info)
    else {
        return;
    };
    let case = Case {
        seen,
        unit,
        cured: Some(hang.over),
        silence: None,
    };
    let next = consider(&case, settings, memory, now, verdict);
    verdict.findings.push(
        Finding::warn(Code::RestartAfterCure, &unit.name)
            .says(format!(
                "the hang has been over for {} s and /info answers; [restart] when = \"after-every-cure\" asks \
             for a fresh daemon",
                now.saturating_sub(hang.over).as_secs()
            ))
            .at(place(seen, unit))
            .next(next),
    );
}

/// Asks for the restart if it is allowed; says what comes next, and what a restart does, before it is done.
fn consider(case: &Case<'_>, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) -> String {
    let effect = restart::effect(&case.seen.daemon, case.unit);
    match case.permit(settings, memory, now) {
        Ok(()) => {
            if verdict.deed.is_none() {
                verdict.deed = Some(Deed::Restart);
            }
            format!("thinguard restarts it now: stop, see it gone, start, see it answer; {effect}")
        }
        Err(Refusal::BudgetSpent(spent)) => {
            verdict.restarts_spent = Some(spent);
            format!(
                "no restart: {spent} within {} h have not helped for good, and there is no budget for more; look \
             at the host, then 'systemctl restart {}' yourself: {effect}",
                settings.restart.window.as_secs() / 3600,
                case.unit.name
            )
        }
        Err(Refusal::Because(why)) => format!("no restart: {why}. What one would do: {effect}"),
    }
}

/// A unit that starts, stops, has a job waiting, or a host that shuts down, is no one's to judge.
fn may_be_judged(unit: &Unit) -> bool {
    unit.active_state == ActiveState::Active && !unit.job_pending && !unit.host_stopping
}

/// A unit that is active before its daemon has said so may still be restoring containers, or moving its store over.
fn may_be_starting(unit: &Unit, memory: &Memory, now: Duration) -> bool {
    let young = unit
        .inactive_exit
        .is_some_and(|began| now.saturating_sub(began) < STARTS_WITHIN);
    young && !unit.notifies && !memory.progress.has_started(unit.main_pid)
}

/// What speaks for a hang; each finding tells all of it.
struct Evidence<'a> {
    unit: &'a Unit,
    place: String,
    silence: Duration,
    stuck: &'a [StuckTask],
    ping: &'a Probe,
    driver: &'a Probe,
    tasks_unknown: Option<&'a str>,
    cause: Option<apart::Cause>,
}

impl Evidence<'_> {
    fn finding(&self, code: Code, about_pool: &str, remedy: String) -> Finding {
        let ping = match self.ping {
            Probe::Answered { .. } => "/_ping answers",
            Probe::Silent(_) => "/_ping is silent too",
            Probe::Refused(_) => "/_ping is refused",
            Probe::NotAsked => "/_ping was not asked",
        };
        let driver = match self.driver.silent_for() {
            Some(waited) => format!(", the storage driver has been silent for {} s", waited.as_secs()),
            None => String::new(),
        };
        let tasks = match (self.tasks_unknown, self.stuck) {
            (Some(why), _) => format!("its tasks cannot be seen: {why}"),
            (None, []) => "none of its tasks is in D state".into(),
            (None, stuck) => stuck
                .iter()
                .take(3)
                .map(|t| format!("{}[{}] in D for {} s in {}", t.comm, t.tid, t.state_since_s, t.wchan))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let cause = match &self.cause {
            Some(cause) => format!("; {}", cause.words),
            None => String::new(),
        };
        Finding::refuse(code, &self.unit.name)
            .says(format!(
                "/info has been silent for {} s, {ping}{driver}; {tasks}{cause}; {about_pool}",
                self.silence.as_secs()
            ))
            .at(&self.place)
            .next(remedy)
    }
}
