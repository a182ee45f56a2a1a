//! Whom SIGUSR1 reaches, and all whom it must not.

use super::*;
use crate::docker::build::Version;
use crate::model::{Code, Finding, GoroutineDump};

const NOW: u64 = 1000;

struct Case {
    seen: Snapshot,
    settings: Settings,
    memory: Memory,
    code: Code,
    version: Option<Version>,
}

fn case() -> Case {
    let mut seen = seen(pool(), Probe::Silent(secs(80)), TaskState::Alive);
    let daemon = Task {
        tid: 400,
        ..task(TaskState::Alive)
    };
    seen.daemon.tasks = Seen::Known(vec![daemon, task(TaskState::Alive)]);
    Case {
        seen,
        settings: Settings::default(),
        memory: Memory::default(),
        code: Code::DaemonStuck,
        version: Some(Version::new(20, 10, 24)),
    }
}

fn asked(case: &Case) -> Option<u32> {
    let verdict = Verdict {
        findings: vec![Finding::refuse(case.code, String::new())],
        ..Verdict::default()
    };
    crate::judge::dump::wanted(
        &case.seen,
        &case.settings,
        &case.memory,
        &verdict,
        case.version,
        secs(NOW),
    )
    .map(|task| task.pid)
}

#[test]
fn a_stuck_daemon_is_asked_before_its_restart() {
    assert_eq!(asked(&case()), Some(400));
    let mut silent = case();
    silent.code = Code::DaemonSilent;
    assert_eq!(asked(&silent), None, "by default only who is to be restarted");
    silent.settings.evidence.goroutine_dump = GoroutineDump::WhenSilent;
    assert_eq!(asked(&silent), Some(400));
}

fn unit(case: &mut Case) -> &mut Unit {
    match &mut case.seen.daemon.unit {
        Seen::Known(unit) => unit,
        Seen::Unknown(why) => panic!("{why}"),
    }
}

fn tasks(case: &mut Case) -> &mut Vec<Task> {
    match &mut case.seen.daemon.tasks {
        Seen::Known(tasks) => tasks,
        Seen::Unknown(why) => panic!("{why}"),
    }
}

#[test]
fn nobody_is_asked_who_might_be_harmed() {
    type Change = fn(&mut Case);
    let changes: [(&str, Change); 15] = [
        ("not allowed", |case| {
            case.settings.evidence.goroutine_dump = GoroutineDump::Never
        }),
        ("hung in D", |case| case.code = Code::DaemonHungOnPool),
        ("nothing is wrong", |case| case.code = Code::PoolLow),
        ("a task in D", |case| tasks(case)[1].state = TaskState::Uninterruptible),
        ("a stopped task", |case| tasks(case)[1].state = TaskState::Stopped),
        ("D a moment ago", |case| {
            case.memory.last_uninterruptible = Some(secs(NOW - 1))
        }),
        ("tasks unseen", |case| case.seen.daemon.tasks = Seen::unknown("stuck")),
        ("starting", |case| unit(case).active_state = ActiveState::Activating),
        ("a job", |case| unit(case).job_pending = true),
        ("just started", |case| unit(case).inactive_exit = Some(secs(NOW - 5))),
        ("a restart under way", |case| case.memory.restarting = true),
        ("a shell", |case| tasks(case)[0].comm = "sh".into()),
        ("the client's name", |case| tasks(case)[0].comm = "docker".into()),
        ("two daemons", |case| {
            let mut second = tasks(case)[0].clone();
            (second.pid, second.tid) = (401, 401);
            tasks(case).push(second);
        }),
        ("version unknown", |case| case.version = None),
    ];
    for (what, change) in changes {
        let mut case = case();
        change(&mut case);
        assert_eq!(asked(&case), None, "{what}");
    }
    let mut old = case();
    old.version = Some(Version::new(1, 12, 6));
    assert_eq!(asked(&old), None, "it would write to the journal");
}
