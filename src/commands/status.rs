//! `thinguard status`: how pool, daemon and guard are, for people and for monitoring.

#[cfg(test)]
mod tests;
mod unseen;
mod watching;

use super::look::Once;
use super::watch::state;
use super::{reports, settings, terminal};
use crate::act::restart;
use crate::judge::memory::Persistent;
use crate::judge::rate::Fill;
use crate::judge::{self, Memory};
use crate::kernel::process;
use crate::model::{Deed, Finding, Outcome, Settings, Snapshot, parse_duration};
use crate::report::json::{DaemonReport, GuardReport, LastDeed, StatusReport};
use crate::report::screen;
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time for all looks together, whatever hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long Docker's configuration, once read, is taken to be as it was.
const CONFIG_FRESH: Duration = Duration::from_secs(60);

/// Time for the daemon's answer, which the other looks do not wait for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Args {
    pub json: bool,
    /// `--watch`: again and again, with this pause.
    pub watch: Option<Duration>,
}

/// The pause of `--watch` where nothing else is asked for.
pub const PAUSE: Duration = Duration::from_secs(2);

/// Reads the pause of `--watch`: `5`, `5s`, `1min`. The error says what may be written.
pub fn pause(text: &str) -> Result<Duration, String> {
    let sensible = |pause: &Duration| (1..=86_400).contains(&pause.as_secs());
    let pause = parse_duration(text).ok().filter(sensible);
    pause.ok_or_else(|| format!("--watch takes 1 second or more and a day at the most, not '{text}'"))
}

/// Shows the state and exits with it: 0 healthy, 1 warning, 2 critical, 3 unknown.
///
/// # Errors
/// When nothing could be looked at.
pub fn run(args: &Args) -> Result<ExitCode> {
    // A mistake there must not hide the pool: the guard goes on in spite of it too, with these settings.
    let settings::Parsed { settings, problems, .. } = settings::parse(&settings::files::read_all(Path::new("/")));
    let mut looker = Looker {
        once: Once::new(&settings, "/", DEADLINE)?,
        settings,
        mistakes: problems.iter().map(settings::Problem::and_what_follows).collect(),
        configured: None,
        fill: None,
    };
    if let Some(pause) = args.watch {
        return watching::run(args.json, pause, looker);
    }
    let report = looker.report();
    super::say(&told(&report, args.json)?);
    Ok(ExitCode::from(report.health() as u8))
}

fn told(report: &StatusReport, as_json: bool) -> Result<String> {
    Ok(match as_json {
        true => format!("{}\n", serde_json::to_string(report)?),
        false => screen::status(report, &terminal::of_stdout()),
    })
}

/// Looks at everything, once or more often.
struct Looker {
    once: Once,
    settings: Settings,
    /// What is wrong with them.
    mistakes: Vec<String>,
    /// When Docker's configuration was last asked for.
    configured: Option<Duration>,
    /// How fast pool and host fill, as far as these looks have seen; they are all there is where no guard runs.
    fill: Option<Fill>,
}

impl Looker {
    /// Looks, and says how it is.
    fn report(&mut self) -> StatusReport {
        let Looker { once, settings, .. } = self;
        let begun = process::since_boot();
        once.begin(DEADLINE);
        let is_old = |at: Duration| begun.saturating_sub(at) >= CONFIG_FRESH;
        if self.configured.is_none_or(is_old) {
            once.learn_config(false, None);
            self.configured = Some(begun);
        }
        // The daemon first: what it is asked it may take its time to answer, while the rest is looked at.
        once.look_at_daemon();
        once.look_at_storage();
        once.look_at_lvm();
        let consumers = once.look_at_consumers();
        once.wait_for_daemon(settings.watch.silent_after.min(PATIENCE));
        let seen = past_a_growth(once);
        let guarded = state::is_running();
        let known = self.fill.take().filter(|_| !guarded).unwrap_or_else(state::read_rates);
        // Without a guard too: the child that is at it outlives it, and another guard would finish it.
        let unfinished = restart::unfinished(process::since_boot());
        // Judged with what the guard remembers of an incident and of the fill rates, and with nothing done.
        let mut memory = Memory::recall(state::read(), &process::boot_id(), process::since_boot());
        memory.fill = Fill::recall(known, &process::boot_id());
        memory.restarting = unfinished.is_some();
        memory.unguarded = !guarded;
        let mut findings = judge::judge(&seen, settings, &mut memory, process::since_boot()).findings;
        findings.extend(unfinished.map(|order| restarting(&order, guarded)));
        findings.extend(judge::hang::slow(&seen, &findings, PATIENCE));
        findings.extend(judge::guard::not_running(&seen, guarded));
        findings.extend(
            self.mistakes
                .iter()
                .map(|mistake| judge::guard::settings_invalid(mistake)),
        );
        let stuck = memory.stuck_tasks(&seen, process::since_boot());
        let report = StatusReport {
            pool: seen.pool().map(|pool| {
                let report = reports::with_consumers(reports::pool(pool, &seen, settings), &consumers);
                reports::with_rates(report, pool, &seen, &memory.fill, settings)
            }),
            pool_unknown: seen.pool.why_unknown().map(str::to_owned),
            daemon: DaemonReport::new(&seen.daemon, &settings.docker.unit, stuck, settings.watch.silent_after),
            guard: guard(&memory.kept, settings, guarded),
            findings,
            cannot_see: unseen::cannot_see(&seen, &consumers, process::is_root()),
        };
        self.fill = Some(memory.fill);
        report
    }
}

fn restarting(order: &restart::RestartOrder, guarded: bool) -> Finding {
    judge::guard::restarting(
        (&order.unit, order.main_pid),
        process::since_boot().saturating_sub(order.ordered_at),
        &restart::intent_path(),
        &restart::how_to_call_off(order),
        guarded,
    )
}

/// A growth suspends the pool for a moment, and whoever looks just then looks again.
fn past_a_growth(once: &mut Once) -> Snapshot {
    const LOOKS: usize = 3;
    const PAUSE: Duration = Duration::from_millis(500);
    let mut seen = once.snapshot();
    for _ in 0..LOOKS {
        let suspended = seen.pool().is_some_and(|pool| pool.suspended);
        if !suspended || once.is_late() {
            break;
        }
        std::thread::sleep(PAUSE);
        seen = once.look_at_storage();
    }
    seen
}

fn guard(kept: &Persistent, settings: &Settings, running: bool) -> GuardReport {
    let now = process::since_boot();
    let told = |(deed, outcome, at): &(Deed, Outcome, Duration)| LastDeed {
        deed: deed.to_string(),
        outcome: outcome.clone(),
        seconds_ago: now.saturating_sub(*at).as_secs(),
    };
    GuardReport {
        running,
        last_deed: kept.deeds.last().map(told),
        deeds: kept.deeds.iter().rev().map(told).collect(),
        restarts_left: (!settings.restart.is_off())
            .then(|| settings.restart.budget.saturating_sub(kept.restarts.len() as u32)),
    }
}
