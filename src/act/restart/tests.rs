//! The order of a restart against a made-up world: laws 2 and 3.

use super::*;
use crate::model::Unit;

/// A world that plays back what the unit and its old daemon do after each step.
struct Scene {
    unit: Unit,
    /// Tasks of the old daemon.
    old: Vec<Task>,
    /// Looks at the unit until the stop has ended; `None`: it never does.
    stops_after: Option<u32>,
    /// Looks at the tasks until the old daemon is gone, from the stop on.
    gone_after: Option<u32>,
    start_works: bool,
    did: Vec<&'static str>,
    intent: Option<RestartOrder>,
}

const OLD: u32 = 400;

fn task(state: TaskState) -> Task {
    Task {
        pid: OLD,
        tid: OLD,
        comm: "dockerd".into(),
        state,
        start_ticks: 77,
        wchan: String::new(),
    }
}

fn scene() -> Scene {
    Scene {
        unit: Unit {
            name: "docker.service".into(),
            active_state: ActiveState::Active,
            sub_state: "running".into(),
            main_pid: OLD,
            job_pending: false,
            control_group: "/system.slice/docker.service".into(),
            inactive_exit: None,
            stop_timeout: Some(Duration::from_secs(1)),
            host_stopping: false,
        },
        old: vec![task(TaskState::Stopped)],
        stops_after: Some(2),
        gone_after: Some(1),
        start_works: true,
        did: Vec::new(),
        intent: None,
    }
}

fn order() -> RestartOrder {
    RestartOrder {
        unit: "docker.service".into(),
        main_pid: OLD,
        start_ticks: None,
        stop_timeout: Duration::from_secs(1),
    }
}

/// Counts down; true when it has reached its end.
fn over(left: &mut Option<u32>) -> bool {
    match left {
        None => false,
        Some(0) => true,
        Some(n) => {
            *n -= 1;
            false
        }
    }
}

impl World for Scene {
    fn unit(&mut self) -> Result<Unit, String> {
        if self.unit.active_state == ActiveState::Deactivating && over(&mut self.stops_after) {
            self.unit.active_state = ActiveState::Inactive;
            self.unit.job_pending = false;
            self.unit.main_pid = 0;
        }
        Ok(self.unit.clone())
    }

    fn stop(&mut self) -> Result<(), String> {
        self.did.push("stop");
        self.unit.active_state = ActiveState::Deactivating;
        self.unit.job_pending = true;
        Ok(())
    }

    fn start(&mut self) -> Result<(), String> {
        assert!(self.old.is_empty(), "law 3: a second daemon");
        self.did.push("start");
        self.unit.active_state = if self.start_works {
            ActiveState::Active
        } else {
            ActiveState::Failed
        };
        self.unit.main_pid = 900;
        Ok(())
    }

    fn tasks(&mut self, _group: &str, _pid: u32) -> Result<Vec<Task>, String> {
        if self.did.contains(&"stop") && over(&mut self.gone_after) {
            self.old.clear();
        }
        Ok(self.old.clone())
    }

    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String> {
        self.did.push(if order.is_some() { "intend" } else { "forget" });
        self.intent = order.cloned();
        Ok(())
    }

    fn rest(&mut self, step: &mut Duration) -> bool {
        *step = step.saturating_sub(Duration::from_secs(1));
        !step.is_zero()
    }
}

#[test]
fn stop_see_it_gone_start() {
    let mut world = scene();
    assert!(restart_in(&mut world, &order()).is_ok());
    assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
}

#[test]
fn no_signal_to_a_daemon_with_a_task_in_d_state() {
    let mut world = scene();
    world.old.push(Task {
        tid: 401,
        wchan: "xfs_ail_push_all_sync".into(),
        ..task(TaskState::Uninterruptible)
    });
    let why = restart_in(&mut world, &order()).unwrap_err();
    assert!(why.contains("xfs_ail_push_all_sync"), "{why}");
    assert!(world.did.is_empty());
}

#[test]
fn no_second_daemon_beside_a_zombie() {
    let mut world = Scene {
        gone_after: None,
        old: vec![task(TaskState::Dead)],
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_err());
    assert_eq!(world.did, ["intend", "stop"]);
    assert_eq!(world.intent.as_ref().and_then(|intent| intent.start_ticks), Some(77));
    // The next life of the guard completes it, once the old one has gone.
    let intent = world.intent.clone().unwrap();
    world.gone_after = Some(0);
    assert!(finish_in(&mut world, &intent).is_ok());
    assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
}

#[test]
fn a_stop_that_does_not_end_starts_nothing() {
    let mut world = Scene {
        stops_after: None,
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_err());
    assert_eq!(world.did, ["intend", "stop"]);
}

#[test]
fn a_daemon_that_changed_since_it_was_judged_is_left_alone() {
    type Change = fn(&mut Unit);
    let changes: [(&str, Change); 5] = [
        ("another daemon", |unit| unit.main_pid = 900),
        ("no daemon", |unit| unit.active_state = ActiveState::Inactive),
        ("starting", |unit| unit.active_state = ActiveState::Activating),
        ("a job is queued", |unit| unit.job_pending = true),
        ("the host shuts down", |unit| unit.host_stopping = true),
    ];
    for (what, change) in changes {
        let mut world = scene();
        change(&mut world.unit);
        assert!(restart_in(&mut world, &order()).is_err(), "{what}");
        assert!(world.did.is_empty(), "{what}");
    }
}

#[test]
fn a_number_given_to_another_process_is_not_the_old_daemon() {
    let mut world = scene();
    world.unit.active_state = ActiveState::Inactive;
    world.old = vec![Task {
        comm: "sshd".into(),
        start_ticks: 5000,
        ..task(TaskState::Alive)
    }];
    assert_eq!(
        is_there(
            &mut world,
            &RestartOrder {
                start_ticks: Some(77),
                ..order()
            }
        ),
        Ok(false)
    );
    assert_eq!(
        is_there(
            &mut world,
            &RestartOrder {
                start_ticks: Some(5000),
                ..order()
            }
        ),
        Ok(true)
    );
    assert_eq!(is_there(&mut world, &order()), Ok(false));
}

#[test]
fn a_start_that_fails_is_told_with_the_next_command() {
    let mut world = Scene {
        start_works: false,
        ..scene()
    };
    let why = restart_in(&mut world, &order()).unwrap_err();
    assert!(why.contains("journalctl -u docker.service"), "{why}");
    assert_eq!(world.intent, None);
}
