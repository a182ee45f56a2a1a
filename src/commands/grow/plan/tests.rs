//! Wishes against the laws, and plans.

use super::*;
use crate::model::{Autoextend, Backing, BackingFile, Daemon, Evidence, Host, LvmPool, Probe, Usage};
use crate::report::growth;

fn file(path: &str, size: Bytes, allocated: Bytes) -> Seen<BackingFile> {
    Seen::Known(BackingFile {
        path: path.into(),
        size_bytes: size,
        allocated_bytes: allocated,
    })
}

/// A pool of 10 GiB with 64 MiB of metadata, on a host of 100 GiB with 30 GiB free.
fn seen() -> Snapshot {
    let on_loop = |device: &str| Backing::Loop {
        device: device.into(),
        file: format!("/d/{device}"),
    };
    let pool = Pool {
        name: "docker-1:2-3-pool".into(),
        mode: Mode::Rw,
        needs_check: false,
        suspended: false,
        table_waits: false,
        event_nr: 0,
        transaction_id: 1,
        data: Usage {
            used_blocks: 16384,
            total_blocks: 163_840,
            block_bytes: 65536,
        },
        metadata: Usage {
            used_blocks: 100,
            total_blocks: 16384,
            block_bytes: 4096,
        },
        queue_if_no_space: true,
        low_water_blocks: 32768,
        table_params: "7:1 7:0 128 32768 1 skip_block_zeroing".into(),
        table_sectors: 20_971_520,
        data_backing: on_loop("loop0"),
        metadata_backing: on_loop("loop1"),
        data_file: file("/d/data", Bytes::gib(10), Bytes::gib(1)),
        metadata_file: file("/d/metadata", Bytes::mib(64), Bytes::mib(64)),
        lvm: Lvm::No,
    };
    Snapshot {
        pool: Seen::Known(Some(pool)),
        host: Seen::Known(Host {
            path: "/d".into(),
            free_bytes: Bytes::gib(30),
            total_bytes: Bytes::gib(100),
            read_only: false,
        }),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::unknown("-"),
            tasks: Seen::unknown("-"),
            ping: Probe::NotAsked,
            info: Probe::NotAsked,
            driver: Probe::NotAsked,
            containerd: Seen::unknown("-"),
            containers: Default::default(),
        },
        evidence: Evidence::default(),
    }
}

fn with(change: impl FnOnce(&mut Pool)) -> Snapshot {
    let mut seen = seen();
    if let Seen::Known(Some(pool)) = &mut seen.pool {
        change(pool);
    }
    seen
}

fn lvm(pool: &mut Pool) {
    pool.data_backing = Backing::Device("254:1".into());
    pool.metadata_backing = Backing::Device("254:0".into());
    pool.data_file = Seen::unknown("not on a file");
    pool.metadata_file = Seen::unknown("not on a file");
    pool.lvm = Lvm::Asked(Seen::Known(LvmPool {
        group: "vg".into(),
        volume: "thin".into(),
        group_size: Bytes::gib(100),
        group_free: Bytes::gib(12),
        extent: Bytes::mib(4),
        data_size: Bytes::gib(10),
        autoextend: Autoextend {
            threshold: 100,
            percent: 20,
            monitored: false,
        },
    }));
}

