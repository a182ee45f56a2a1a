//! The daemon: look, judge, look again, act, verify, remember, tell, rest.
//!
//! One process, one thread, one `poll` over timers, signals and answers. It makes no call that can enter D state or wait for a
//! peer; those are errands.

mod evidence;
mod hands;
mod looks;
pub mod metrics;
mod reload;
pub mod state;
mod tell;
mod told;
mod wait;

use super::errands::{self, TICK};
use super::settings;
use crate::act::restart;
use crate::judge::rate::Fill;
use crate::judge::{self, Memory, Verdict, pace};
use crate::kernel::errand::Porter;
use crate::kernel::process::since_boot as now;
use crate::kernel::{memory, process};
use crate::model::{Deed, Outcome, Settings, Snapshot};
use crate::observe::Observer;
use crate::report::event::{Event, Kind, Priority};
use crate::systemd::notify::{Notifier, watchdog_interval};
use anyhow::{Context, Result, bail};
use hands::Hands;
use looks::CONFIG_AGAIN;
use nix::sys::signalfd::SignalFd;
use reload::Reload;
use state::{Opened, StateFile};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tell::Teller;

/// Another guard runs: this one has left without having done anything.
const ANOTHER_RUNS: u8 = 4;

/// Everything that the daemon holds.
struct Guard {
    settings: Settings,
    reload: Reload,
    porter: Porter,
    signals: SignalFd,
    observer: Observer,
    memory: Memory,
    hands: Hands,
    teller: Teller,
    evidence: evidence::Keeper,
    state: StateFile,
    metrics: metrics::TextFile,
    notifier: Notifier,
    beat_every: Option<Duration>,
    beaten: Option<Duration>,
    /// As systemd was told it last.
    status: String,
    stopping: bool,
    /// A deed ended or the pool raised an event: there is something to look at now.
    woken: bool,
    /// The pool raised an event, and what it looks like since has not been judged yet.
    pool_event: bool,
    /// The daemon whose configuration was learnt.
    configured_for: Option<u32>,
    configured_at: Option<Duration>,
    config_again: Duration,
}

/// Runs until a signal ends it.
///
/// # Errors
/// When it cannot start, or its helper died; systemd starts it again.
pub fn run() -> Result<ExitCode> {
    let porter = errands::start(true)?;
    let state = match StateFile::open()? {
        Opened::Ours(state) => state,
        Opened::Held(by) => {
            let who = by.map_or_else(|| "an unknown process".to_owned(), |pid| format!("process {pid}"));
            let what = format!("a thinguard watch runs already ({who}); this one leaves, and has done nothing");
            let event = Event::of(Kind::AnotherGuard, Priority::Error, &what);
            super::complain(&format!("{}\n", event.message));
            return Ok(ExitCode::from(ANOTHER_RUNS));
        }
    };
    let mut guard = Guard::new(porter, state)?;
    guard.teller.started(&guard.settings, &guard.memory);
    let mut ready = false;
    let mut pool_first = false;
    while !guard.stopping {
        guard.reload();
        // Events in a row must not keep the daemon out of sight: after each such look comes a whole one.
        let event = std::mem::take(&mut guard.pool_event);
        if event {
            guard.memory.hear_event();
        }
        pool_first = event && !pool_first;
        match pool_first {
            // The event came with a look at the pool, which may run out before a daemon has answered.
            true => guard.woken = true,
            false => guard.look()?,
        }
        guard.needs_its_helper()?;
        let seen = guard.see();
        // One time for all of a round's thought and words.
        let round = now();
        guard.verify(&seen, round);
        let verdict = judge::judge(&seen, &guard.settings, &mut guard.memory, round);
        guard.tell(&seen, &verdict, round);
        guard.act(&verdict)?;
        if !std::mem::replace(&mut ready, true) {
            guard.notifier.ready();
        }
        guard.rest(pace::rest(&seen, &verdict, &guard.memory, &guard.settings))?;
    }
    guard.notifier.stopping();
    guard.teller.stopping(&guard.hands.under_way());
    Ok(ExitCode::SUCCESS)
}

impl Guard {
    fn new(porter: Porter, state: StateFile) -> Result<Guard> {
        let settings::Parsed {
            settings,
            keys,
            problems,
        } = settings::parse(&settings::files::read_all(Path::new("/")));
        let mut memory = Memory::recall(state::read(), &process::boot_id(), now());
        memory.fill = Fill::recall(state::read_rates(), &process::boot_id());
        let signals = process::signals().context("cannot take signals")?;
        // Threads may start from here on: the helper has been forked.
        let mut teller = Teller::new(&settings);
        for problem in problems {
            teller.settings_ignored(&problem.and_what_follows());
        }
        // Not by the unit's NoNewPrivileges=: on EL7 that would keep the service in systemd's own SELinux domain.
        if let Err(error) = process::no_new_privileges() {
            log::warn!("{error}; the guard goes on without");
        }
        if let Err(error) = memory::lock() {
            log::warn!("memory is not locked ({error}); a hung disk may take parts of the program with it");
        }
        let mut observer = Observer::new(settings.clone(), "/");
        observer.listen_to_kernel();
        Ok(Guard {
            observer,
            hands: Hands::default(),
            evidence: evidence::Keeper::default(),
            notifier: Notifier::from_env(),
            beat_every: watchdog_interval(),
            beaten: None,
            status: String::new(),
            stopping: false,
            woken: false,
            pool_event: false,
            configured_for: None,
            configured_at: None,
            reload: Reload::new(keys),
            config_again: CONFIG_AGAIN,
            settings,
            porter,
            signals,
            memory,
            teller,
            state,
            metrics: metrics::TextFile::default(),
        })
    }

