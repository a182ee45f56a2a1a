//! What `status` adds to the judge's findings.

use super::unseen::cannot_see;
use crate::judge::hang::slow;
use crate::model::{ActiveState, Code, Daemon, Evidence, Finding, Probe, Seen, Snapshot, Unit};
use crate::observe::consumers::Consumers;
use crate::report::json::Part;
use std::time::Duration;

fn snapshot() -> Snapshot {
    let denied = "/dev/mapper/control: Permission denied (os error 13)";
    Snapshot {
        pool: Seen::unknown(denied),
        host: Seen::unknown("the look has been stuck for 6 s"),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::unknown("no bus"),
            tasks: Seen::unknown("not seen yet"),
            ping: Probe::NotAsked,
            info: Probe::Refused("cannot connect to /var/run/docker.sock: Permission denied (os error 13)".into()),
            driver: Probe::NotAsked,
            containerd: Seen::unknown("not looked at"),
            containers: Default::default(),
        },
        evidence: Evidence {
            kernel: Seen::Known(Vec::new()),
            ..Evidence::default()
        },
    }
}

fn nobody() -> Consumers {
    Consumers {
        largest: Seen::unknown("not seen yet"),
        active: 0,
        nameless: None,
    }
}

#[test]
fn root_is_asked_for_where_it_helps() {
    let told = |root| {
        let unseen = cannot_see(&snapshot(), &nobody(), root).into_iter();
        unseen.map(|it| (it.what, it.needs_root)).collect::<Vec<_>>()
    };
    let wanted = |helps| {
        [
            (Part::Pool, helps),
            (Part::Room, false),
            (Part::Unit, false),
            (Part::Answers, helps),
        ]
    };
    assert_eq!(told(false), wanted(true));
    assert_eq!(told(true), wanted(false));
}

#[test]
fn room_below_no_pool_is_not_missed() {
    let seen = Snapshot {
        pool: Seen::Known(None),
        ..snapshot()
    };
    assert!(
        cannot_see(&seen, &nobody(), true)
            .iter()
            .all(|it| it.what != Part::Room)
    );
}

fn unit() -> Unit {
    Unit {
        name: "docker.service".into(),
        active_state: ActiveState::Active,
        sub_state: "running".into(),
        main_pid: 7,
        job_pending: false,
        control_group: "/system.slice/docker.service".into(),
        inactive_exit: None,
        stop_timeout: None,
        host_stopping: false,
        kill_mode: "process".into(),
        result: "success".into(),
        fault: None,
        can_start: true,
        can_stop: true,
        notifies: true,
    }
}

#[test]
fn a_daemon_that_takes_long_is_told_of_once() {
    let patience = Duration::from_secs(5);
    let finding = |code| Finding::refuse(code, String::new());
    for (info, found, wanted) in [
        (Probe::Silent(Duration::from_secs(5)), vec![], true),
        (
            Probe::Silent(Duration::from_secs(9)),
            vec![finding(Code::PoolExhausted)],
            true,
        ),
        (
            Probe::Silent(Duration::from_secs(9)),
            vec![finding(Code::DaemonSilent)],
            false,
        ),
        (
            Probe::Silent(Duration::from_secs(9)),
            vec![finding(Code::HangIncurable)],
            false,
        ),
        (Probe::Silent(Duration::from_secs(4)), vec![], false),
        (Probe::NotAsked, vec![], false),
        (Probe::Refused("no".into()), vec![], false),
    ] {
        let mut seen = snapshot();
        seen.daemon.unit = Seen::Known(unit());
        seen.daemon.info = info.clone();
        let told = slow(&seen, &found, patience);
        assert_eq!(told.is_some(), wanted, "{info:?}");
    }
}
