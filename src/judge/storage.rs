//! The pool and the filesystem below it: low, exhausted, over-committed, read-only, suspended; and the growth that helps.

use super::device::{capped, file_of, low, must_wait_for_metadata};
use super::growth::{self, Need, Plan};
use super::memory::NOBODY_AT_IT;
use super::{FORBIDDEN_BY, Memory, Verdict, lvm, vanished};
use crate::model::{BackingFile, Bytes, Code, Deed, Finding, Host, Lvm, Mode, Pool, Seen, Settings, Snapshot, Target};
use std::time::Duration;

pub mod host;

pub use host::{Headroom, headroom, overcommitted};

/// Docker's low-water mark for every pool it makes, in blocks (moby, pkg/devicemapper/devmapper.go, CreatePool).
pub(super) const DOCKER_LOW_WATER_BLOCKS: u64 = 32768;

/// Judges an active pool and the filesystem below it, and nothing of the daemon.
pub fn judge(seen: &Snapshot, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let pool = match &seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => return vanished::judge(seen, memory, now, verdict),
        Seen::Unknown(why) => {
            verdict.findings.push(
                Finding::warn(Code::PoolUnknown, "pool")
                    .says(format!("the pool's status cannot be read: {why}"))
                    .at("device-mapper")
                    .next("dmsetup status --noflush --target thin-pool"),
            );
            return;
        }
    };
    let broken = broken(pool);
    if pool.suspended {
        let nobody_at_it = memory.suspended_for(now) >= NOBODY_AT_IT;
        // Whoever changes a pool suspends it for a moment. A first look cannot know that, and speaks at once.
        if nobody_at_it || !memory.history.has_run() {
            verdict.findings.push(suspended(pool));
        }
        if nobody_at_it && !memory.growing && now >= memory.data_tries.not_before {
            verdict.deed = Some(Deed::Resume);
        }
    }
    host::judge(pool, seen, settings, memory, verdict);
    lvm::judge(pool, settings, memory, now, verdict);
    match broken {
        Some(finding) => {
            verdict.cannot_grow = Some(finding.message.clone());
            verdict.findings.push(finding);
        }
        // Metadata first: data that runs out can be healed, metadata that runs out ends in an off-line repair.
        None => {
            for target in [Target::Metadata, Target::Data] {
                match pool.lvm {
                    Lvm::No => device(pool, target, seen, settings, memory, now, verdict),
                    _ => lvm::device(pool, target, settings, memory, now, verdict),
                }
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
        Mode::Fail => (
            Code::PoolFailed,
            "the pool's metadata cannot be used; all I/O to it fails",
        ),
        _ if pool.needs_check => (
            Code::PoolNeedsCheck,
            "the pool's metadata must be checked off line; the kernel refuses to grow it until then",
        ),
        // From Linux 5.0 on a pool whose metadata are full says `ro` too, and growing them is the cure.
        Mode::Ro if pool.metadata.is_exhausted() => return None,
        Mode::Ro => (
            Code::PoolReadOnly,
            "the pool's metadata is read-only; nothing new can be allocated",
        ),
        Mode::Rw | Mode::OutOfDataSpace => return None,
    };
    Some(
        Finding::refuse(code, &pool.name)
            .says(message)
            .at(file_of(pool, Target::Metadata))
            .next(
                "copy the pool's files away first; then, with Docker stopped and the pool removed (dmsetup \
             remove), run thin_check on the metadata file and thin_repair into a NEW file of the same size; a \
             repair in place and 'rm -rf /var/lib/docker' both destroy containers and images, the second \
             named volumes too",
            ),
    )
}

fn suspended(pool: &Pool) -> Finding {
    Finding::refuse(Code::PoolSuspended, &pool.name)
        .says("the pool is suspended: all I/O to containers waits until it is resumed")
        .at(format!("/dev/mapper/{}", pool.name))
        .next(format!("dmsetup resume --noflush {}", pool.name))
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
    let need = Need::of(pool, target, &memory.fill, settings);
    let usage = need.usage;
    let file = match target {
        Target::Data => &pool.data_file,
        Target::Metadata => &pool.metadata_file,
    };
    let exhausted = usage.is_exhausted() || (target == Target::Data && pool.mode == Mode::OutOfDataSpace);
    let host = seen.host.known();
    let room_unknown = Host {
        path: String::new(),
        free_bytes: Bytes(0),
        total_bytes: Bytes(0),
        read_only: false,
    };
    let plan = match target {
        Target::Data => growth::plan(&need, host.unwrap_or(&room_unknown), &settings.data, &settings.host),
        Target::Metadata => growth::plan(&need, host.unwrap_or(&room_unknown), &settings.metadata, &settings.host),
    };
    if plan == Plan::Enough && !exhausted {
        return;
    }
    let against = against_growth(pool, target, seen, file);
    let waits = must_wait_for_metadata(pool, target);
    let hopeless = match plan {
        // For as long as the metadata can grow they are what the data wait for.
        _ if waits => verdict.cannot_grow.is_some(),
        Plan::Enough => is_off(target, settings),
        Plan::GrowTo(_) => against.is_some(),
        Plan::NoRoom { .. } | Plan::Capped => true,
    };
    let what_next = match (plan, against) {
        (Plan::GrowTo(_) | Plan::NoRoom { .. }, Some(why)) => why,
        _ => what_next(target, &plan, settings, memory, now),
    };
    if exhausted && hopeless && !waits {
        verdict.cannot_grow = Some(what_next.clone());
    }
    let place = file_of(pool, target);
    verdict
        .findings
        .push(low(pool, target, exhausted, memory, place, what_next));
    let may_try = !memory.growing && now >= memory.tries(target).not_before;
    if let (Plan::GrowTo(to), None, true, false) = (plan, &verdict.deed, may_try, hopeless || waits) {
        verdict.deed = Some(Deed::Grow {
            target,
            from: usage.total(),
            to,
        });
    }
}

/// Growth of the device is switched off.
fn is_off(target: Target, settings: &Settings) -> bool {
    match target {
        Target::Data => settings.data.below_free_percent == 0,
        Target::Metadata => settings.metadata.below_free_percent == 0,
    }
}

/// What stands against growth of this device, however much room there is; for people, with the next step.
fn against_growth(pool: &Pool, target: Target, seen: &Snapshot, file: &Seen<BackingFile>) -> Option<String> {
    let name = &pool.name;
    match (&seen.host, file) {
        _ if !pool.is_loop() => Some(format!(
            "enlarge the devices below {name} and reload its table; thinguard grows loop files and pools of \
             LVM's only"
        )),
        _ if must_wait_for_metadata(pool, target) => Some(
            "the metadata must grow first: without a free block there, growth of the data would end in an \
             off-line repair"
                .into(),
        ),
        (Seen::Unknown(why), _) => Some(format!(
            "nothing is grown blindly: room below the pool is not known: {why}"
        )),
        (Seen::Known(host), _) if host.read_only => Some(format!(
            "cannot grow: the filesystem of {} is mounted read-only; dmesg tells why",
            host.path
        )),
        (_, Seen::Unknown(why)) => Some(format!(
            "cannot grow: its file {} cannot be looked at: {why}",
            file_of(pool, target)
        )),
        (Seen::Known(_), Seen::Known(_)) => None,
    }
}

fn what_next(target: Target, plan: &Plan, settings: &Settings, memory: &Memory, now: Duration) -> String {
    match plan {
        Plan::GrowTo(to) if now < memory.tries(target).not_before => format!(
            "growth to {to} has failed {} times and is tried again in {} s",
            memory.tries(target).failures,
            memory.tries(target).not_before.saturating_sub(now).as_secs()
        ),
        Plan::GrowTo(to) => format!("thinguard grows it to {to}"),
        Plan::NoRoom { room, wanted } => format!(
            "cannot grow: {wanted} more are wanted and the filesystem below has {room} of room above its \
             reserve{}; free space there, or remove containers and images that nobody needs",
            match room {
                Bytes(0) => "",
                _ => ", promised to the pool's sparse files already",
            }
        ),
        Plan::Capped => capped(target, settings),
        Plan::Enough if is_off(target, settings) => {
            format!("growth of the {target} device is switched off {FORBIDDEN_BY}")
        }
        Plan::Enough => "blocks have been freed; the kernel goes on by itself".into(),
    }
}
