//! What somebody else does to the pool while its file is lengthened stays done.

use super::*;

fn reload(host: &mut Host) {
    host.params = PARAMS.replace("1 skip_block_zeroing", "2 skip_block_zeroing error_if_no_space");
}

fn grow(host: &mut Host) {
    (host.live, host.recorded) = (OLD + 1280, OLD + 1280);
}

fn suspend(host: &mut Host) {
    host.suspended = true;
}

fn load(host: &mut Host) {
    host.inactive = Some(OLD);
}

fn fail(host: &mut Host) {
    host.mode = "Fail".into();
}

fn needs_check(host: &mut Host) {
    host.needs_check = true;
}

fn metadata_run_out(host: &mut Host) {
    host.metadata_used = 16384;
}

/// The host as somebody else leaves it, with the file and its device as we do.
fn lengthened(before: Host, meanwhile: fn(&mut Host)) -> Host {
    let mut after = Host {
        file: NEW * 512,
        durable: NEW * 512,
        device: NEW * 512,
        ..before
    };
    meanwhile(&mut after);
    after
}

#[test]
fn the_pool_is_left_as_it_is_and_the_next_run_grows_it() {
    for target in [Target::Data, Target::Metadata] {
        for (meanwhile, why) in [
            (reload as fn(&mut Host), "has changed"),
            (grow, "has changed"),
            (suspend, "has suspended"),
            (load, "has loaded a table"),
        ] {
            let host = RefCell::new(host());
            let run = Run {
                meanwhile,
                ..Run::new(&host)
            };
            let order = GrowOrder { target, ..order() };
            let told = format!("{:#}", run.grow(&order).unwrap_err());
            assert!(told.contains(why) && told.contains("left as it is"), "{told}");
            assert_eq!(*host.borrow(), lengthened(host::host(), meanwhile));

            host.borrow_mut().suspended = false;
            let (params, live) = (host.borrow().params.clone(), host.borrow().live);
            let order = GrowOrder {
                expect_params: params.clone(),
                ..order
            };
            Run::new(&host).grow(&order).unwrap();
            let host = host.borrow();
            let length = if target == Target::Data { NEW } else { live };
            assert_eq!((&host.params, host.live, host.inactive), (&params, length, None));
        }
    }
}

#[test]
fn a_pool_that_was_suspended_from_the_start_is_brought_back() {
    let nothing: fn(&mut Host) = |_| {};
    let resume: fn(&mut Host) = |host| host.suspended = false;
    for (live, inactive) in [(OLD, None), (OLD, Some(NEW)), (NEW, None)] {
        let suspended = Host {
            live,
            inactive,
            suspended: true,
            ..host()
        };
        // By us, or by somebody else before us.
        for meanwhile in [nothing, resume] {
            let host = RefCell::new(suspended.clone());
            let run = Run {
                meanwhile,
                ..Run::new(&host)
            };
            run.grow(&order()).unwrap();
            assert_eq!((host.borrow().suspended, host.borrow().live), (false, NEW));
        }
        // Whoever gives it another table is at work on it.
        let host = RefCell::new(suspended.clone());
        let run = Run {
            meanwhile: reload,
            ..Run::new(&host)
        };
        run.grow(&order()).unwrap_err();
        assert_eq!(*host.borrow(), lengthened(suspended, reload));
    }
}

#[test]
fn a_pool_that_goes_bad_meanwhile_is_not_touched() {
    for (meanwhile, targets, why) in [
        (
            fail as fn(&mut Host),
            &[Target::Data, Target::Metadata][..],
            "has failed",
        ),
        (needs_check, &[Target::Data, Target::Metadata], "needs a check"),
        (metadata_run_out, &[Target::Data], "grow them before the data"),
    ] {
        for target in targets {
            let host = RefCell::new(host());
            let run = Run {
                meanwhile,
                ..Run::new(&host)
            };
            let order = GrowOrder {
                target: *target,
                ..order()
            };
            let told = format!("{:#}", run.grow(&order).unwrap_err());
            assert!(told.contains(why) && told.contains("left as it is"), "{told}");
            assert!(!run.log.borrow().iter().any(|step| step == "load" || step == "resume"));
            assert_eq!(*host.borrow(), lengthened(host::host(), meanwhile));
        }
    }
}

#[test]
fn one_that_was_suspended_and_goes_bad_is_brought_back() {
    for meanwhile in [needs_check as fn(&mut Host), metadata_run_out] {
        let host = RefCell::new(Host {
            suspended: true,
            ..host()
        });
        let run = Run {
            meanwhile,
            ..Run::new(&host)
        };
        run.grow(&order()).unwrap_err();
        assert_eq!((host.borrow().suspended, host.borrow().live), (false, OLD));
    }
}
