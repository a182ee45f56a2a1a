//! Whose the silence is: what makes a hang the pool's, and when an incident ends.

use super::*;
use crate::model::{Code, Whose, Witness, Witnesses};

/// Plays looks a second apart from second 1000 on; gives the codes of the last one, and when a restart was first asked for.
fn play(looks: impl IntoIterator<Item = Snapshot>) -> (Vec<Code>, Option<u64>) {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let (mut last, mut restart) = (Vec::new(), None);
    for (second, look) in (1000..).zip(looks) {
        let verdict = judge(&look, &settings, &mut memory, secs(second));
        last = codes(&verdict);
        if verdict.deed == Some(Deed::Restart) {
            restart = restart.or(Some(second - 1000));
        }
    }
    (last, restart)
}

fn suspended() -> Pool {
    Pool {
        suspended: true,
        ..pool()
    }
}

#[test]
fn what_befalls_the_pool_later_does_not_make_a_hang_its_own() {
    let silent = |pool: Pool, second: u64| seen(pool, Probe::Silent(secs(second)), TaskState::Alive);
    let suspended = Pool {
        suspended: true,
        ..grown()
    };
    for (what, bad) in [("exhausted", full()), ("suspended", suspended)] {
        let looks = |from: u64| {
            let bad = bad.clone();
            (0..600).map(move |second| match second {
                second if (from..from + 20).contains(&second) => silent(bad.clone(), second),
                // As full as it was: a pool that seems to fill fast would be grown first.
                second => silent(grown(), second),
            })
        };
        let (last, restart) = play(looks(100));
        assert_eq!((last, restart), (vec![Code::DaemonSilent], None), "{what}");
        // Silent for less than tells a hang when the pool went bad: that may well be why.
        assert!(play(looks(5)).1.is_some(), "{what}");
    }
}

#[test]
fn an_answer_ends_the_silence_that_had_another_cause() {
    let looks = (0..600).map(|second| match second {
        0..100 => seen(grown(), Probe::Silent(secs(second)), TaskState::Alive),
        100..110 => seen(full(), Probe::Silent(secs(second)), TaskState::Alive),
        110..120 => seen(full(), answered(), TaskState::Alive),
        120..140 => seen(full(), Probe::Silent(secs(second - 120)), TaskState::Alive),
        _ => seen(grown(), Probe::Silent(secs(second - 120)), TaskState::Alive),
    });
    assert!(play(looks).1.is_some());
}

#[test]
fn a_pool_that_is_suspended_for_a_moment_is_no_incident() {
    let looks = (0..600).map(|second| match second {
        3..6 => seen(suspended(), Probe::Silent(secs(second)), TaskState::Alive),
        _ => seen(pool(), Probe::Silent(secs(second)), TaskState::Alive),
    });
    assert_eq!(play(looks), (vec![Code::DaemonSilent], None));
    // Nor is the guard's own growth, unless it is stuck within the swap of the table.
    let mut memory = Memory::default();
    let grow = Deed::Grow {
        target: Target::Data,
        from: Bytes::gib(10),
        to: Bytes::gib(20),
    };
    memory.began(&grow, secs(1000));
    for second in 0..30 {
        let look = seen(suspended(), Probe::Silent(secs(second)), TaskState::Alive);
        judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
        assert_eq!(memory.kept.incident.is_some(), second >= 15, "{second} s");
    }
}

#[test]
fn a_daemon_that_somebody_has_stopped_is_not_restarted() {
    let looks = |state| {
        (0..600).map(move |second| {
            let stopped = match second {
                0..20 => seen(full(), Probe::Silent(secs(second)), state),
                _ => seen(pool(), Probe::Silent(secs(second)), state),
            };
            Snapshot {
                daemon: Daemon {
                    tasks: Seen::Known(vec![Task {
                        tid: 400,
                        ..task(state)
                    }]),
                    ..stopped.daemon
                },
                ..stopped
            }
        })
    };
    assert_eq!(play(looks(TaskState::Stopped)), (vec![Code::DaemonStuck], None));
    assert!(play(looks(TaskState::Alive)).1.is_some());
}

#[test]
fn time_that_nobody_watched_is_no_evidence() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let look = |pool: Pool, waited: u64| seen(pool, Probe::Silent(secs(waited)), TaskState::Alive);
    for second in 0..20 {
        judge(&look(full(), second), &settings, &mut memory, secs(1000 + second));
    }
    judge(&look(pool(), 20), &settings, &mut memory, secs(1020));
    // A virtual machine was stunned for a while, or the host slept for an hour. Of that time ten seconds count.
    for away in [105, 3600] {
        let mut memory = memory.clone();
        for second in 0..60 {
            let silent = 20 + away + second;
            let verdict = judge(&look(pool(), silent), &settings, &mut memory, secs(1000 + silent));
            let restart = verdict.deed == Some(Deed::Restart);
            assert_eq!(restart, second >= 50, "{second} s after it woke");
        }
    }
}

/// The same before the pool's cure: what is called silent is what was looked at.
#[test]
fn a_question_that_was_out_while_nobody_looked_is_no_silence() {
    let mut memory = Memory::default();
    for (second, told) in [(0, false), (2, false), (107, false), (109, false), (111, true)] {
        let look = seen(pool(), Probe::Silent(secs(second)), TaskState::Alive);
        let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
        assert_eq!(verdict.finding(Code::DaemonSilent).is_some(), told, "{second}");
    }
}

