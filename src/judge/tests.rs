//! The laws that judgement keeps, as tables of made-up snapshots and clocks.

mod apart;
mod cause;
mod dump;
mod history;
mod incident;
mod kernel_lines;
mod ladder;
mod lvm;
mod prevention;
mod surroundings;

use super::*;
use crate::model::{
    ActiveState, Allow, Backing, BackingFile, Bytes, Code, Containers, Daemon, Evidence, Host, Lvm, Mode, Outcome,
    Pool, Target, Task, TaskState, Unit, Usage, When,
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
pub(super) fn pool() -> Pool {
    Pool {
        name: "docker-254:16-12-pool".into(),
        mode: Mode::Rw,
        needs_check: false,
        suspended: false,
        table_waits: false,
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
        table_sectors: 20_971_520,
        data_backing: on_loop("loop0", "/d/data"),
        metadata_backing: on_loop("loop1", "/d/metadata"),
        data_file: file("/d/data", Bytes::gib(10), Bytes::gib(2)),
        metadata_file: file("/d/metadata", Bytes::mib(64), Bytes::mib(8)),
        lvm: Lvm::No,
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

fn grown() -> Pool {
    Pool {
        data: Usage {
            used_blocks: 10 << 14,
            total_blocks: 20 << 14,
            block_bytes: BLOCK,
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
        names_gone: Vec::new(),
        metadata_host: None,
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
                kill_mode: "process".into(),
                result: "success".into(),
                fault: None,
                can_start: true,
                can_stop: true,
                notifies: true,
            }),
            tasks: Seen::Known(vec![
                task(TaskState::Alive),
                Task {
                    tid: 418,
                    ..task(state)
                },
            ]),
            ping: answered(),
            // It is asked a second later.
            driver: info
                .silent_for()
                .map_or(Probe::NotAsked, |waited| Probe::Silent(waited.saturating_sub(secs(1)))),
            info,
            containerd: Seen::Known(Vec::new()),
            containers: Containers {
                live_restore: Some(false),
                running: Some(3),
            },
        },
        evidence: Evidence::default(),
    }
}

fn judge_once(seen: &Snapshot) -> Verdict {
    judge(seen, &Settings::default(), &mut Memory::default(), secs(1000))
}

fn codes(verdict: &Verdict) -> Vec<Code> {
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
            Code::PoolLow,
            Some(Target::Data),
        ),
        ("out of data space", full(), Code::PoolExhausted, Some(Target::Data)),
        (
            "metadata low",
            Pool {
                metadata: metadata(12000),
                ..pool()
            },
            Code::PoolMetadataLow,
            Some(Target::Metadata),
        ),
        (
            "metadata full",
            Pool {
                metadata: metadata(16384),
                ..pool()
            },
            Code::PoolExhausted,
            Some(Target::Metadata),
        ),
        (
            "metadata full and therefore ro: growth is the cure",
            Pool {
                metadata: metadata(16384),
                mode: Mode::Ro,
                ..pool()
            },
            Code::PoolExhausted,
            Some(Target::Metadata),
        ),
        (
            "both low: metadata first",
            Pool {
                metadata: metadata(12000),
                data: used(9),
                ..pool()
            },
            Code::PoolLow,
            Some(Target::Metadata),
        ),
        (
            "needs check: the kernel would not grow it",
            Pool {
                needs_check: true,
                ..full()
            },
            Code::PoolNeedsCheck,
            None,
        ),
        (
            "read-only",
            Pool {
                mode: Mode::Ro,
                data: used(9),
                ..pool()
            },
            Code::PoolReadOnly,
            None,
        ),
        (
            "failed",
            Pool {
                mode: Mode::Fail,
                data: Usage::default(),
                ..pool()
            },
            Code::PoolFailed,
            None,
        ),
        (
            "direct-lvm is LVM's to grow",
            Pool {
                data_backing: Backing::Device("253:2".into()),
                data: used(9),
                ..pool()
            },
            Code::PoolLow,
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
        // Told at once by the first look; once it was seen to run, only when nobody seems to be at it.
        let told = matches!(second, 0..8 | 14..);
        assert_eq!(verdict.finding(Code::PoolSuspended).is_some(), told, "second {second}");
    }
}

