//! The pool and the filesystem below it: low, exhausted, over-committed, read-only, suspended; and the growth that helps.

use super::growth::{self, Need, Plan};
use super::{Memory, Verdict};
use crate::model::{Backing, Bytes, Deed, Finding, Host, Mode, Pool, Seen, Settings, Severity, Snapshot, Target};
use std::time::Duration;

/// Docker's low-water mark for every pool it makes, in blocks (moby, pkg/devicemapper/devmapper.go, CreatePool).
pub(super) const DOCKER_LOW_WATER_BLOCKS: u64 = 32768;

/// A pool that stays suspended for this long was left so; dockerd, LVM and an operator at work resume it sooner.
const NOBODY_AT_IT: Duration = Duration::from_secs(5);

/// The figures of the contract: what can really still be written, and what was promised beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The smaller of the pool's free blocks and the filesystem's room above its reserve.
    pub headroom: Bytes,
    /// How much more the pool's sparse files may ask for than the filesystem has free.
    pub overcommit: Bytes,
}

/// True headroom of an active pool (law 7).
pub fn headroom(pool: &Pool, host: Option<&Host>, settings: &Settings) -> Headroom {
    let free = pool.data.free();
    let Some(host) = host.filter(|_| pool.is_loop()) else {
        return Headroom {
            headroom: free,
            overcommit: Bytes(0),
        };
    };
    let owed = owed(&pool.data_file).saturating_add(owed(&pool.metadata_file));
    Headroom {
        headroom: free.min(growth::room(host, &settings.host)),
        overcommit: owed.saturating_sub(host.free_bytes),
    }
}

/// What a sparse file was promised and has not been given yet.
pub fn owed(file: &Seen<crate::model::BackingFile>) -> Bytes {
    file.known()
        .map_or(Bytes(0), |file| file.size_bytes.saturating_sub(file.allocated_bytes))
}

/// Judges an active pool and the filesystem below it, and nothing of the daemon.
pub fn judge(seen: &Snapshot, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let pool = match &seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => return,
        Seen::Unknown(why) => {
            verdict.findings.push(Finding {
                code: "pool-unknown",
                severity: Severity::Warn,
                subject: "pool".into(),
                message: format!("the pool's status cannot be read: {why}"),
                place: "device-mapper".into(),
                remedy: "dmsetup status --noflush --target thin-pool".into(),
            });
            return;
        }
    };
    let broken = broken(pool);
    if pool.suspended {
        verdict.findings.push(suspended(pool));
        let nobody_at_it = memory.suspended_for(now) >= NOBODY_AT_IT;
        if nobody_at_it && !memory.growing && now >= memory.data_tries.not_before {
            verdict.deed = Some(Deed::Resume);
        }
    }
    host_findings(pool, seen, settings, verdict);
    match broken {
        Some(finding) => verdict.findings.push(finding),
        // Metadata first: data that runs out can be healed, metadata that runs out ends in an off-line repair.
        None => {
            for target in [Target::Metadata, Target::Data] {
                device(pool, target, seen, settings, memory, now, verdict);
            }
        }
    }
    // A growth ends in a resume, which is not ours to give to a pool that somebody may hold suspended; after it, growth follows.
    if pool.suspended && matches!(verdict.deed, Some(Deed::Grow { .. })) {
        verdict.deed = None;
    }
}

/// Pools that no growth can help: the kernel refuses to change them, some with a return of success.
fn broken(pool: &Pool) -> Option<Finding> {
    let (code, message): (_, &str) = match pool.mode {
        Mode::Fail => ("pool-failed", "the pool's metadata cannot be used; all I/O to it fails"),
        _ if pool.needs_check => (
            "pool-needs-check",
            "the pool's metadata must be checked off line; the kernel refuses to grow it until then",
        ),
        // From Linux 5.0 on a pool whose metadata are full says `ro` too, and growing them is the cure.
        Mode::Ro if pool.metadata.is_exhausted() => return None,
        Mode::Ro => (
            "pool-read-only",
            "the pool's metadata is read-only; nothing new can be allocated",
        ),
        Mode::Rw | Mode::OutOfDataSpace => return None,
    };
    Some(Finding {
        code,
        severity: Severity::Refuse,
        subject: pool.name.clone(),
        message: message.into(),
        place: file_of(pool, Target::Metadata),
        remedy: "copy the pool's files away first; then, with Docker stopped and the pool removed (dmsetup remove), run \
                 thin_check on the metadata file and thin_repair into a NEW file of the same size; a repair in place and \
                 'rm -rf /var/lib/docker' both destroy containers and images, the second named volumes too"
            .into(),
    })
}

fn suspended(pool: &Pool) -> Finding {
    Finding {
        code: "pool-suspended",
        severity: Severity::Refuse,
        subject: pool.name.clone(),
        message: "the pool is suspended: all I/O to containers waits until it is resumed".into(),
        place: format!("/dev/mapper/{}", pool.name),
        remedy: format!("dmsetup resume --noflush {}", pool.name),
    }
}

