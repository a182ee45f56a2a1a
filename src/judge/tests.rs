//! The laws that judgement keeps, as tables of made-up snapshots and clocks.

use super::*;
use crate::model::{
    ActiveState, Backing, BackingFile, Bytes, Daemon, Host, Mode, Outcome, Pool, Probe, Seen, Task, TaskState, Unit,
    Usage,
};

const BLOCK: u64 = 64 * Bytes::KIB;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn file(path: &str, size: Bytes, allocated: Bytes) -> Seen<BackingFile> {
    Seen::Known(BackingFile {
        path: path.into(),
        size_bytes: size,
        allocated_bytes: allocated,
    })
}

fn on_loop(device: &str, file: &str) -> Backing {
    Backing::Loop {
        device: device.into(),
        file: file.into(),
    }
}

/// A 10 GiB pool, 2 GiB of it used, on a host with 100 GiB free.
fn pool() -> Pool {
    Pool {
        name: "docker-254:16-12-pool".into(),
        mode: Mode::Rw,
        needs_check: false,
        suspended: false,
        event_nr: 1,
        transaction_id: 7,
        data: Usage {
            used_blocks: 2 << 14,
            total_blocks: 10 << 14,
            block_bytes: BLOCK,
        },
        metadata: Usage {
            used_blocks: 2000,
            total_blocks: 16384,
            block_bytes: 4096,
        },
        queue_if_no_space: true,
        low_water_blocks: 32768,
        table_params: "7:1 7:0 128 32768 1 skip_block_zeroing".into(),
        data_backing: on_loop("loop0", "/d/data"),
        metadata_backing: on_loop("loop1", "/d/metadata"),
        data_file: file("/d/data", Bytes::gib(10), Bytes::gib(2)),
        metadata_file: file("/d/metadata", Bytes::mib(64), Bytes::mib(8)),
    }
}

fn full() -> Pool {
    Pool {
        mode: Mode::OutOfDataSpace,
        data: Usage {
            used_blocks: 10 << 14,
            ..pool().data
        },
        ..pool()
    }
}

fn answered() -> Probe {
    Probe::Answered {
        took: Duration::from_millis(12),
        asked_ago: Duration::ZERO,
    }
}

fn task(state: TaskState) -> Task {
    Task {
        pid: 400,
        tid: 417,
        comm: "dockerd".into(),
        state,
        start_ticks: 9,
        wchan: "xfs_ail_push_all_sync".into(),
    }
}

fn seen(pool: Pool, info: Probe, state: TaskState) -> Snapshot {
    Snapshot {
        pool: Seen::Known(Some(pool)),
        host: Seen::Known(Host {
            path: "/d".into(),
            free_bytes: Bytes::gib(100),
            total_bytes: Bytes::gib(200),
            read_only: false,
        }),
        daemon: Daemon {
            unit: Seen::Known(Unit {
                name: "docker.service".into(),
                active_state: ActiveState::Active,
                sub_state: "running".into(),
                main_pid: 400,
                job_pending: false,
                control_group: "/system.slice/docker.service".into(),
                inactive_exit: Some(secs(10)),
                stop_timeout: Some(secs(90)),
                host_stopping: false,
            }),
            tasks: Seen::Known(vec![
                task(TaskState::Alive),
                Task {
                    tid: 418,
                    ..task(state)
                },
            ]),
            ping: answered(),
            info,
        },
    }
}

fn judge_once(seen: &Snapshot) -> Verdict {
    judge(seen, &Settings::default(), &mut Memory::default(), secs(1000))
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.code).collect()
}

fn is_growth(deed: &Option<Deed>, of: Target) -> bool {
    matches!(deed, Some(Deed::Grow { target, .. }) if *target == of)
}

#[test]
fn a_healthy_host_is_left_alone() {
    assert_eq!(
        judge_once(&seen(pool(), answered(), TaskState::Alive)),
        Verdict::default()
    );
}

