//! Thought: snapshot, settings, memory, now → verdict. No IO, no clock, no log; `now` is time since boot.
//!
//! DESIGN's table "what is judged" is this room: [`storage`] reads the pool and the filesystem below it, [`device`] each of the pool's
//! two devices, whoever makes it larger, [`lvm`] what is LVM's of a pool, [`hang`] the daemon, `kernel_lines` what the kernel's log says of
//! all of it. [`growth`] says how far a device may grow, [`restart`] whether a restart is allowed, [`rate`] how fast all of it fills,
//! [`pace`] how long to rest.

pub mod before;
mod certainty;
pub mod device;
mod dockerd;
pub mod dump;
pub mod growth;
pub mod guard;
pub mod hang;
pub mod history;
mod kernel_lines;
pub mod lvm;
pub mod memory;
pub mod pace;
pub mod preflight;
mod progress;
pub mod rate;
pub mod restart;
pub mod storage;
mod vanished;

pub use memory::Memory;

use crate::model::{Answer, Code, Deed, Finding, Probe, Seen, Settings, Snapshot};
use std::time::Duration;

/// Where a setting that forbids something may come from.
const FORBIDDEN_BY: &str = "in thinguard.toml, or for a mistake there (settings-ignored in the journal)";

/// All that a judgement rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// One look at everything.
    pub seen: &'a Snapshot,
    /// What the operator allows.
    pub settings: &'a Settings,
    /// What earlier looks have shown.
    pub memory: &'a Memory,
    /// Time since boot.
    pub now: Duration,
}

impl Case<'_> {
    /// How long ago something was.
    fn since(&self, at: Duration) -> Duration {
        self.now.saturating_sub(at)
    }
}

/// What is thought of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Everything that is wrong or worth knowing, worst first.
    pub findings: Vec<Finding>,
    /// What is to be done about it: at most one thing at a time.
    pub deed: Option<Deed>,
    /// Why a device that is exhausted, or a pool that is broken, cannot grow; `None` where it can or need not.
    pub cannot_grow: Option<String>,
    /// A restart is due and not made, since this many have used up the budget.
    pub restarts_spent: Option<u32>,
}

impl Verdict {
    /// May Docker start? `late`: not all was looked at in time.
    pub fn answer(&self, late: bool) -> Answer {
        let unjudged = late || self.findings.iter().any(|finding| finding.code.leaves_start_unjudged());
        match self.findings.iter().any(Finding::is_refusal) {
            true => Answer::Refuse,
            false if unjudged => Answer::Unknown,
            false => Answer::Start,
        }
    }

    /// Takes in a finding, if there is one.
    fn add(&mut self, finding: impl Into<Option<Finding>>) {
        self.findings.extend(finding.into());
    }

    /// The finding with this code, if it was made.
    pub fn finding(&self, code: Code) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.code == code)
    }
}

/// Judges one snapshot. Memory is brought up to date first; then the verdict is a function of all four.
pub fn judge(seen: &Snapshot, settings: &Settings, memory: &mut Memory, now: Duration) -> Verdict {
    memory.learn(seen, settings, now);
    let case = Case {
        seen,
        settings,
        memory,
        now,
    };
    let mut verdict = Verdict::default();
    storage::judge(case, &mut verdict);
    hang::judge(case, &mut verdict);
    kernel_lines::judge(seen, now, &mut verdict);
    verdict
        .findings
        .sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
    verdict
}

/// Whether a second look bears out the first one's deed: the same kind of deed on the same device (law 11).
pub fn agrees(first: &Deed, second: Option<&Deed>) -> bool {
    match (first, second) {
        (Deed::Grow { target: one, .. }, Some(Deed::Grow { target: other, .. })) => one == other,
        (Deed::XfsGiveUp { tasks: one }, Some(Deed::XfsGiveUp { tasks: other })) => {
            one.iter().any(|task| other.contains(task))
        }
        (Deed::Resume, Some(Deed::Resume)) | (Deed::Restart, Some(Deed::Restart)) => true,
        _ => false,
    }
}

/// Whether a fresh look shows what the deed was to bring about (law 6); otherwise what it shows instead.
///
/// # Errors
/// The text says what was seen.
pub fn verify(deed: &Deed, seen: &Snapshot) -> Result<String, String> {
    if let (Deed::Restart, info) = (deed, &seen.daemon.info) {
        let shown = format!("Docker {info}");
        return match info {
            Probe::Answered { .. } => Ok(shown),
            _ => Err(shown),
        };
    }
    let pool = match &seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => return Err("the pool is gone".into()),
        Seen::Unknown(why) => return Err(format!("the pool cannot be seen: {why}")),
    };
    match deed {
        Deed::XfsGiveUp { tasks } => hang::came_out(tasks, seen),
        Deed::Resume if pool.suspended => Err("the pool is still suspended".into()),
        Deed::Resume | Deed::Restart => Ok("the pool is live again".into()),
        Deed::Grow { target, from, .. } => {
            let usage = pool.device(*target).usage;
            let state = format!(
                "{} of {} {target} used, pool mode {}{}",
                usage.used(),
                usage.total(),
                pool.mode,
                if pool.suspended { ", suspended" } else { "" }
            );
            match usage.total() > *from && !pool.suspended {
                true => Ok(state),
                false => Err(format!("the kernel did not take the new size: {state}")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