fn host_findings(pool: &Pool, seen: &Snapshot, settings: &Settings, verdict: &mut Verdict) {
    if !pool.is_loop() {
        return;
    }
    let host = match &seen.host {
        Seen::Known(host) => host,
        Seen::Unknown(why) => {
            verdict.findings.push(Finding {
                code: "host-filesystem-unknown",
                severity: Severity::Warn,
                subject: file_of(pool, Target::Data),
                message: format!(
                    "room on the filesystem below the pool cannot be read ({why}); nothing is grown blindly"
                ),
                place: file_of(pool, Target::Data),
                remedy: "df the directory that holds the pool's files; a df that hangs points at the filesystem itself"
                    .into(),
            });
            return;
        }
    };
    let overcommit = headroom(pool, Some(host), settings).overcommit;
    if overcommit > Bytes(0) {
        verdict
            .findings
            .push(overcommitted(&pool.name, pool.data.free(), host, overcommit));
    }
    if growth::room(host, &settings.host) == Bytes(0) {
        verdict.findings.push(Finding {
            code: "host-filesystem-full",
            severity: Severity::Refuse,
            subject: host.path.clone(),
            message: format!(
                "{} free of {}, and {} are kept in reserve: nothing to grow the pool into; the pool has {} free of {}",
                host.free_bytes,
                host.total_bytes,
                growth::reserve(host, &settings.host),
                pool.data.free(),
                pool.data.total()
            ),
            place: host.path.clone(),
            remedy: format!(
                "free space on the filesystem of {} (du -xh -d2 $(stat -c %m {}) shows what holds it); growth follows by itself",
                host.path, host.path
            ),
        });
    }
}

/// The sparse files were promised more than the filesystem has: a pool in this state loses data while its status says `rw`.
pub(super) fn overcommitted(subject: &str, pool_free: Bytes, host: &Host, overcommit: Bytes) -> Finding {
    Finding {
        code: "host-filesystem-overcommitted",
        severity: Severity::Warn,
        subject: subject.to_owned(),
        message: format!(
            "the pool has {pool_free} free, but the filesystem below its sparse files has only {}: writes will be \
             lost {overcommit} before the pool is full",
            host.free_bytes
        ),
        place: host.path.clone(),
        remedy: format!(
            "free {overcommit} on the filesystem of {}, or move other data off it",
            host.path
        ),
    }
}

/// One of the two devices: is it low, and can it grow?
fn device(
    pool: &Pool,
    target: Target,
    seen: &Snapshot,
    settings: &Settings,
    memory: &Memory,
    now: Duration,
    verdict: &mut Verdict,
) {
    let (usage, file, other) = match target {
        Target::Data => (pool.data, &pool.data_file, &pool.metadata_file),
        Target::Metadata => (pool.metadata, &pool.metadata_file, &pool.data_file),
    };
    let low_water = if target == Target::Data {
        pool.low_water()
    } else {
        Bytes(0)
    };
    let exhausted = usage.is_exhausted() || (target == Target::Data && pool.mode == Mode::OutOfDataSpace);
    let host = seen.host.known();
    let allocated = file.known().map_or(usage.used(), |file| file.allocated_bytes);
    let need = Need {
        usage,
        low_water,
        allocated,
        promised: owed(other),
    };
    let room_unknown = Host {
        path: String::new(),
        free_bytes: Bytes(0),
        total_bytes: Bytes(0),
        read_only: false,
    };
    let switched_off = match target {
        Target::Data => settings.data.below_free_percent == 0,
        Target::Metadata => settings.metadata.below_free_percent == 0,
    };
    let plan = match target {
        Target::Data => growth::plan(&need, host.unwrap_or(&room_unknown), &settings.data, &settings.host),
        Target::Metadata => growth::plan(&need, host.unwrap_or(&room_unknown), &settings.metadata, &settings.host),
    };
    if plan == Plan::Enough && !exhausted {
        return;
    }
    let what_next = what_next(pool, target, &plan, switched_off, memory, now);
    verdict.findings.push(Finding {
        code: match (exhausted, target) {
            (true, _) => "pool-exhausted",
            (false, Target::Data) => "pool-low",
            (false, Target::Metadata) => "pool-metadata-low",
        },
        severity: if exhausted { Severity::Refuse } else { Severity::Warn },
        subject: pool.name.clone(),
        message: format!(
            "{} of {} {target} used ({}%), {} free",
            usage.used(),
            usage.total(),
            usage.used_percent(),
            usage.free()
        ),
        place: file_of(pool, target),
        remedy: what_next,
    });
    let may_try = !memory.growing && now >= memory.tries(target).not_before;
    if let (Plan::GrowTo(to), None, true, true, true) = (
        plan,
        &verdict.deed,
        may_try,
        pool.is_loop(),
        host.is_some() && file.known().is_some(),
    ) {
        verdict.deed = Some(Deed::Grow {
            target,
            from: usage.total(),
            to,
        });
    }
}

fn what_next(pool: &Pool, target: Target, plan: &Plan, switched_off: bool, memory: &Memory, now: Duration) -> String {
    let name = &pool.name;
    match plan {
        _ if !pool.is_loop() => {
            format!("extend the logical volume below {name} (lvextend); thinguard grows loop files only")
        }
        Plan::GrowTo(to) if now < memory.tries(target).not_before => format!(
            "growth to {to} has failed {} times and is tried again in {} s",
            memory.tries(target).failures,
            memory.tries(target).not_before.saturating_sub(now).as_secs()
        ),
        Plan::GrowTo(to) => format!("thinguard grows it to {to}"),
        Plan::NoRoom { room, wanted } => format!(
            "cannot grow: {wanted} more are wanted and the filesystem below has {room} of room above its reserve; free space there, \
             or remove containers and images (docker system prune)"
        ),
        Plan::Capped => {
            format!("the cap of [{target}] in thinguard.toml, or the kernel's own, is reached: raise it or free space")
        }
        Plan::Enough if switched_off => format!("growth of the {target} device is switched off in thinguard.toml"),
        Plan::Enough => "blocks have been freed; the kernel goes on by itself".into(),
    }
}

/// The file or device below one of the pool's devices, for people.
pub fn file_of(pool: &Pool, target: Target) -> String {
    let backing = match target {
        Target::Data => &pool.data_backing,
        Target::Metadata => &pool.metadata_backing,
    };
    match backing {
        Backing::Loop { file, .. } => file.clone(),
        Backing::Device(number) => format!("block device {number}"),
    }
}
