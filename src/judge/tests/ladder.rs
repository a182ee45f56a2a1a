//! The ladder of cures: what a restart does to containers is said before it, a fresh daemon after each cure where that is
//! wanted, and ten incidents in a row that stay within the budget.

use super::*;
use crate::model::{Code, UnitFault};

/// A hang that growth has cured, by second 2; the daemon goes on as `info` says.
fn cured(settings: &Settings, memory: &mut Memory, from: u64) {
    for (second, pool) in [(0, full()), (1, full()), (2, pool())] {
        let look = seen(pool, Probe::Silent(secs(20 + second)), TaskState::Alive);
        judge(&look, settings, memory, secs(from + second));
    }
}

fn changed(change: impl FnOnce(&mut Daemon, &mut Unit)) -> Snapshot {
    let mut look = seen(pool(), Probe::Silent(secs(200)), TaskState::Alive);
    let Seen::Known(mut unit) = look.daemon.unit.clone() else {
        panic!()
    };
    change(&mut look.daemon, &mut unit);
    look.daemon.unit = Seen::Known(unit);
    look
}

#[test]
fn what_becomes_of_the_containers_is_said_beforehand() {
    type Change = fn(&mut Daemon, &mut Unit);
    let containers = |live_restore, running| Containers { live_restore, running };
    let shim = || {
        Seen::Known(vec![Task {
            comm: "containerd-shim".into(),
            ..task(TaskState::Alive)
        }])
    };
    let cases: [(&str, Containers, Change, &str, bool); 8] = [
        (
            "off",
            containers(Some(false), Some(3)),
            |_, _| {},
            "it stops 3 containers, for live-restore is off",
            false,
        ),
        (
            "one",
            containers(Some(false), Some(1)),
            |_, _| {},
            "it stops 1 container, for live-restore is off",
            false,
        ),
        (
            "on",
            containers(Some(true), Some(3)),
            |_, _| {},
            "the 3 containers keep running (live-restore)",
            true,
        ),
        (
            "on, count not known",
            containers(Some(true), None),
            |_, _| {},
            "; containers keep running",
            true,
        ),
        (
            "nothing is known: it counts as off",
            containers(None, None),
            |_, _| {},
            "how many is not known, for it is not known whether live-restore is on",
            false,
        ),
        (
            "processes not seen",
            containers(Some(true), Some(3)),
            |daemon, _| daemon.tasks = Seen::unknown("stuck"),
            "its processes cannot be seen",
            false,
        ),
        (
            "none runs",
            containers(Some(false), Some(0)),
            |_, _| {},
            "no container was running",
            false,
        ),
        (
            "shims of their own unit",
            containers(Some(true), Some(3)),
            |_, unit| unit.kill_mode = "control-group".into(),
            "the 3 containers keep running (live-restore)",
            true,
        ),
    ];
    let permitted = |look: &Snapshot| {
        let mut settings = Settings::default();
        settings.restart.allow = Allow::ContainersSurvive;
        let mut memory = Memory::default();
        cured(&settings, &mut memory, 1000);
        for second in (1010..1200).step_by(5) {
            judge(look, &settings, &mut memory, secs(second));
        }
        let verdict = judge(look, &settings, &mut memory, secs(1200));
        (
            verdict
                .finding(Code::DaemonStuck)
                .or(verdict.finding(Code::DaemonHungOnPool))
                .cloned(),
            verdict.deed,
        )
    };
    for (what, containers, change, said, survives) in cases {
        let look = changed(|daemon, unit| {
            daemon.containers = containers;
            change(daemon, unit);
        });
        let (finding, deed) = permitted(&look);
        if look.daemon.tasks.known().is_some() {
            let remedy = finding.expect(what).remedy;
            assert!(remedy.contains(said), "{what}: {remedy}");
            assert!(remedy.contains("may take 90 s (TimeoutStopSec)"), "{what}: {remedy}");
        }
        assert_eq!(deed == Some(Deed::Restart), survives, "{what}");
    }
    // Docker before 18.09: the shims are in docker.service's own control group.
    let killed = changed(|daemon, unit| {
        daemon.containers = containers(Some(true), Some(3));
        daemon.tasks = shim();
        unit.kill_mode = "control-group".into();
    });
    let (finding, deed) = permitted(&killed);
    assert!(
        finding
            .unwrap()
            .remedy
            .contains("KillMode=control-group of docker.service kills"),
        "{deed:?}"
    );
    assert_eq!(deed, None);
    let spared = changed(|daemon, _| {
        daemon.containers = containers(Some(true), Some(3));
        daemon.tasks = shim();
    });
    assert_eq!(permitted(&spared).1, Some(Deed::Restart));
}

