//! What systemd stops with Docker is started after it.

use super::*;

/// Two units of the operator's that require Docker, and one that was down before.
fn with_apps() -> Scene {
    Scene {
        others: vec![
            ("b.service", Standing::Up),
            ("off.service", Standing::Down),
            ("a.target", Standing::Up),
        ],
        ..scene()
    }
}

#[test]
fn they_are_started_in_their_order_once_docker_is_active() {
    for others_stop_after in [Some(0), Some(9)] {
        let mut world = Scene {
            others_stop_after,
            ..with_apps()
        };
        assert_eq!(
            restart_in(&mut world, &order()).as_deref(),
            Ok("docker.service is active again, process 900; started again with it: b.service, a.target")
        );
        assert_eq!(world.again, ["b.service", "a.target"]);
        assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
    }
}

#[test]
fn a_later_life_of_the_guard_starts_them_too() {
    let mut world = Scene {
        gone_after: None,
        ..with_apps()
    };
    assert!(restart_in(&mut world, &order()).is_err());
    let intent = world.intent.clone().unwrap();
    assert_eq!(intent.stopped_with_it, ["b.service", "a.target"]);
    world.gone_after = Some(0);
    assert!(finish_in(&mut world, &intent).is_ok());
    assert_eq!(world.again, ["b.service", "a.target"]);

    // The same where Docker itself has been started meanwhile, by an operator or by a life that ended then.
    let mut world = Scene {
        intent: Some(intent.clone()),
        ..with_apps()
    };
    world.unit.main_pid = 900;
    world.others[0].1 = Standing::Down;
    let said = finish_in(&mut world, &intent).unwrap();
    assert!(said.ends_with("; started again with it: b.service"), "{said}");
    assert_eq!(world.again, ["b.service"], "the other is up already");
}

#[test]
fn one_that_does_not_start_is_told_and_holds_up_nothing() {
    let mut world = Scene {
        masked: &["b.service"],
        ..with_apps()
    };
    assert_eq!(
        restart_in(&mut world, &order()).as_deref(),
        Ok(
            "docker.service is active again, process 900; started again with it: a.target; \
            stopped with it and not started again: b.service (it is masked)"
        )
    );
    assert_eq!(world.intent, None);
}

#[test]
fn none_is_started_where_docker_is_not_and_the_command_names_them() {
    let by_hand = "systemctl start docker.service b.service a.target";
    let called_off = Scene {
        gone_after: Some(9),
        meanwhile: Some((4, |world| world.orders.masked = true)),
        ..with_apps()
    };
    let fails = Scene {
        start_works: false,
        ..with_apps()
    };
    for mut world in [called_off, fails] {
        let why = restart_in(&mut world, &order()).unwrap_err();
        assert!(why.contains(by_hand), "{why}");
        assert!(world.again.is_empty(), "{why}");
    }
    // Somebody has called ours off, and started Docker by himself.
    let mut world = with_apps();
    world.unit.main_pid = 900;
    world.others[0].1 = Standing::Down;
    let intent = RestartOrder {
        stopped_with_it: vec!["b.service".into()],
        ..order()
    };
    let said = finish_in(&mut world, &intent).unwrap();
    assert!(said.contains("was removed: b.service"), "{said}");
    assert!(world.again.is_empty());
}

#[test]
fn sockets_come_first_and_before_docker_where_they_can() {
    let mut world = Scene {
        others: vec![
            ("app.service", Standing::Up),
            ("app.socket", Standing::Up),
            ("docker-tcp.socket", Standing::Up),
        ],
        ..scene()
    };
    restart_in(&mut world, &order()).unwrap();
    assert_eq!(world.again, ["app.socket", "docker-tcp.socket", "app.service"]);
}

/// The order was taken; what counts is what is seen (law 6).
#[test]
fn one_that_ends_at_once_is_not_told_to_be_started() {
    let mut world = Scene {
        ends_at_once: &["b.service"],
        ..with_apps()
    };
    let said = restart_in(&mut world, &order()).unwrap();
    assert!(said.contains("; started again with it: a.target; "), "{said}");
    assert!(
        said.ends_with("; started again and ended since: b.service (journalctl -u b.service)"),
        "{said}"
    );
}

