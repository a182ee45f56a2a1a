//! A pool of LVM's: the volume group is its room, and where LVM extends the pool by itself it is left alone.

use super::device::{capped, low, must_wait_for_metadata};
use super::growth::{self, Need, Plan};
use super::{FORBIDDEN_BY, Memory, Verdict};
use crate::kernel::lvm::pool::extend_line;
use crate::model::{
    Bytes, Code, Deed, Finding, Host, HostSettings, Lvm, LvmPool, LvmSettings, Mode, Pool, Seen, Settings, Target,
    Usage,
};
use std::time::Duration;

/// dmeventd looks every 10 s, and doubles the pause with each `lvextend` that failed (lvm2 2.03
/// `daemons/dmeventd/plugins/thin/dmeventd_thin.c`). One that has done nothing for this long does nothing.
const LVM_IS_LATE: Duration = Duration::from_secs(60);

/// Room in the volume group for one of the pool's devices. Metadata may take what is kept from data, and need twice their size: LVM
/// keeps a spare volume as large (lvm2 `lib/metadata/pool_manip.c`, `handle_pool_metadata_spare`).
pub fn room(said: &LvmPool, target: Target, settings: &LvmSettings) -> Bytes {
    let room = match target {
        Target::Data => said.group_free.saturating_sub(reserve(said, settings)),
        Target::Metadata => Bytes(said.group_free.0 / 2),
    };
    room.round_down(said.extent.0)
}

/// What is to stay free in the volume group.
pub fn reserve(said: &LvmPool, settings: &LvmSettings) -> Bytes {
    said.group_size.percent(settings.reserve_percent)
}

/// Judges what is LVM's in a pool of LVM's.
pub fn judge(pool: &Pool, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let Lvm::Asked(asked) = &pool.lvm else { return };
    let said = match asked {
        Seen::Known(said) => said,
        Seen::Unknown(why) => {
            verdict.findings.push(
                Finding::warn(Code::LvmUnknown, &pool.name)
                    .says(format!(
                        "LVM does not tell of the pool ({why}); nothing is extended blindly"
                    ))
                    .at("lvs")
                    .next("lvs -o+vg_free,seg_monitor; an lvs that hangs points at a disk or at another LVM command"),
            );
            return;
        }
    };
    let autoextend = said.autoextend;
    if autoextend.is_on() {
        verdict.findings.push(
            Finding::note(Code::LvmExtendsThePool, said.name())
                .says(format!(
                    "LVM extends the pool by {}% when {}% of it are used; thinguard watches and leaves that to LVM",
                    autoextend.percent, autoextend.threshold
                ))
                .at("thin_pool_autoextend_threshold in lvm.conf or the volume's profile"),
        );
        late(pool, said, memory, now, verdict);
    } else if autoextend.is_wanted() {
        let instead = match settings.lvm.grow {
            true => "; thinguard does it meanwhile",
            false => "",
        };
        verdict.findings.push(
            Finding::warn(Code::LvmPoolNotMonitored, said.name())
                .says(format!(
                    "LVM is to extend the pool when {}% of it are used, but dmeventd does not watch it{instead}",
                    autoextend.threshold
                ))
                .at("dmeventd")
                .next(format!("lvchange --monitor y {}", said.name())),
        );
    }
}

/// LVM was to extend the pool, and has not.
fn late(pool: &Pool, said: &LvmPool, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let waited = memory.extension_due_for(now);
    if waited < LVM_IS_LATE {
        return;
    }
    let (target, usage) = match said.extension_is_due(&pool.data) {
        true => (Target::Data, pool.data),
        false => (Target::Metadata, pool.metadata),
    };
    let more = usage.total().percent(said.autoextend.percent.min(100) as u8);
    verdict.findings.push(
        Finding::refuse(Code::LvmDoesNotExtend, said.name())
            .says(format!(
                "{}% of the {target} device are used, LVM was to extend it at {}%, and {} s later it has not; \
             the volume group has {} free",
                usage.used_percent(),
                said.autoextend.threshold,
                waited.as_secs(),
                said.group_free
            ))
            .at("dmeventd")
            .next(format!(
                "journalctl -u dm-event -u lvm2-monitor -t lvm -t dmeventd tells why; by hand: {}",
                extend_line(said, target, usage.total().saturating_add(more))
            )),
    );
}

/// One of the two devices: is it low, and can it be extended?
pub fn device(pool: &Pool, target: Target, settings: &Settings, memory: &Memory, now: Duration, verdict: &mut Verdict) {
    let need = Need {
        // All that the volume has is allocated to it, and nothing else of the pool has a claim on the group.
        allocated: usage_of(pool, target).total(),
        promised: Bytes(0),
        ..Need::of(pool, target, &memory.fill, settings)
    };
    let usage = need.usage;
    let exhausted = usage.is_exhausted() || (target == Target::Data && pool.mode == Mode::OutOfDataSpace);
    let said = match &pool.lvm {
        Lvm::Asked(Seen::Known(said)) => Some(said),
        _ => None,
    };
    let plan = plan(&need, target, said, settings);
    if plan == Plan::Enough && !exhausted {
        return;
    }
    let what_next = what_next(pool, target, &plan, said, settings, memory, now);
    let waits = must_wait_for_metadata(pool, target);
    if exhausted && !waits && said.is_some_and(|said| is_hopeless(&plan, usage, said, settings)) {
        verdict.cannot_grow = Some(what_next.clone());
    }
    let place = said.map_or_else(|| format!("/dev/mapper/{}", pool.name), LvmPool::name);
    verdict
        .findings
        .push(low(pool, target, exhausted, memory, place, what_next));
    let Some(said) = said else { return };
    if let Some(wanted) = missing(&plan, usage, said) {
        verdict.findings.push(group_full(pool, target, wanted, said, settings));
    }
    let may_try = settings.lvm.grow
        && !waits
        && !said.autoextend.is_on()
        && !memory.growing
        && now >= memory.tries(target).not_before
        && verdict.deed.is_none();
    if let (Plan::GrowTo(to), true) = (plan, may_try) {
        verdict.deed = Some(Deed::Grow {
            target,
            from: usage.total(),
            to,
        });
    }
}