#[test]
fn absurd_wishes_are_refused_with_the_reason() {
    let (data, metadata) = (Target::Data, Target::Metadata);
    let huge = |seen: &mut Snapshot| {
        let Seen::Known(host) = &mut seen.host else { return };
        host.free_bytes = Bytes::gib(1 << 20);
        host.total_bytes = host.free_bytes;
    };
    let mut endless = seen();
    huge(&mut endless);
    let mut read_only = seen();
    if let Seen::Known(host) = &mut read_only.host {
        host.read_only = true;
    }
    let forbidden = Snapshot {
        pool: Seen::unknown("/dev/mapper/control: Permission denied (os error 13)"),
        ..seen()
    };
    let none = Snapshot {
        pool: Seen::Known(None),
        ..seen()
    };
    for (seen, target, size, why) in [
        (&seen(), data, "10G", "has 10 GiB already; thinguard never shrinks"),
        (&seen(), data, "5G", "never shrinks"),
        (&seen(), data, "0", "never shrinks"),
        (
            &seen(),
            data,
            "50G",
            "room above its reserve of 5 GiB, so 26 GiB at the most",
        ),
        (
            &endless,
            data,
            "30T",
            "in blocks of 64 KiB need 22.5 GiB of metadata, more than a pool can have, 15.9 GiB",
        ),
        (
            &endless,
            metadata,
            "17G",
            "more than the kernel uses of a metadata device, 15.9 GiB",
        ),
        (&read_only, data, "12G", "is mounted read-only"),
        (&forbidden, data, "12G", "only root can grow the pool"),
        (&none, data, "12G", "no pool is active"),
        (
            &with(|pool| pool.needs_check = true),
            data,
            "12G",
            "must be repaired first",
        ),
        (
            &with(|pool| pool.mode = Mode::Fail),
            data,
            "12G",
            "must be repaired first",
        ),
        (
            &with(|pool| pool.mode = Mode::Ro),
            metadata,
            "+64M",
            "must be repaired first",
        ),
        (
            &with(lvm),
            data,
            "30G",
            "the volume group vg can give: 12 GiB free, 10 GiB of it for data, so 20 GiB at",
        ),
    ] {
        let refused = wish(target, size.parse().unwrap(), seen, &Settings::default());
        let told = refused.expect_err(size).to_string();
        assert!(told.contains(why), "{size}: {told}");
    }
    let full = with(|pool| {
        pool.mode = Mode::Ro;
        pool.metadata.used_blocks = pool.metadata.total_blocks;
    });
    wish(metadata, "+64M".parse().unwrap(), &full, &Settings::default()).expect("the cure of full metadata");
}

#[test]
fn a_plan_counts_what_was_promised() {
    let settings = Settings::default();
    let deed = wish(Target::Data, "20G".parse().unwrap(), &seen(), &settings).unwrap();
    let plan = told(&deed, &seen(), &settings).unwrap();
    // 30 GiB free, and of 20 GiB one is there already.
    assert_eq!(plan.left, Bytes::gib(11));
    assert_eq!(plan.steps.len(), 5);
    let page = growth::plan(&plan);
    assert!(
        page.contains("loaded: 0 41943040 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing\n"),
        "{page}"
    );
    assert!(
        page.contains("  note       so many blocks need some 15 MiB of metadata") == plan.note.is_some(),
        "{page}"
    );

    // What metadata were planned to take is not there for data any more.
    let first = wish(Target::Metadata, "1G".parse().unwrap(), &seen(), &settings).unwrap();
    let then = after(&first, seen());
    let second = wish(Target::Data, "+1G".parse().unwrap(), &then, &settings).unwrap();
    let left = told(&second, &then, &settings).unwrap().left;
    assert_eq!(left, Bytes(Bytes::gib(20).0 - Bytes::mib(1024 - 64).0));
}

#[test]
fn of_a_volume_the_plan_is_one_command() {
    let settings = Settings::default();
    let seen = with(lvm);
    let deed = wish(Target::Metadata, "+64M".parse().unwrap(), &seen, &settings).unwrap();
    let plan = told(&deed, &seen, &settings).unwrap();
    let page = growth::plan(&plan);
    assert!(
        page.contains("  step 1     lvextend --poolmetadatasize 134217728b -- vg/thin\n"),
        "{page}"
    );
    assert!(
        page.contains("volume group vg: 12 GiB free now, 11.9 GiB once"),
        "{page}"
    );
    let Seen::Known(Some(pool)) = after(&deed, seen).pool else {
        panic!()
    };
    assert_eq!(pool.metadata.total(), Bytes::mib(128));
}
