//! The filesystem below the pool's files: how much of the pool's promises it can keep.

use crate::judge::growth::{self, Plan};
use crate::judge::{Case, Verdict};
use crate::model::{Bytes, Code, Finding, Host, Pool, Seen, Settings, Snapshot, Target};

/// What can really still be written to an active pool: the smaller of its free blocks and, for a pool on loop files, the filesystem's room
/// above its reserve (law 7).
pub fn headroom(pool: &Pool, host: Option<&Host>, settings: &Settings) -> Bytes {
    let room = host
        .filter(|_| pool.is_loop())
        .map(|host| growth::room(host, &settings.host));
    room.map_or(pool.data.free(), |room| room.min(pool.data.free()))
}

/// How much more the pool's sparse files may ask for than the filesystem of its data file has free.
pub fn overcommit(pool: &Pool, seen: &Snapshot) -> Bytes {
    let host = seen.host.known();
    host.map_or(Bytes(0), |host| {
        owed(pool, Target::Data, seen).saturating_sub(host.free_bytes)
    })
}

/// Too little room, or less than the pool's files were promised; on both filesystems where its files lie on two.
pub(super) fn judge(case: Case<'_>, pool: &Pool, verdict: &mut Verdict) {
    if !pool.is_on_files() {
        return;
    }
    match &case.seen.host {
        Seen::Known(host) => below(case, pool, Target::Data, host, verdict),
        Seen::Unknown(why) => {
            let file = pool.device(Target::Data).place();
            verdict.add(
                Finding::warn(Code::HostFilesystemUnknown, &file)
                    .says(format!(
                        "room on the filesystem below the pool cannot be read ({why}); nothing is grown blindly"
                    ))
                    .at(file)
                    .next(
                        "df the directory that holds the pool's files; a df that hangs points at the filesystem itself",
                    ),
            );
        }
    }
    if let Some(host) = &case.seen.metadata_host {
        below(case, pool, Target::Metadata, host, verdict);
    }
}

/// The filesystem below the file of this device.
fn below(case: Case<'_>, pool: &Pool, target: Target, host: &Host, verdict: &mut Verdict) {
    let owed = owed(pool, target, case.seen);
    let overcommit = owed.saturating_sub(host.free_bytes);
    if overcommit > Bytes(0) {
        let free = pool.device(target).usage.free();
        verdict.add(overcommitted(&pool.name, free, host, overcommit));
    }
    // What is left may all be promised to the sparse files already: that matters as soon as the pool is low.
    let nothing_left = matches!(growth::of(pool, target, case), Plan::NoRoom { .. });
    if host.read_only {
        verdict.add(read_only(pool, target, host));
    } else if nothing_left || growth::room_for(target, host, &case.settings.host) == Bytes(0) {
        verdict.add(full(case, pool, target, host, owed));
    }
}

/// What the sparse files on the filesystem of this device's file were promised and have not been given yet.
fn owed(pool: &Pool, target: Target, seen: &Snapshot) -> Bytes {
    let beside = seen.owed_beside(pool, target);
    pool.device(target).owed().saturating_add(beside)
}

/// `the pool has 1 GiB free of 4 GiB`
fn pool_has(pool: &Pool, target: Target) -> String {
    let usage = pool.device(target).usage;
    let what = match target {
        Target::Data => "the pool has",
        Target::Metadata => "its metadata device has",
    };
    format!("{what} {} free of {}", usage.free(), usage.total())
}

fn full(case: Case<'_>, pool: &Pool, target: Target, host: &Host, owed: Bytes) -> Finding {
    let promised = match owed {
        Bytes(0) => String::new(),
        owed => format!(", {owed} promised to the pool's sparse files"),
    };
    let kept = match target {
        Target::Data => format!(
            ", and {} are kept in reserve",
            growth::reserve(host, &case.settings.host)
        ),
        Target::Metadata => String::new(),
    };
    Finding::refuse(Code::HostFilesystemFull, &host.path)
        .says(format!(
            "{} free of {}{kept}{promised}: nothing to grow the pool into; {}{}",
            host.free_bytes,
            host.total_bytes,
            pool_has(pool, target),
            case.memory.fill.outlook(pool, target)
        ))
        .at(&host.path)
        .next(format!(
            "free space on the filesystem of {} (du -xh -d2 $(stat -c %m {}) shows what holds it); growth follows \
             by itself",
            host.path, host.path
        ))
}

/// Blocks that the pool's files have not been given yet cannot be given any more, and nothing grows.
fn read_only(pool: &Pool, target: Target, host: &Host) -> Finding {
    Finding::refuse(Code::HostFilesystemReadOnly, &host.path)
        .says(format!(
            "the filesystem below the pool's files is mounted read-only: nothing can grow, and writes that \
             need new blocks of a sparse file are lost; {}",
            pool_has(pool, target)
        ))
        .at(&host.path)
        .next(format!(
            "dmesg tells why (an I/O error mostly); save what the containers have, stop Docker, check that \
             filesystem (findmnt -T {}), then mount it read-write",
            host.path
        ))
}

/// The sparse files were promised more than the filesystem has: a pool in this state loses data while its status says `rw`.
pub fn overcommitted(subject: &str, pool_free: Bytes, host: &Host, overcommit: Bytes) -> Finding {
    Finding::warn(Code::HostFilesystemOvercommitted, subject)
        .says(format!(
            "the pool has {pool_free} free, but the filesystem below its sparse files has only {}: writes \
             will be lost {overcommit} before the pool is full",
            host.free_bytes
        ))
        .at(&host.path)
        .next(format!(
            "free {overcommit} on the filesystem of {}, or move other data off it",
            host.path
        ))
}
