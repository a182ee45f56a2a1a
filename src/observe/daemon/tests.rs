//! When the daemon is asked again, by what it said last.

use super::*;
use crate::docker::build::Build;
use crate::docker::command_line::Line;
use crate::docker::daemon_json;
use crate::kernel::errand::{Undone, encode};
use crate::model::{Backing, Bytes, Disk, Host, Lvm, Mode, Pool, Settings, Usage};
use crate::observe::docker_socket::Said;
use crate::observe::slot::Answer;

const ASKED: Duration = Duration::from_secs(1000);

fn pool(mode: Mode) -> Pool {
    let half = Usage {
        used_blocks: 50,
        total_blocks: 100,
        block_bytes: 65536,
    };
    let nowhere = || Backing::Device("8:1".into());
    let not_seen = || Seen::unknown("not looked at");
    Pool {
        name: "docker-8:1-12-pool".into(),
        mode,
        needs_check: false,
        suspended: false,
        table_waits: false,
        queue_if_no_space: true,
        event_nr: 0,
        transaction_id: 0,
        low_water_blocks: 0,
        table_sectors: 12800,
        table_params: String::new(),
        data: half,
        metadata: half,
        data_backing: nowhere(),
        metadata_backing: nowhere(),
        data_file: not_seen(),
        metadata_file: not_seen(),
        lvm: Lvm::No,
    }
}

fn replied(reply: Result<(), &str>, took: Duration) -> Slot {
    let mut slot = Slot::default();
    slot.take_over(Answer {
        asked: ASKED,
        came: ASKED + took,
        result: Ok(encode(reply.map_err(|why| Undone::Failed(why.into())))),
    });
    slot
}

/// An observer whose `/info` was answered like this after this time.
fn answered(reply: Result<(), &str>, took: Duration) -> Observer {
    let mut observer = Observer::new(Settings::default(), "/");
    observer.pool = Seen::Known(Some(pool(Mode::Rw)));
    observer.slots[Sense::Info as usize] = replied(reply, took);
    observer
}

/// The first whole second after the answer in which this request is due.
fn due_after(observer: &Observer, sense: Sense) -> Option<u64> {
    let came = observer.slot(Sense::Info).last().unwrap().came;
    (0..120).find(|seconds| observer.request_is_due(sense, came + Duration::from_secs(*seconds)))
}

#[test]
fn a_daemon_that_answers_at_once_is_asked_seldom_and_for_one_thing() {
    let at_once = Duration::from_millis(200);
    let calm = answered(Ok(()), at_once);
    assert_eq!(due_after(&calm, Sense::Info), Some(45));
    assert_eq!(due_after(&calm, Sense::Ping), None);

    let slow = answered(Ok(()), Duration::from_secs(2));
    assert_eq!(due_after(&slow, Sense::Info), Some(5));
    assert_eq!(due_after(&slow, Sense::Ping), Some(0));

    let refused = answered(Err("cannot connect"), at_once);
    assert_eq!(due_after(&refused, Sense::Info), Some(1));
    assert_eq!(due_after(&refused, Sense::Ping), Some(0));
}

#[test]
fn what_hangs_may_begin_with_makes_it_more_often() {
    let at_once = Duration::from_millis(200);
    let mut in_d = answered(Ok(()), at_once);
    in_d.task_in_d = true;
    assert_eq!(due_after(&in_d, Sense::Info), Some(2));

    let mut blind = answered(Ok(()), at_once);
    blind.pool = Seen::unknown("the look has been stuck for 6 s");
    assert_eq!(due_after(&blind, Sense::Info), Some(5));

    let mut without = answered(Ok(()), at_once);
    without.pool = Seen::Known(None);
    assert_eq!(due_after(&without, Sense::Info), Some(5), "was its daemon stopped?");

    let mut busy = answered(Ok(()), at_once);
    busy.volumes_changed = Some(ASKED - Duration::from_secs(1));
    assert_eq!(due_after(&busy, Sense::Info), Some(5), "its container may run only now");
    busy.volumes_changed = Some(ASKED - Duration::from_secs(57));
    assert_eq!(due_after(&busy, Sense::Info), Some(45), "the minute is over");

    let mut broken = answered(Ok(()), at_once);
    broken.pool = Seen::Known(Some(pool(Mode::Ro)));
    assert_eq!(due_after(&broken, Sense::Info), Some(2));

    let mut cured = answered(Ok(()), at_once);
    cured.trouble = Some(ASKED);
    assert_eq!(due_after(&cured, Sense::Info), Some(5));
    cured.trouble = Some(ASKED - Duration::from_secs(57));
    assert_eq!(due_after(&cured, Sense::Info), Some(45), "the minute is over");

    let mut patient = answered(Ok(()), at_once);
    for interval in [Duration::from_secs(600), Duration::MAX] {
        patient.settings.watch.interval = interval;
        assert_eq!(due_after(&patient, Sense::Info), Some(60));
    }

    let mut hurried = answered(Ok(()), at_once);
    hurried.settings.watch.interval = Duration::from_secs(1);
    assert_eq!(due_after(&hurried, Sense::Info), Some(5));
}

