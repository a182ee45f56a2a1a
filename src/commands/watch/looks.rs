//! One look at everything, or at the pool alone, waited for within bounds; and when Docker's configuration is learnt anew.

use super::{Guard, now};
use crate::commands::errands::TICK;
use crate::commands::reports;
use crate::model::Snapshot;
use anyhow::Result;
use std::time::Duration;

/// A configuration that could not be learnt for certain is asked for again after this time, then after twice that, and so on: what stands
/// in the way may be gone soon, or stay, and each time the daemon's program may be run to say its version.
pub(super) const CONFIG_AGAIN: Duration = Duration::from_secs(60);

/// But not more rarely than this.
const CONFIG_AGAIN_AT_LAST: Duration = Duration::from_secs(3600);

impl Guard {
    /// Sends out all looks that are due and waits for those that the verdict needs, each within its deadline.
    pub(super) fn look(&mut self) -> Result<()> {
        self.woken = false;
        self.learn_config();
        let _ = self.observer.look_at_daemon(&self.porter, now());
        self.look_at_pool()?;
        // What only now can be asked: the unit's tasks, once the unit is known. A pool that was long in coming has aged what was known of
        // the unit, and that comes first then.
        while !self.stopping && !self.observer.look_at_daemon(&self.porter, now()) && self.observer.is_waiting(now()) {
            self.await_looks()?;
        }
        self.await_looks()
    }

    /// The pool and what is below it, which is all that growth is judged by; and who waits for it, where something is wrong.
    pub(super) fn look_at_pool(&mut self) -> Result<()> {
        self.observer.look_at_storage(&self.porter, now());
        self.await_looks()?;
        // What only now can be asked: the files, once the data root is known; LVM, once the pool is.
        self.observer.look_at_files(&self.porter, now());
        self.observer.look_at_lvm(&self.porter, now());
        self.observer.look_at_witnesses(&self.porter, now());
        self.await_looks()?;
        // Now their stacks, for which nobody waits here.
        self.observer.look_at_witnesses(&self.porter, now());
        Ok(())
    }

    pub(super) fn await_looks(&mut self) -> Result<()> {
        // For each wait, each of which is bounded: a look that is stuck must not cost the heartbeat.
        self.beat(now());
        while self.observer.is_waiting(now()) && !self.stopping {
            self.pump(TICK)?;
        }
        Ok(())
    }

    /// Docker's configuration is what its newest start has read.
    pub(super) fn learn_config(&mut self) {
        let pid = self.observer.unit(now()).known().map(|unit| unit.main_pid);
        let config = self.observer.config();
        let uncertain = config.is_none_or(|config| config.line_unknown.is_some());
        let again = uncertain && self.configured_at.is_none_or(|at| now() >= at + self.config_again);
        let another = pid.is_some() && pid != self.configured_for;
        if (again || another) && self.observer.learn_config(&self.porter, false, None, now()) {
            self.config_again = match another || self.configured_at.is_none() {
                true => CONFIG_AGAIN,
                false => (self.config_again * 2).min(CONFIG_AGAIN_AT_LAST),
            };
            self.configured_for = pid;
            self.configured_at = Some(now());
        }
    }

    pub(super) fn see(&mut self) -> Snapshot {
        self.observer.await_event(&self.porter, now());
        self.observer.hear_kernel(now());
        self.take_in()
    }

    /// All that is known now: its figures stand beside each line that is told until the next.
    pub(super) fn take_in(&mut self) -> Snapshot {
        let seen = self.observer.snapshot(now());
        let pool = seen.pool().map(|pool| reports::pool(pool, &seen, &self.settings));
        self.teller.sees(pool.as_ref());
        seen
    }
}