#[test]
fn a_question_that_waited_behind_a_pull_belongs_to_the_pool_s_hang() {
    let look = |pool: Pool, transaction_id: u64, waited: u64| {
        let pool = Pool { transaction_id, ..pool };
        seen(pool, Probe::Silent(secs(waited)), TaskState::Alive)
    };
    let looks = |at_work: u64| {
        (0..600).map(move |second| match second {
            0..40 => look(grown(), second / at_work, second),
            40..60 => look(full(), 40 / at_work, second),
            _ => look(grown(), 40 / at_work, second),
        })
    };
    assert!(play(looks(5)).1.is_some(), "devices were made all along");
    assert_eq!(play(looks(1000)), (vec![Code::DaemonSilent], None));
    // A slow /_ping is no sign that the driver is at work.
    let slow_ping = looks(1000).zip(0..).map(|(mut look, second)| {
        if second == 38 {
            look.daemon.ping = Probe::Silent(secs(2));
        }
        look
    });
    assert_eq!(play(slow_ping), (vec![Code::DaemonSilent], None));
}

#[test]
fn a_pool_that_breaks_in_an_incident_is_not_called_well() {
    let failed = || Pool {
        mode: Mode::Fail,
        ..grown()
    };
    let read_only = || Pool {
        mode: Mode::Ro,
        ..grown()
    };
    let to_be_checked = || Pool {
        needs_check: true,
        ..grown()
    };
    let full_and_to_be_checked = || Pool {
        needs_check: true,
        ..full()
    };
    for broken in [failed as fn() -> Pool, read_only, to_be_checked, full_and_to_be_checked] {
        for state in [TaskState::Alive, TaskState::Uninterruptible] {
            let mut memory = Memory::default();
            for second in 0..400 {
                let pool = if second < 20 { full() } else { broken() };
                let look = seen(pool, Probe::Silent(secs(second)), state);
                let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
                assert_ne!(verdict.deed, Some(Deed::Restart));
                for finding in &verdict.findings {
                    let words = &finding.message;
                    assert!(!words.contains("been well") && !words.contains("has room"), "{words}");
                    assert!(second < 20 || !words.contains("is exhausted"), "{words}");
                }
            }
            assert_eq!(memory.kept.incident.map(|incident| incident.cured), Some(None));
        }
    }
}

#[test]
fn the_age_of_a_witness_ends_with_the_trouble_it_was_seen_in() {
    let look = |in_d: bool| {
        let mut look = seen(pool(), answered(), TaskState::Alive);
        let witness = Witness {
            whose: Whose::Container,
            task: Task {
                pid: 900,
                tid: 900,
                ..task(TaskState::Uninterruptible)
            },
        };
        look.evidence.witnesses = match in_d {
            true => Seen::Known(Witnesses {
                tasks: vec![witness],
                left_out: 0,
            }),
            false => Seen::unknown("not looked at"),
        };
        look
    };
    let mut memory = Memory::default();
    let mut learn = |second: u64, in_d: bool| {
        judge(&look(in_d), &Settings::default(), &mut memory, secs(second));
        memory
            .stuck_for(secs(second))
            .first()
            .map(|(_, _, time)| time.as_secs())
    };
    assert_eq!(learn(1000, true), Some(0));
    for second in (1010..1050).step_by(10) {
        learn(second, false);
    }
    assert_eq!(learn(1050, true), Some(50));
    for second in (1060..4600).step_by(10) {
        learn(second, false);
    }
    assert_eq!(learn(4601, true), Some(0), "nobody knows what it did meanwhile");
}

#[test]
fn an_answer_ends_the_incident_of_a_pool_that_broke() {
    let to_be_checked = || Pool {
        needs_check: true,
        ..grown()
    };
    let looks = (0..300).map(|second| match second {
        0..10 => seen(full(), Probe::Silent(secs(second)), TaskState::Alive),
        10..100 => seen(to_be_checked(), answered(), TaskState::Alive),
        // A filesystem is frozen for a backup, say.
        _ => seen(
            to_be_checked(),
            Probe::Silent(secs(second - 100)),
            TaskState::Uninterruptible,
        ),
    });
    let (last, restart) = play(looks);
    assert_eq!((last, restart), (vec![Code::DaemonSilent, Code::PoolNeedsCheck], None));
}

#[test]
fn an_incident_ends_with_the_daemon_that_had_the_pool() {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let mut look = seen(full(), Probe::Silent(secs(1)), TaskState::Alive);
    judge(&look, &settings, &mut memory, secs(1000));
    look.pool = Seen::Known(None);
    judge(&look, &settings, &mut memory, secs(1010));
    assert!(
        memory.kept.incident.is_some(),
        "the pool of this daemon has gone, and it still waits"
    );
    let Seen::Known(unit) = &mut look.daemon.unit else {
        panic!()
    };
    unit.main_pid = 900;
    judge(&look, &settings, &mut memory, secs(1020));
    assert_eq!(memory.kept.incident, None);
}
