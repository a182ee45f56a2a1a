//! When something will be full if it goes on filling as it does.

use super::Fill;
use crate::judge::growth;
use crate::model::{Bytes, Pool, Settings, Snapshot, Target, time_words};
use std::fmt;
use std::time::Duration;

/// What lies further ahead than this is no forecast: a single block of metadata in a minute would be one.
const HORIZON: Duration = Duration::from_secs(24 * 60 * 60);

/// What will be full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// One of the pool's devices, at the size it has now.
    Device(Target),
    /// The filesystem below the pool's files, up to its reserve.
    Host,
}

/// Full in so much time at this rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// What.
    pub of: Of,
    /// When.
    pub full_in: Duration,
    /// Bytes per second.
    pub rate: Bytes,
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, rate) = (time_words(self.full_in), self.rate);
        match self.of {
            Of::Device(target) => write!(f, "{target} full in {time} at {rate}/s"),
            Of::Host => write!(f, "host room gone in {time} at {rate}/s"),
        }
    }
}

impl Fill {
    /// When this device of `pool` will be full at its present size.
    pub fn device_full(&self, pool: &Pool, target: Target) -> Option<Forecast> {
        let usage = pool.device(target).usage;
        let rate = self.of(target).smoothed();
        full_in(Of::Device(target), usage.free(), rate).filter(|_| self.is_of(pool))
    }

    /// The same at the end of a sentence about that device; nothing where there is no forecast.
    pub(in crate::judge) fn outlook(&self, pool: &Pool, target: Target) -> String {
        self.device_full(pool, target).map_or_else(String::new, |it| {
            format!(", full in {} at {}/s", time_words(it.full_in), it.rate)
        })
    }

    /// When the filesystem below will be down to its reserve.
    pub fn host_full(&self, seen: &Snapshot, settings: &Settings) -> Option<Forecast> {
        let host = seen.host.known()?;
        full_in(Of::Host, growth::room(host, &settings.host), self.host.smoothed())
    }
}

/// Whatever will be full first; `None` while nothing fills.
pub fn forecast(fill: &Fill, seen: &Snapshot, settings: &Settings) -> Option<Forecast> {
    let pool = seen.pool()?;
    let devices = [Target::Data, Target::Metadata].map(|target| fill.device_full(pool, target));
    let host = fill.host_full(seen, settings).filter(|_| pool.is_loop());
    devices.into_iter().chain([host]).flatten().min_by_key(|it| it.full_in)
}

/// What is full already needs no forecast.
fn full_in(of: Of, left: Bytes, rate: Bytes) -> Option<Forecast> {
    let seconds = left.0.checked_div(rate.0).filter(|_| left > Bytes(0))?;
    let full_in = Duration::from_secs(seconds);
    (full_in <= HORIZON).then_some(Forecast { of, full_in, rate })
}
