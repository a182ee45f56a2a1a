//! What the daemon and the pool do besides hanging: refuse, vanish.

use super::*;
use crate::model::Code;

fn judged(memory: &mut Memory, pool: Option<Pool>, daemon: Daemon, now: u64) -> Vec<Code> {
    let seen = Snapshot {
        pool: Seen::Known(pool),
        daemon,
        ..seen(super::pool(), answered(), TaskState::Alive)
    };
    let verdict = judge(&seen, &Settings::default(), memory, secs(now));
    assert_eq!(verdict.deed, None);
    verdict.findings.iter().map(|finding| finding.code).collect()
}

fn with(info: Probe) -> Daemon {
    seen(pool(), info, TaskState::Alive).daemon
}

#[test]
fn a_refusal_is_told_once_it_has_lasted() {
    let refused = || with(Probe::Refused("cannot connect".into()));
    let mut memory = Memory::default();
    for (now, daemon, told) in [
        (0, refused(), false),
        (14, refused(), false),
        (15, refused(), true),
        // The next question is out: nothing new is known.
        (16, with(Probe::Silent(secs(1))), true),
        (17, refused(), true),
        // That is another thing, and told as such.
        (30, with(Probe::Silent(secs(15))), false),
        (31, refused(), false),
        (46, refused(), true),
        (47, with(answered()), false),
        (48, refused(), false),
        (63, refused(), true),
        (64, with(Probe::NotAsked), false),
        (65, refused(), false),
    ] {
        let codes = judged(&mut memory, Some(pool()), daemon, now);
        assert_eq!(codes.contains(&Code::DaemonRefuses), told, "at {now}: {codes:?}");
    }
}

#[test]
fn a_pool_is_missed_only_below_the_daemon_that_had_it() {
    let mut another = with(answered());
    let Seen::Known(unit) = &mut another.unit else { panic!() };
    unit.main_pid += 1;
    let mut stopping = with(answered());
    let Seen::Known(unit) = &mut stopping.unit else {
        panic!()
    };
    unit.active_state = ActiveState::Deactivating;
    let mut memory = Memory::default();
    let files_unseen = Snapshot {
        pool: Seen::Known(None),
        host: Seen::unknown("stuck"),
        ..seen(pool(), answered(), TaskState::Alive)
    };
    judged(&mut memory, Some(pool()), with(answered()), 0);
    assert!(
        judge(&files_unseen, &Settings::default(), &mut memory, secs(0))
            .findings
            .is_empty()
    );
    let mut memory = Memory::default();
    for (now, pool, daemon, told) in [
        (0, None, with(answered()), false),
        (1, Some(pool()), with(answered()), false),
        // A daemon that stops removes its pool before systemd shows it.
        (2, None, with(answered()), false),
        (11, None, with(answered()), false),
        (12, None, with(answered()), true),
        (13, None, stopping, false),
        (14, None, another, false),
        (15, Some(pool()), with(answered()), false),
        (16, None, with(answered()), false),
        (26, None, with(answered()), true),
    ] {
        let codes = judged(&mut memory, pool, daemon, now);
        assert_eq!(codes.contains(&Code::PoolVanished), told, "at {now}: {codes:?}");
    }
}
