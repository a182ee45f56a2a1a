//! What the judge remembers between looks: who is stuck since when, the incident under way, what was done and how it went.
//!
//! Plain data, owned by the caller. What must survive the guard's own restart is [`Persistent`]; the caller keeps it in `/run`.

mod deeds;
mod incident;
mod kept;

pub use deeds::Tries;
pub(super) use incident::NOBODY_AT_IT;
pub use kept::{CuredHang, Incident, Persistent};

use super::history::History;
use super::progress::{LONG_WAIT, Progress};
use super::rate::{self, Fill};
use crate::model::{Lvm, Pool, Probe, Seen, Settings, Snapshot, StuckTask, Task};
use std::collections::BTreeMap;
use std::time::Duration;

/// Tasks in D state, with the first look of the unbroken row that saw them so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct StuckSince(BTreeMap<(u32, u64), Duration>);

impl StuckSince {
    /// Takes in a look. Whether a task has come out of a long wait.
    fn learn<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>, now: Duration) -> bool {
        let stuck: Vec<_> = tasks.filter(|task| task.is_in_d()).map(Task::id).collect();
        let before = self.0.len();
        self.0
            .retain(|task, since| stuck.contains(task) || now.saturating_sub(*since) < LONG_WAIT);
        let came_out = self.0.len() < before;
        self.0.retain(|task, _| stuck.contains(task));
        for task in stuck {
            self.0.entry(task).or_insert(now);
        }
        came_out
    }
}

/// The judge's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// What must survive.
    pub kept: Persistent,
    /// How fast pool and host have been filling. The caller keeps it too, apart from the rest: it changes all the time.
    pub fill: Fill,
    /// The daemon's tasks.
    stuck_since: StuckSince,
    /// The newest look that saw any task of the daemon in D, or could not tell.
    pub last_uninterruptible: Option<Duration>,
    /// Growth of the data device, and resumes.
    data_tries: Tries,
    /// Growth of the metadata device.
    metadata_tries: Tries,
    /// Resumes of a pool that was left suspended.
    pub(super) resume_tries: Tries,
    /// XFS told to give up.
    pub give_up_tries: Tries,
    /// No guard runs, and what one would do is not done: `status` judges by itself.
    pub unguarded: bool,
    /// A growth, a resume or a give-up is on its way.
    pub growing: bool,
    /// A restart is on its way, or was stopped short and its start is still to come.
    pub restarting: bool,
    /// When this life of the guard began the restart that is on its way; `None` where an earlier one did.
    began_restart: Option<Duration>,
    /// Restarts that were not begun: how often, and when the next may be tried.
    pub restart_tries: Tries,
    /// Since when every look has seen the pool suspended.
    suspended_since: Option<Duration>,
    /// The newest look that saw a pool in which nothing waits.
    pool_well: Option<Duration>,
    /// The newest look of all.
    looked: Option<Duration>,
    /// What the daemon shows of life.
    pub(super) progress: Progress,
    /// Since when every answer to `/info` has been a refusal, and the newest one's words.
    refused: Option<(Duration, String)>,
    /// The pool that was last seen, with the daemon that ran then.
    pool_of: Option<(String, u32)>,
    /// Since when every look has seen that there is no pool.
    pool_gone_since: Option<Duration>,
    /// How the pool has been.
    pub history: History,
    /// The newest look that saw the witnesses.
    witnesses_seen: Option<Duration>,
    /// The witnesses.
    witness_since: StuckSince,
    /// Since when LVM was to extend a pool of this size, of which it has not.
    extension_due: Option<(u64, Duration)>,
}

/// Between two looks no more time counts as looked at than this many stuck looks take.
const LOOKS_CREDITED: u32 = 2;

/// Longer than the longest time between two looks at the witnesses of one trouble.
const WITNESSES_UNWATCHED: Duration = Duration::from_secs(90);

impl Memory {
    /// Takes up what an earlier life of the guard left, if it was in this boot. What it had seen settle must settle anew: nobody
    /// looked in between.
    pub fn recall(kept: Persistent, boot_id: &str, now: Duration) -> Memory {
        let mut kept = match !boot_id.is_empty() && kept.boot_id == boot_id {
            true => kept,
            false => Persistent {
                boot_id: boot_id.to_owned(),
                ..Persistent::default()
            },
        };
        if let Some(incident) = &mut kept.incident {
            incident.cured = None;
        }
        Memory {
            kept,
            last_uninterruptible: Some(now),
            ..Memory::default()
        }
    }

    /// Brings memory up to date with a look.
    pub(super) fn learn(&mut self, seen: &Snapshot, settings: &Settings, now: Duration) {
        let credit = settings.watch.look_deadline.saturating_mul(LOOKS_CREDITED);
        let between = self.looked.replace(now).map(|at| now.saturating_sub(at));
        if let Some(unwatched) = between.and_then(|between| between.checked_sub(credit)) {
            self.leave_out(unwatched, credit, now);
        }
        if between >= Some(rate::gap(settings)) {
            (self.pool_gone_since, self.extension_due, self.refused) = (None, None, None);
        }
        self.fill.learn(seen, settings, now);
        let came_out = self.learn_tasks(seen, now);
        self.progress.learn(seen, came_out, now);
        self.learn_refusal(seen, settings, now);
        let gone = matches!(seen.pool, Seen::Known(None));
        self.pool_gone_since = gone.then(|| self.pool_gone_since.unwrap_or(now));
        self.learn_incident(seen, settings, now);
        self.learn_cured_hang(seen, now);
        self.learn_witnesses(seen, now);
        if let Some(pool) = seen.pool() {
            self.history.learn(pool, now);
            self.learn_extension(pool, now);
        }
        self.kept
            .restarts
            .retain(|at| now.saturating_sub(*at) < settings.restart.window);
    }