#[test]
fn after_every_cure_one_restart_though_the_daemon_answers() {
    let mut settings = Settings::default();
    let answers = seen(pool(), answered(), TaskState::Alive);
    for (when, wanted) in [
        (When::AfterEveryCure, true),
        (When::Needed, false),
        (When::Never, false),
    ] {
        settings.restart.when = when;
        let mut memory = Memory::default();
        cured(&settings, &mut memory, 1000);
        // Answered at second 3; the pool and the tasks settle for 15 s.
        for second in 3..18 {
            let verdict = judge(&answers, &settings, &mut memory, secs(1000 + second));
            assert_eq!(verdict.deed, None, "{when:?} {second}");
            assert_eq!(verdict.finding(Code::RestartAfterCure).is_some(), wanted);
        }
        let verdict = judge(&answers, &settings, &mut memory, secs(1018));
        assert_eq!(verdict.deed == Some(Deed::Restart), wanted, "{when:?}: {verdict:?}");
        if !wanted {
            continue;
        }
        assert!(
            verdict.findings[0].remedy.contains("it stops 3 containers"),
            "{verdict:?}"
        );
        // Once: the restart is over, the same daemon or another answers.
        memory.began(&Deed::Restart, secs(1018));
        memory.ended(&Deed::Restart, &Outcome::Done, secs(1025));
        assert_eq!(judge(&answers, &settings, &mut memory, secs(1100)), Verdict::default());
    }
}

#[test]
fn after_every_cure_is_behind_the_same_laws() {
    let mut settings = Settings::default();
    settings.restart.when = When::AfterEveryCure;
    let answers = seen(pool(), answered(), TaskState::Alive);
    // A pool that was exhausted and a daemon that never was silent: no hang, no restart.
    let mut memory = Memory::default();
    judge(
        &seen(full(), answered(), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1000),
    );
    for second in 1..600 {
        assert_eq!(judge(&answers, &settings, &mut memory, secs(1000 + second)).deed, None);
    }
    // A task in D state, a spent budget, a cool-down, another daemon, a guard that was not there for it.
    type Change = fn(&mut Snapshot, &mut Memory);
    let changes: [(&str, Change); 4] = [
        ("D state", |look, _| {
            *look = seen(pool(), answered(), TaskState::Uninterruptible)
        }),
        ("budget", |_, memory| {
            memory.kept.restarts = vec![secs(1), secs(2), secs(3)]
        }),
        ("cool-down", |_, memory| memory.kept.restarts = vec![secs(900)]),
        ("another daemon", |look, _| {
            let Seen::Known(unit) = &mut look.daemon.unit else {
                panic!()
            };
            unit.main_pid = 900;
        }),
    ];
    for (what, change) in changes {
        let (mut memory, mut look) = (Memory::default(), answers.clone());
        cured(&settings, &mut memory, 1000);
        judge(&answers, &settings, &mut memory, secs(1003));
        change(&mut look, &mut memory);
        let verdict = judge(&look, &settings, &mut memory, secs(1100));
        assert_eq!(verdict.deed, None, "{what}: {verdict:?}");
        assert_eq!(verdict.restarts_spent.is_some(), what == "budget");
    }
    // What could not be done within the hour is not done hours later.
    let mut memory = Memory::default();
    cured(&settings, &mut memory, 1000);
    judge(&answers, &settings, &mut memory, secs(1003));
    assert_eq!(
        judge(&answers, &settings, &mut memory, secs(1003 + 3601)),
        Verdict::default()
    );
}

