//! The order of the steps, refusals, and a death or failure at every step, against a small model of the kernel.

mod host;
mod longer;
mod meanwhile;

use super::*;
use host::{Fault, Host, NEW, OLD, OLD_META, PARAMS, Run, host};
use std::cell::{Cell, RefCell};

fn order() -> GrowOrder {
    GrowOrder {
        pool: "pool".into(),
        target: Target::Data,
        file: "/data".into(),
        loop_device: "loop0".into(),
        // Not a whole block: 100 bytes too many.
        to: Bytes(NEW * 512 + 100),
        expect_params: PARAMS.trim().into(),
        dm_control: "/dev/mapper/control".into(),
        dev: "/dev".into(),
        lock: "/run/thinguard/deed.lock".into(),
    }
}

#[test]
fn the_order_of_the_steps() {
    let host = RefCell::new(host());
    let run = Run::new(&host);
    let report = run.grow(&order()).unwrap();
    assert_eq!(
        *run.log.borrow(),
        [
            "table", "status", "open", "lengthen", "sync", "capacity", "table", "status", "load", "resume"
        ]
    );
    assert_eq!((report.table_length_before, report.table_length_after), (OLD, NEW));
    assert_eq!(
        (report.file_size_before.0, report.file_size_after.0),
        (OLD * 512, NEW * 512)
    );
    assert_eq!(host.borrow().recorded, NEW);
}

#[test]
fn the_same_again_changes_nothing() {
    let host = RefCell::new(host());
    Run::new(&host).grow(&order()).unwrap();
    let grown = host.borrow().clone();
    Run::new(&host)
        .grow(&GrowOrder {
            to: Bytes(1),
            ..order()
        })
        .unwrap();
    assert_eq!(*host.borrow(), grown);
}

#[test]
fn dead_at_any_step_the_pool_does_io_and_the_next_run_completes_it() {
    for target in [Target::Data, Target::Metadata] {
        for dies_at in 0..10 {
            let host = RefCell::new(host_for(target));
            let order = GrowOrder { target, ..order() };
            let run = Run {
                dies_at: Some(dies_at),
                ..Run::new(&host)
            };
            assert!(run.grow(&order).is_err(), "{target} {dies_at}");
            assert!(!host.borrow().suspended, "{target} {dies_at}");
            let report = Run::new(&host).grow(&order).unwrap();
            // Dead between load and resume: the table that waits is found.
            assert_eq!(report.inactive_table_found, dies_at == 9, "{target} {dies_at}");
            let host = host.borrow();
            assert_eq!(
                (host.file, host.device, host.inactive),
                (NEW * 512, NEW * 512, None),
                "{target} {dies_at}"
            );
            assert_eq!(
                host.live,
                if target == Target::Data { NEW } else { OLD },
                "{target} {dies_at}"
            );
        }
    }
}

#[test]
fn a_failure_at_any_step_leaves_a_pool_that_does_io() {
    for fails_at in 0..10 {
        for fault in [
            None,
            Some(Fault::Swap),
            Some(Fault::TargetOnce),
            Some(Fault::TargetAlways),
        ] {
            let host = RefCell::new(host());
            let run = Run {
                fails_at: Some(fails_at),
                fault: Cell::new(fault),
                ..Run::new(&host)
            };
            assert!(run.grow(&order()).is_err(), "{fails_at} {fault:?}");
            assert!(!host.borrow().suspended, "{fails_at} {fault:?}");
            assert_eq!(
                host.borrow().inactive,
                None,
                "nothing half is left: {fails_at} {fault:?}"
            );
        }
    }
}

#[test]
fn a_resume_that_fails_is_taken_back() {
    for (fault, live) in [(Fault::Swap, OLD), (Fault::TargetOnce, NEW), (Fault::TargetAlways, OLD)] {
        let host = RefCell::new(host());
        let run = Run {
            fault: Cell::new(Some(fault)),
            ..Run::new(&host)
        };
        let told = format!("{:#}", run.grow(&order()).unwrap_err());
        assert!(told.contains("'pool' does I/O"), "{told}");
        let host = host.borrow();
        assert_eq!(
            (host.suspended, host.inactive, host.live, host.recorded),
            (false, None, live, OLD),
            "{fault:?}"
        );
    }
}

#[test]
fn dead_at_any_step_of_the_way_back_the_next_run_goes_it() {
    for fault in [Fault::TargetOnce, Fault::TargetAlways] {
        for dies_at in 10..16 {
            let host = RefCell::new(host());
            let run = Run {
                dies_at: Some(dies_at),
                fault: Cell::new(Some(fault)),
                ..Run::new(&host)
            };
            assert!(run.grow(&order()).is_err());
            let again = Run {
                fault: Cell::new(Some(fault).filter(|f| *f == Fault::TargetAlways)),
                ..Run::new(&host)
            };
            // Whether it grows now or is refused: it does I/O.
            let _ = again.grow(&order());
            assert!(!host.borrow().suspended, "{fault:?} {dies_at}");
        }
    }
}