#[test]
fn docker_is_not_pulled_up_again_by_one_that_is_waited_for() {
    let stopped: Act = |world| world.unit.active_state = ActiveState::Inactive;
    let masked: Act = |world| world.orders.masked = true;
    let removed: Act = |world| world.intent = None;
    for act in [stopped, masked, removed] {
        let mut world = Scene {
            others_stop_after: Some(20),
            // Once Docker is up, and before what still stops has stopped.
            while_awaited: Some((8, act)),
            ..with_apps()
        };
        let said = restart_in(&mut world, &order()).unwrap();
        assert!(
            said.contains("; left as it is, for ") && said.contains(": b.service, a.target"),
            "{said}"
        );
        assert!(world.again.is_empty(), "{said}");
    }
}

/// `ExecStartPre=docker stop app` of a unit that systemd starts again and again, say.
#[test]
fn one_that_hangs_in_its_start_does_not_keep_the_guard_from_its_stop() {
    let hangs = || Scene {
        stop_answer: Err(CONTRADICTS),
        ..with_apps()
    };
    let mut world = hangs();
    assert!(restart_in(&mut world, &order()).is_ok());
    assert_eq!(world.did, ["intend", "stop", "stop", "start", "forget"]);
    assert_eq!(world.again, ["b.service", "a.target"]);
    // Nothing of that kind is there; the host shuts down; it is somebody's order for Docker itself.
    let nothing: Act = |world| world.others.clear();
    let shutdown: Act = |world| world.unit.host_stopping = true;
    let somebody: Act = |world| {
        world.orders.job = Some((5, "stop".into()));
        world.unit.job_pending = true;
    };
    let in_d: Act = |world| world.old = vec![task(TaskState::Uninterruptible)];
    for act in [nothing, shutdown, somebody, in_d] {
        let mut world = Scene {
            on_refusal: Some(act),
            ..hangs()
        };
        let why = crate::act::restart::restart_in(&mut world, &order()).unwrap_err();
        assert!(matches!(why, Undone::NotBegun(_)), "{why}");
        assert_eq!(world.did, ["intend", "stop", "forget"]);
    }
}

#[test]
fn one_that_requires_another_that_still_stops_is_started_after_it() {
    let mut world = Scene {
        others_stop_after: Some(9),
        others: vec![("a.service", Standing::Up), ("b.service", Standing::Up)],
        requires: Some(("a.service", "b.service")),
        ..scene()
    };
    restart_in(&mut world, &order()).unwrap();
    assert_eq!(world.again, ["b.service", "a.service"]);
}

#[test]
fn neither_a_look_that_fails_nor_a_restart_of_somebody_s_leaves_them_down() {
    let blind: Act = |world| world.blind_looks = 2;
    let restart: Act = |world| {
        world.unit.active_state = ActiveState::Deactivating;
        world.unit.job_pending = true;
        world.stops_after = None;
        world.orders.job = Some((9, "restart".into()));
    };
    for act in [blind, restart] {
        let mut world = Scene {
            others_stop_after: Some(20),
            while_awaited: Some((8, act)),
            ..with_apps()
        };
        restart_in(&mut world, &order()).unwrap();
        assert_eq!(world.again, ["b.service", "a.target"]);
    }
}

#[test]
fn what_is_judged_is_looked_at_after_them() {
    let in_d: Act = |world| world.old = vec![task(TaskState::Uninterruptible)];
    let another: Act = |world| world.unit.main_pid = 900;
    for act in [in_d, another] {
        let mut world = Scene {
            while_looking: Some(act),
            ..with_apps()
        };
        let why = crate::act::restart::restart_in(&mut world, &order()).unwrap_err();
        assert!(matches!(why, Undone::NotBegun(_)) && world.did.is_empty(), "{why}");
    }
}

#[test]
fn a_name_with_an_escape_is_quoted_for_the_shell() {
    let order = RestartOrder {
        stopped_with_it: vec!["app\\x2done.service".into(), "b.service".into()],
        ..order()
    };
    let command = super::super::others::by_hand(&order);
    assert_eq!(
        command,
        "systemctl start docker.service 'app\\x2done.service' b.service"
    );
}

/// An intent that an older guard has left.
#[test]
fn an_intent_without_them_is_read() {
    let mut old = serde_json::to_value(order()).unwrap();
    old.as_object_mut().unwrap().remove("stopped_with_it").unwrap();
    assert_eq!(serde_json::from_value::<RestartOrder>(old).unwrap(), order());
}
