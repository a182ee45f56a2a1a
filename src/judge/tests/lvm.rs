//! Pools of LVM's: who grows them, into what, and what is said.

use super::*;
use crate::model::{Autoextend, Code, Lvm, LvmPool};

const OFF: Autoextend = Autoextend {
    threshold: 100,
    percent: 20,
    monitored: true,
};
const ON: Autoextend = Autoextend { threshold: 80, ..OFF };
const NOBODY_AT_IT: Autoextend = Autoextend { monitored: false, ..ON };

/// A 10 GiB pool of LVM's, of which so much is used, in a group of 100 GiB with so much free.
fn lvm_pool(used: Bytes, group_free: Bytes, autoextend: Autoextend) -> Pool {
    Pool {
        name: "docker--vg-thinpool".into(),
        data: Usage {
            used_blocks: used.0 / BLOCK,
            ..pool().data
        },
        low_water_blocks: 0,
        data_backing: Backing::Device("253:1".into()),
        metadata_backing: Backing::Device("253:0".into()),
        data_file: Seen::unknown("not on a file"),
        metadata_file: Seen::unknown("not on a file"),
        lvm: Lvm::Asked(Seen::Known(LvmPool {
            group: "docker-vg".into(),
            volume: "thinpool".into(),
            group_size: Bytes::gib(100),
            group_free,
            extent: Bytes::mib(4),
            data_size: Bytes::gib(10),
            autoextend,
        })),
        ..pool()
    }
}

fn look(pool: Pool) -> Snapshot {
    // The filesystem of the data root has nothing to do with such a pool: it is full here.
    let mut seen = seen(pool, answered(), TaskState::Alive);
    seen.host = Seen::unknown("stuck");
    seen
}

#[test]
fn who_grows_it() {
    let gib = Bytes::gib;
    let mut no_growth = Settings::default();
    no_growth.lvm.grow = false;
    let standard = Settings::default();
    for (what, pool, settings, expected, to) in [
        ("roomy", lvm_pool(gib(2), gib(50), OFF), &standard, vec![], None),
        (
            "low, nobody else grows it",
            lvm_pool(gib(9), gib(50), OFF),
            &standard,
            vec![Code::PoolLow],
            // What is used, the fifth that is to stay free, and a step of a quarter.
            Some(Bytes::mib(13824)),
        ),
        (
            "low, a group with little room gives what it has above its reserve",
            lvm_pool(gib(9), gib(3), OFF),
            &standard,
            vec![Code::PoolLow],
            Some(gib(11)),
        ),
        (
            "low, LVM grows it",
            lvm_pool(gib(9), gib(50), ON),
            &standard,
            vec![Code::PoolLow, Code::LvmExtendsThePool],
            None,
        ),
        (
            "LVM is to grow it, and is not there",
            lvm_pool(gib(9), gib(50), NOBODY_AT_IT),
            &standard,
            vec![Code::LvmPoolNotMonitored, Code::PoolLow],
            Some(Bytes::mib(13824)),
        ),
        (
            "growth is not allowed",
            lvm_pool(gib(9), gib(50), OFF),
            &no_growth,
            vec![Code::PoolLow],
            None,
        ),
        (
            "no room in the group",
            lvm_pool(gib(9), gib(2), OFF),
            &standard,
            vec![Code::VolumeGroupFull, Code::PoolLow],
            None,
        ),
        (
            "no room for what LVM asks",
            lvm_pool(gib(9), gib(1), ON),
            &standard,
            vec![Code::VolumeGroupFull, Code::PoolLow, Code::LvmExtendsThePool],
            None,
        ),
        (
            "full",
            Pool {
                mode: Mode::OutOfDataSpace,
                ..lvm_pool(gib(10), gib(50), OFF)
            },
            &standard,
            vec![Code::PoolExhausted],
            Some(Bytes::mib(14848)),
        ),
        (
            "LVM was not asked",
            Pool {
                lvm: Lvm::NotAsked,
                ..lvm_pool(gib(9), gib(50), OFF)
            },
            &standard,
            vec![Code::PoolLow],
            None,
        ),
        (
            "LVM does not tell",
            Pool {
                lvm: Lvm::Asked(Seen::unknown("stuck")),
                ..lvm_pool(gib(9), gib(50), OFF)
            },
            &standard,
            vec![Code::LvmUnknown, Code::PoolLow],
            None,
        ),
    ] {
        let verdict = judge(&look(pool), settings, &mut Memory::default(), secs(1000));
        assert_eq!(codes(&verdict), expected, "{what}: {verdict:#?}");
        let deed = to.map(|to| Deed::Grow {
            target: Target::Data,
            from: gib(10),
            to,
        });
        assert_eq!(verdict.deed, deed, "{what}");
    }
}