#[test]
fn a_suspended_pool_is_resumed_as_it_is() {
    for (suspended, inactive) in [(false, None), (false, Some(NEW)), (true, None), (true, Some(NEW))] {
        let host = RefCell::new(Host {
            suspended,
            inactive,
            ..host()
        });
        let resumed = rescue::if_suspended(&Run::new(&host), "pool");
        // A table that somebody has loaded is neither dropped nor put to use (law 13).
        let held = suspended && inactive.is_some();
        assert_eq!(resumed.ok(), (!held).then_some(suspended));
        let after = host.borrow();
        assert_eq!((after.suspended, after.live, after.inactive), (held, OLD, inactive));
    }
    let host = RefCell::new(Host {
        suspended: true,
        live: NEW,
        ..host()
    });
    let run = Run {
        fault: Cell::new(Some(Fault::TargetAlways)),
        ..Run::new(&host)
    };
    // The recorded length is the way out for a table that its target refuses.
    assert!(rescue::if_suspended(&run, "pool").unwrap());
    assert_eq!((host.borrow().suspended, host.borrow().live), (false, OLD));
}

fn host_for(target: Target) -> Host {
    match target {
        Target::Data => host(),
        // The model has one file; what counts here is that the table keeps its length.
        Target::Metadata => Host {
            mode: "rw".into(),
            ..host()
        },
    }
}

#[test]
fn what_is_not_as_ordered_is_refused_and_untouched() {
    let change = |change: fn(&mut Host)| {
        let mut changed = host();
        change(&mut changed);
        changed
    };
    for (target, before, why) in [
        (
            Target::Data,
            change(|h| h.params = PARAMS.replace("7:0", "7:5")),
            "has changed",
        ),
        (Target::Data, change(|h| h.kind = "linear".into()), "not a thin pool"),
        (Target::Data, change(|h| h.needs_check = true), "needs a check"),
        (Target::Metadata, change(|h| h.needs_check = true), "needs a check"),
        (Target::Data, change(|h| h.mode = "Fail".into()), "has failed"),
        (Target::Data, change(|h| h.mode = "ro".into()), "read-only"),
        (Target::Metadata, change(|h| h.mode = "ro".into()), "read-only"),
        (Target::Data, change(|h| h.metadata_used = 16384), "grow them before"),
        (
            Target::Data,
            change(|h| h.metadata_used = 16384 - 63),
            "grow them before",
        ),
    ] {
        let host = RefCell::new(before.clone());
        let told = format!(
            "{:#}",
            Run::new(&host).grow(&GrowOrder { target, ..order() }).unwrap_err()
        );
        assert!(told.contains(why), "{told}");
        assert_eq!(*host.borrow(), before);
    }
}

#[test]
fn a_load_that_fails_leaves_no_earlier_table_waiting() {
    let host = RefCell::new(Host {
        inactive: Some(OLD),
        ..host()
    });
    let run = Run {
        fails_at: Some(8),
        ..Run::new(&host)
    };
    let told = format!("{:#}", run.grow(&order()).unwrap_err());
    assert!(told.contains("as it was") && told.contains("load failed"), "{told}");
    assert_eq!((host.borrow().inactive, host.borrow().live), (None, OLD));
}

#[test]
fn full_metadata_can_be_grown() {
    let host = RefCell::new(Host {
        mode: "ro".into(),
        metadata_used: 16384,
        ..host()
    });
    let order = GrowOrder {
        target: Target::Metadata,
        to: Bytes(OLD * 512 + OLD_META + 4095),
        ..order()
    };
    let report = Run::new(&host).grow(&order).unwrap();
    assert_eq!(report.file_size_after.0, OLD * 512 + OLD_META, "whole metadata blocks");
    assert_eq!((report.table_length_before, report.table_length_after), (OLD, OLD));
}

#[test]
fn a_device_smaller_than_its_table_is_refused() {
    let host = RefCell::new(Host {
        live: NEW * 2,
        ..host()
    });
    let told = Run::new(&host).grow(&order()).unwrap_err().to_string();
    assert!(told.contains("smaller than the pool's table"), "{told}");
    assert_eq!(host.borrow().live, NEW * 2);
}

#[test]
fn one_deed_at_a_time() {
    let dir = crate::kernel::test_dir::TestDir::new();
    let path = dir.path().join("run/thinguard/deed.lock");
    let first = DeedLock::take(&path).unwrap();
    assert!(DeedLock::take(&path).unwrap_err().to_string().starts_with("busy"));
    drop(first);
    assert!(DeedLock::take(&path).is_ok());
}
