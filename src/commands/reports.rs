//! From what was seen to the figures of the contract, for all commands that answer in text or JSON.

use crate::judge::growth;
use crate::judge::storage;
use crate::model::{Host, Pool, Settings, Snapshot};
use crate::report::json::{HeadroomReport, HostReport, PoolReport};

/// The filesystem, with what is kept free on it.
pub fn host(host: &Host, settings: &Settings) -> HostReport {
    HostReport::new(host, growth::reserve(host, &settings.host))
}

/// True headroom of an active pool.
pub fn headroom(pool: &Pool, seen: &Snapshot, settings: &Settings) -> HeadroomReport {
    let judged = storage::headroom(pool, seen.host.known(), settings);
    HeadroomReport {
        headroom_bytes: judged.headroom,
        overcommit_bytes: judged.overcommit,
        host: seen.host.known().map(|it| host(it, settings)),
    }
}

/// An active pool with its headroom.
pub fn pool(pool: &Pool, seen: &Snapshot, settings: &Settings) -> PoolReport {
    PoolReport::from(pool).with_headroom(&headroom(pool, seen, settings))
}