#[test]
fn what_others_hold_suspended_is_only_told_of() {
    for (what, change) in [
        ("LVM", (|pool| pool.lvm = Lvm::NotAsked) as fn(&mut Pool)),
        ("whoever has loaded the table", |pool| pool.table_waits = true),
    ] {
        let mut held = Pool {
            suspended: true,
            ..pool()
        };
        change(&mut held);
        let (look, mut memory) = (seen(held, answered(), TaskState::Alive), Memory::default());
        for second in 0..60 {
            let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
            assert_eq!(verdict.deed, None, "{what}: {second}");
            let remedy = &verdict.finding(Code::PoolSuspended).expect(what).remedy;
            assert!(remedy.contains(&format!("leaves it to {what}")), "{remedy}");
        }
    }
}

#[test]
fn a_pool_that_somebody_holds_suspended_is_not_grown_under_them() {
    let mut memory = Memory::default();
    let held = seen(
        Pool {
            suspended: true,
            ..full()
        },
        answered(),
        TaskState::Alive,
    );
    for second in 0..5 {
        assert_eq!(
            judge(&held, &Settings::default(), &mut memory, secs(1000 + second)).deed,
            None
        );
    }
    let deed = judge(&held, &Settings::default(), &mut memory, secs(1005)).deed;
    assert_eq!(deed, Some(Deed::Resume));
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
    let alarm = verdict.finding(Code::HostFilesystemFull).expect("an alarm");
    assert!(
        alarm.message.contains("5 GiB free of 200 GiB") && alarm.message.contains("10 GiB are kept"),
        "{}",
        alarm.message
    );

    let mut unknown = seen(full(), answered(), TaskState::Alive);
    unknown.host = Seen::unknown("stuck for 9 s");
    assert_eq!(judge_once(&unknown).deed, None);
    assert!(judge_once(&unknown).finding(Code::HostFilesystemUnknown).is_some());
}

/// The settings of a guard that started with a mistake in `[data] cap`.
#[test]
fn a_device_whose_cap_is_not_known_is_told_to_be_low_and_not_grown() {
    let mut settings = Settings::default();
    settings.data.cap = Bytes(0);
    let low = Pool {
        data: Usage {
            used_blocks: 9 << 14,
            ..pool().data
        },
        ..pool()
    };
    for (pool, code) in [(low, Code::PoolLow), (full(), Code::PoolExhausted)] {
        let verdict = judge(
            &seen(pool, answered(), TaskState::Alive),
            &settings,
            &mut Memory::default(),
            secs(1000),
        );
        let finding = verdict.finding(code).unwrap_or_else(|| panic!("{code}"));
        assert!(finding.remedy.contains("the cap of [data] is not known"), "{finding:?}");
        assert_eq!(verdict.deed, None);
    }
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
        .finding(Code::HostFilesystemOvercommitted)
        .cloned()
        .expect("a finding");
    assert!(
        finding.message.contains("8 GiB free") && finding.message.contains("only 3 GiB"),
        "{}",
        finding.message
    );
    let Seen::Known(Some(pool)) = &thin.pool else { panic!() };
    let host = thin.host.known();
    assert_eq!(storage::headroom(pool, host, &Settings::default()), Bytes::gib(2));
    assert_eq!(
        storage::overcommit(pool, &thin),
        Bytes::gib(5).saturating_add(Bytes::mib(56))
    );
}