#[test]
fn what_is_seen_is_called_by_its_name() {
    let used = |gib: u64| Usage {
        used_blocks: gib << 14,
        ..pool().data
    };
    let metadata = |used_blocks| Usage {
        used_blocks,
        ..pool().metadata
    };
    for (what, pool, code, growth) in [
        (
            "low",
            Pool {
                data: used(9),
                ..pool()
            },
            "pool-low",
            Some(Target::Data),
        ),
        ("out of data space", full(), "pool-exhausted", Some(Target::Data)),
        (
            "metadata low",
            Pool {
                metadata: metadata(12000),
                ..pool()
            },
            "pool-metadata-low",
            Some(Target::Metadata),
        ),
        (
            "metadata full",
            Pool {
                metadata: metadata(16384),
                ..pool()
            },
            "pool-exhausted",
            Some(Target::Metadata),
        ),
        (
            "metadata full and therefore ro: growth is the cure",
            Pool {
                metadata: metadata(16384),
                mode: Mode::Ro,
                ..pool()
            },
            "pool-exhausted",
            Some(Target::Metadata),
        ),
        (
            "both low: metadata first",
            Pool {
                metadata: metadata(12000),
                data: used(9),
                ..pool()
            },
            "pool-low",
            Some(Target::Metadata),
        ),
        (
            "needs check: the kernel would not grow it",
            Pool {
                needs_check: true,
                ..full()
            },
            "pool-needs-check",
            None,
        ),
        (
            "read-only",
            Pool {
                mode: Mode::Ro,
                data: used(9),
                ..pool()
            },
            "pool-read-only",
            None,
        ),
        (
            "failed",
            Pool {
                mode: Mode::Fail,
                data: Usage::default(),
                ..pool()
            },
            "pool-failed",
            None,
        ),
        (
            "direct-lvm is LVM's to grow",
            Pool {
                data_backing: Backing::Device("253:2".into()),
                data: used(9),
                ..pool()
            },
            "pool-low",
            None,
        ),
    ] {
        let verdict = judge_once(&seen(pool, answered(), TaskState::Alive));
        assert!(codes(&verdict).contains(&code), "{what}: {verdict:?}");
        match growth {
            Some(target) => assert!(is_growth(&verdict.deed, target), "{what}: {verdict:?}"),
            None => assert_eq!(verdict.deed, None, "{what}"),
        }
    }
}

#[test]
fn a_pool_that_was_left_suspended_is_resumed() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let suspended = seen(
        Pool {
            suspended: true,
            ..pool()
        },
        answered(),
        TaskState::Alive,
    );
    for second in 0..20 {
        // At second 8 somebody else resumes it for a moment: whoever is at work is given the time again.
        let look = if second == 8 {
            seen(pool(), answered(), TaskState::Alive)
        } else {
            suspended.clone()
        };
        let verdict = judge(&look, &settings, &mut memory, secs(1000 + second));
        let expected = matches!(second, 5..8 | 14..).then_some(Deed::Resume);
        assert_eq!(verdict.deed, expected, "second {second}");
        assert_eq!(verdict.finding("pool-suspended").is_some(), second != 8);
    }
}

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
    let mut later = seen(pool(), Probe::Silent(secs(500)), TaskState::Alive);
    let Seen::Known(unit) = &mut later.daemon.unit else {
        panic!()
    };
    unit.main_pid = 900;
    let verdict = judge(&later, &settings, &mut memory, secs(2000));
    assert_eq!((codes(&verdict), verdict.deed.clone()), (vec!["daemon-silent"], None));
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
        (vec!["daemon-hung-on-pool"], None)
    );
}

