//! What outlives the guard's own restart: the incident under way, restarts, the newest deed.

use crate::model::{Deed, DeedCounts, Outcome};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A time of trouble: from the first sight of an exhausted or suspended pool until the daemon answers on a healthy one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When it was first seen.
    pub began: Duration,
    /// The newest look that saw the pool in trouble.
    pub pool_last_bad: Duration,
    /// When the pool was last seen to have grown or been resumed by us.
    pub cured: Option<Duration>,
    /// The newest daemon of that time; what another one does later has another cause.
    pub main_pid: Option<u32>,
    /// That daemon has been silent in it.
    #[serde(default)]
    pub hung: bool,
    /// It had been silent for long when the pool was still seen to be well: that silence has another cause (law 12).
    #[serde(default)]
    pub silent_before: bool,
}

/// A hang that is over: the daemon answers again on a pool that is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CuredHang {
    /// The daemon.
    pub main_pid: u32,
    /// When it was first seen to answer.
    pub over: Duration,
}

/// What outlives the guard's own restart, within one boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Persistent {
    /// The boot that the times belong to.
    pub boot_id: String,
    /// Times of restarts, oldest first.
    pub restarts: Vec<Duration>,
    /// The newest of them whose end was counted.
    pub counted_restart: Option<Duration>,
    /// The incident under way.
    pub incident: Option<Incident>,
    /// The newest hang that is over, until a restart or another daemon follows it.
    pub cured_hang: Option<CuredHang>,
    /// What has been done since the boot.
    pub counts: DeedCounts,
    /// The newest deeds that have ended, oldest first: what, how, when; no more than [`Persistent::DEEDS`].
    pub deeds: Vec<(Deed, Outcome, Duration)>,
}

impl Persistent {
    /// Deeds that are remembered.
    const DEEDS: usize = 5;

    /// Notes what came of a deed.
    pub(super) fn ended(&mut self, deed: &Deed, outcome: &Outcome, now: Duration) {
        // A child that finishes a restart ends each time as a restart: of one stop that makes one, and the newest end of it counts.
        let again = *deed == Deed::Restart
            && self.counted_restart.is_some()
            && self.counted_restart == self.restarts.last().copied();
        let not_begun = matches!(outcome, Outcome::NotBegun(_));
        if again && !not_begun && self.deeds.last().is_some_and(|(last, _, _)| last == deed) {
            self.deeds.pop();
        }
        if !again {
            self.counts.count(deed, outcome);
        }
        if *deed == Deed::Restart && matches!(outcome, Outcome::Done | Outcome::Failed(_)) {
            self.counted_restart = self.restarts.last().copied();
        }
        self.deeds.push((deed.clone(), outcome.clone(), now));
        let too_many = self.deeds.len().saturating_sub(Self::DEEDS);
        self.deeds.drain(..too_many);
    }
}
