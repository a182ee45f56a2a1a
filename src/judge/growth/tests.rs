//! Steps, caps, room and writers, as tables; and the laws that hold for all figures.

use super::*;
use proptest::prelude::*;

const BLOCK: u64 = 64 * Bytes::KIB;

fn need(used: Bytes, total: Bytes) -> Need {
    Need {
        usage: Usage {
            used_blocks: used.0 / BLOCK,
            total_blocks: total.0 / BLOCK,
            block_bytes: BLOCK,
        },
        low_water: Bytes::gib(2),
        allocated: used,
        promised: Bytes(0),
        rate: Bytes(0),
        ahead: Bytes(0),
    }
}

fn host(free: Bytes, total: Bytes) -> Host {
    Host {
        path: "/var/lib/docker".into(),
        free_bytes: free,
        total_bytes: total,
        read_only: false,
    }
}

fn plan_with(need: &Need, host: &Host, settings: &Settings) -> Plan {
    plan(need, Target::Data, room(host, &settings.host), settings)
}

fn plan_data(need: &Need, host: &Host) -> Plan {
    plan_with(need, host, &Settings::default())
}

#[test]
fn plans() {
    let roomy = host(Bytes::gib(400), Bytes::gib(500));
    let gib = Bytes::gib;
    for (what, need, host, expected) in [
        ("plenty free", need(gib(50), gib(100)), &roomy, Plan::Enough),
        ("just at a fifth", need(gib(80), gib(100)), &roomy, Plan::Enough),
        (
            "below a fifth: past the threshold in one step",
            need(gib(81), gib(100)),
            &roomy,
            Plan::GrowTo(gib(126)),
        ),
        ("full", need(gib(100), gib(100)), &roomy, Plan::GrowTo(gib(145))),
        (
            "just above the kernel's mark",
            need(Bytes(gib(6).0 - BLOCK), gib(8)),
            &roomy,
            Plan::Enough,
        ),
        (
            "at the kernel's mark",
            need(gib(6), gib(8)),
            &roomy,
            Plan::GrowTo(gib(10)),
        ),
        (
            "a small pool keeps half free",
            need(gib(1), gib(2)),
            &roomy,
            Plan::Enough,
        ),
        (
            "host at its reserve",
            need(gib(90), gib(100)),
            &host(gib(25), gib(500)),
            Plan::NoRoom {
                room: Bytes(0),
                wanted: gib(35),
            },
        ),
        (
            "an over-committed host honours less than the pool has",
            need(gib(90), gib(100)),
            &host(gib(30), gib(500)),
            Plan::NoRoom {
                room: gib(5),
                wanted: gib(35),
            },
        ),
        (
            "a host with a little room gives all of it",
            need(gib(90), gib(100)),
            &host(gib(40), gib(500)),
            Plan::GrowTo(gib(105)),
        ),
    ] {
        assert_eq!(plan_data(&need, host), expected, "{what}");
    }
}

#[test]
fn caps_and_switches_hold() {
    let roomy = host(Bytes::gib(400), Bytes::gib(500));
    let low = need(Bytes::gib(95), Bytes::gib(100));
    let mut settings = Settings::default();
    settings.data.cap = Bytes::gib(100);
    assert_eq!(plan_with(&low, &roomy, &settings), Plan::Capped);
    settings.data.below_free_percent = 0;
    assert_eq!(plan_with(&low, &roomy, &settings), Plan::Off);
    let read_only = Host {
        read_only: true,
        ..roomy
    };
    assert!(matches!(plan_data(&low, &read_only), Plan::NoRoom { .. }));
}

/// 5 % of 64 MiB are less than a growth must be worth: that is not the cap.
#[test]
fn a_small_step_is_made_worth_a_growth() {
    let mut settings = Settings::default();
    settings.metadata.step_percent = 5;
    settings.metadata.step_min = Bytes::mib(1);
    let low = Need {
        low_water: Bytes(0),
        ..need(Bytes::mib(60), Bytes::mib(64))
    };
    let planned = plan(&low, Target::Metadata, Bytes::gib(400), &settings);
    assert!(
        matches!(planned, Plan::GrowTo(to) if to > Bytes::mib(68)),
        "{planned:?}"
    );
}

#[test]
fn fast_writers_get_larger_steps_earlier() {
    let roomy = host(Bytes::gib(400), Bytes::gib(500));
    let gib = Bytes::gib;
    for (what, used, rate, ahead, expected) in [
        (
            "slow: the step is a quarter",
            81,
            Bytes::mib(1),
            Bytes::mib(10),
            Plan::GrowTo(gib(126)),
        ),
        ("fast: a minute's worth", 81, gib(1), gib(10), Plan::GrowTo(gib(161))),
        (
            "faster: before a fifth is left",
            75,
            gib(3),
            gib(30),
            Plan::GrowTo(gib(285)),
        ),
        ("as fast, with room to react", 60, gib(3), gib(30), Plan::Enough),
        ("never past the room", 90, gib(100), gib(1000), Plan::GrowTo(gib(465))),
    ] {
        let need = Need {
            rate,
            ahead,
            ..need(gib(used), gib(100))
        };
        assert_eq!(plan_data(&need, &roomy), expected, "{what}");
    }
    let mut settings = Settings::default();
    settings.data.step_time = std::time::Duration::ZERO;
    let fast = Need {
        rate: gib(9),
        ..need(gib(81), gib(100))
    };
    assert_eq!(plan_with(&fast, &roomy, &settings), Plan::GrowTo(gib(126)));
}

#[test]
fn metadata_never_passes_the_kernels_limit() {
    let usage = Usage {
        used_blocks: 2_600_000,
        total_blocks: 2_700_000,
        block_bytes: 4096,
    };
    let need = Need {
        usage,
        low_water: Bytes(0),
        allocated: usage.used(),
        promised: Bytes(0),
        rate: Bytes(0),
        ahead: Bytes(0),
    };
    let settings = Settings::default();
    let Plan::GrowTo(to) = plan(&need, Target::Metadata, Bytes::gib(400), &settings) else {
        panic!("no growth")
    };
    assert!(to <= settings.metadata.cap && to.0 % 4096 == 0 && to > usage.total());
}

proptest! {
    /// Laws 5 and 7: never smaller than now, never more than allocated + room unless the file is that large already.
    #[test]
    fn growth_is_growth_into_room(
        used in 0u64..1 << 30, total in 1u64..1 << 30, free in 0u64..1 << 45, size in 1u64..1 << 46,
        allocated in 0u64..1 << 46, promised in 0u64..1 << 40, low_water in 0u64..1 << 40,
        rate in 0u64..1 << 36, ahead in 0u64..1 << 40,
    ) {
        let usage = Usage { used_blocks: used.min(total), total_blocks: total, block_bytes: BLOCK };
        let need = Need {
            usage,
            low_water: Bytes(low_water),
            allocated: Bytes(allocated),
            promised: Bytes(promised),
            rate: Bytes(rate),
            ahead: Bytes(ahead),
        };
        let host = host(Bytes(free), Bytes(size));
        if let Plan::GrowTo(to) = plan_data(&need, &host) {
            prop_assert!(to > usage.total());
            prop_assert_eq!(to.0 % BLOCK, 0);
            prop_assert!(to.0 <= allocated + room(&host, &HostSettings::default()).0);
        }
    }
}
