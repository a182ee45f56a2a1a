//! Incidents: hangs with and without pool evidence, the cure, and the long way to a restart.

use super::*;
use crate::judge::memory::Persistent;
use crate::model::{Code, UnitFault};

/// Each look may meet a request that is on its way, none of which takes long.
#[test]
fn a_daemon_that_answers_slowly_is_not_silent() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    judge(
        &seen(full(), answered(), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1000),
    );
    for second in 1..1000 {
        let slow = seen(pool(), Probe::Silent(Duration::from_millis(300)), TaskState::Alive);
        assert_eq!(
            judge(&slow, &settings, &mut memory, secs(1000 + second)),
            Verdict::default()
        );
    }
}

#[test]
fn another_daemon_s_silence_is_no_part_of_the_incident() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    judge(
        &seen(full(), Probe::Silent(secs(30)), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1000),
    );
    let mut later = seen(grown(), Probe::Silent(secs(500)), TaskState::Alive);
    let Seen::Known(unit) = &mut later.daemon.unit else {
        panic!()
    };
    unit.main_pid = 900;
    let verdict = judge(&later, &settings, &mut memory, secs(1100));
    assert_eq!(
        (codes(&verdict), verdict.deed.clone()),
        (vec![Code::DaemonSilent], None)
    );
}

#[test]
fn a_later_daemon_that_sees_the_pool_run_out_is_part_of_the_incident() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let by = |pool: Pool, waited: u64, pid: u32| {
        let mut look = seen(pool, Probe::Silent(secs(waited)), TaskState::Alive);
        let Seen::Known(unit) = &mut look.daemon.unit else {
            panic!()
        };
        unit.main_pid = pid;
        look
    };
    judge(&by(full(), 30, 400), &settings, &mut memory, secs(1000));
    judge(&by(full(), 10, 900), &settings, &mut memory, secs(1100));
    let verdict = judge(&by(pool(), 20, 900), &settings, &mut memory, secs(1110));
    assert_eq!(codes(&verdict), [Code::DaemonStuck]);
}

#[test]
fn a_task_in_d_state_for_a_moment_is_not_called_incurable() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    judge(
        &seen(full(), Probe::Silent(secs(30)), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1000),
    );
    judge(
        &seen(pool(), Probe::Silent(secs(31)), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1001),
    );
    let busy = seen(pool(), Probe::Silent(secs(230)), TaskState::Uninterruptible);
    let verdict = judge(&busy, &settings, &mut memory, secs(1200));
    assert_eq!(
        (codes(&verdict), verdict.deed.clone()),
        (vec![Code::DaemonHungOnPool], None)
    );
}

#[test]
fn a_hang_without_pool_evidence_is_reported_and_left_alone() {
    for state in [TaskState::Uninterruptible, TaskState::Stopped, TaskState::Alive] {
        let mut memory = Memory::default();
        for second in 0..7200 {
            let silent = seen(pool(), Probe::Silent(secs(second)), state);
            let verdict = judge(&silent, &Settings::default(), &mut memory, secs(1000 + second));
            assert_eq!(verdict.deed, None);
            assert_eq!(!verdict.findings.is_empty(), second >= 15, "{second}: {verdict:?}");
            assert!(
                verdict
                    .findings
                    .iter()
                    .all(|finding| finding.code == Code::DaemonSilent)
            );
        }
    }
}

/// Plays an incident: the pool is full and the daemon silent from second 0, growth at `cured`, the task leaves D at `freed`.
/// Returns when each code was first seen, and when a restart was first asked for.
fn incident(
    settings: &Settings,
    memory: &mut Memory,
    cured: u64,
    freed: u64,
    until: u64,
) -> (Vec<(u64, Code)>, Option<u64>) {
    let mut first: Vec<(u64, Code)> = Vec::new();
    for second in 0..until {
        let state = if second < freed {
            TaskState::Uninterruptible
        } else {
            TaskState::Alive
        };
        let look = seen(
            if second < cured { full() } else { pool() },
            Probe::Silent(secs(second)),
            state,
        );
        let verdict = judge(&look, settings, memory, secs(1000 + second));
        for finding in &verdict.findings {
            if !first.iter().any(|(_, code)| *code == finding.code) {
                first.push((second, finding.code));
            }
        }
        if verdict.deed == Some(Deed::Restart) {
            return (first, Some(second));
        }
    }
    (first, None)
}

