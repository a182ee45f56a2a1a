//! The figures of each kind of pool, and of none.

use super::*;
use crate::model::{Backing, Daemon, Evidence, Host, LvmPool, Mode, Pool, Usage};

fn usage(used_blocks: u64, total_blocks: u64, block_bytes: u64) -> Usage {
    Usage {
        used_blocks,
        total_blocks,
        block_bytes,
    }
}

fn snapshot(pool: Seen<Option<Pool>>) -> Snapshot {
    Snapshot {
        pool,
        host: Seen::Known(Host {
            path: "/var/lib/docker".into(),
            free_bytes: Bytes(5000),
            total_bytes: Bytes(9000),
            read_only: false,
        }),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::unknown("not asked"),
            tasks: Seen::unknown("not asked"),
            ping: crate::model::Probe::NotAsked,
            info: crate::model::Probe::NotAsked,
            driver: crate::model::Probe::NotAsked,
            containerd: Seen::unknown("not asked"),
            containers: Default::default(),
        },
        evidence: Evidence::default(),
    }
}

fn pool(lvm: Lvm) -> Pool {
    Pool {
        name: "docker-8:1-2-pool".into(),
        mode: Mode::Rw,
        needs_check: false,
        suspended: false,
        table_waits: false,
        event_nr: 0,
        transaction_id: 1,
        data: usage(3, 10, 65536),
        metadata: usage(2, 8, 4096),
        queue_if_no_space: true,
        table_sectors: 0,
        low_water_blocks: 0,
        table_params: String::new(),
        data_backing: Backing::Device("253:1".into()),
        metadata_backing: Backing::Device("253:2".into()),
        data_file: Seen::unknown("not on a file"),
        metadata_file: Seen::unknown("not on a file"),
        lvm,
    }
}

fn text(fields: &Fields) -> String {
    let each = fields.iter().map(|(name, value)| format!("{name}={value}"));
    each.collect::<Vec<_>>().join(" ").replace("THINGUARD_", "")
}

const DEVICES: &str =
    "POOL=docker-8:1-2-pool DATA_USED=196608 DATA_TOTAL=655360 METADATA_USED=8192 METADATA_TOTAL=32768";

#[test]
fn a_live_pool_is_told_with_what_lies_below_it() {
    let said = LvmPool {
        group: "docker".into(),
        volume: "thinpool".into(),
        group_size: Bytes(90),
        group_free: Bytes(77),
        extent: Bytes(1),
        data_size: Bytes(3),
        autoextend: crate::model::Autoextend {
            threshold: 100,
            percent: 20,
            monitored: false,
        },
    };
    for (lvm, below) in [
        (Lvm::No, " HOST_FREE=5000"),
        (Lvm::Asked(Seen::Known(said)), " HOST_FREE=77"),
        (Lvm::Asked(Seen::unknown("vgs hangs")), ""),
        (Lvm::NotAsked, ""),
    ] {
        let seen = snapshot(Seen::Known(Some(pool(lvm))));
        assert_eq!(text(&of_snapshot(&seen)), format!("{DEVICES}{below}"));
    }
}

#[test]
fn of_what_is_not_seen_nothing_is_told() {
    assert_eq!(text(&of_snapshot(&snapshot(Seen::Known(None)))), "");
    assert_eq!(text(&of_snapshot(&snapshot(Seen::unknown("stuck")))), "");
    let failed = Pool {
        data: Usage::default(),
        metadata: Usage::default(),
        ..pool(Lvm::No)
    };
    let seen = snapshot(Seen::Known(Some(failed)));
    assert_eq!(text(&of_snapshot(&seen)), "POOL=docker-8:1-2-pool HOST_FREE=5000");
}

#[test]
fn a_pool_before_docker_s_start_is_told_from_its_files() {
    let report = PoolReport::from(&pool(Lvm::No));
    let below = HostReport {
        path: "/var/lib/docker".into(),
        free_bytes: Bytes(5000),
        total_bytes: Bytes(9000),
        reserve_bytes: Bytes(1),
    };
    assert_eq!(
        text(&of_report(&report, Some(&below))),
        format!("{DEVICES} HOST_FREE=5000")
    );
    let unnamed = PoolReport {
        name: String::new(),
        ..report
    };
    assert!(text(&of_report(&unnamed, None)).starts_with("DATA_USED="));
}
