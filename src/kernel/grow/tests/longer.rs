//! A file that is longer than what was ordered, since somebody else lengthened it or a growth died.

use super::*;

#[test]
fn of_a_longer_file_the_pool_gets_what_was_ordered() {
    let longer = NEW * 512 + 70_000;
    for (live, to, length) in [
        (OLD, Bytes((OLD + 256) * 512), OLD + 256),
        (OLD, Bytes((OLD + 256) * 512 + 65_535), OLD + 256),
        (OLD, Bytes(longer), NEW + 128),
        // What was begun is completed, and no more is taken.
        (OLD, Bytes(OLD * 512), OLD),
        (OLD, Bytes(1), OLD),
        // Docker makes a pool as long as its file, whole blocks or not.
        (OLD + 1, Bytes((OLD + 1) * 512), OLD + 1),
        (OLD + 1, Bytes((OLD + 128) * 512), OLD + 128),
    ] {
        // Some of them died after the loop device had been told.
        for device in [live * 512, longer] {
            let host = RefCell::new(Host {
                file: longer,
                device,
                live,
                ..host()
            });
            let order = GrowOrder { to, ..order() };
            let report = Run::new(&host).grow(&order).unwrap();
            assert_eq!(report.file_size_after.0, longer, "{to:?}");
            assert_eq!(report.table_length_after, length, "{to:?}");
            assert_eq!((host.borrow().live, host.borrow().recorded), (length, length));
        }
    }
}

#[test]
fn where_a_growth_died_a_smaller_order_is_all_that_the_pool_gets() {
    for dies_at in 0..10 {
        let host = RefCell::new(host());
        let run = Run {
            dies_at: Some(dies_at),
            ..Run::new(&host)
        };
        assert!(run.grow(&order()).is_err(), "{dies_at}");
        let to = Bytes((OLD + 1280) * 512);
        Run::new(&host).grow(&GrowOrder { to, ..order() }).unwrap();
        let host = host.borrow();
        assert_eq!((host.live, host.inactive), (OLD + 1280, None), "{dies_at}");
    }
}

#[test]
fn a_later_order_takes_the_rest_of_a_longer_file() {
    let host = RefCell::new(Host {
        file: NEW * 512,
        ..host()
    });
    for length in [OLD + 1280, OLD + 2560, NEW] {
        let to = Bytes(length * 512);
        Run::new(&host).grow(&GrowOrder { to, ..order() }).unwrap();
        assert_eq!((host.borrow().live, host.borrow().file), (length, NEW * 512));
    }
}