    /// Takes time in which nobody looked out of all that speaks for a hang: a host that was stunned, a guard that was stopped, a clock that
    /// goes on while the host sleeps.
    fn leave_out(&mut self, unwatched: Duration, credit: Duration, now: Duration) {
        let later = |since: &mut Duration| *since = since.saturating_add(unwatched).min(now);
        if let Some(cured) = self.kept.incident.as_mut().and_then(|incident| incident.cured.as_mut()) {
            later(cured);
        }
        self.last_uninterruptible.iter_mut().for_each(later);
        self.stuck_since.0.values_mut().for_each(later);
        self.witness_since.0.values_mut().for_each(later);
        // So short a time counts here that somebody may have been at it all the while.
        self.suspended_since = None;
        self.progress.leave_out(credit, now);
    }

    /// Whether a task has come out of a long wait in D state.
    fn learn_tasks(&mut self, seen: &Snapshot, now: Duration) -> bool {
        if seen.daemon.tasks.known().is_none() {
            // Not to know is no proof that nobody is in D state.
            self.last_uninterruptible = Some(now);
            return false;
        }
        let came_out = self.stuck_since.learn(seen.daemon.in_d(), now);
        if !self.stuck_since.0.is_empty() {
            self.last_uninterruptible = Some(now);
        }
        came_out
    }

    fn learn_refusal(&mut self, seen: &Snapshot, settings: &Settings, now: Duration) {
        match &seen.daemon.info {
            Probe::Refused(why) => {
                let since = self.refused.as_ref().map_or(now, |(since, _)| *since);
                self.refused = Some((since, why.clone()));
            }
            // The next question is out, and its answer will tell.
            Probe::Silent(waited) if *waited < settings.watch.silent_after => {}
            Probe::Silent(_) | Probe::Answered { .. } | Probe::NotAsked => self.refused = None,
        }
    }

    fn learn_witnesses(&mut self, seen: &Snapshot, now: Duration) {
        // A look that was not made or failed says nothing of anyone.
        let Seen::Known(witnesses) = &seen.evidence.witnesses else {
            return;
        };
        // They are looked at only while something is wrong. What they did since the last trouble nobody knows.
        let unwatched = self.witnesses_seen.replace(now).map(|at| now.saturating_sub(at));
        if unwatched >= Some(WITNESSES_UNWATCHED) {
            self.witness_since = StuckSince::default();
        }
        let tasks = witnesses.tasks.iter().map(|witness| &witness.task);
        self.witness_since.learn(tasks, now);
    }

    /// Tasks that looks agree on to be in D, with their start, and for how long.
    pub fn stuck_for(&self, now: Duration) -> Vec<(u32, u64, Duration)> {
        // The daemon's tasks are looked at more often than the witnesses: where both tell, the longer time comes first.
        let mut all: Vec<_> = self
            .stuck_since
            .0
            .iter()
            .chain(&self.witness_since.0)
            .map(|((tid, start_ticks), since)| (*tid, *start_ticks, now.saturating_sub(*since)))
            .collect();
        all.sort_by_key(|(_, _, time)| std::cmp::Reverse(*time));
        all
    }

    fn learn_extension(&mut self, pool: &Pool, now: Duration) {
        let is_due = match &pool.lvm {
            Lvm::Asked(Seen::Known(said)) => said.extension_is_due(&pool.data) || said.extension_is_due(&pool.metadata),
            _ => false,
        };
        let size = pool.data.total_blocks.saturating_add(pool.metadata.total_blocks);
        self.extension_due = match self.extension_due {
            _ if !is_due => None,
            Some((of, since)) if of == size => Some((of, since)),
            _ => Some((size, now)),
        };
    }

    /// The tasks of this look that are in D, with how long each has been so.
    pub fn stuck_tasks(&self, seen: &Snapshot, now: Duration) -> Vec<StuckTask> {
        seen.daemon
            .in_d()
            .filter_map(|task| {
                let since = self.stuck_since.0.get(&task.id())?;
                Some(StuckTask {
                    pid: task.pid,
                    tid: task.tid,
                    comm: task.comm.clone(),
                    wchan: task.wchan.clone(),
                    state_since_s: now.saturating_sub(*since).as_secs(),
                })
            })
            .collect()
    }

    /// For how long every answer to `/info` has been a refusal, and the newest one's words.
    pub fn refusal(&self, now: Duration) -> Option<(Duration, &str)> {
        let (since, why) = self.refused.as_ref()?;
        Some((now.saturating_sub(*since), why))
    }

    /// The pool that the daemon of this number was seen with, once it has been gone for this long.
    pub fn pool_lost_by(&self, main_pid: u32, gone_for: Duration, now: Duration) -> Option<&str> {
        let since = self.pool_gone_since?;
        self.pool_of
            .as_ref()
            .filter(|(_, pid)| *pid == main_pid && now.saturating_sub(since) >= gone_for)
            .map(|(name, _)| name.as_str())
    }

    /// For how long LVM was to extend the pool and has not.
    pub fn extension_due_for(&self, now: Duration) -> Duration {
        self.extension_due
            .map_or(Duration::ZERO, |(_, since)| now.saturating_sub(since))
    }
}
