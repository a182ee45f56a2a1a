//! From what was seen to the figures of the contract, for all commands that answer in text or JSON.

use crate::judge::growth::{self, Need};
use crate::judge::rate::{self, Fill, Of};
use crate::judge::{lvm, storage};
use crate::kernel::superblock::{MAX_METADATA, Superblock};
use crate::model::{Bytes, Disk, Host, Lvm, LvmPool, Pool, Seen, Settings, Snapshot, Target, Usage};
use crate::observe::consumers::Consumers;
use crate::report::json::{ForecastReport, HeadroomReport, HostReport, PoolReport, UsageReport};

/// The filesystem, with what is kept free on it.
pub fn host(host: &Host, settings: &Settings) -> HostReport {
    HostReport {
        path: host.path.clone(),
        total_bytes: host.total_bytes,
        free_bytes: host.free_bytes,
        reserve_bytes: growth::reserve(host, &settings.host),
    }
}

/// The volume group, with what is kept free in it.
fn group(said: &LvmPool, settings: &Settings) -> HostReport {
    HostReport {
        path: format!("volume group {}", said.group),
        total_bytes: said.group_size,
        free_bytes: said.group_free,
        reserve_bytes: lvm::reserve(said, &settings.lvm),
    }
}

/// The filesystem or the volume group below one of the pool's devices, where it is known.
pub fn below(pool: &Pool, target: Target, seen: &Snapshot, settings: &Settings) -> Option<HostReport> {
    match &pool.lvm {
        Lvm::No => seen.host_of(target).ok().map(|it| host(it, settings)),
        Lvm::Asked(Seen::Known(said)) => Some(group(said, settings)),
        Lvm::NotAsked | Lvm::Asked(Seen::Unknown(_)) => None,
    }
}

/// True headroom of an active pool.
pub fn headroom(pool: &Pool, seen: &Snapshot, settings: &Settings) -> HeadroomReport {
    HeadroomReport {
        headroom_bytes: storage::headroom(pool, seen.host.known(), settings),
        overcommit_bytes: storage::overcommit(pool, seen),
        host: below(pool, Target::Data, seen, settings),
    }
}

/// An active pool with its headroom.
pub fn pool(pool: &Pool, seen: &Snapshot, settings: &Settings) -> PoolReport {
    let room = headroom(pool, seen, settings);
    PoolReport {
        host: room.host,
        headroom_bytes: Some(room.headroom_bytes),
        overcommit_bytes: Some(room.overcommit_bytes),
        ..PoolReport::from(pool)
    }
}

/// How fast the pool and the filesystem below it fill, as the guard and this look have seen.
pub fn with_rates(
    mut report: PoolReport,
    pool: &Pool,
    seen: &Snapshot,
    fill: &Fill,
    settings: &Settings,
) -> PoolReport {
    for (target, usage) in [
        (Target::Data, &mut report.data),
        (Target::Metadata, &mut report.metadata),
    ] {
        usage.fill_bytes_per_s = fill.of(target).is_known().then(|| fill.of(target).smoothed());
        usage.full_in_s = fill.device_full(pool, target).map(|it| it.full_in.as_secs());
        usage.low_bytes = low(pool, target, seen, fill, settings);
    }
    report.forecast = rate::forecast(fill, seen, settings).map(|it| ForecastReport {
        of: match it.of {
            Of::Device(target) => target.to_string(),
            Of::Host => "host".into(),
        },
        full_in_s: it.full_in.as_secs(),
        bytes_per_s: it.rate,
        text: it.to_string(),
    });
    report
}

/// Who fills it.
pub fn with_consumers(mut report: PoolReport, consumers: &Consumers) -> PoolReport {
    if let Seen::Known(largest) = &consumers.largest {
        report.consumers.clone_from(largest);
        report.active_volumes = Some(consumers.active);
    }
    report
}

/// With less than this free the device is to grow, whoever does it; `None` where nobody does.
fn low(pool: &Pool, target: Target, seen: &Snapshot, fill: &Fill, settings: &Settings) -> Option<Bytes> {
    let need = Need::of(pool, target, seen, fill, settings);
    let threshold = growth::threshold(&need, target, settings);
    let below = match target {
        Target::Data => settings.data.below_free_percent,
        Target::Metadata => settings.metadata.below_free_percent,
    };
    match &pool.lvm {
        Lvm::Asked(Seen::Known(said)) if said.autoextend.is_on() => {
            Some(need.usage.total().percent(100 - said.autoextend.threshold.min(100)))
        }
        Lvm::No => (below > 0).then_some(threshold),
        _ => (below > 0 && settings.lvm.grow).then_some(threshold),
    }
}

/// A pool that is not active, as its files are: what its superblock counted last, of what the files can hold. Without a name
/// where `named` is false: Docker makes it from device and inode numbers, and those of a copied or mounted tree say nothing.
pub fn inactive_pool(disk: &Disk, superblock: &Superblock, named: bool) -> PoolReport {
    let usage = |path: &str, used_blocks, blocks: u64, block_bytes: u64, most: Bytes| {
        // Of a file that is missing or was cut off, the pool's own figures tell more.
        let counted = Bytes(blocks.saturating_mul(block_bytes));
        let size = disk
            .file(path)
            .known()
            .map_or(counted, |file| file.size_bytes.max(counted));
        UsageReport::from(&Usage {
            used_blocks,
            total_blocks: size.min(most).0.checked_div(block_bytes).unwrap_or(0),
            block_bytes,
        })
    };
    let data_block = u64::from(superblock.data_block_sectors) * Bytes::SECTOR;
    let Superblock {
        data_used,
        data_blocks,
        metadata_used,
        metadata_blocks,
        ..
    } = *superblock;
    PoolReport {
        name: disk.pool_name.clone().filter(|_| named).unwrap_or_default(),
        needs_check: superblock.needs_check,
        data: usage(&disk.data_path, data_used, data_blocks, data_block, Bytes(u64::MAX)),
        metadata: usage(&disk.metadata_path, metadata_used, metadata_blocks, 4096, MAX_METADATA),
        files: disk.files.clone(),
        ..PoolReport::default()
    }
}
