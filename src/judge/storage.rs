//! The pool and the filesystem below it: low, exhausted, over-committed, read-only, suspended; and the growth that helps.

use super::memory::NOBODY_AT_IT;
use super::{Case, Verdict, device, lvm, vanished};
use crate::model::{Backing, Code, Deed, Finding, Lvm, Mode, Pool, Seen, Snapshot, Target};

pub mod host;

pub use host::{headroom, overcommit, overcommitted};

/// Docker's low-water mark for every pool it makes, in blocks (moby, pkg/devicemapper/devmapper.go, CreatePool).
pub(super) const DOCKER_LOW_WATER_BLOCKS: u64 = 32768;

/// Judges an active pool and the filesystem below it, and nothing of the daemon.
pub(super) fn judge(case: Case<'_>, verdict: &mut Verdict) {
    let pool = match &case.seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => return verdict.add(vanished::judge(case)),
        Seen::Unknown(why) => {
            return verdict.add(
                Finding::warn(Code::PoolUnknown, "pool")
                    .says(format!("the pool's status cannot be read: {why}"))
                    .at("device-mapper")
                    .next("dmsetup status --noflush --target thin-pool"),
            );
        }
    };
    host::judge(case, pool, verdict);
    files_gone(case.seen, pool, verdict);
    lvm::judge(case, pool, verdict);
    match broken(pool) {
        Some(finding) => {
            verdict.cannot_grow = Some(finding.message.clone());
            verdict.add(finding);
        }
        // Metadata first: data that runs out can be healed, metadata that runs out ends in an off-line repair.
        None => {
            for target in [Target::Metadata, Target::Data] {
                device::judge(case, pool, target, verdict);
            }
        }
    }
    if pool.suspended {
        let memory = case.memory;
        let nobody_at_it = memory.suspended_for(case.now) >= NOBODY_AT_IT;
        // Whoever changes a pool suspends it for a moment. A first look cannot know that, and speaks at once.
        if nobody_at_it || !memory.history.has_run() {
            verdict.add(suspended(pool));
        }
        // A growth ends in a resume, which is not ours to give to a pool that somebody may hold suspended; it follows after it.
        let may_resume =
            nobody_at_it && held_by(pool).is_none() && !memory.growing && memory.resume_tries.pause(case.now).is_zero();
        verdict.deed = may_resume.then_some(Deed::Resume);
    }
}

/// Files that were deleted or moved below the pool: it goes on until it is removed, and dockerd opens them by name at its next start
/// (moby v20.10.27 `deviceset.go`, `loadThinPoolLoopBackInfo`).
fn files_gone(seen: &Snapshot, pool: &Pool, verdict: &mut Verdict) {
    let gone = |path: &str, words: String, next: String| {
        Finding::refuse(Code::PoolFileDeleted, path)
            .says(words)
            .at(path)
            .next(next)
    };
    let mut deleted = Vec::new();
    for target in [Target::Data, Target::Metadata] {
        if let Backing::Deleted { device, file } = pool.device(target).backing {
            deleted.push(file);
            let words = format!(
                "the pool {} is active and its file {file} was deleted: its contents live as long as the pool does, and are lost when \
                 Docker or the host stops",
                pool.name
            );
            let next = format!(
                "copy it off before anything stops Docker or the pool: dd if=/dev/{device} of=/OTHER-DISK/{target} bs=4M conv=sparse"
            );
            verdict.add(gone(file, words, next));
        }
    }
    for path in seen.names_gone.iter().filter(|path| !deleted.contains(path)) {
        let words = format!(
            "the pool {} is active and its file {path} is gone: open {path}: no such file or directory, and so Docker would not \
             start again",
            pool.name
        );
        let next = format!(
            "if it was moved (losetup -l shows where to), move it back to {path}; if it was deleted, copy it off the loop device \
             before anything stops the pool"
        );
        verdict.add(gone(path, words, next));
    }
}

/// Pools that no growth can help.
fn broken(pool: &Pool) -> Option<Finding> {
    let (code, message) = match pool.mode {
        _ if !pool.is_broken() => return None,
        Mode::Fail => (
            Code::PoolFailed,
            "the pool's metadata cannot be used; all I/O to it fails",
        ),
        _ if pool.needs_check => (
            Code::PoolNeedsCheck,
            "the pool's metadata must be checked off line; the kernel refuses to grow it until then",
        ),
        _ => (
            Code::PoolReadOnly,
            "the pool's metadata is read-only; nothing new can be allocated",
        ),
    };
    Some(
        Finding::refuse(code, &pool.name)
            .says(message)
            .at(pool.device(Target::Metadata).place())
            .next(
                "copy the pool's files away first; then, with Docker stopped and the pool removed (dmsetup \
             remove), run thin_check on the metadata file and thin_repair into a NEW file of the same size; a \
             repair in place and 'rm -rf /var/lib/docker' both destroy containers and images, the second \
             named volumes too",
            ),
    )
}

fn suspended(pool: &Pool) -> Finding {
    let resume = format!("dmsetup resume --noflush {}", pool.name);
    let next = match held_by(pool) {
        Some(whom) => format!("thinguard leaves it to {whom}; where nobody is at it any more: {resume}"),
        None => resume,
    };
    Finding::refuse(Code::PoolSuspended, &pool.name)
        .says("the pool is suspended: all I/O to containers waits until it is resumed")
        .at(format!("/dev/mapper/{}", pool.name))
        .next(next)
}

/// Whose resume it is, where not ours (law 13): LVM holds its pools suspended while it changes them, and our resume would drop a table
/// that somebody has loaded.
fn held_by(pool: &Pool) -> Option<&'static str> {
    match pool.lvm {
        Lvm::No if !pool.table_waits => None,
        Lvm::No => Some("whoever has loaded the table that waits in it"),
        _ => Some("LVM, which has suspended it"),
    }
}
