//! One hang told from another, and slow daemons from hung ones.

use super::*;
use crate::model::Code;

fn dockerd(state: TaskState, wchan: &str) -> Task {
    Task {
        tid: 419,
        wchan: wchan.into(),
        ..task(state)
    }
}

fn silent(tasks: Vec<Task>, containerd: Vec<Task>) -> Snapshot {
    let mut look = seen(pool(), Probe::Silent(secs(60)), TaskState::Alive);
    look.daemon.tasks = Seen::Known(tasks);
    look.daemon.containerd = Seen::Known(containerd);
    look
}

#[test]
fn the_cause_is_told_where_proc_shows_it() {
    let leader = |state| Task {
        tid: 400,
        ..dockerd(state, "")
    };
    let containerd = |state| Task {
        pid: 300,
        tid: 300,
        comm: "containerd".into(),
        ..dockerd(state, "")
    };
    for (what, look, words, remedy) in [
        (
            "stopped by a signal",
            silent(
                vec![leader(TaskState::Stopped), dockerd(TaskState::Stopped, "")],
                vec![],
            ),
            "all tasks of dockerd[400] are stopped by a signal or a tracer",
            "kill -CONT 400",
        ),
        (
            "one stopped thread is a debugger's",
            silent(vec![leader(TaskState::Alive), dockerd(TaskState::Stopped, "")], vec![]),
            "none of its tasks is in D state; nothing points",
            "thinguard explain daemon-silent",
        ),
        (
            "frozen, now",
            silent(
                vec![
                    leader(TaskState::Alive),
                    dockerd(TaskState::Uninterruptible, "percpu_rwsem_wait"),
                ],
                vec![],
            ),
            "dockerd[419] waits for a frozen filesystem to thaw (percpu_rwsem_wait)",
            "fsfreeze --unfreeze",
        ),
        (
            "frozen, EL7",
            silent(vec![dockerd(TaskState::Uninterruptible, "__sb_start_write")], vec![]),
            "waits for a frozen filesystem",
            "fsfreeze --unfreeze",
        ),
        (
            "containerd stopped",
            silent(vec![leader(TaskState::Alive)], vec![containerd(TaskState::Stopped)]),
            "it waits for containerd[300], whose tasks are all stopped",
            "kill -CONT 300",
        ),
        (
            "containerd well",
            silent(vec![leader(TaskState::Alive)], vec![containerd(TaskState::Alive)]),
            "none of its tasks is in D state; nothing points",
            "thinguard explain daemon-silent",
        ),
        (
            "udev",
            silent(
                vec![leader(TaskState::Alive), dockerd(TaskState::Alive, "do_semtimedop")],
                vec![],
            ),
            "dockerd[419] waits for udev (do_semtimedop)",
            "udevcomplete COOKIE",
        ),
    ] {
        let verdict = judge_once(&look);
        assert_eq!(
            (codes(&verdict), verdict.deed.clone()),
            (vec![Code::DaemonSilent], None),
            "{what}"
        );
        let finding = &verdict.findings[0];
        assert!(finding.message.contains(words), "{what}: {}", finding.message);
        assert!(finding.remedy.contains(remedy), "{what}: {}", finding.remedy);
    }
}

#[test]
fn tasks_in_d_state_are_told_although_the_daemon_answers() {
    let mut memory = Memory::default();
    let mut look = seen(pool(), answered(), TaskState::Alive);
    look.daemon.tasks = Seen::Known(vec![dockerd(TaskState::Uninterruptible, "percpu_rwsem_wait")]);
    for second in 0..100 {
        let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
        let finding = verdict.finding(Code::DaemonTasksStuck);
        assert_eq!(finding.is_some(), second >= 60, "{second}");
        assert!(finding.is_none_or(|finding| finding.message.contains("frozen filesystem")));
        assert_eq!(verdict.deed, None);
    }
}

#[test]
fn slow_is_not_stuck() {
    type Change = fn(&mut Snapshot, u64);
    fn the_pool(look: &mut Snapshot) -> &mut Pool {
        match &mut look.pool {
            Seen::Known(Some(pool)) => pool,
            _ => panic!(),
        }
    }
    fn discards(look: &mut Snapshot) {
        look.daemon.tasks = Seen::Known(vec![Task {
            wchan: "blkdev_issue_discard".into(),
            ..task(TaskState::Uninterruptible)
        }]);
    }
    let changes: [(&str, bool, Change); 8] = [
        ("nothing moves", true, |_, _| {}),
        ("a layer a look: a pull", false, |look, second| {
            the_pool(look).transaction_id = second
        }),
        ("an image is discarded", false, |look, second| {
            discards(look);
            the_pool(look).data.used_blocks = (2 << 14) - second;
        }),
        ("a discard that frees nothing any more", true, |look, _| discards(look)),
        (
            "containers free blocks: fstrim, or the mount option discard",
            true,
            |look, second| {
                the_pool(look).data.used_blocks = (2 << 14) - second;
            },
        ),
        (
            "a container fills the pool: no sign of the daemon's life",
            true,
            |look, second| {
                the_pool(look).data.used_blocks = (2 << 14) + second;
            },
        ),
        ("waits of 8 s in D state, one after another", false, |look, second| {
            look.daemon.tasks = Seen::Known(vec![Task {
                tid: 500 + u32::try_from(second / 8).unwrap(),
                ..task(TaskState::Uninterruptible)
            }]);
        }),
        ("short waits in D state are every writer's", true, |look, second| {
            look.daemon.tasks = Seen::Known(vec![Task {
                tid: 500 + u32::try_from(second / 2).unwrap(),
                ..task(TaskState::Uninterruptible)
            }]);
        }),
    ];
    for (what, hung, change) in changes {
        let mut memory = Memory::default();
        for second in 0..120 {
            let mut look = seen(pool(), Probe::Silent(secs(second)), TaskState::Alive);
            change(&mut look, second);
            let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
            let told = verdict.finding(Code::DaemonSilent).is_some();
            assert_eq!(told, hung && second >= 15, "{what}: {second}");
        }
    }
}

