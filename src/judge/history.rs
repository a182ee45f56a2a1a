//! How the pool has been: the newest changes of its state, for those who look for the cause later.

use crate::model::Pool;
use std::time::Duration;

/// Moments that are kept.
const MOST: usize = 24;

/// Hundredths by which the use must move to be a moment of its own.
const STEP: u8 = 5;

/// The newest moments at which the pool was not as before, oldest first: time since boot, and the pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History(Vec<(Duration, Pool)>);

impl History {
    /// Takes in a look.
    pub(super) fn learn(&mut self, pool: &Pool, now: Duration) {
        if self.0.last().is_some_and(|(_, last)| !differs(pool, last)) {
            return;
        }
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((now, pool.clone()));
    }

    /// Whether any look has seen it not suspended.
    pub(super) fn has_run(&self) -> bool {
        self.0.iter().any(|(_, pool)| !pool.suspended)
    }

    /// Oldest first.
    pub fn moments(&self) -> &[(Duration, Pool)] {
        &self.0
    }
}

/// Whether this is another state than `before`, rather than the same one with other figures.
fn differs(pool: &Pool, before: &Pool) -> bool {
    let state = |pool: &Pool| {
        let held = (pool.suspended, pool.queue_if_no_space);
        let size = (pool.data.total_blocks, pool.metadata.total_blocks);
        (pool.mode, pool.needs_check, held, size)
    };
    state(pool) != state(before) || pool.data.used_percent().abs_diff(before.data.used_percent()) >= STEP
}
