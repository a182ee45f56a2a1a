//! How long to rest between looks: the more headroom, the longer.

use super::Verdict;
use super::growth::{self, Need};
use super::rate::Fill;
use crate::model::{Bytes, Seen, Settings, Severity, Snapshot, Target};
use std::time::Duration;

/// Shortest rest; a look costs a few milliseconds of CPU time.
const SHORTEST: Duration = Duration::from_millis(500);

/// Rest while anything is wrong.
const IN_TROUBLE: Duration = Duration::from_secs(1);

/// Rate at which containers are taken to be able to fill the pool, per second, until they were seen to be faster. A fast SSD writes
/// this much; a faster one is
/// caught by the kernel's low-water event and by the 60 s for which the kernel holds I/O of a full pool.
const FILL_RATE: Bytes = Bytes::gib(1);

/// Time to rest after this verdict, if nothing wakes the guard earlier.
pub fn rest(seen: &Snapshot, verdict: &Verdict, fill: &Fill, settings: &Settings) -> Duration {
    let longest = settings.watch.interval.max(IN_TROUBLE);
    if verdict
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Refuse)
        || verdict.deed.is_some()
    {
        return IN_TROUBLE;
    }
    let Seen::Known(Some(pool)) = &seen.pool else {
        return longest;
    };
    // The low-water mark wakes us by itself; the way to the threshold is what the poll has to cover.
    let need = Need::of(pool, Target::Data, fill, settings);
    let way = pool
        .data
        .free()
        .saturating_sub(growth::threshold(&need, &settings.data));
    let room = seen
        .host
        .known()
        .filter(|_| pool.is_loop())
        .map(|host| growth::room(host, &settings.host));
    let way = room.map_or(way, |room| way.min(room));
    // Writers that were seen to be faster than that may double their rate before the next look.
    let rate = FILL_RATE.max(fill.data.peak().saturating_add(fill.data.peak()));
    Duration::from_secs_f64(way.0 as f64 / rate.0 as f64).clamp(SHORTEST, longest)
}
