//! A pool of LVM's: the volume group is its room, and where LVM extends the pool by itself it is left alone.

use super::growth::Plan;
use super::{Case, Verdict};
use crate::kernel::lvm::pool::extend_line;
use crate::model::{Bytes, Code, Finding, Lvm, LvmPool, LvmSettings, Pool, Seen, Settings, Target, Usage};
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
pub(super) fn judge(case: Case<'_>, pool: &Pool, verdict: &mut Verdict) {
    let Lvm::Asked(asked) = &pool.lvm else { return };
    let said = match asked {
        Seen::Known(said) => said,
        Seen::Unknown(why) => {
            return verdict.add(
                Finding::warn(Code::LvmUnknown, &pool.name)
                    .says(format!(
                        "LVM does not tell of the pool ({why}); nothing is extended blindly"
                    ))
                    .at("lvs")
                    .next("lvs -o+vg_free,seg_monitor; an lvs that hangs points at a disk or at another LVM command"),
            );
        }
    };
    let autoextend = said.autoextend;
    if autoextend.is_on() {
        verdict.add(
            Finding::note(Code::LvmExtendsThePool, said.name())
                .says(format!(
                    "LVM extends the pool by {}% when {}% of it are used; thinguard watches and leaves that to LVM",
                    autoextend.percent, autoextend.threshold
                ))
                .at("thin_pool_autoextend_threshold in lvm.conf or the volume's profile"),
        );
        verdict.add(late(case, pool, said));
    } else if autoextend.is_wanted() {
        let instead = match case.settings.lvm.grow {
            true => "; thinguard does it meanwhile",
            false => "",
        };
        verdict.add(
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
fn late(case: Case<'_>, pool: &Pool, said: &LvmPool) -> Option<Finding> {
    let waited = case.memory.extension_due_for(case.now);
    if waited < LVM_IS_LATE {
        return None;
    }
    let target = match said.extension_is_due(&pool.data) {
        true => Target::Data,
        false => Target::Metadata,
    };
    let usage = pool.device(target).usage;
    let more = usage.total().percent(said.autoextend.percent.min(100) as u8);
    Some(
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
    )
}

/// How much more is wanted than the group can give, by whoever extends the pool. LVM gives all that its setting asks for or nothing.
pub(super) fn missing(said: &LvmPool, usage: Usage, plan: Plan) -> Option<Bytes> {
    let by_lvm = Bytes((u128::from(usage.total().0) * u128::from(said.autoextend.percent) / 100) as u64);
    match plan {
        _ if said.autoextend.is_on() => (said.group_free < by_lvm).then_some(by_lvm),
        Plan::NoRoom { wanted, .. } => Some(wanted),
        _ => None,
    }
}

/// The group has not what a device that is low is to be given.
pub(super) fn group_full(pool: &Pool, target: Target, plan: Plan, settings: &Settings) -> Option<Finding> {
    let Lvm::Asked(Seen::Known(said)) = &pool.lvm else {
        return None;
    };
    let wanted = missing(said, pool.device(target).usage, plan)?;
    let kept = match (target, said.autoextend.is_on()) {
        (Target::Data, false) => format!(", {} of it kept", reserve(said, &settings.lvm)),
        _ => String::new(),
    };
    Some(
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
            )),
    )
}