#[test]
fn an_http_loop_that_comes_back_is_a_sign_of_life() {
    let mut memory = Memory::default();
    let mut look = seen(pool(), Probe::Silent(secs(60)), TaskState::Alive);
    look.daemon.ping = Probe::Silent(secs(30));
    let silent = |look: &Snapshot, memory: &mut Memory, now| {
        let verdict = judge(look, &Settings::default(), memory, secs(now));
        verdict.finding(Code::DaemonSilent).is_some()
    };
    assert!(silent(&look, &mut memory, 1000));
    look.daemon.ping = answered();
    for second in 1001..1020 {
        assert_eq!(silent(&look, &mut memory, second), second >= 1016, "{second}");
    }
}

/// With `Type=notify` active means started. Without, the daemon may still be restoring containers or moving its store over.
#[test]
fn a_starting_daemon_is_not_hung() {
    let at = |notifies, began, info| {
        let mut look = seen(pool(), info, TaskState::Alive);
        let Seen::Known(unit) = &mut look.daemon.unit else {
            panic!()
        };
        unit.notifies = notifies;
        unit.inactive_exit = Some(secs(began));
        look
    };
    let hung = |look: &Snapshot, memory: &mut Memory| {
        let verdict = judge(look, &Settings::default(), memory, secs(1000));
        verdict.finding(Code::DaemonSilent).is_some()
    };
    let silent = || Probe::Silent(secs(60));
    assert!(hung(&at(true, 900, silent()), &mut Memory::default()));
    assert!(!hung(&at(false, 900, silent()), &mut Memory::default()));
    assert!(hung(&at(false, 400, silent()), &mut Memory::default()));
    let mut memory = Memory::default();
    hung(&at(false, 900, answered()), &mut memory);
    assert!(hung(&at(false, 900, silent()), &mut memory), "it has answered before");
}

#[test]
fn a_unit_that_failed_by_itself_is_reported_and_not_started() {
    let failed = |result: &str, job_pending| {
        let mut look = seen(pool(), Probe::NotAsked, TaskState::Alive);
        let Seen::Known(unit) = &mut look.daemon.unit else {
            panic!()
        };
        unit.active_state = ActiveState::Failed;
        unit.result = result.into();
        unit.job_pending = job_pending;
        judge_once(&look)
    };
    let verdict = failed("exit-code", false);
    assert_eq!(
        (codes(&verdict), verdict.deed.clone()),
        (vec![Code::DaemonFailed], None)
    );
    assert!(!verdict.findings[0].remedy.contains("reset-failed"));
    for limit in ["start-limit", "start-limit-hit"] {
        let remedy = failed(limit, false).findings[0].remedy.clone();
        assert!(
            remedy.contains("systemctl reset-failed docker.service docker.socket"),
            "{remedy}"
        );
    }
    assert_eq!(failed("exit-code", true), Verdict::default(), "somebody is starting it");
}

/// dockerd removes a large container after the cure: in D state all the time, with the driver's lock held.
#[test]
fn a_long_discard_needs_no_reboot() {
    for works in [true, false] {
        let mut memory = Memory::default();
        let mut told = false;
        for second in 0..400 {
            let mut pool = if second < 2 { full() } else { grown() };
            if works && second >= 2 {
                pool.data.used_blocks -= second;
            }
            let mut look = seen(pool, Probe::Silent(secs(10 + second)), TaskState::Alive);
            look.daemon.tasks = Seen::Known(vec![Task {
                wchan: "blkdev_issue_discard".into(),
                ..task(TaskState::Uninterruptible)
            }]);
            let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
            told |= verdict.finding(Code::HangIncurable).is_some();
        }
        assert_eq!(told, !works);
    }
}

/// Red Hat's 1.10 and 1.12 run `rpm -qf /usr/bin/docker` in /info; it hangs over a stale database.
#[test]
fn a_daemon_whose_info_alone_hangs_works() {
    for (with_rpm, words) in [(true, "it waits for rpm[77]"), (false, "is not known")] {
        let mut memory = Memory::default();
        for second in 0..400 {
            // The pool ran out, and was cured: by the pool alone this is the case for a restart.
            let pool = if second < 3 { full() } else { grown() };
            let mut look = seen(pool, Probe::Silent(secs(second)), TaskState::Alive);
            look.daemon.driver = answered();
            if with_rpm && let Seen::Known(tasks) = &mut look.daemon.tasks {
                tasks.push(Task {
                    pid: 77,
                    tid: 77,
                    comm: "rpm".into(),
                    ..task(TaskState::Alive)
                });
            }
            let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000 + second));
            assert_ne!(verdict.deed, Some(Deed::Restart), "{second}");
            let hang = verdict.findings.iter().find(|finding| finding.code.is_hang());
            assert_eq!(hang, None, "{second}");
            let slow = verdict.finding(Code::DaemonSlow);
            assert_eq!(slow.is_some(), second >= 15, "{second}");
            assert!(slow.is_none_or(|slow| slow.message.contains(words) && slow.message.contains("Docker works")));
        }
        assert!(!memory.kept.incident.unwrap().hung, "there was no hang to be cured");
    }
}