fn usage_of(pool: &Pool, target: Target) -> &Usage {
    match target {
        Target::Data => &pool.data,
        Target::Metadata => &pool.metadata,
    }
}

fn plan(need: &Need, target: Target, said: Option<&LvmPool>, settings: &Settings) -> Plan {
    let host = Host {
        path: String::new(),
        free_bytes: said.map_or(Bytes(0), |said| room(said, target, &settings.lvm)),
        total_bytes: Bytes(0),
        read_only: false,
    };
    let reserved_already = HostSettings {
        reserve_percent: 0,
        reserve_min: Bytes(0),
    };
    match target {
        Target::Data => growth::plan(need, &host, &settings.data, &reserved_already),
        Target::Metadata => growth::plan(need, &host, &settings.metadata, &reserved_already),
    }
}

/// How much more is wanted than the group can give, by whoever extends the pool. LVM gives all that its setting asks for or nothing.
fn missing(plan: &Plan, usage: Usage, said: &LvmPool) -> Option<Bytes> {
    let by_lvm = Bytes((u128::from(usage.total().0) * u128::from(said.autoextend.percent) / 100) as u64);
    match plan {
        _ if said.autoextend.is_on() => (said.group_free < by_lvm).then_some(by_lvm),
        Plan::NoRoom { wanted, .. } => Some(*wanted),
        _ => None,
    }
}

/// Nobody will extend a device that is exhausted: neither LVM nor thinguard.
fn is_hopeless(plan: &Plan, usage: Usage, said: &LvmPool, settings: &Settings) -> bool {
    match plan {
        _ if said.autoextend.is_on() => missing(plan, usage, said).is_some(),
        Plan::GrowTo(_) => !settings.lvm.grow,
        // Without a plan for a device that is full its growth is switched off.
        Plan::Enough => usage.is_exhausted(),
        Plan::NoRoom { .. } | Plan::Capped => true,
    }
}

fn group_full(pool: &Pool, target: Target, wanted: Bytes, said: &LvmPool, settings: &Settings) -> Finding {
    let kept = match (target, said.autoextend.is_on()) {
        (Target::Data, false) => format!(", {} of it kept", reserve(said, &settings.lvm)),
        _ => String::new(),
    };
    Finding::refuse(Code::VolumeGroupFull, &said.group)
        .says(format!(
            "{} free of {}{kept}: the {target} device of {} cannot be extended by {wanted}; the pool has {} \
             free of {}",
            said.group_free,
            said.group_size,
            pool.name,
            pool.data.free(),
            pool.data.total()
        ))
        .at(format!("volume group {}", said.group))
        .next(format!(
            "add a disk: pvcreate DISK && vgextend {} DISK; or remove containers and images",
            said.group
        ))
}

fn what_next(
    pool: &Pool,
    target: Target,
    plan: &Plan,
    said: Option<&LvmPool>,
    settings: &Settings,
    memory: &Memory,
    now: Duration,
) -> String {
    let waits = must_wait_for_metadata(pool, target);
    let Some(said) = said else {
        let name = crate::kernel::lvm::volume(&pool.name);
        let name = name.map_or_else(|| "GROUP/POOL".into(), |(group, volume)| format!("{group}/{volume}"));
        return format!("LVM was not asked or does not tell; if the group has room (vgs): lvextend -L +20G {name}");
    };
    let tries = memory.tries(target);
    match plan {
        _ if said.autoextend.is_on() => format!(
            "LVM extends it by itself when {}% are used; where it does not: journalctl -t lvm -t dmeventd",
            said.autoextend.threshold
        ),
        Plan::GrowTo(_) if waits => "the metadata must grow first".into(),
        Plan::GrowTo(to) if !settings.lvm.grow => format!(
            "LVM does not extend it, and neither does thinguard: [lvm] grow = false {FORBIDDEN_BY}; by hand: {}",
            extend_line(said, target, *to)
        ),
        Plan::GrowTo(to) if now < tries.not_before => format!(
            "lvextend to {to} has failed {} times and is tried again in {} s",
            tries.failures,
            tries.not_before.saturating_sub(now).as_secs()
        ),
        Plan::GrowTo(to) => format!("thinguard extends it to {to}"),
        Plan::NoRoom { room, wanted } => format!(
            "cannot extend: {wanted} more are wanted and the volume group has {room} of room; add a disk, or \
             remove containers and images that nobody needs"
        ),
        Plan::Capped => capped(target, settings),
        Plan::Enough => format!("blocks have been freed, or growth of the device is switched off {FORBIDDEN_BY}"),
    }
}