/// Ten incidents, an hour apart, after each of which the daemon stays silent until a restart or until somebody restarts it by
/// hand. The guard itself is restarted between any two.
#[test]
fn ten_incidents_in_a_row_stay_within_the_budget() {
    let settings = Settings::default();
    let mut kept = memory::Persistent {
        boot_id: "boot".into(),
        ..Default::default()
    };
    let (mut restarts, mut growths, mut told) = (Vec::new(), 0, 0);
    for number in 0..10 {
        let begins = 10_000 + number * 3600;
        let mut memory = Memory::recall(kept, "boot", secs(begins));
        let verdict = judge(
            &seen(full(), Probe::Silent(secs(20)), TaskState::Alive),
            &settings,
            &mut memory,
            secs(begins),
        );
        growths += u32::from(is_growth(&verdict.deed, Target::Data));
        let mut spent = false;
        for second in 1..900 {
            let silent = seen(pool(), Probe::Silent(secs(20 + second)), TaskState::Alive);
            let now = secs(begins + second);
            let verdict = judge(&silent, &settings, &mut memory, now);
            spent |= verdict.restarts_spent.is_some();
            if verdict.deed == Some(Deed::Restart) {
                memory.began(&Deed::Restart, now);
                memory.ended(&Deed::Restart, &Outcome::Done, now);
                restarts.push(now);
                break;
            }
        }
        told += u32::from(spent);
        judge(
            &seen(pool(), answered(), TaskState::Alive),
            &settings,
            &mut memory,
            secs(begins + 1000),
        );
        kept = memory.kept;
    }
    assert_eq!(growths, 10, "growth is never given up");
    assert_eq!(restarts.len(), settings.restart.budget as usize, "{restarts:?}");
    assert_eq!(told, 10 - settings.restart.budget);
    for (count, pair) in restarts.windows(2).enumerate() {
        assert!(
            pair[1] - pair[0] >= settings.restart.cool_down * (1 << count),
            "{pair:?}"
        );
    }
}

/// A host at its reserve: the pool is full, cannot grow, and a task of the daemon is in D state from second 0 on.
fn no_room(second: u64, queues: bool) -> Snapshot {
    let full = Pool {
        queue_if_no_space: queues,
        ..full()
    };
    let mut look = seen(full, Probe::Silent(secs(second)), TaskState::Uninterruptible);
    look.host = Seen::Known(Host {
        path: "/d".into(),
        free_bytes: Bytes::gib(5),
        total_bytes: Bytes::gib(200),
        read_only: false,
    });
    look
}

#[test]
fn xfs_gives_up_only_where_allowed_and_nothing_else_is_left() {
    type Change = fn(&mut Snapshot, &mut Settings);
    let cases: [(&str, Change, &str, bool); 6] = [
        ("allowed", |_, _| {}, "thinguard has XFS give up now", true),
        (
            "not allowed: the default",
            |_, settings| settings.cure = Settings::default().cure,
            "[cure] xfs_give_up = false",
            false,
        ),
        (
            "writes are held back: nothing fails that XFS could give up",
            |look, _| *look = no_room(200, true),
            "still holds writes back",
            false,
        ),
        (
            "there is room: growth comes first",
            |look, _| look.host = seen(full(), answered(), TaskState::Alive).host,
            "",
            false,
        ),
        (
            "nobody is in D state",
            |look, _| look.daemon.tasks = Seen::Known(vec![task(TaskState::Alive)]),
            "",
            false,
        ),
        (
            "the room is not known",
            |look, _| look.host = Seen::unknown("stuck"),
            "thinguard has XFS give up now",
            true,
        ),
    ];
    for (what, change, said, gives_up) in cases {
        let mut settings = Settings::default();
        settings.cure.xfs_give_up = true;
        let mut memory = Memory::default();
        for second in 0..=120 {
            let mut look = no_room(second, second < 60);
            change(&mut look, &mut settings);
            let verdict = judge(&look, &settings, &mut memory, secs(1000 + second));
            let asked = matches!(verdict.deed, Some(Deed::XfsGiveUp { .. }));
            assert_eq!(
                asked,
                gives_up && second == 120,
                "{what}: second {second}: {:?}",
                verdict.deed
            );
            let told = verdict.finding(Code::HangIncurable);
            assert_eq!(
                told.is_some(),
                second == 120 && !said.is_empty(),
                "{what}: second {second}"
            );
            if let Some(told) = told {
                assert!(told.message.contains("needs a reboot"), "{}", told.message);
                assert!(told.remedy.contains(said), "{what}: {}", told.remedy);
            }
        }
    }
}

