//! How far a file of the pool may grow: into room that exists, up to the cap, never for the sake of a few blocks.

use super::rate::Fill;
use crate::model::{
    BackingFile, Bytes, GrowthDefaults, GrowthSettings, Host, HostSettings, Pool, Seen, Settings, Target, Usage,
};

/// Smallest growth worth a reload of the pool's table.
const WORTH: Bytes = Bytes::mib(4);

/// A file that may have to grow, whether its pool is active or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Use of the device, in its blocks.
    pub usage: Usage,
    /// The kernel's low-water mark in bytes; 0 where there is none.
    pub low_water: Bytes,
    /// What the host filesystem has given to the file so far.
    pub allocated: Bytes,
    /// What the other sparse file of the same pool may still ask of the same filesystem, where its claim comes first.
    pub promised: Bytes,
    /// How fast the device fills, in bytes per second; 0 where nobody has seen it fill.
    pub rate: Bytes,
    /// What may be written before a growth that is begun now has come about.
    pub ahead: Bytes,
}

impl Need {
    /// What one device of a live pool needs.
    pub fn of(pool: &Pool, target: Target, fill: &Fill, settings: &Settings) -> Need {
        let (usage, file, other, low_water) = match target {
            Target::Data => (pool.data, &pool.data_file, &pool.metadata_file, pool.low_water()),
            Target::Metadata => (pool.metadata, &pool.metadata_file, &pool.data_file, Bytes(0)),
        };
        Need {
            usage,
            low_water,
            allocated: file.known().map_or(usage.used(), |file| file.allocated_bytes),
            promised: promised_before(target, owed(other)),
            rate: fill.of(target).smoothed(),
            ahead: fill.ahead(target, settings),
        }
    }
}

/// What a sparse file was promised and has not been given yet.
pub fn owed(file: &Seen<BackingFile>) -> Bytes {
    file.known()
        .map_or(Bytes(0), |file| file.size_bytes.saturating_sub(file.allocated_bytes))
}

/// What of the other file's promise comes before growth of this device. Metadata grow whatever data were promised: they are small, data
/// that find no room are an alarm, and metadata that run out end in an off-line repair. The reserve of the filesystem holds for both.
pub fn promised_before(target: Target, owed_to_other: Bytes) -> Bytes {
    match target {
        Target::Data => owed_to_other,
        Target::Metadata => Bytes(0),
    }
}

/// What came of asking for growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Enough is free, or growth of this device is switched off.
    Enough,
    /// Grow to this size.
    GrowTo(Bytes),
    /// More is needed, but the filesystem has no room for it.
    NoRoom {
        /// What could still be written to the filesystem above the reserve.
        room: Bytes,
        /// How much more was wanted.
        wanted: Bytes,
    },
    /// More is needed, but the cap of the settings is reached.
    Capped,
}

/// Free space below which a device of this size is low. The kernel's mark counts too, but never for more than half of the
/// device: Docker's fixed 2 GiB would otherwise call a small pool low for ever. Fast writers raise it to what they write until a
/// growth has come about.
pub fn threshold<D: GrowthDefaults>(need: &Need, settings: &GrowthSettings<D>) -> Bytes {
    let total = need.usage.total();
    total
        .percent(settings.below_free_percent)
        .max(need.low_water.min(total.percent(50)))
        .max(need.ahead)
}

/// Whether a device is below its threshold, or at the kernel's mark: the event comes once no more than that is free
/// (drivers/md/dm-thin.c, `check_low_water_mark`), and whoever looks at once finds just that much.
fn is_low<D: GrowthDefaults>(need: &Need, settings: &GrowthSettings<D>) -> bool {
    let free = need.usage.free();
    let mark_counts = need.low_water > Bytes(0) && need.low_water < need.usage.total().percent(50);
    free < threshold(need, settings) || (mark_counts && free <= need.low_water)
}

/// Room on the filesystem for the pool's files, beyond the reserve.
pub fn room(host: &Host, settings: &HostSettings) -> Bytes {
    host.free_bytes.saturating_sub(reserve(host, settings))
}

/// What is to stay free on the filesystem.
pub fn reserve(host: &Host, settings: &HostSettings) -> Bytes {
    host.total_bytes
        .percent(settings.reserve_percent)
        .max(settings.reserve_min)
}

/// Whether and how far to grow.
///
/// A sparse file has been promised its whole size already; what it has not been given yet must come out of the same room.
/// So the largest size the filesystem can honour is what is allocated now plus the room, less what the pool's other file
/// has been promised.
pub fn plan<D: GrowthDefaults>(
    need: &Need,
    host: &Host,
    settings: &GrowthSettings<D>,
    host_settings: &HostSettings,
) -> Plan {
    if settings.below_free_percent == 0 || !(is_low(need, settings) || need.usage.is_exhausted()) {
        return Plan::Enough;
    }
    let low = threshold(need, settings);
    let total = need.usage.total();
    let block = need.usage.block_bytes;
    let step = total
        .percent(settings.step_percent)
        .max(settings.step_min)
        // A step that is set too small is not the cap.
        .max(WORTH.saturating_add(Bytes(block)))
        .max(need.rate.times(settings.step_time));
    // A pool that was found nearly full gets past its threshold in one step, not in several that race with its writers.
    let wanted = total
        .saturating_add(step)
        .max(need.usage.used().saturating_add(low).saturating_add(step));
    let wanted = Bytes(wanted.0.div_ceil(block.max(1)).saturating_mul(block.max(1)));
    let capped = wanted.min(settings.cap.round_down(block));
    if capped <= total.saturating_add(WORTH) {
        return Plan::Capped;
    }
    let room = room(host, host_settings);
    let honoured = need
        .allocated
        .saturating_add(room)
        .saturating_sub(need.promised)
        .round_down(block);
    let to = capped.min(honoured);
    match to > total.saturating_add(WORTH) && !host.read_only {
        true => Plan::GrowTo(to),
        false => Plan::NoRoom {
            room,
            wanted: capped.saturating_sub(total),
        },
    }
}

#[cfg(test)]
mod tests;
