//! Docker is not started against an operator who has stopped it meanwhile, as far as systemd shows that; and never left down without need.

use super::super::intent::{holds, take, unfinished_at};
use super::*;
use std::sync::mpsc::channel;
use std::thread;

/// The stop does not get rid of the old daemon at once, and after two looks somebody does something.
fn while_it_hangs(act: Act) -> Scene {
    Scene {
        gone_after: Some(9),
        meanwhile: Some((4, act)),
        ..scene()
    }
}

fn the_start_is_called_off(mut world: Scene, order: &RestartOrder, why: &str) {
    let said = finish_or_restart(&mut world, order).unwrap_err();
    assert!(
        said.contains("docker.service is not started again") && said.contains(why),
        "{said}"
    );
    assert!(
        !world.did.contains(&"start") && world.intent.is_none(),
        "{said}: {:?}",
        world.did
    );
}

/// Restarts; or goes on where an earlier life of the guard has stopped.
fn finish_or_restart(world: &mut Scene, order: &RestartOrder) -> Result<String, String> {
    match world.intent.clone() {
        Some(intent) => finish_in(world, &intent),
        None => restart_in(world, order),
    }
}

fn stop_the_socket(world: &mut Scene) {
    world.orders.socket_listens = Some(false);
}

#[test]
fn what_an_operator_orders_after_our_stop_counts() {
    let orders: [(&str, Act); 4] = [
        ("docker.socket was stopped too", stop_the_socket),
        ("it is masked", |world| world.orders.masked = true),
        ("restart-intent.json was removed", |world| world.intent = None),
        ("somebody else stops it", |world| {
            world.orders.job = Some((OUR_JOB + 1, "stop".into()))
        }),
    ];
    for (why, act) in orders {
        the_start_is_called_off(while_it_hangs(act), &order(), why);
        // The same where the guard has been restarted in between, and where the stop has been told not to have ended.
        let mut hangs = Scene {
            gone_after: None,
            ..scene()
        };
        restart_in(&mut hangs, &order()).unwrap_err();
        assert!(hangs.intent.as_ref().is_some_and(|intent| intent.socket_stays));
        let later = Scene {
            gone_after: Some(9),
            meanwhile: Some((0, act)),
            ..hangs
        };
        the_start_is_called_off(later, &order(), why);
    }
}

/// Between the look at the unit and our stop, which would merge into his.
#[test]
fn an_order_that_comes_right_before_our_stop_is_not_taken_for_ours() {
    let orders: [(&str, Act); 3] = [
        ("a stop", |world| world.orders.job = Some((5, "stop".into()))),
        ("a restart", |world| world.orders.job = Some((5, "restart".into()))),
        ("masked", |world| world.orders.masked = true),
    ];
    for (what, act) in orders {
        let mut world = scene();
        act(&mut world);
        let why = crate::act::restart::restart_in(&mut world, &order()).unwrap_err();
        assert!(
            matches!(why, Undone::NotBegun(_)) && why.to_string().contains(what),
            "{why}"
        );
        assert_eq!(world.did, ["intend", "forget"], "{what}");
    }
}

#[test]
fn our_own_stop_is_not_an_operator_s() {
    let order = RestartOrder {
        stop_job: Some(OUR_JOB),
        socket_stays: true,
        ..order()
    };
    let job = |id, kind: &str| Orders {
        job: Some((id, kind.into())),
        socket_listens: Some(true),
        ..Orders::default()
    };
    let changing = Orders::default();
    for (what, orders, starting, none) in [
        ("our stop", job(OUR_JOB, "stop"), false, true),
        ("another stop", job(OUR_JOB + 1, "stop"), false, false),
        ("a stop after ours", job(OUR_JOB, "stop"), true, false),
        ("our start", job(OUR_JOB + 1, "start"), true, true),
        ("somebody's start", job(OUR_JOB + 1, "start"), false, true),
        ("a socket that changes or has failed", changing, false, true),
    ] {
        let mut world = Scene {
            orders,
            intent: Some(order.clone()),
            ..scene()
        };
        assert_eq!(called_off(&mut world, &order, starting).is_none(), none, "{what}");
    }
    // Whoever knows no number of our stop takes none for another's.
    let unnumbered = RestartOrder {
        stop_job: None,
        ..order
    };
    let mut world = Scene {
        orders: job(OUR_JOB, "stop"),
        intent: Some(unnumbered.clone()),
        ..scene()
    };
    assert_eq!(called_off(&mut world, &unnumbered, false), None);
}

