//! How deeds have been going: which is on its way, and how long to pause after one that failed.

use super::Memory;
use crate::model::{Deed, Outcome, Target};
use std::time::Duration;

/// Pause after a first failure at the pool: what stood in the way may be gone at once, and a pool that runs out does not wait.
const SHORT_PAUSE: Duration = Duration::from_secs(2);

/// Pause after a first failure of the rest; it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// Longest pause between tries. Never give up: room may appear.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How one kind of deed has been going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// Failures in a row.
    pub failures: u32,
    /// When the newest failed.
    failed: Duration,
    /// The kernel has raised an event of the pool since.
    heard: bool,
    /// No further try before this time.
    not_before: Duration,
}

impl Tries {
    /// Time to go until the next try; zero where it may be made.
    pub fn pause(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }

    /// The same where it is urgent: the kernel holds the writes of a pool that has run out for 60 s only, and with an event what stood in the
    /// way may be gone. Of a pool that is only low our own swap's event is no reason to hurry.
    pub fn short_pause(&self, now: Duration) -> Duration {
        let pause = if self.heard { SHORT_PAUSE } else { FIRST_PAUSE };
        self.not_before.min(self.failed + pause).saturating_sub(now)
    }

    /// Takes in one that failed. `first_pause` follows the first in a row.
    fn failed(&mut self, first_pause: Duration, now: Duration) {
        let pause = match self.failures {
            0 => first_pause,
            before => FIRST_PAUSE.saturating_mul(1 << before.min(10)).min(LONGEST_PAUSE),
        };
        self.failures = self.failures.saturating_add(1);
        self.failed = now;
        self.heard = false;
        self.not_before = now + pause;
    }
}

impl Memory {
    /// How growth of this device has been going.
    pub fn tries(&self, target: Target) -> &Tries {
        match target {
            Target::Data => &self.data_tries,
            Target::Metadata => &self.metadata_tries,
        }
    }

    /// The kernel has raised an event of the pool.
    pub fn hear_event(&mut self) {
        for tries in [&mut self.data_tries, &mut self.metadata_tries] {
            tries.heard = true;
        }
    }

    /// Notes that a deed was begun, so that no second one of its kind is thought of meanwhile.
    pub fn began(&mut self, deed: &Deed, now: Duration) {
        match deed {
            Deed::Restart => {
                self.restarting = true;
                self.began_restart = Some(now);
                // The budget is spent by trying: a restart that fails or is never seen to end counts too.
                self.kept.restarts.push(now);
            }
            Deed::Grow { .. } | Deed::Resume | Deed::XfsGiveUp { .. } => self.growing = true,
        }
    }

    /// Notes what came of a deed.
    pub fn ended(&mut self, deed: &Deed, outcome: &Outcome, now: Duration) {
        self.kept.ended(deed, outcome, now);
        let stuck = matches!(outcome, Outcome::Stuck(_));
        if *deed == Deed::Restart {
            self.restarting = stuck;
            // What is stuck may still end, as one that was not begun too.
            let began = self.began_restart.take();
            if stuck {
                self.began_restart = began;
            }
            if matches!(outcome, Outcome::NotBegun(_)) {
                // Nothing was done to the daemon, so nothing is taken from the budget. But whoever is to finish an earlier restart,
                // and cannot begin to, has not undone it (law 11).
                self.kept.restarts.retain(|at| Some(*at) != began);
                self.restart_tries.failed(FIRST_PAUSE, now);
            } else {
                self.kept.cured_hang = None;
                self.restart_tries = Tries::default();
            }
            return;
        }
        self.growing = stuck;
        let (tries, first_pause) = match deed {
            Deed::Grow {
                target: Target::Metadata,
                ..
            } => (&mut self.metadata_tries, SHORT_PAUSE),
            Deed::Grow { .. } => (&mut self.data_tries, SHORT_PAUSE),
            Deed::Resume => (&mut self.resume_tries, SHORT_PAUSE),
            Deed::XfsGiveUp { .. } | Deed::Restart => (&mut self.give_up_tries, FIRST_PAUSE),
        };
        match outcome {
            Outcome::Done => *tries = Tries::default(),
            Outcome::Failed(_) | Outcome::Stuck(_) | Outcome::NotBegun(_) => tries.failed(first_pause, now),
        }
    }
}
