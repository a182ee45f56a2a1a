//! The order of a restart against a made-up world: laws 2 and 3.

mod operator;
mod others;

use super::*;
use crate::model::{Task, TaskState};
use crate::systemd::bus::{Orders, Standing};

/// In words.
fn restart_in(world: &mut dyn World, order: &RestartOrder) -> Result<String, String> {
    super::restart_in(world, order).map_err(|why| why.to_string())
}

/// What somebody does.
type Act = fn(&mut Scene);

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
    /// The stop had to kill, and the unit has failed of it.
    stop_fails: bool,
    /// Starts that systemd refuses.
    refused_starts: u32,
    /// Started too often, until forgiven.
    limit_hit: bool,
    /// What systemd says to the stop. "timed out" queues it all the same.
    stop_answer: Result<(), &'static str>,
    /// What else is so by then.
    on_refusal: Option<Act>,
    /// Looks at the unit that fail after the stop.
    blind_looks: u32,
    /// What others have ordered; the socket outlives our stop unless it is `PartOf=` the service.
    orders: Orders,
    part_of: bool,
    /// What becomes of the start instead.
    starts: Option<Act>,
    /// Looks at the unit from the stop on until somebody does something.
    meanwhile: Option<(u32, Act)>,
    /// The units that stop with it, and how they stand.
    others: Vec<(&'static str, Standing)>,
    /// Looks at those until what stops has stopped; `None`: it never does.
    others_stop_after: Option<u32>,
    /// Looks at those until somebody does something.
    while_awaited: Option<(u32, Act)>,
    /// Those whose start systemd refuses.
    masked: &'static [&'static str],
    /// The first of these requires the second.
    requires: Option<(&'static str, &'static str)>,
    /// Those that start and end at once.
    ends_at_once: &'static [&'static str],
    /// What somebody does while they are looked for.
    while_looking: Option<Act>,
    /// What preflight says.
    preflight: Result<(), &'static str>,
    /// Those that were ordered to start.
    again: Vec<String>,
    did: Vec<&'static str>,
    intent: Option<RestartOrder>,
}

const OLD: u32 = 400;
const OUR_JOB: u32 = 7;
/// The answer of systemd when a queued job contradicts the order.
const CONTRADICTS: &str = "a job contradicts it";

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
            kill_mode: "process".into(),
            result: "success".into(),
            fault: None,
            can_start: true,
            can_stop: true,
            notifies: true,
        },
        old: vec![task(TaskState::Stopped)],
        stops_after: Some(2),
        gone_after: Some(1),
        start_works: true,
        stop_fails: false,
        refused_starts: 0,
        limit_hit: false,
        stop_answer: Ok(()),
        on_refusal: None,
        blind_looks: 0,
        orders: Orders {
            socket_listens: Some(true),
            ..Orders::default()
        },
        part_of: false,
        starts: None,
        meanwhile: None,
        others: Vec::new(),
        others_stop_after: Some(0),
        masked: &[],
        requires: None,
        ends_at_once: &[],
        while_awaited: None,
        while_looking: None,
        preflight: Ok(()),
        again: Vec::new(),
        did: Vec::new(),
        intent: None,
    }
}

