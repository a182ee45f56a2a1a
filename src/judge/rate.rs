//! How fast the pool's devices and the filesystem below them fill, and when they will be full at that rate.
//!
//! The history is a few dozen marks a device. It is plain data that the caller keeps across the guard's own restart, and out of
//! which `thinguard status` reads the same figures.

mod forecast;

pub use forecast::{Forecast, Of, forecast};

use crate::model::{Bytes, Pool, Seen, Settings, Snapshot, Target, Usage};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// How far back the history reaches.
const KEPT_MS: u64 = 10 * 60 * 1000;

/// The shorter of the two spans over which a rate is taken; the longer one is all that is kept.
const SHORT_MS: u64 = 60 * 1000;

/// Marks that are nearer than this to the one before tell more of the clock than of the writers.
const NEAREST_MS: u64 = 400;

/// Marks that are kept stand at least this far apart, but for the newest.
const APART_MS: u64 = 10 * 1000;

/// A rate takes at least this much time to be seen.
const LEAST_MS: u64 = 1000;

/// Without a look for this long (a suspended host, a guard that was stopped), nobody knows when the blocks were written. Three times
/// the guard's own rest where that is longer.
const GAP: Duration = Duration::from_secs(120);

/// From how long on without a look nothing counts as having been seen all the while.
pub(super) fn gap(settings: &Settings) -> Duration {
    GAP.max(settings.watch.interval.saturating_mul(3))
}

/// One look at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Milliseconds since boot.
    at: u64,
    /// Bytes in use.
    used: u64,
    /// The fastest that it was seen to fill since the mark before, in bytes per second.
    peak: u64,
}

/// The history of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    marks: VecDeque<Mark>,
    total: u64,
}

impl Series {
    /// Takes in a look. `counts_itself`: what is in use grows with the device's own size, as the reserve that the kernel keeps in the
    /// metadata does; that is no writing.
    fn learn(&mut self, used: Bytes, total: Bytes, counts_itself: bool, now: Duration, gap: Duration) {
        let at = millis(now);
        let goes_on =
            |last: &Mark| at >= last.at && at - last.at <= millis(gap) && (total.0 >= self.total || counts_itself);
        let Some(last) = self.marks.back().copied().filter(goes_on) else {
            // A first look, another device under the same name, or a time that nobody saw.
            let (used, peak) = (used.0, 0);
            self.marks = VecDeque::from([Mark { at, used, peak }]);
            self.total = total.0;
            return;
        };
        let grew = std::mem::replace(&mut self.total, total.0) != total.0 && counts_itself;
        if grew {
            for mark in &mut self.marks {
                mark.used = mark.used.saturating_add(used.0).saturating_sub(last.used);
            }
        }
        let took = at - last.at;
        if took < NEAREST_MS {
            return;
        }
        let rise = if grew { 0 } else { used.0.saturating_sub(last.used) };
        let mut peak = per_second(rise, took);
        // The newest mark moves on until it is far enough from the one before. What was fast stays known.
        let before = self.marks.iter().rev().nth(1);
        if before.is_some_and(|before| last.at - before.at < APART_MS) {
            self.marks.pop_back();
            peak = peak.max(last.peak);
        }
        self.marks.push_back(Mark { at, used: used.0, peak });
        // One mark beyond the edge is where the longest rate begins.
        while self.marks.get(1).is_some_and(|mark| at - mark.at >= KEPT_MS) {
            self.marks.pop_front();
        }
    }

    /// The fastest that it was seen to fill in the last ten minutes, per second.
    pub fn peak(&self) -> Bytes {
        Bytes(self.marks.iter().map(|mark| mark.peak).max().unwrap_or(0))
    }

    /// How fast it has been filling: over the last minute or over all that is known, whichever is faster; what was freed meanwhile is
    /// taken off. Per second.
    pub fn smoothed(&self) -> Bytes {
        Bytes(self.over(SHORT_MS).max(self.over(KEPT_MS)))
    }

    fn over(&self, span: u64) -> u64 {
        let Some(last) = self.marks.back() else { return 0 };
        let base = self.marks.iter().rev().find(|mark| last.at - mark.at >= span);
        let Some(base) = base.or(self.marks.front()) else {
            return 0;
        };
        match last.at - base.at {
            short if short < LEAST_MS => 0,
            took => per_second(last.used.saturating_sub(base.used), took),
        }
    }

    /// Whether there are looks enough to tell a rate.
    pub fn is_known(&self) -> bool {
        let span = |(first, last): (&Mark, &Mark)| last.at - first.at;
        self.marks.front().zip(self.marks.back()).map(span) >= Some(LEAST_MS)
    }
}

/// The histories of all that can fill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fill {
    /// Boot that the times belong to.
    pub boot_id: String,
    /// The pool that was looked at.
    pool: String,
    /// The pool's data device.
    pub data: Series,
    /// The pool's metadata device.
    pub metadata: Series,
    /// The filesystem below the pool's files.
    pub host: Series,
}

impl Fill {
    /// Takes up what an earlier life of the guard left, if it was in this boot.
    pub fn recall(kept: Fill, boot_id: &str) -> Fill {
        match !boot_id.is_empty() && kept.boot_id == boot_id {
            true => kept,
            false => Fill {
                boot_id: boot_id.to_owned(),
                ..Fill::default()
            },
        }
    }

    /// Takes in a look.
    pub fn learn(&mut self, seen: &Snapshot, settings: &Settings, now: Duration) {
        let gap = gap(settings);
        if let Some(pool) = seen.pool() {
            if pool.name != self.pool {
                self.pool.clone_from(&pool.name);
                self.data = Series::default();
                self.metadata = Series::default();
            }
            let learn = |series: &mut Series, usage: &Usage, counts_itself| {
                // A pool that has failed tells no figures.
                if usage.total_blocks > 0 {
                    series.learn(usage.used(), usage.total(), counts_itself, now, gap);
                }
            };
            learn(&mut self.data, &pool.data, false);
            learn(&mut self.metadata, &pool.metadata, true);
        }
        if let Seen::Known(host) = &seen.host {
            let used = host.total_bytes.saturating_sub(host.free_bytes);
            self.host.learn(used, host.total_bytes, true, now, gap);
        }
    }

    /// The history of one of the pool's devices.
    pub fn of(&self, target: Target) -> &Series {
        match target {
            Target::Data => &self.data,
            Target::Metadata => &self.metadata,
        }
    }

    /// What may be written to a device before a growth has come about: two looks, each within its deadline, at the fastest rate seen.
    pub fn ahead(&self, target: Target, settings: &Settings) -> Bytes {
        let reaction = settings.watch.look_deadline.saturating_mul(2);
        self.of(target).peak().times(reaction)
    }

    /// The pool these histories are of.
    pub fn is_of(&self, pool: &Pool) -> bool {
        self.pool == pool.name
    }
}

fn per_second(bytes: u64, millis: u64) -> u64 {
    let rate = u128::from(bytes) * 1000 / u128::from(millis.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