#[test]
fn nothing_is_grown_without_room_or_without_knowing_it() {
    let mut no_room = seen(full(), answered(), TaskState::Alive);
    no_room.host = Seen::Known(Host {
        path: "/d".into(),
        free_bytes: Bytes::gib(5),
        total_bytes: Bytes::gib(200),
        read_only: false,
    });
    let verdict = judge_once(&no_room);
    assert_eq!(verdict.deed, None);
    let alarm = verdict.finding("host-filesystem-full").expect("an alarm");
    assert!(
        alarm.message.contains("5 GiB free of 200 GiB") && alarm.message.contains("10 GiB are kept"),
        "{}",
        alarm.message
    );

    let mut unknown = seen(full(), answered(), TaskState::Alive);
    unknown.host = Seen::unknown("stuck for 9 s");
    assert_eq!(judge_once(&unknown).deed, None);
    assert!(judge_once(&unknown).finding("host-filesystem-unknown").is_some());
}

#[test]
fn a_sparse_pool_on_a_full_disk_is_called_over_committed() {
    let mut thin = seen(pool(), answered(), TaskState::Alive);
    thin.host = Seen::Known(Host {
        path: "/d".into(),
        free_bytes: Bytes::gib(3),
        total_bytes: Bytes::gib(20),
        read_only: false,
    });
    let finding = judge_once(&thin)
        .finding("host-filesystem-overcommitted")
        .cloned()
        .expect("a finding");
    assert!(
        finding.message.contains("8 GiB free") && finding.message.contains("only 3 GiB"),
        "{}",
        finding.message
    );
    let Seen::Known(Some(pool)) = &thin.pool else { panic!() };
    let judged = storage::headroom(pool, thin.host.known(), &Settings::default());
    assert_eq!(judged.headroom, Bytes::gib(2));
    assert_eq!(judged.overcommit, Bytes::gib(5).saturating_add(Bytes::mib(56)));
}

#[test]
fn failed_growth_is_tried_again_after_longer_and_longer_pauses() {
    let (settings, low) = (Settings::default(), seen(full(), answered(), TaskState::Alive));
    let mut memory = Memory::default();
    let mut now = secs(1000);
    for pause in [10, 20, 40, 80, 160, 320, 600, 600] {
        let deed = judge(&low, &settings, &mut memory, now).deed.expect("a growth");
        memory.began(&deed, now);
        assert_eq!(judge(&low, &settings, &mut memory, now).deed, None, "one at a time");
        memory.ended(&deed, &Outcome::Failed("no".into()), now);
        assert_eq!(judge(&low, &settings, &mut memory, now + secs(pause - 1)).deed, None);
        now += secs(pause);
    }
    let deed = judge(&low, &settings, &mut memory, now).deed.expect("never gives up");
    memory.began(&deed, now);
    memory.ended(&deed, &Outcome::Done, now);
    assert!(
        judge(&low, &settings, &mut memory, now).deed.is_some(),
        "success ends the pauses"
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
            assert!(verdict.findings.iter().all(|finding| finding.code == "daemon-silent"));
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
) -> (Vec<(u64, String)>, Option<u64>) {
    let mut first: Vec<(u64, String)> = Vec::new();
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
            if !first.iter().any(|(_, code)| code == finding.code) {
                first.push((second, finding.code.to_owned()));
            }
        }
        if verdict.deed == Some(Deed::Restart) {
            return (first, Some(second));
        }
    }
    (first, None)
}

fn when(first: &[(u64, String)], code: &str) -> Option<u64> {
    first.iter().find(|(_, name)| name == code).map(|(second, _)| *second)
}

#[test]
fn grow_first_restart_last() {
    let (first, restart) = incident(&Settings::default(), &mut Memory::default(), 20, 25, 600);
    assert_eq!(when(&first, "pool-exhausted"), Some(0));
    assert_eq!(when(&first, "daemon-hung-on-pool"), Some(15));
    assert_eq!(when(&first, "daemon-stuck"), Some(25));
    // The 60 s of the settings count from the last look that saw a task in D state, at second 24.
    assert_eq!(restart, Some(84));
}

