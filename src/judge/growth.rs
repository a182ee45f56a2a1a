//! How far a device of the pool may grow: into room that exists, up to the cap, never for the sake of a few blocks.

use super::rate::Fill;
use super::{Case, lvm};
use crate::model::{
    Bytes, GrowthDefaults, GrowthSettings, Host, HostSettings, Lvm, Pool, Seen, Settings, Snapshot, Target, Usage,
};

/// Smallest growth worth a reload of the pool's table.
const WORTH: Bytes = Bytes::mib(4);

/// A device that may have to grow, whether its pool is active or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Use of the device, in its blocks.
    pub usage: Usage,
    /// The kernel's low-water mark in bytes; 0 where there is none.
    pub low_water: Bytes,
    /// What the device has been given so far. A sparse file has less than its size, a volume all of it.
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
    pub fn of(pool: &Pool, target: Target, seen: &Snapshot, fill: &Fill, settings: &Settings) -> Need {
        let device = pool.device(target);
        let allocated = match (&pool.lvm, device.file) {
            (Lvm::No, Seen::Known(file)) => file.allocated_bytes,
            (Lvm::No, Seen::Unknown(_)) => device.usage.used(),
            _ => device.usage.total(),
        };
        Need {
            usage: device.usage,
            low_water: match target {
                Target::Data => pool.low_water(),
                Target::Metadata => Bytes(0),
            },
            allocated,
            promised: promised_before(target, seen.owed_beside(pool, target)),
            rate: fill.of(target).smoothed(),
            ahead: fill.ahead(target, settings),
        }
    }
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
    /// Enough is free.
    Enough,
    /// Growth of this device is switched off.
    Off,
    /// Grow to this size.
    GrowTo(Bytes),
    /// More is needed, but there is no room for it.
    NoRoom {
        /// What could still be taken, above the reserve.
        room: Bytes,
        /// How much more was wanted.
        wanted: Bytes,
    },
    /// More is needed, but the cap of the settings is reached.
    Capped,
}

/// Free space below which a device is low. The kernel's mark counts too, but never for more than half of the
/// device: Docker's fixed 2 GiB would otherwise call a small pool low for ever. Fast writers raise it to what they write until a
/// growth has come about.
pub fn threshold(need: &Need, target: Target, settings: &Settings) -> Bytes {
    let total = need.usage.total();
    let below_free_percent = match target {
        Target::Data => settings.data.below_free_percent,
        Target::Metadata => settings.metadata.below_free_percent,
    };
    total
        .percent(below_free_percent)
        .max(need.low_water.min(total.percent(50)))
        .max(need.ahead)
}

/// Whether a device is below its threshold, or at the kernel's mark: the event comes once no more than that is free
/// (drivers/md/dm-thin.c, `check_low_water_mark`), and whoever looks at once finds just that much.
fn is_low(need: &Need, threshold: Bytes) -> bool {
    let free = need.usage.free();
    let mark_counts = need.low_water > Bytes(0) && need.low_water <= need.usage.total().percent(50);
    free < threshold || (mark_counts && free <= need.low_water)
}

/// Room on the filesystem for the pool's files, beyond the reserve; none on one that is mounted read-only.
pub fn room(host: &Host, settings: &HostSettings) -> Bytes {
    match host.read_only {
        true => Bytes(0),
        false => host.free_bytes.saturating_sub(reserve(host, settings)),
    }
}

/// Room on the filesystem for more of this device's file. Metadata may take the reserve, but for a little: they are small, and running out
/// of them ends in an off-line repair, while a host without reserve is only short of room.
pub fn room_for(target: Target, host: &Host, settings: &HostSettings) -> Bytes {
    const LEFT: Bytes = Bytes::mib(16);
    match target {
        Target::Metadata if !host.read_only => host.free_bytes.saturating_sub(LEFT),
        _ => room(host, settings),
    }
}

/// What is to stay free on the filesystem.
pub fn reserve(host: &Host, settings: &HostSettings) -> Bytes {
    host.total_bytes
        .percent(settings.reserve_percent)
        .max(settings.reserve_min)
}

/// What one device of a live pool is to become. Where the room is not known there is none.
pub(super) fn of(pool: &Pool, target: Target, case: Case<'_>) -> Plan {
    let settings = case.settings;
    let room = match (&pool.lvm, case.seen.host_of(target)) {
        (Lvm::Asked(Seen::Known(said)), _) => lvm::room(said, target, &settings.lvm),
        (Lvm::No, Ok(host)) => room_for(target, host, &settings.host),
        _ => Bytes(0),
    };
    plan(
        &Need::of(pool, target, case.seen, &case.memory.fill, settings),
        target,
        room,
        settings,
    )
}

/// Whether and how far to grow into this room.
pub fn plan(need: &Need, target: Target, room: Bytes, settings: &Settings) -> Plan {
    let low = threshold(need, target, settings);
    match target {
        Target::Data => plan_by(need, low, room, &settings.data),
        Target::Metadata => plan_by(need, low, room, &settings.metadata),
    }
}

fn plan_by<D: GrowthDefaults>(need: &Need, low: Bytes, room: Bytes, settings: &GrowthSettings<D>) -> Plan {
    if settings.below_free_percent == 0 {
        return Plan::Off;
    }
    if !is_low(need, low) && !need.usage.is_exhausted() {
        return Plan::Enough;
    }
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
    let worth_it = |size: Bytes| size > total.saturating_add(WORTH);
    let to = capped.min(honoured(need, room).round_down(block));
    match (worth_it(capped), worth_it(to)) {
        (false, _) => Plan::Capped,
        (true, true) => Plan::GrowTo(to),
        (true, false) => Plan::NoRoom {
            room,
            wanted: capped.saturating_sub(total),
        },
    }
}

/// The largest size that this room can honour. A sparse file has been promised its whole size already; what it has not been given yet
/// must come out of the same room. So that is what is allocated now plus the room, less what the pool's other file has been promised.
pub fn honoured(need: &Need, room: Bytes) -> Bytes {
    need.allocated.saturating_add(room).saturating_sub(need.promised)
}

#[cfg(test)]
mod tests;
