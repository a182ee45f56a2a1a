//! One of the pool's two devices, on whatever it lies: is it low, who helps, and what is said of it.

use super::growth::{self, Plan};
use super::{Case, FORBIDDEN_BY, Verdict, lvm};
use crate::kernel::lvm::pool::extend_line;
use crate::kernel::lvm::volume;
use crate::kernel::thin_pool::METADATA_FOR_GROWTH;
use crate::model::{
    Backing, Bytes, Code, Deed, Finding, Lvm, LvmPool, Pool, Seen, Settings, Severity, Snapshot, Target, Usage,
};
use std::time::Duration;

/// Who makes a device larger, or frees what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Helper {
    /// thinguard, now.
    Guard,
    /// LVM, the kernel, or thinguard later.
    Other,
    /// Nobody, until an operator does something.
    Nobody,
}

/// Judges one device of a pool that is not broken, and asks for its growth.
pub(super) fn judge(case: Case<'_>, pool: &Pool, target: Target, verdict: &mut Verdict) {
    let device = pool.device(target);
    let usage = device.usage;
    let plan = growth::of(pool, target, case);
    let exhausted = pool.is_out_of(target);
    if matches!(plan, Plan::Enough | Plan::Off) && !exhausted {
        return;
    }
    let (place, (helper, next)) = match &pool.lvm {
        Lvm::Asked(Seen::Known(said)) if said.autoextend.is_on() => (said.name(), left_to_lvm(said, usage, plan)),
        Lvm::Asked(Seen::Known(said)) => (said.name(), by_guard(case, pool, target, plan, Some(said))),
        Lvm::NotAsked | Lvm::Asked(Seen::Unknown(_)) => (format!("/dev/mapper/{}", pool.name), unasked(pool)),
        Lvm::No => (device.place(), by_guard(case, pool, target, plan, None)),
    };
    if exhausted && helper == Helper::Nobody && !waits_for_metadata(pool, target) {
        verdict.cannot_grow = Some(next.clone());
    }
    let (severity, code) = match (exhausted, target) {
        (true, _) => (Severity::Refuse, Code::PoolExhausted),
        (false, Target::Data) => (Severity::Warn, Code::PoolLow),
        (false, Target::Metadata) => (Severity::Warn, Code::PoolMetadataLow),
    };
    let outlook = case.memory.fill.outlook(pool, target);
    verdict.add(
        Finding::new(severity, code, &pool.name)
            .says(format!(
                "{} of {} {target} used ({}%), {} free{outlook}",
                usage.used(),
                usage.total(),
                usage.used_percent(),
                usage.free()
            ))
            .at(place)
            .next(next),
    );
    verdict.add(lvm::group_full(pool, target, plan, case.settings));
    if let (Helper::Guard, Plan::GrowTo(to), false, None) = (helper, plan, case.memory.growing, &verdict.deed) {
        let from = usage.total();
        verdict.deed = Some(Deed::Grow { target, from, to });
    }
}

/// LVM extends it by itself, as far as its group has what the setting asks for.
fn left_to_lvm(said: &LvmPool, usage: Usage, plan: Plan) -> (Helper, String) {
    let helper = match lvm::missing(said, usage, plan) {
        Some(_) => Helper::Nobody,
        None => Helper::Other,
    };
    let next = format!(
        "LVM extends it by itself when {}% are used; where it does not: journalctl -t lvm -t dmeventd",
        said.autoextend.threshold
    );
    (helper, next)
}

/// What LVM has to give is not known.
fn unasked(pool: &Pool) -> (Helper, String) {
    let name = volume(&pool.name).map_or_else(|| "GROUP/POOL".into(), |(group, name)| format!("{group}/{name}"));
    let next = format!("LVM was not asked or does not tell; if the group has room (vgs): lvextend -L +20G {name}");
    (Helper::Other, next)
}

/// The kernel takes metadata to record more data blocks; where none is left it fails, and marks them as needing a check (drivers/md/
/// dm-thin.c, `maybe_resize_data_dev`, `metadata_operation_failed`).
fn waits_for_metadata(pool: &Pool, target: Target) -> bool {
    let free = pool.metadata.total_blocks.saturating_sub(pool.metadata.used_blocks);
    target == Target::Data && free < METADATA_FOR_GROWTH
}

