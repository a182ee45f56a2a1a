//! Keeping evidence: a bundle before each deed and when a hang is found, and stacks that came too late for it.

use super::told::without_figures;
use super::{Guard, now};
use crate::act::Order;
use crate::act::dump::DumpOrder;
use crate::docker::names::DEFAULT_EXEC_ROOT;
use crate::judge::{Verdict, dump, growth};
use crate::kernel::errand::{Kind, Request, Slot, decode};
use crate::model::{Bytes, Seen, Snapshot};
use crate::report::event::Event;
use crate::report::evidence::{Bundle, lines};
use anyhow::Result;
use std::time::Duration;

/// Time that a deed waits for stacks.
const STACKS_COME: Duration = Duration::from_millis(200);

/// A bundle that shows the same as the one before is kept again after this time: it may be another incident's.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// What is still to come.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// The newest bundle went without stacks.
    awaits_stacks: bool,
    /// What it showed, but for figures, and when.
    shown: Option<(Vec<String>, Duration)>,
    /// dockerd has been asked for its goroutines, and what has come of it is not known yet.
    pub dump: Slot,
    /// It has been asked in this silence.
    asked: bool,
}

impl Guard {
    /// Writes a bundle of what is known now. A deed may follow.
    pub(super) fn keep_evidence(&mut self, occasion: &str) {
        self.observer.hear_kernel(now());
        let seen = self.observer.snapshot(now());
        self.evidence.awaits_stacks = self.observer.awaits_stacks(now());
        self.tell_evidence(occasion, &seen);
    }

    /// Gives stacks that are being read a moment to come: the deed that waits ends what they would show.
    pub(super) fn await_stacks(&mut self) -> Result<()> {
        let limit = now() + STACKS_COME;
        while self.observer.awaits_stacks(now()) && now() < limit && !self.stopping {
            self.observer.look_at_witnesses(&self.porter, now());
            self.pump(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn tell_evidence(&mut self, occasion: &str, seen: &Snapshot) {
        let reserve = seen
            .host
            .known()
            .map_or(Bytes(0), |host| growth::reserve(host, &self.settings.host));
        let (words, others) = lines(&Bundle {
            occasion,
            seen,
            history: self.memory.history.moments(),
            reserve,
            stuck_for: &self.memory.stuck_for(now()),
            now: now(),
        });
        // What is shown again soon, with other ages alone, is no news.
        let shown: Vec<_> = others.iter().map(|line| without_figures(line)).collect();
        let again =
            matches!(&self.evidence.shown, Some((before, at)) if *before == shown && now().saturating_sub(*at) < AGAIN);
        if !again {
            self.teller.tell_event(&Event::evidence(occasion, &words, &others));
            self.evidence.shown = Some((shown, now()));
        }
    }

    /// A hang that is told for the first time is told with its evidence; where a deed is due, that brings the evidence.
    pub(super) fn keep_evidence_of_hang(&mut self, verdict: &Verdict) {
        if verdict.deed.is_some() {
            return;
        }
        let hang = verdict
            .findings
            .iter()
            .find(|finding| finding.code.is_hang() && !self.teller.told.has(finding));
        if let Some(finding) = hang {
            self.keep_evidence(finding.code.as_str());
        }
    }

    /// Has a silent daemon write down what it waits for, once in a silence and where that is safe. Waits for nothing.
    pub(super) fn ask_for_goroutines(&mut self, seen: &Snapshot, verdict: &Verdict, now: Duration) {
        if seen.daemon.info.silent_for().is_none() {
            self.evidence.asked = false;
        }
        let config = self.observer.config();
        let version = config.and_then(|config| config.build.version);
        let wanted = dump::wanted(seen, &self.settings, &self.memory, verdict, version, now);
        let directory = config.map_or(Some(DEFAULT_EXEC_ROOT), |config| config.dump_directory());
        let (Some(task), Some(unit), Some(directory), false) =
            (wanted, seen.daemon.unit.known(), directory, self.evidence.asked)
        else {
            return;
        };
        let order = Order::Dump(DumpOrder {
            pid: task.pid,
            start_ticks: task.start_ticks,
            comm: task.comm.clone(),
            control_group: unit.control_group.clone(),
            directory: directory.to_owned(),
        });
        self.evidence.asked = true;
        // While one is stuck no second one goes out beside it.
        let _ = self
            .evidence
            .dump
            .send(&self.porter, &Request::new(Kind::Deed, &order), now);
    }

    /// Tells what came of it.
    pub(super) fn collect_goroutines(&mut self) {
        let Some((said, _)) = self.evidence.dump.collect() else {
            return;
        };
        let line = match said.and_then(|answer| decode::<String>(&answer)) {
            Ok(file) => format!("dockerd has written its goroutines to {file}"),
            Err(why) => format!("dockerd has not written its goroutines: {why}"),
        };
        self.teller
            .tell_event(&Event::evidence("goroutines of dockerd", &line, &[]));
    }

    /// Stacks that were still being read when the last bundle was written.
    pub(super) fn keep_late_stacks(&mut self) {
        let came = matches!(self.observer.stacks(now()), Seen::Known(stacks) if !stacks.is_empty());
        if came && std::mem::take(&mut self.evidence.awaits_stacks) {
            let seen = self.observer.snapshot(now());
            self.tell_evidence("stacks that came later", &seen);
        }
    }
}