#[test]
fn a_full_pool_that_nobody_extends_is_told_apart() {
    let full = |room, autoextend| lvm_pool(Bytes::gib(10), room, autoextend);
    for (what, pool, hopeless) in [
        ("room, and thinguard extends it", full(Bytes::gib(50), OFF), false),
        ("room, and LVM extends it", full(Bytes::gib(50), ON), false),
        ("no room for thinguard", full(Bytes::gib(1), OFF), true),
        ("no room for LVM", full(Bytes::gib(1), ON), true),
    ] {
        assert_eq!(judge_once(&look(pool)).cannot_grow.is_some(), hopeless, "{what}");
    }
    let mut unknown = full(Bytes::gib(50), OFF);
    unknown.lvm = Lvm::NotAsked;
    assert_eq!(judge_once(&look(unknown)).cannot_grow, None);
}

#[test]
fn metadata_come_first_and_leave_room_for_their_spare() {
    let mut pool = lvm_pool(Bytes::gib(9), Bytes::mib(64), OFF);
    pool.metadata.used_blocks = 12_000;
    let verdict = judge_once(&look(pool));
    // Doubled, 64 MiB more were wanted; half of the group's room is for the spare.
    let deed = Deed::Grow {
        target: Target::Metadata,
        from: Bytes::mib(64),
        to: Bytes::mib(96),
    };
    assert_eq!(verdict.deed, Some(deed), "{verdict:#?}");
}

#[test]
fn a_growth_that_failed_is_not_repeated_at_once() {
    let seen = look(lvm_pool(Bytes::gib(9), Bytes::gib(50), OFF));
    let mut memory = Memory::default();
    let settings = Settings::default();
    let deed = judge(&seen, &settings, &mut memory, secs(1000)).deed.unwrap();
    memory.began(&deed, secs(1000));
    assert_eq!(judge(&seen, &settings, &mut memory, secs(1001)).deed, None);
    memory.ended(&deed, &Outcome::Failed("locked".into()), secs(1002));
    assert_eq!(judge(&seen, &settings, &mut memory, secs(1003)).deed, None);
    assert!(is_growth(
        &judge(&seen, &settings, &mut memory, secs(1013)).deed,
        Target::Data
    ));
}

#[test]
fn lvm_that_does_not_act_is_told_of_after_a_minute() {
    let settings = Settings::default();
    let late = |memory: &mut Memory, pool: Pool, at: u64| {
        let verdict = judge(&look(pool), &settings, memory, secs(at));
        assert_eq!(verdict.deed, None);
        verdict.finding(Code::LvmDoesNotExtend).is_some()
    };
    let low = || lvm_pool(Bytes::gib(9), Bytes::gib(50), ON);
    let mut memory = Memory::default();
    assert!(!late(&mut memory, low(), 1000));
    assert!(!late(&mut memory, low(), 1059));
    assert!(late(&mut memory, low(), 1060));
    // It has acted, and is to act again.
    let mut larger = low();
    larger.data.total_blocks += 1 << 14;
    larger.data.used_blocks += 1 << 14;
    assert!(!late(&mut memory, larger.clone(), 1061));
    assert!(!late(&mut memory, larger.clone(), 1120));
    assert!(late(&mut memory, larger, 1121));
    // Blocks were freed.
    assert!(!late(&mut memory, lvm_pool(Bytes::gib(8), Bytes::gib(50), ON), 1122));
    assert!(!late(&mut memory, low(), 1123));
    // Where it is off, nobody waits for it.
    let mut memory = Memory::default();
    for at in [1000, 2000] {
        let seen = look(lvm_pool(Bytes::gib(9), Bytes::gib(50), NOBODY_AT_IT));
        let verdict = judge(&seen, &settings, &mut memory, secs(at));
        assert_eq!(verdict.finding(Code::LvmDoesNotExtend), None);
    }
}

#[test]
fn dmeventd_acts_at_multiples_of_five() {
    let settings = Settings::default();
    let odd = Autoextend { threshold: 83, ..ON };
    for (used, due) in [(8550, false), (8650, true)] {
        let mut memory = Memory::default();
        let pool = || lvm_pool(Bytes(Bytes::gib(10).0 / 10000 * used), Bytes::gib(50), odd);
        judge(&look(pool()), &settings, &mut memory, secs(1000));
        let verdict = judge(&look(pool()), &settings, &mut memory, secs(1100));
        assert_eq!(verdict.finding(Code::LvmDoesNotExtend).is_some(), due, "{used}");
    }
}

#[test]
fn a_broken_or_suspended_pool_is_left_alone() {
    let full = || lvm_pool(Bytes::gib(10), Bytes::gib(50), OFF);
    for pool in [
        Pool {
            needs_check: true,
            ..full()
        },
        Pool {
            mode: Mode::Ro,
            ..full()
        },
        Pool {
            suspended: true,
            ..full()
        },
    ] {
        assert_eq!(judge_once(&look(pool)).deed, None);
    }
}
