//! How the pool has been: the newest changes of its state, for those who look for the cause later.

use crate::model::{Pool, PoolMoment};
use std::collections::VecDeque;
use std::time::Duration;

/// Moments that are kept.
const MOST: usize = 24;

/// Hundredths by which the use must move to be a moment of its own.
const STEP: u64 = 5;

/// The newest moments at which the pool was not as before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History(VecDeque<PoolMoment>);

impl History {
    /// Takes in a look.
    pub(super) fn learn(&mut self, pool: &Pool, now: Duration) {
        let moment = PoolMoment::of(pool, now);
        let is_new = self
            .0
            .back()
            .is_none_or(|last| moment.differs(last) || used(&moment).abs_diff(used(last)) >= STEP);
        if !is_new {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(moment);
    }

    /// Whether any look has seen it not suspended.
    pub(super) fn has_run(&self) -> bool {
        self.0.iter().any(|moment| !moment.suspended)
    }

    /// Oldest first.
    pub fn moments(&self) -> Vec<PoolMoment> {
        self.0.iter().copied().collect()
    }
}

/// Hundredths of the data in use.
fn used(moment: &PoolMoment) -> u64 {
    (u128::from(moment.data_used.0) * 100)
        .checked_div(u128::from(moment.data_total.0))
        .and_then(|percent| u64::try_from(percent).ok())
        .unwrap_or(100)
}