    /// Without a helper nothing is looked at and nothing done. It may have been stopped by a signal, or hang.
    fn needs_its_helper(&mut self) -> Result<()> {
        const LONGEST: Duration = Duration::from_secs(20);
        match self.observer.helper_silent_for(&self.porter, now()) {
            Some(silent) if silent >= LONGEST => bail!(
                "the helper process has made no child for {} s; systemd starts the guard again",
                silent.as_secs()
            ),
            _ => Ok(()),
        }
    }

    /// Tells of deeds that have ended, by what the fresh look shows.
    fn verify(&mut self, seen: &Snapshot, now: Duration) {
        for (deed, outcome, took, shown) in self.hands.settle(seen, now, &self.settings) {
            self.memory.ended(&deed, &outcome, now);
            self.teller.ended(&deed, &outcome, took, &shown);
        }
        if self.hands.at_daemon() {
            return;
        }
        // As long as a start is still to come the daemon is not judged: what would be said of it would be wrong.
        let unfinished = restart::unfinished(now);
        self.memory.restarting = unfinished.is_some();
        if let Some(order) = unfinished
            && self.hands.finish_restart(&self.porter, now)
        {
            log::warn!("completing the restart of {} that was left unfinished", order.unit);
        }
    }

    /// Looks again, and does what both looks ask for.
    fn act(&mut self, verdict: &Verdict) -> Result<()> {
        self.observer.deed_due = verdict.deed.is_some();
        let Some(first) = &verdict.deed else { return Ok(()) };
        match first {
            Deed::Grow { .. } => self.look_at_pool()?,
            Deed::Resume | Deed::XfsGiveUp { .. } => self.look()?,
            Deed::Restart => self.look_whether_silent()?,
        }
        // A look that a signal cut short bears nothing out.
        if self.stopping {
            return Ok(());
        }
        let seen = self.take_in();
        let again = judge::judge(&seen, &self.settings, &mut self.memory, now());
        let Some(deed) = again.deed.as_ref().filter(|second| judge::agrees(first, Some(second))) else {
            log::debug!("'{first}' was not done: a second look did not bear it out");
            return Ok(());
        };
        self.await_stacks()?;
        self.keep_evidence(&format!("before '{deed}'"));
        self.teller.begins(deed, &again);
        let now = now();
        match self.hands.begin(&self.porter, deed, &seen, now) {
            Ok(()) => self.memory.began(deed, now),
            Err(why) => {
                self.teller.refused(deed, &why);
                self.memory.ended(deed, &Outcome::NotBegun(why), now);
                return Ok(());
            }
        }
        // The state is written before the deed can have an effect worth forgetting.
        self.remember(now);
        match deed {
            Deed::Grow { .. } | Deed::Resume | Deed::XfsGiveUp { .. } => self.await_deed(),
            Deed::Restart => Ok(()),
        }
    }

    /// Asks the daemon once more before it is stopped, and goes on looking until it has answered or been silent to that question too.
    fn look_whether_silent(&mut self) -> Result<()> {
        self.observer.ask_info_anew(&self.porter, now());
        let patience = self.settings.watch.silent_after;
        while self.observer.awaits_info_anew(patience, now()) && !self.stopping {
            self.look()?;
            let seen = self.take_in();
            judge::judge(&seen, &self.settings, &mut self.memory, now());
            self.pump(Duration::from_secs(1))?;
        }
        self.look()
    }

    /// Growth takes a fraction of a second; to wait for it here spares a round.
    fn await_deed(&mut self) -> Result<()> {
        let limit = now() + Duration::from_secs(1);
        while self.hands.at_pool() && now() < limit && !self.stopping {
            self.pump(TICK)?;
        }
        self.keep_late_stacks();
        self.woken = true;
        Ok(())
    }

    fn tell(&mut self, seen: &Snapshot, verdict: &Verdict, now: Duration) {
        self.keep_evidence_of_hang(verdict);
        self.ask_for_goroutines(seen, verdict, now);
        self.metrics.collect(now, self.settings.watch.look_deadline);
        let mut told = verdict.clone();
        told.findings.extend(self.metrics.finding());
        self.teller.tell(&told, &self.observer.stuck(now), now);
        self.keep_late_stacks();
        self.write_metrics(seen, verdict, now);
        let status = tell::status_line(seen, &self.memory.fill, &self.settings);
        if status != self.status {
            self.notifier.status(&status);
            self.status = status;
        }
        self.beat(now);
        self.remember(now);
    }

    /// A heartbeat, unless one was just sent: each wakes a thread of ours and systemd.
    fn beat(&mut self, now: Duration) {
        const CLOSEST: Duration = Duration::from_secs(1);
        if self.beaten.is_none_or(|at| now.saturating_sub(at) >= CLOSEST) {
            self.beaten = Some(now);
            self.notifier.watchdog();
        }
    }

    fn remember(&mut self, now: Duration) {
        self.state.keep(&self.memory.kept);
        self.state.keep_rates(&self.memory.fill, now);
    }
}
