//! From what was seen to the figures of the contract, for all commands that answer in text or JSON.

use crate::judge::growth;
use crate::judge::storage;
use crate::kernel::superblock::{MAX_METADATA, Superblock};
use crate::model::{Bytes, Disk, Host, Pool, Settings, Snapshot, Usage};
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

/// A pool that is not active, as its files are: what its superblock counted last, of what the files can hold. Without a name
/// where `named` is false: Docker makes it from device and inode numbers, and those of a copied or mounted tree say nothing.
pub fn inactive_pool(disk: &Disk, superblock: &Superblock, named: bool) -> PoolReport {
    let size = |path: &str| disk.file(path).known().map_or(Bytes(0), |file| file.size_bytes);
    let usage = |used_blocks, block_bytes: u64, size: Bytes| Usage {
        used_blocks,
        total_blocks: size.0.checked_div(block_bytes).unwrap_or(0),
        block_bytes,
    };
    let block_bytes = u64::from(superblock.data_block_sectors) * Bytes::SECTOR;
    let metadata = size(&disk.metadata_path).min(MAX_METADATA);
    PoolReport {
        name: disk.pool_name.clone().filter(|_| named).unwrap_or_default(),
        mode: None,
        needs_check: superblock.needs_check,
        suspended: false,
        data: (&usage(superblock.data_used, block_bytes, size(&disk.data_path))).into(),
        metadata: (&usage(superblock.metadata_used, 4096, metadata)).into(),
        files: disk.files.iter().map(Into::into).collect(),
        host: None,
        headroom_bytes: None,
        overcommit_bytes: None,
    }
}