#[test]
fn no_restart_while_a_task_is_in_d_state_or_the_pool_is_not_cured() {
    let (first, restart) = incident(&Settings::default(), &mut Memory::default(), 20, u64::MAX, 3600);
    assert_eq!(restart, None);
    assert_eq!(when(&first, "hang-incurable"), Some(140));
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
    assert_eq!((restart, when(&first, "daemon-stuck").is_some()), (None, true));
    // Another boot starts afresh.
    let mut rebooted = Memory::recall(memory.kept.clone(), "another boot", secs(0));
    assert_eq!(incident(&settings, &mut rebooted, 1, 1, 600).1, Some(61));
}

#[test]
fn past_the_budget_the_guard_gives_up_restarting_and_still_grows() {
    let settings = Settings::default();
    let mut memory = Memory::default();
    memory.kept.restarts = vec![secs(10), secs(20), secs(30)];
    let (first, restart) = incident(&settings, &mut memory, 10, 10, 3600);
    assert_eq!(restart, None);
    assert!(when(&first, "daemon-stuck").is_some());
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
    let changes: [(&str, Change); 9] = [
        ("switched off", |_, settings| settings.restart.enabled = false),
        ("endless stop", |seen, _| unit(seen).stop_timeout = None),
        ("job pending", |seen, _| unit(seen).job_pending = true),
        ("host stopping", |seen, _| unit(seen).host_stopping = true),
        ("activating", |seen, _| {
            unit(seen).active_state = ActiveState::Activating
        }),
        ("pool unknown", |seen, _| seen.pool = Seen::unknown("stuck")),
        ("tasks unknown", |seen, _| seen.daemon.tasks = Seen::unknown("stuck")),
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
        judge(
            &seen(pool(), Probe::Silent(secs(2)), TaskState::Alive),
            &Settings::default(),
            &mut memory,
            secs(1001),
        );
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

#[test]
fn success_is_what_a_fresh_look_shows() {
    let deed = Deed::Grow {
        target: Target::Data,
        from: Bytes::gib(10),
        to: Bytes::gib(12),
    };
    let look = |pool: Pool| seen(pool, answered(), TaskState::Alive);
    assert!(
        verify(&deed, &look(pool()))
            .unwrap_err()
            .contains("did not take the new size")
    );
    let grown = Pool {
        data: Usage {
            total_blocks: 12 << 14,
            ..pool().data
        },
        ..pool()
    };
    assert!(verify(&deed, &look(grown.clone())).is_ok());
    assert!(
        verify(
            &deed,
            &look(Pool {
                suspended: true,
                ..grown
            })
        )
        .is_err()
    );
    assert!(
        verify(
            &Deed::Resume,
            &look(Pool {
                suspended: true,
                ..pool()
            })
        )
        .is_err()
    );
    assert!(verify(&Deed::Restart, &seen(pool(), Probe::Silent(secs(3)), TaskState::Alive)).is_err());
}

#[test]
fn looks_agree_only_on_the_same_deed() {
    let grow = |target, to| Deed::Grow {
        target,
        from: Bytes(0),
        to: Bytes(to),
    };
    assert!(agrees(&grow(Target::Data, 5), Some(&grow(Target::Data, 9))));
    assert!(!agrees(&grow(Target::Data, 5), Some(&grow(Target::Metadata, 5))));
    assert!(!agrees(&Deed::Restart, Some(&grow(Target::Data, 5))));
    assert!(!agrees(&Deed::Restart, None));
}

#[test]
fn the_more_headroom_the_longer_the_rest() {
    let settings = Settings::default();
    let with_used = |gib: u64| {
        let pool = Pool {
            data: Usage {
                used_blocks: gib << 14,
                total_blocks: 200 << 14,
                block_bytes: BLOCK,
            },
            ..pool()
        };
        let pool = Pool {
            data_file: file("/d/data", Bytes::gib(200), Bytes::gib(gib)),
            ..pool
        };
        let look = seen(pool, answered(), TaskState::Alive);
        pace::rest(&look, &judge_once(&look), &settings)
    };
    assert_eq!(with_used(10), secs(10));
    assert_eq!(with_used(156), secs(4));
    assert_eq!(with_used(160), Duration::from_millis(500));
    assert_eq!(with_used(190), secs(1), "a deed is due");
}
