//! The filesystem below the pool's files: how much of the pool's promises it can keep.

use crate::judge::growth::{self, Plan};
use crate::judge::{Case, Verdict};
use crate::model::{Bytes, Code, Finding, Host, Pool, Seen, Settings, Target};

/// What can really still be written to an active pool: the smaller of its free blocks and, for a pool on loop files, the filesystem's room
/// above its reserve (law 7).
pub fn headroom(pool: &Pool, host: Option<&Host>, settings: &Settings) -> Bytes {
    let room = host
        .filter(|_| pool.is_loop())
        .map(|host| growth::room(host, &settings.host));
    room.map_or(pool.data.free(), |room| room.min(pool.data.free()))
}

/// How much more the pool's sparse files may ask for than the filesystem has free.
pub fn overcommit(pool: &Pool, host: Option<&Host>) -> Bytes {
    host.map_or(Bytes(0), |host| owed(pool).saturating_sub(host.free_bytes))
}

/// Too little room, or less than the pool's files were promised.
pub(super) fn judge(case: Case<'_>, pool: &Pool, verdict: &mut Verdict) {
    if !pool.is_loop() {
        return;
    }
    let host = match &case.seen.host {
        Seen::Known(host) => host,
        Seen::Unknown(why) => {
            let file = pool.device(Target::Data).place();
            return verdict.add(
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
    };
    let overcommit = overcommit(pool, Some(host));
    if overcommit > Bytes(0) {
        verdict.add(overcommitted(&pool.name, pool.data.free(), host, overcommit));
    }
    // What is left may all be promised to the sparse files already: that matters as soon as the pool is low.
    let nothing_left = matches!(growth::of(pool, Target::Data, case), Plan::NoRoom { .. });
    if host.read_only {
        verdict.add(read_only(pool, host));
    } else if nothing_left || growth::room(host, &case.settings.host) == Bytes(0) {
        verdict.add(full(case, pool, host));
    }
}

/// What the pool's sparse files were promised and have not been given yet.
fn owed(pool: &Pool) -> Bytes {
    let owed = |target| pool.device(target).owed();
    owed(Target::Data).saturating_add(owed(Target::Metadata))
}

fn full(case: Case<'_>, pool: &Pool, host: &Host) -> Finding {
    let promised = match owed(pool) {
        Bytes(0) => String::new(),
        owed => format!(", {owed} promised to the pool's sparse files"),
    };
    Finding::refuse(Code::HostFilesystemFull, &host.path)
        .says(format!(
            "{} free of {}, and {} are kept in reserve{promised}: nothing to grow the pool into; the pool has {} \
             free of {}{}",
            host.free_bytes,
            host.total_bytes,
            growth::reserve(host, &case.settings.host),
            pool.data.free(),
            pool.data.total(),
            case.memory.fill.outlook(pool, Target::Data)
        ))
        .at(&host.path)
        .next(format!(
            "free space on the filesystem of {} (du -xh -d2 $(stat -c %m {}) shows what holds it); growth follows \
             by itself",
            host.path, host.path
        ))
}

/// Blocks that the pool's files have not been given yet cannot be given any more, and nothing grows.
fn read_only(pool: &Pool, host: &Host) -> Finding {
    Finding::refuse(Code::HostFilesystemReadOnly, &host.path)
        .says(format!(
            "the filesystem below the pool's files is mounted read-only: nothing can grow, and writes that \
             need new blocks of a sparse file are lost; the pool has {} free of {}",
            pool.data.free(),
            pool.data.total()
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