fn when(first: &[(u64, Code)], code: Code) -> Option<u64> {
    first.iter().find(|(_, name)| *name == code).map(|(second, _)| *second)
}

#[test]
fn grow_first_restart_last() {
    let (first, restart) = incident(&Settings::default(), &mut Memory::default(), 20, 25, 600);
    assert_eq!(when(&first, Code::PoolExhausted), Some(0));
    assert_eq!(when(&first, Code::DaemonHungOnPool), Some(10));
    assert_eq!(when(&first, Code::DaemonStuck), Some(25));
    // The 60 s of the settings count from the look that saw the task come out of D state.
    assert_eq!(restart, Some(85));
}

/// The alarm comes sooner where a task that stays in D state on a pool without room tells why the daemon is silent.
#[test]
fn the_alarm_waits_longer_for_weaker_evidence() {
    type Change = fn(&mut Snapshot, u64);
    let cases: [(&str, Option<u64>, Change); 6] = [
        ("a task stays in D state", Some(10), |_, _| {}),
        ("none is", Some(15), |look, _| look.daemon.tasks = Seen::Known(vec![])),
        ("nobody knows", Some(15), |look, _| {
            look.daemon.tasks = Seen::unknown("stuck")
        }),
        ("many are, for a moment each", Some(15), |look, second| {
            look.daemon.tasks = Seen::Known(vec![Task {
                tid: 500 + u32::try_from(second / 2).unwrap(),
                ..task(TaskState::Uninterruptible)
            }]);
        }),
        ("the pool has room again", Some(15), |look, second| {
            if second > 0 {
                look.pool = Seen::Known(Some(grown()));
            }
        }),
        ("a layer is made at second 8", Some(15), |look, second| {
            look.pool = Seen::Known(Some(Pool {
                transaction_id: if second < 8 { 7 } else { 8 },
                ..full()
            }));
        }),
    ];
    for (what, expected, change) in cases {
        let mut memory = Memory::default();
        let told = (0..30).find(|second| {
            let mut look = seen(full(), Probe::Silent(secs(*second)), TaskState::Uninterruptible);
            change(&mut look, *second);
            let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
            verdict.finding(Code::DaemonHungOnPool).is_some()
        });
        assert_eq!(told, expected, "{what}");
    }
}

/// What the operator allowed to be done after a hang is done after one that lasted for the whole time.
#[test]
fn the_early_alarm_brings_no_deed() {
    let mut settings = Settings::default();
    settings.cure.xfs_give_up = true;
    settings.cure.xfs_give_up_after = secs(1);
    let mut memory = Memory::default();
    let no_room = Seen::Known(Host {
        path: "/d".into(),
        free_bytes: Bytes(0),
        total_bytes: Bytes::gib(200),
        read_only: false,
    });
    for second in 0..16 {
        let pool = Pool {
            queue_if_no_space: false,
            ..full()
        };
        let mut look = seen(pool, Probe::Silent(secs(second)), TaskState::Uninterruptible);
        look.host = no_room.clone();
        let verdict = judge(&look, &settings, &mut memory, secs(1000 + second));
        assert_eq!(verdict.deed.is_some(), second >= 15, "{second}: {verdict:?}");
        let hung = memory.kept.incident.is_some_and(|incident| incident.hung);
        assert_eq!(hung, second >= 15, "{second}");
    }
}

#[test]
fn no_restart_while_a_task_is_in_d_state_or_the_pool_is_not_cured() {
    let (first, restart) = incident(&Settings::default(), &mut Memory::default(), 20, u64::MAX, 3600);
    assert_eq!(restart, None);
    assert_eq!(when(&first, Code::HangIncurable), Some(140));
    let (_, restart) = incident(&Settings::default(), &mut Memory::default(), u64::MAX, 0, 3600);
    assert_eq!(restart, None);
}