#[test]
fn how_many_containers_run_is_known_while_the_devices_are_the_same() {
    let mut observer = answered(Ok(()), Duration::from_millis(200));
    observer.said = Some(Said {
        main_pid: 7,
        asked: ASKED,
        pool: None,
        containers: Containers {
            live_restore: Some(true),
            running: Some(2),
        },
    });
    assert_eq!(observer.containers(Some(7)).running, Some(2));
    observer.volumes_changed = Some(ASKED + Duration::from_secs(1));
    let after = observer.containers(Some(7));
    assert_eq!((after.running, after.live_restore), (None, Some(true)));
    assert_eq!(observer.containers(Some(8)).live_restore, None, "another daemon");
}

#[test]
fn what_a_request_to_the_driver_came_to() {
    let driver = |reply| {
        let mut observer = answered(Ok(()), Duration::from_millis(200));
        observer.slots[Sense::Driver as usize] = replied(reply, Duration::from_millis(30));
        observer.driver(ASKED)
    };
    assert!(matches!(driver(Ok(())), Probe::Answered { .. }));
    assert!(matches!(driver(Err("there is no image to ask for")), Probe::Refused(_)));
    assert_eq!(answered(Ok(()), Duration::ZERO).driver(ASKED), Probe::NotAsked);
}

#[test]
fn only_a_pool_on_dockers_own_files_misses_them() {
    let build = Build::unknown();
    let config = |json| {
        let file = daemon_json::parse(json, "/etc/docker/daemon.json", &build);
        Configuration::merge(Line::default(), file, None, &build)
    };
    let on_loop = || Backing::Loop {
        device: "loop0".into(),
        file: "/d/elsewhere".into(),
    };
    let on_files = Pool {
        name: "its".into(),
        data_backing: on_loop(),
        metadata_backing: on_loop(),
        ..pool(Mode::Rw)
    };
    let look = |name: &str| Disk {
        pool_name: Some(name.into()),
        data_path: "/d/data".into(),
        metadata_path: "/d/metadata".into(),
        files: Vec::new(),
        missing: vec!["/d/data".into()],
        host: Host {
            path: "/d".into(),
            free_bytes: Bytes(0),
            total_bytes: Bytes(0),
            read_only: false,
        },
        metadata_host: None,
    };
    let own = r#"{"storage-driver":"devicemapper"}"#;
    let foreign = r#"{"storage-opts":["dm.datadev=/dev/loop0","dm.metadatadev=/dev/loop1"]}"#;
    for (json, name, pool, wanted) in [
        (own, "its", on_files.clone(), 1),
        (own, "another", on_files.clone(), 0),
        (foreign, "its", on_files, 0),
        (
            own,
            "its",
            Pool {
                name: "its".into(),
                ..pool(Mode::Rw)
            },
            0,
        ),
    ] {
        let mut observer = Observer::new(Settings::default(), "/");
        observer.config = Some(config(json));
        assert_eq!(observer.names_gone(&look(name), &pool).len(), wanted, "{json} {name}");
    }
    let unknown = Observer::new(Settings::default(), "/");
    assert!(
        unknown.names_gone(&look("its"), &pool(Mode::Rw)).is_empty(),
        "nothing is guessed"
    );
}
