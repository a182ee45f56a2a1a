//! The incident under way: when a pool's trouble begins and ends, and whether a daemon's silence belongs to it (laws 11 and 12).

use super::{CuredHang, Incident, Memory};
use crate::model::{ActiveState, Probe, Seen, Settings, Snapshot};
use std::time::Duration;

/// A pool that stays suspended for this long was left so; dockerd, LVM, a growth or an operator at work resume it sooner.
pub(in crate::judge) const NOBODY_AT_IT: Duration = Duration::from_secs(5);

/// A restart that `after-every-cure` asks for and that was not allowed for so long is not made any more.
const CURED_HANG_COUNTS: Duration = Duration::from_secs(60 * 60);

impl Memory {
    pub(super) fn learn_incident(&mut self, seen: &Snapshot, settings: &Settings, now: Duration) {
        let Seen::Known(pool) = &seen.pool else { return };
        let unit = seen.daemon.unit.known();
        let main_pid = unit.map(|unit| unit.main_pid).filter(|pid| *pid != 0);
        // The silence of a daemon that never saw the pool run out has another cause (law 12).
        let another =
            |incident: &Incident| main_pid.is_some() && incident.main_pid.is_some_and(|pid| Some(pid) != main_pid);
        let Some(pool) = pool else {
            // Moved to another driver, say.
            self.kept.incident = self.kept.incident.filter(|incident| !another(incident));
            return;
        };
        if let Some(unit) = unit.filter(|unit| unit.active_state == ActiveState::Active) {
            self.pool_of = Some((pool.name.clone(), unit.main_pid));
        }
        self.suspended_since = pool.suspended.then(|| self.suspended_since.unwrap_or(now));
        let answers = matches!(seen.daemon.info, Probe::Answered { .. });
        if let Some(incident) = &mut self.kept.incident {
            incident.silent_before &= !answers && !another(incident);
        }
        let works = matches!(seen.daemon.driver, Probe::Answered { .. });
        let silent = self.progress.waited(seen, now) >= Some(settings.watch.silent_after) && !works;
        if pool.is_exhausted() || pool.suspended && (self.is_held_up(settings, now) || self.kept.incident.is_some()) {
            let silent_before = self.was_silent_before(seen, settings, now);
            let incident = self.kept.incident.get_or_insert(Incident {
                began: now,
                pool_last_bad: now,
                cured: None,
                main_pid,
                hung: false,
                silent_before,
            });
            incident.pool_last_bad = now;
            incident.cured = None;
            // Whoever runs while the pool is bad has seen it.
            incident.main_pid = main_pid.or(incident.main_pid);
            incident.hung |= silent && !incident.silent_before;
            return;
        }
        if pool.is_well() {
            self.pool_well = Some(now);
        }
        self.kept.incident = self.kept.incident.filter(|incident| !another(incident));
        let Some(incident) = &mut self.kept.incident else {
            return;
        };
        // Only an answer to a question that was put after that shows that the daemon got over it.
        match seen.daemon.info {
            Probe::Answered { asked_ago, .. } if now.saturating_sub(asked_ago) > incident.pool_last_bad => {
                let hung = main_pid.filter(|_| incident.hung && pool.is_well());
                self.kept.cured_hang = hung.map(|main_pid| CuredHang { main_pid, over: now });
                self.kept.incident = None;
            }
            _ => {
                // One that goes from full to failed, or must be repaired, is not cured.
                incident.cured = pool.is_well().then(|| incident.cured.unwrap_or(now));
                incident.hung |= silent && !incident.silent_before;
            }
        }
    }

    /// The daemon had been silent for long when the pool was still seen to be well. From its last sign of work on: a question may wait
    /// behind a pull, and whoever is slow is not silent.
    fn was_silent_before(&self, seen: &Snapshot, settings: &Settings, now: Duration) -> bool {
        let stands_still = self.progress.stands_still(seen, now);
        let silent_since = stands_still.map(|stands| now.saturating_sub(stands));
        let silent_then = silent_since
            .zip(self.pool_well)
            .map(|(since, well)| well.saturating_sub(since));
        silent_then >= Some(settings.watch.silent_after)
    }

    /// A suspended pool holds somebody up. Whoever swaps a table suspends it for a moment, the guard's own growth too: that does not. A
    /// growth that is stuck within its swap does, as soon as a daemon could count as silent for it.
    fn is_held_up(&self, settings: &Settings, now: Duration) -> bool {
        let suspended_for = self.suspended_for(now);
        suspended_for >= settings.watch.silent_after || !self.growing && suspended_for >= NOBODY_AT_IT
    }

    /// A hang that was cured is past when another daemon runs, when the pool is in trouble again, or after an hour.
    pub(super) fn learn_cured_hang(&mut self, seen: &Snapshot, now: Duration) {
        let unit = seen.daemon.unit.known();
        self.kept.cured_hang = self.kept.cured_hang.filter(|hang| {
            self.kept.incident.is_none()
                && now.saturating_sub(hang.over) <= CURED_HANG_COUNTS
                && unit.is_none_or(|unit| unit.main_pid == hang.main_pid)
        });
    }

    /// For how long every look has seen the pool suspended.
    pub fn suspended_for(&self, now: Duration) -> Duration {
        self.suspended_since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}
