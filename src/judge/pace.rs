//! How long to rest between looks: the more headroom, the longer; and briefly while a hang may be under way.

use super::growth::{self, Need};
use super::{Memory, Verdict};
use crate::model::{Bytes, Finding, Probe, Settings, Snapshot, Target};
use std::time::Duration;

/// Shortest rest; a look costs a few milliseconds of CPU time.
const SHORTEST: Duration = Duration::from_millis(500);

/// Rest while a deed waits for another look, or a hang may be under way.
const IN_TROUBLE: Duration = Duration::from_secs(1);

/// Rest while something is wrong that only others can put right. It may last for days, and must not cost what a cure may.
const NOTHING_TO_DO: Duration = Duration::from_secs(2);

/// Rate at which containers are taken to be able to fill the pool, per second, until they were seen to be faster. A fast SSD writes
/// this much; a faster one is caught by the kernel's low-water event and by the 60 s for which the kernel holds I/O of a full pool.
const FILL_RATE: Bytes = Bytes::gib(1);

/// Time to rest after this verdict, if nothing wakes the guard earlier.
pub fn rest(seen: &Snapshot, verdict: &Verdict, memory: &Memory, settings: &Settings) -> Duration {
    let calm = settings.watch.interval.max(IN_TROUBLE);
    let longest = longest(seen, verdict, memory).map_or(calm, |rest| rest.min(calm));
    let Some(pool) = seen.pool() else { return longest };
    // The low-water mark wakes us by itself; the way to the threshold is what the poll has to cover.
    let fill = &memory.fill;
    let need = Need::of(pool, Target::Data, seen, fill, settings);
    let threshold = growth::threshold(&need, Target::Data, settings);
    let mut way = pool.data.free().saturating_sub(threshold);
    if let Some(host) = seen.host.known().filter(|_| pool.is_loop()) {
        way = way.min(growth::room(host, &settings.host));
    }
    // Below the threshold already, and no deed is due: looking more often would not grow it. It may stay so for good, at its cap.
    let nobody_grows_it = settings.data.is_off() || verdict.findings.iter().any(|finding| finding.code.is_low());
    if way == Bytes(0) && (longest < calm || nobody_grows_it) {
        return longest.min(NOTHING_TO_DO);
    }
    // Writers that were seen to be faster than that may double their rate before the next look.
    let rate = FILL_RATE.max(fill.data.peak().saturating_add(fill.data.peak()));
    Duration::from_secs_f64(way.0 as f64 / rate.0 as f64).clamp(SHORTEST, longest)
}

/// The longest rest where all is not well. A pool that fills beside another trouble may need a shorter one.
fn longest(seen: &Snapshot, verdict: &Verdict, memory: &Memory) -> Option<Duration> {
    // What a hang begins with: a task of the daemon's in D state, or a question without an answer. How long each has lasted is known
    // only from looks, and the more of them the earlier.
    let may_hang = seen.daemon.info.silent_for().is_some() || seen.daemon.in_d().next().is_some();
    // Whoever has suspended the pool will resume it in a moment, with what is new; or the guard has to.
    let suspended = seen.pool().is_some_and(|pool| pool.suspended);
    if verdict.deed.is_some() || may_hang || suspended {
        return Some(IN_TROUBLE);
    }
    // While Docker is stopped nobody can end the incident, and nobody hangs.
    let incident = memory.kept.incident.is_some() && seen.daemon.info != Probe::NotAsked;
    (incident || verdict.findings.iter().any(Finding::is_refusal)).then_some(NOTHING_TO_DO)
}