fn order() -> RestartOrder {
    RestartOrder {
        unit: "docker.service".into(),
        main_pid: OLD,
        old: Vec::new(),
        ordered_at: Duration::ZERO,
        stop_timeout: Duration::from_secs(1),
        stop_job: None,
        socket_stays: false,
        stopped_with_it: Vec::new(),
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
        if self.did.contains(&"stop") && self.blind_looks > 0 {
            self.blind_looks -= 1;
            return Err("PID 1 is busy".into());
        }
        if let (Some((left, act)), true) = (self.meanwhile, self.did.contains(&"stop")) {
            self.meanwhile = left.checked_sub(1).map(|left| (left, act));
            if left == 0 {
                act(self);
            }
        }
        if self.unit.active_state == ActiveState::Deactivating && over(&mut self.stops_after) {
            self.unit.active_state = match self.stop_fails {
                true => ActiveState::Failed,
                false => ActiveState::Inactive,
            };
            self.unit.job_pending = false;
            self.unit.main_pid = 0;
            if self.part_of {
                self.orders.socket_listens = Some(false);
            }
        }
        Ok(self.unit.clone())
    }

    fn orders(&mut self) -> Result<Orders, String> {
        Ok(self.orders.clone())
    }

    fn stopped_with(&mut self) -> Result<Vec<String>, String> {
        if let Some(act) = self.while_looking {
            act(self);
        }
        let up = self.others.iter().filter(|(_, standing)| *standing == Standing::Up);
        Ok(up.map(|(name, _)| (*name).to_owned()).collect())
    }

    fn standing(&mut self, unit: &str) -> Result<Standing, String> {
        if let (Some((left, act)), true) = (self.while_awaited, self.unit.main_pid == 900) {
            self.while_awaited = left.checked_sub(1).map(|left| (left, act));
            if left == 0 {
                act(self);
            }
        }
        let stopped = over(&mut self.others_stop_after);
        let (_, standing) = self.others.iter_mut().find(|(name, _)| *name == unit).unwrap();
        if stopped && *standing == Standing::Stopping {
            *standing = Standing::Down;
        }
        Ok(*standing)
    }

    fn stop(&mut self) -> Ordered {
        self.did.push("stop");
        if let Some(act) = self.on_refusal {
            act(self);
        }
        if !matches!(self.stop_answer, Err("refused" | CONTRADICTS)) {
            self.unit.active_state = ActiveState::Deactivating;
            self.unit.job_pending = true;
            for (_, standing) in &mut self.others {
                *standing = Standing::Stopping;
            }
        }
        if self.part_of {
            self.orders.socket_listens = None;
        }
        match self.stop_answer {
            Ok(()) => Ordered::Queued(Some(OUR_JOB)),
            Err(CONTRADICTS) => Ordered::Refused(CONTRADICTS.into()),
            Err(why) => Ordered::NotAnswered(why.into()),
        }
    }

    fn could_start_again(&mut self) -> Result<(), String> {
        self.preflight.map_err(str::to_owned)
    }

    fn stop_over_starts(&mut self) -> Ordered {
        self.stop_answer = Ok(());
        self.stop()
    }

    fn start(&mut self) -> Result<(), String> {
        assert!(self.old.is_empty(), "law 3: a second daemon");
        self.did.push("start");
        if self.refused_starts > 0 {
            self.refused_starts -= 1;
            return Err("it is destructive".into());
        }
        if let Some(starts) = self.starts {
            starts(self);
            return Ok(());
        }
        self.unit.active_state = if self.start_works && !self.limit_hit {
            ActiveState::Active
        } else {
            ActiveState::Failed
        };
        if self.limit_hit {
            self.unit.result = "start-limit-hit".into();
        }
        self.unit.main_pid = 900;
        Ok(())
    }

    fn start_again(&mut self, unit: &str) -> Result<(), String> {
        let docker_is_up = self.unit.active_state == ActiveState::Active;
        let goes_on = docker_is_up || self.unit.job_pending;
        assert!(goes_on || unit.ends_with(".socket"), "before what it requires");
        assert_eq!(self.standing(unit), Ok(Standing::Down), "{unit}");
        assert!(self.intent.is_some(), "a later life of the guard could not complete it");
        if let Some((_, needs)) = self.requires.filter(|(who, _)| *who == unit)
            && self.others.contains(&(needs, Standing::Stopping))
        {
            return Err(CONTRADICTS.into());
        }
        if self.masked.contains(&unit) {
            return Err("it is masked".into());
        }
        // systemd, src/core/socket.c: "already active, refusing".
        if unit == "docker-tcp.socket" && docker_is_up {
            return Err("its service is active".into());
        }
        self.again.push(unit.to_owned());
        if !self.ends_at_once.contains(&unit) {
            let (_, standing) = self.others.iter_mut().find(|(name, _)| *name == unit).unwrap();
            *standing = Standing::Up;
        }
        Ok(())
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), String> {
        self.did.push(if unit == "docker.socket" {
            "forgive socket"
        } else {
            "forgive"
        });
        if unit == "docker.service" {
            self.limit_hit = false;
        }
        Ok(())
    }

    fn group(&mut self, _group: &str) -> Result<Vec<Task>, String> {
        Ok(self.old.clone())
    }

    fn process(&mut self, pid: u32) -> Result<Vec<Task>, String> {
        if self.did.contains(&"stop") && over(&mut self.gone_after) {
            self.old.clear();
        }
        Ok(self.old.iter().filter(|task| task.pid == pid).cloned().collect())
    }

    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String> {
        // To know more is no second intent.
        if order.is_some() != self.intent.is_some() {
            self.did.push(if order.is_some() { "intend" } else { "forget" });
        }
        self.intent = order.cloned();
        Ok(())
    }

    fn intended(&mut self) -> bool {
        self.intent.is_some()
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
    let why = restart_in(&mut world, &order()).unwrap_err();
    assert!(
        why.contains("once it is gone thinguard starts docker.service, up to some 30 min"),
        "{why}"
    );
    assert!(why.contains("rm /run/thinguard/restart-intent.json"), "{why}");
    assert!(!why.contains("mask"), "it does harm while a stop runs: {why}");
    assert_eq!(world.did, ["intend", "stop"]);
    assert_eq!(
        world.intent.as_ref().map(|intent| intent.old.clone()),
        Some(vec![(OLD, 77)])
    );
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
    let why = restart_in(&mut world, &order()).unwrap_err();
    assert!(why.contains("once it is gone thinguard starts"), "{why}");
    assert_eq!(world.did, ["intend", "stop"]);
    assert!(world.intent.is_some(), "our stop may still succeed");
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
    world.old = vec![Task {
        comm: "sshd".into(),
        start_ticks: 5000,
        ..task(TaskState::Alive)
    }];
    let old = |start| RestartOrder {
        old: vec![(OLD, start)],
        ..order()
    };
    assert_eq!(old_daemon(&mut world, &old(77)), Old::Gone);
    assert_eq!(old_daemon(&mut world, &old(5000)), Old::There);
}

/// RHEL 7.2's main process is a shell that dies at the first SIGTERM; the daemon below it may not.
#[test]
fn a_daemon_below_a_shell_counts() {
    let shell = Task {
        comm: "sh".into(),
        ..task(TaskState::Alive)
    };
    let daemon = Task {
        pid: 401,
        tid: 401,
        comm: "docker-current".into(),
        start_ticks: 78,
        ..task(TaskState::Dead)
    };
    let mut world = Scene {
        old: vec![shell, daemon.clone()],
        gone_after: None,
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_err());
    assert_eq!(
        world.intent.clone().map(|intent| intent.old),
        Some(vec![(OLD, 77), (401, 78)])
    );
    world.old = vec![daemon];
    let intent = world.intent.clone().unwrap();
    assert!(finish_in(&mut world, &intent).is_err(), "the shell alone is gone");
    assert!(!world.did.contains(&"start"));
}

#[test]
fn a_stop_that_systemd_never_answered_is_followed_up_if_it_shows() {
    let mut queued = Scene {
        stop_answer: Err("timed out"),
        ..scene()
    };
    assert!(restart_in(&mut queued, &order()).is_ok());
    assert_eq!(queued.did, ["intend", "stop", "start", "forget"]);

    let mut refused = Scene {
        stop_answer: Err("refused"),
        ..scene()
    };
    let why = super::restart_in(&mut refused, &order()).unwrap_err();
    assert!(matches!(why, Undone::NotBegun(_)), "{why}");
    assert_eq!(refused.did, ["intend", "stop", "forget"]);
}

#[test]
fn looks_that_fail_do_not_leave_docker_stopped() {
    let mut world = Scene {
        blind_looks: 3,
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_ok());
    assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
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

/// systemd counts starts; those from before count too. Only a unit that we stopped is forgiven, and once.
#[test]
fn a_start_limit_that_stands_in_the_way_is_lifted_once() {
    let mut world = Scene {
        limit_hit: true,
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_ok());
    assert_eq!(
        world.did,
        [
            "intend",
            "stop",
            "start",
            "forgive",
            "forgive socket",
            "start",
            "forget"
        ]
    );
    let mut broken = Scene {
        limit_hit: true,
        start_works: false,
        ..scene()
    };
    let why = restart_in(&mut broken, &order()).unwrap_err();
    assert!(why.contains("failed to start"), "{why}");
    assert_eq!(broken.did.iter().filter(|did| **did == "forgive").count(), 1);
}

/// systemd refuses a start while the socket's stop still runs, and a stop that had to kill leaves the unit failed.
#[test]
fn a_start_that_is_refused_after_a_stop_that_failed_is_tried_again() {
    for stop_fails in [false, true] {
        let mut world = Scene {
            stop_fails,
            refused_starts: 1,
            ..scene()
        };
        assert_eq!(
            restart_in(&mut world, &order()).as_deref(),
            Ok("docker.service is active again, process 900")
        );
        assert_eq!(world.did, ["intend", "stop", "start", "start", "forget"]);
    }
}

#[test]
fn what_preflight_would_refuse_is_not_stopped() {
    let mut scene = scene();
    scene.preflight = Err("preflight would refuse the start that follows: storage-option-unknown");
    let why = restart_in(&mut scene, &order()).unwrap_err();
    assert!(why.contains("storage-option-unknown"), "{why}");
    assert_eq!((scene.did, scene.intent), (vec![], None));
}