#[test]
fn an_answer_on_a_healthy_pool_ends_the_incident() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    judge(
        &seen(full(), Probe::Silent(secs(30)), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1000),
    );
    // An answer to a question from before the cure proves nothing.
    let stale = Probe::Answered {
        took: secs(0),
        asked_ago: secs(10),
    };
    judge(
        &seen(pool(), stale, TaskState::Alive),
        &settings,
        &mut memory,
        secs(1005),
    );
    assert!(memory.kept.incident.is_some());
    judge(
        &seen(pool(), answered(), TaskState::Alive),
        &settings,
        &mut memory,
        secs(1006),
    );
    assert_eq!(memory.kept.incident, None);
}

#[test]
fn restarts_are_paid_from_a_budget_that_survives_the_guard() {
    let settings = Settings::default();
    let mut memory = Memory::recall(Default::default(), "boot", secs(0));
    let (_, restart) = incident(&settings, &mut memory, 1, 1, 600);
    memory.began(&Deed::Restart, secs(1000 + restart.unwrap()));
    // The guard dies and comes back in the same boot: a second incident inside the cool-down restarts nothing.
    let mut reborn = Memory::recall(memory.kept.clone(), "boot", secs(2000));
    let (first, restart) = incident(&settings, &mut reborn, 1, 1, 600);
    assert_eq!((restart, when(&first, Code::DaemonStuck).is_some()), (None, true));
    // Another boot starts afresh.
    let mut rebooted = Memory::recall(memory.kept.clone(), "another boot", secs(0));
    assert_eq!(incident(&settings, &mut rebooted, 1, 1, 600).1, Some(61));
}

#[test]
fn only_a_restart_of_this_life_that_was_not_begun_is_given_back() {
    let not_begun = Outcome::NotBegun("not begun: another restart is under way".into());
    let failed = Outcome::Failed("no second one is started beside it".into());
    let stuck = Outcome::Stuck("not back after 1200 s".into());
    let spent = |memory: &Memory| memory.kept.restarts.clone();
    let mut memory = Memory::recall(Default::default(), "boot", secs(0));
    memory.began(&Deed::Restart, secs(100));
    memory.ended(&Deed::Restart, &not_begun, secs(101));
    assert!(spent(&memory).is_empty(), "nothing was done to the daemon");

    memory.began(&Deed::Restart, secs(200));
    memory.ended(&Deed::Restart, &stuck, secs(1400));
    memory.ended(&Deed::Restart, &not_begun, secs(1500));
    assert!(spent(&memory).is_empty(), "it was stuck before it began");

    // A try to finish a restart that began, of this life or of an earlier one, gives nothing back, however often it is made.
    memory.began(&Deed::Restart, secs(2000));
    memory.ended(&Deed::Restart, &failed, secs(2400));
    let mut reborn = Memory::recall(memory.kept.clone(), "boot", secs(2500));
    for memory in [&mut memory, &mut reborn] {
        for second in 0..3 {
            memory.ended(&Deed::Restart, &not_begun, secs(2600 + 60 * second));
        }
        assert_eq!(spent(memory), [secs(2000)]);
        memory.ended(&Deed::Restart, &failed, secs(3000));
        memory.ended(&Deed::Restart, &Outcome::Done, secs(3400));
        let Persistent { counts, deeds, .. } = &memory.kept;
        assert_eq!(counts.restarts, 1, "one stop");
        let newest: Vec<_> = deeds.iter().rev().map(|(_, outcome, _)| outcome).take(2).collect();
        assert_eq!(newest, [&Outcome::Done, &not_begun]);
    }
    memory.began(&Deed::Restart, secs(9000));
    memory.ended(&Deed::Restart, &Outcome::Done, secs(9100));
    assert_eq!(memory.kept.counts.restarts, 2);
}

#[test]
fn past_the_budget_the_guard_gives_up_restarting_and_still_grows() {
    let settings = Settings::default();
    let mut memory = Memory::default();
    memory.kept.restarts = vec![secs(10), secs(20), secs(30)];
    let (first, restart) = incident(&settings, &mut memory, 10, 10, 3600);
    assert_eq!(restart, None);
    assert!(when(&first, Code::DaemonStuck).is_some());
    let verdict = judge(
        &seen(full(), Probe::Silent(secs(9)), TaskState::Alive),
        &settings,
        &mut memory,
        secs(5000),
    );
    assert!(is_growth(&verdict.deed, Target::Data));
}