#[test]
fn failed_growth_is_tried_again_after_longer_and_longer_pauses() {
    let settings = Settings::default();
    let mut nearly = full();
    nearly.mode = Mode::Rw;
    nearly.data.used_blocks -= 1;
    let low = seen(nearly, answered(), TaskState::Alive);
    let exhausted = seen(full(), answered(), TaskState::Alive);
    let mut memory = Memory::default();
    let mut now = secs(1000);
    for pause in [2, 20, 40, 80, 160, 320, 600, 600] {
        let deed = judge(&low, &settings, &mut memory, now).deed.expect("a growth");
        memory.began(&deed, now);
        assert_eq!(judge(&low, &settings, &mut memory, now).deed, None, "one at a time");
        memory.ended(&deed, &Outcome::Failed("no".into()), now);
        assert_eq!(judge(&low, &settings, &mut memory, now + secs(pause - 1)).deed, None);
        // The kernel holds writes for 60 s: a pool that has run out is tried each ten seconds, and soon after each event.
        let mut heard = memory.clone();
        heard.hear_event();
        for (second, tried, with_event) in [(1, false, false), (9, pause < 10, true), (10, true, true)] {
            for (memory, tried) in [(&memory, tried), (&heard, with_event)] {
                let deed = judge(&exhausted, &settings, &mut memory.clone(), now + secs(second)).deed;
                assert_eq!(
                    deed.is_some(),
                    tried,
                    "{second} s after a failure, of a pause of {pause} s"
                );
            }
        }
        let waits = judge(&low, &settings, &mut heard, now + secs(pause - 1)).deed;
        assert_eq!(waits, None, "an event hurries no pool that is only low");
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
        pace::rest(&look, &judge_once(&look), &Memory::default(), &settings)
    };
    assert_eq!(with_used(10), secs(15));
    assert_eq!(with_used(156), secs(4));
    assert_eq!(with_used(160), Duration::from_millis(500));
    assert_eq!(with_used(190), secs(1), "a deed is due");
    let mut capped = settings.clone();
    capped.data.cap = Bytes::gib(10);
    let look = seen(pool_used_to(10, 9), answered(), TaskState::Alive);
    let verdict = judge(&look, &capped, &mut Memory::default(), secs(1000));
    assert_eq!((codes(&verdict), &verdict.deed), (vec![Code::PoolLow], &None));
    let rest = pace::rest(&look, &verdict, &Memory::default(), &capped);
    assert_eq!(rest, secs(2), "it may be low for days");
}

/// A pool of so many GiB, of which so many are used.
fn pool_used_to(total: u64, used: u64) -> Pool {
    Pool {
        data: Usage {
            used_blocks: used << 14,
            total_blocks: total << 14,
            block_bytes: BLOCK,
        },
        data_file: file("/d/data", Bytes::gib(total), Bytes::gib(used)),
        ..pool()
    }
}

#[test]
fn looks_are_brisk_while_a_hang_may_be_under_way() {
    let rest = |look: &Snapshot, memory: &mut Memory| {
        let verdict = judge(look, &Settings::default(), memory, secs(1000));
        pace::rest(look, &verdict, memory, &Settings::default())
    };
    let calm = seen(pool(), answered(), TaskState::Alive);
    assert_eq!(
        rest(&calm, &mut Memory::default()),
        secs(6),
        "the way to the threshold at 1 GiB/s"
    );
    let in_d = seen(pool(), answered(), TaskState::Uninterruptible);
    assert_eq!(rest(&in_d, &mut Memory::default()), secs(1));
    let asked = seen(pool(), Probe::Silent(Duration::from_millis(400)), TaskState::Alive);
    assert_eq!(rest(&asked, &mut Memory::default()), secs(1));
    let mut held = pool();
    held.suspended = true;
    let mut memory = Memory::default();
    rest(&calm, &mut memory);
    assert_eq!(
        rest(&seen(held, answered(), TaskState::Alive), &mut memory),
        secs(1),
        "whoever holds it lets go of it in a moment"
    );
    let mut near = pool();
    near.data.used_blocks = near.data.total_blocks * 4 / 5 - 1;
    let beside = seen(near, Probe::Silent(Duration::from_millis(400)), TaskState::Alive);
    assert!(
        rest(&beside, &mut Memory::default()) < secs(1),
        "a pool that fills is looked at no later for another trouble"
    );
    let mut memory = Memory::default();
    judge(
        &seen(full(), answered(), TaskState::Alive),
        &Settings::default(),
        &mut memory,
        secs(999),
    );
    let stale = Probe::Answered {
        took: secs(0),
        asked_ago: secs(5),
    };
    let answers = seen(grown(), stale, TaskState::Alive);
    assert_eq!(
        rest(&answers, &mut memory),
        secs(2),
        "it answers, and nothing is to be done"
    );
    let stopped = seen(grown(), Probe::NotAsked, TaskState::Alive);
    assert!(rest(&stopped, &mut memory) > secs(2), "nobody is there to hang");
    assert!(memory.kept.incident.is_some());
}