#[test]
fn a_give_up_is_borne_out_by_a_task_that_came_out_and_tried_again_after_a_pause() {
    let mut settings = Settings::default();
    settings.cure.xfs_give_up = true;
    let mut memory = Memory::default();
    for second in (0..120).step_by(5) {
        judge(&no_room(second, false), &settings, &mut memory, secs(1000 + second));
    }
    let deed = judge(&no_room(120, false), &settings, &mut memory, secs(1120))
        .deed
        .unwrap();
    assert_eq!(deed, Deed::XfsGiveUp { tasks: vec![(418, 9)] });
    assert!(agrees(&deed, Some(&deed)) && !agrees(&deed, Some(&Deed::XfsGiveUp { tasks: vec![(1, 1)] })));
    assert!(verify(&deed, &no_room(121, false)).is_err());
    assert!(verify(&deed, &seen(full(), answered(), TaskState::Alive)).is_ok());
    memory.began(&deed, secs(1120));
    let during = judge(&no_room(121, false), &settings, &mut memory, secs(1121));
    assert_eq!(during.deed, None, "one at a time");
    memory.ended(&deed, &Outcome::Failed("still there".into()), secs(1150));
    assert_eq!(
        judge(&no_room(155, false), &settings, &mut memory, secs(1155)).deed,
        None
    );
    assert_eq!(
        judge(&no_room(160, false), &settings, &mut memory, secs(1160)).deed,
        Some(deed)
    );
}

/// Stock docker-ce 18.09 has TimeoutSec=0.
#[test]
fn what_forbids_every_restart_is_said_while_all_is_well() {
    type Change = fn(&mut Unit);
    let changes: [(Option<&str>, Change); 6] = [
        (None, |_| {}),
        (Some("TimeoutStopSec=100"), |unit| unit.stop_timeout = None),
        (Some("systemctl unmask"), |unit| unit.fault = Some(UnitFault::Masked)),
        (Some("daemon-reload"), |unit| unit.fault = Some(UnitFault::Missing)),
        (Some("names the line"), |unit| unit.fault = Some(UnitFault::Refused)),
        (Some("set both to no"), |unit| unit.can_stop = false),
    ];
    for (wanted, change) in changes {
        let mut look = changed(|_, unit| change(unit));
        look.daemon.info = answered();
        let verdict = judge_once(&look);
        let remedy = verdict
            .finding(Code::RestartNotPossible)
            .map(|note| note.remedy.as_str());
        assert_eq!(remedy.is_some(), wanted.is_some(), "{verdict:?}");
        assert!(
            remedy.unwrap_or_default().contains(wanted.unwrap_or_default()),
            "{remedy:?}"
        );
        let mut settings = Settings::default();
        settings.restart.when = When::Never;
        let verdict = judge(&look, &settings, &mut Memory::default(), secs(1000));
        assert_eq!(verdict.finding(Code::RestartNotPossible), None);
    }
}