/// thinguard grows it, on a file or in this pool of LVM's, or says why it does not.
fn by_guard(case: Case<'_>, pool: &Pool, target: Target, plan: Plan, said: Option<&LvmPool>) -> (Helper, String) {
    match (plan, blocked(pool, target, case.seen)) {
        (Plan::Capped, _) => (Helper::Nobody, capped(target, case.settings)),
        (Plan::Off, _) => (
            Helper::Nobody,
            format!("growth of the {target} device is switched off {FORBIDDEN_BY}"),
        ),
        (Plan::Enough, _) => (
            Helper::Other,
            "blocks have been freed; the kernel goes on by itself".into(),
        ),
        (_, Some(blocked)) => blocked,
        (Plan::NoRoom { room, wanted }, None) => {
            let below = match (said, room) {
                (Some(_), _) => format!("the volume group has {room} of room; add a disk"),
                (None, Bytes(0)) => {
                    format!("the filesystem below has {room} of room above its reserve; free space there")
                }
                (None, _) => format!(
                    "the filesystem below has {room} of room above its reserve, promised to the pool's sparse \
                     files already; free space there"
                ),
            };
            let next = format!(
                "cannot grow: {wanted} more are wanted and {below}, or remove containers and images that nobody needs"
            );
            (Helper::Nobody, next)
        }
        (Plan::GrowTo(to), None) => {
            let tries = case.memory.tries(target);
            let pause = match pool.is_out_of(target) {
                true => tries.short_pause(case.now),
                false => tries.pause(case.now),
            };
            match said.filter(|_| !case.settings.lvm.grow) {
                Some(said) => (
                    Helper::Nobody,
                    format!(
                        "LVM does not extend it, and neither does thinguard: [lvm] grow = false {FORBIDDEN_BY}; by hand: {}",
                        extend_line(said, target, to)
                    ),
                ),
                None if pause > Duration::ZERO => (
                    Helper::Other,
                    format!(
                        "growth to {to} has failed {} times and is tried again in {} s",
                        tries.failures,
                        pause.as_secs()
                    ),
                ),
                None if case.memory.unguarded => (Helper::Guard, by_hand(target, to)),
                None => (Helper::Guard, format!("thinguard grows it to {to}")),
            }
        }
    }
}

/// Without a guard nobody grows it.
fn by_hand(target: Target, to: Bytes) -> String {
    format!(
        "systemctl start thinguard, or thinguard grow --{target} {}M",
        to.0.div_ceil(1 << 20)
    )
}

/// What stands against growth of a device, however much room there is; for people, with the next step.
fn blocked(pool: &Pool, target: Target, seen: &Snapshot) -> Option<(Helper, String)> {
    let device = pool.device(target);
    let why = match (seen.host_of(target), device.file) {
        _ if waits_for_metadata(pool, target) => {
            let next = "the metadata must grow first: without a free block there, growth of the data would end in an \
                        off-line repair";
            return Some((Helper::Other, next.into()));
        }
        _ if pool.lvm != Lvm::No => return None,
        _ if matches!(device.backing, Backing::Deleted { .. }) => {
            format!(
                "cannot grow: its file {} was deleted; copy it off first",
                device.place()
            )
        }
        _ if !pool.is_loop() => format!(
            "enlarge the devices below {} and reload its table; thinguard grows loop files and pools of LVM's only",
            pool.name
        ),
        (Err(why), _) => format!("nothing is grown blindly: room below the pool is not known: {why}"),
        (Ok(host), _) if host.read_only => format!(
            "cannot grow: the filesystem of {} is mounted read-only; dmesg tells why",
            host.path
        ),
        (_, Seen::Unknown(why)) => format!("cannot grow: its file {} cannot be looked at: {why}", device.place()),
        (Ok(_), Seen::Known(_)) => return None,
    };
    Some((Helper::Nobody, why))
}

/// The cap stands in the way. None that is written is 0: that one stands for a cap that could not be read.
fn capped(target: Target, settings: &Settings) -> String {
    match target {
        Target::Data if settings.data.cap == Bytes(0) => {
            "cannot grow: the cap of [data] is not known for a mistake in thinguard.toml (settings-ignored \
             in the journal); put it right, then systemctl reload thinguard"
                .into()
        }
        _ => {
            format!("the cap of [{target}] in thinguard.toml, or the kernel's own, is reached: raise it or free space")
        }
    }
}