/// Both masks: the command that lifts the one leaves the other.
#[test]
fn a_mask_is_told_with_what_lifts_it() {
    let mut world = while_it_hangs(|world| world.orders.masked = true);
    let why = restart_in(&mut world, &order()).unwrap_err();
    let lifts = "systemctl unmask docker.service; systemctl unmask --runtime docker.service";
    assert!(why.contains(lifts), "{why}");
}

#[test]
fn a_socket_that_stops_with_the_service_is_no_order() {
    let mut world = Scene {
        part_of: true,
        ..scene()
    };
    assert!(restart_in(&mut world, &order()).is_ok());
    assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
}

/// Neither is there a socket on RHEL's own builds.
#[test]
fn where_no_order_would_show_a_stop_that_failed_is_followed_by_no_start() {
    for (part_of, socket_listens) in [(true, Some(true)), (false, Some(false))] {
        let mut world = Scene {
            part_of,
            orders: Orders {
                socket_listens,
                ..Orders::default()
            },
            old: vec![task(TaskState::Dead)],
            gone_after: None,
            ..scene()
        };
        let why = restart_in(&mut world, &order()).unwrap_err();
        assert!(
            why.contains("nor later") && why.contains("systemctl start docker.service"),
            "{why}"
        );
        assert_eq!(world.did, ["intend", "stop", "forget"]);
    }
}

#[test]
fn whoever_stops_it_as_it_starts_is_not_fought() {
    let stops: [Act; 2] = [
        |world| {
            world.unit.active_state = ActiveState::Activating;
            world.orders.job = Some((OUR_JOB + 2, "stop".into()));
        },
        |world| {
            world.unit.active_state = ActiveState::Inactive;
            world.unit.inactive_exit = Some(Duration::from_secs(900));
        },
    ];
    for stop in stops {
        let mut world = Scene {
            starts: Some(stop),
            ..scene()
        };
        let why = restart_in(&mut world, &order()).unwrap_err();
        assert!(
            why.contains("docker.service is not started again, for somebody else"),
            "{why}"
        );
        assert_eq!(world.did, ["intend", "stop", "start", "forget"]);
    }
    // A start that has not come about, for a dependency of the unit failed, say, is tried again.
    let mut world = Scene {
        starts: Some(|world| world.unit.active_state = ActiveState::Inactive),
        ..scene()
    };
    let why = restart_in(&mut world, &order()).unwrap_err();
    assert!(
        why.contains("it is tried again") && why.contains("to have docker.service stay down instead: rm "),
        "{why}"
    );
    assert!(world.intent.is_some());
}

/// The child of an earlier guard lives on and holds the lock.
#[test]
fn who_is_to_finish_a_restart_waits_for_the_one_at_it() {
    let path = std::env::temp_dir().join(format!("thinguard-restart-lock-{}", std::process::id()));
    let path = path.to_str().unwrap().to_owned();
    let held = take(&path, Patience::None).unwrap();
    assert_eq!(take(&path, Patience::None).unwrap_err(), "another restart is under way");
    let (tell, told) = channel();
    let waits = thread::spawn({
        let path = path.clone();
        move || tell.send(take(&path, Patience::ForEver).is_ok()).unwrap()
    });
    assert!(
        told.recv_timeout(Duration::from_millis(200)).is_err(),
        "it did not wait"
    );
    drop(held);
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(true));
    waits.join().unwrap();
    std::fs::remove_file(path).unwrap();
}

/// `status` as root reads it while a finisher may be at it, whose start its removal would call off.
#[test]
fn a_look_at_an_intent_that_is_too_old_does_not_remove_it() {
    let path = std::env::temp_dir().join(format!("thinguard-restart-intent-{}", std::process::id()));
    let order = order();
    std::fs::write(&path, serde_json::to_vec(&order).unwrap()).unwrap();
    let look = |now| unfinished_at(path.to_str().unwrap(), now);
    assert_eq!(look(holds(&order) - Duration::from_secs(1)).as_ref(), Some(&order));
    assert_eq!(look(holds(&order)), None);
    assert!(path.exists());
    std::fs::remove_file(path).unwrap();
}