#[test]
fn each_reason_against_a_restart_holds() {
    type Change = fn(&mut Snapshot, &mut Settings);
    fn unit(seen: &mut Snapshot) -> &mut Unit {
        match &mut seen.daemon.unit {
            Seen::Known(unit) => unit,
            Seen::Unknown(why) => panic!("{why}"),
        }
    }
    fn host(seen: &mut Snapshot) -> &mut Host {
        match &mut seen.host {
            Seen::Known(host) => host,
            Seen::Unknown(why) => panic!("{why}"),
        }
    }
    let changes: [(&str, Change); 25] = [
        ("not allowed", |_, settings| settings.restart.allow = Allow::Never),
        ("never wanted", |_, settings| settings.restart.when = When::Never),
        ("containers would stop", |_, settings| {
            settings.restart.allow = Allow::ContainersSurvive
        }),
        ("endless stop", |seen, _| unit(seen).stop_timeout = None),
        ("masked", |seen, _| unit(seen).fault = Some(UnitFault::Masked)),
        ("unit gone", |seen, _| unit(seen).fault = Some(UnitFault::Missing)),
        ("may not be started", |seen, _| unit(seen).can_start = false),
        ("may not be stopped", |seen, _| unit(seen).can_stop = false),
        ("a file moved", |seen, _| seen.names_gone = vec!["/d/data".into()]),
        ("a file deleted", |seen, _| {
            seen.pool = Seen::Known(Some(Pool {
                data_backing: Backing::Deleted {
                    device: "loop0".into(),
                    file: "/d/data".into(),
                },
                ..pool()
            }))
        }),
        ("host read-only", |seen, _| host(seen).read_only = true),
        ("host full", |seen, _| host(seen).free_bytes = Bytes::mib(15)),
        ("host unknown", |seen, _| seen.host = Seen::unknown("stuck for 9 s")),
        ("job pending", |seen, _| unit(seen).job_pending = true),
        ("host stopping", |seen, _| unit(seen).host_stopping = true),
        ("activating", |seen, _| {
            unit(seen).active_state = ActiveState::Activating
        }),
        ("pool unknown", |seen, _| seen.pool = Seen::unknown("stuck")),
        ("tasks unknown", |seen, _| seen.daemon.tasks = Seen::unknown("stuck")),
        ("the driver works", |seen, _| seen.daemon.driver = answered()),
        ("the driver was not asked", |seen, _| {
            seen.daemon.driver = Probe::NotAsked
        }),
        ("the driver was asked only now", |seen, _| {
            seen.daemon.driver = Probe::Silent(secs(14))
        }),
        ("containerd unknown", |seen, _| {
            seen.daemon.containerd = Seen::unknown("stuck")
        }),
        ("a shim in D state", |seen, _| {
            seen.daemon.containerd = Seen::Known(vec![Task {
                comm: "containerd-shim".into(),
                ..task(TaskState::Uninterruptible)
            }])
        }),
        ("needs check", |seen, _| {
            seen.pool = Seen::Known(Some(Pool {
                needs_check: true,
                ..pool()
            }))
        }),
        ("suspended", |seen, _| {
            seen.pool = Seen::Known(Some(Pool {
                suspended: true,
                ..pool()
            }))
        }),
    ];
    let ready = || {
        let mut memory = Memory::default();
        judge(
            &seen(full(), Probe::Silent(secs(1)), TaskState::Alive),
            &Settings::default(),
            &mut memory,
            secs(1000),
        );
        for second in 1..200 {
            judge(
                &seen(pool(), Probe::Silent(secs(second + 1)), TaskState::Alive),
                &Settings::default(),
                &mut memory,
                secs(1000 + second),
            );
        }
        memory
    };
    let look = seen(pool(), Probe::Silent(secs(200)), TaskState::Alive);
    assert_eq!(
        judge(&look, &Settings::default(), &mut ready(), secs(1200)).deed,
        Some(Deed::Restart)
    );
    for (what, change) in changes {
        let (mut look, mut settings) = (look.clone(), Settings::default());
        change(&mut look, &mut settings);
        let verdict = judge(&look, &settings, &mut ready(), secs(1200));
        assert_ne!(verdict.deed, Some(Deed::Restart), "{what}");
    }
}
