//! Events, text and JSON.

use super::event::{Event, Kind, Priority};
use super::json::*;
use super::printable::printable;
use super::text;
use crate::docker::build::{Build, Flavour, Version};
use crate::model::Code;
use crate::model::*;
use std::time::Duration;

pub(super) fn finding() -> Finding {
    Finding::warn(Code::PoolLow, "docker-254:16-131074-pool")
        .says("data 82% of 1.17 GiB used, 215 MiB free (threshold 20%)")
        .at("/var/lib/docker/devicemapper/devicemapper/data")
        .next("thinguard grow --data +25%")
}

#[test]
fn every_kind_has_an_id_of_its_own() {
    let mut ids: Vec<_> = Kind::ALL.iter().filter_map(|kind| kind.message_id()).collect();
    assert_eq!(ids.len(), Kind::ALL.len() - 1, "all but Plain");
    assert!(
        ids.iter()
            .all(|id| id.len() == 32 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')))
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Kind::ALL.len() - 1);
}

#[test]
fn a_message_holds_code_figures_and_remedy() {
    assert_eq!(
        Event::raised(&finding()).message,
        "pool-low: docker-254:16-131074-pool: data 82% of 1.17 GiB used, 215 MiB free (threshold 20%) \
         (/var/lib/docker/devicemapper/devicemapper/data). Next: thinguard grow --data +25%"
    );
    let deed = Deed::Grow {
        target: Target::Data,
        from: Bytes::gib(1),
        to: Bytes::gib(2),
    };
    let took = Duration::from_millis(250);
    let done = Event::deed_ended(&deed, &Outcome::Done, took, "data 41% of 2 GiB used");
    assert_eq!(
        done.message,
        "deed-done: grow the data device from 1 GiB to 2 GiB: done in 0.2 s; now data 41% of 2 GiB used"
    );
    assert!(done.fields.contains(&("THINGUARD_TO_BYTES", (2u64 << 30).to_string())));
    let verdict = |overrule| {
        let elapsed = Duration::from_millis(12);
        Event::preflight_verdict(Answer::Refuse, &[finding()], elapsed, overrule)
    };
    let start = "preflight-verdict: Docker must not start (12 ms): pool-low: docker-254";
    assert!(verdict(None).message.starts_with(start));
    assert_eq!(verdict(None).priority, Priority::Critical);
    let overrule = ". To overrule it: the way past it";
    let overruled = verdict(Some("the way past it")).message;
    assert_eq!(overruled.strip_suffix(overrule), Some(verdict(None).message.as_str()));
}

#[test]
fn hostile_text_is_escaped() {
    for (text, wanted) in [
        ("dockerd", "dockerd"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
        ("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}"),
        ("a\u{202e}txt", "a\\u{202e}txt"),
        ("\u{feff}ü€ \\x2d", "\\u{feff}ü€ \\x2d"),
    ] {
        assert_eq!(printable(text), wanted);
    }
}

pub(super) fn pool() -> Pool {
    let file = |path: &str| {
        Seen::Known(BackingFile {
            path: path.into(),
            size_bytes: Bytes::gib(1),
            allocated_bytes: Bytes::mib(300),
        })
    };
    let backing = |device: &str| Backing::Loop {
        device: device.into(),
        file: "/x".into(),
    };
    Pool {
        name: "docker-254:16-131074-pool".into(),
        mode: Mode::Rw,
        needs_check: false,
        suspended: false,
        table_waits: false,
        event_nr: 0,
        transaction_id: 6,
        data: Usage {
            used_blocks: 4,
            total_blocks: 16,
            block_bytes: 65536,
        },
        metadata: Usage {
            used_blocks: 1,
            total_blocks: 4,
            block_bytes: 4096,
        },
        queue_if_no_space: true,
        low_water_blocks: 32768,
        table_params: String::new(),
        table_sectors: 2048,
        data_backing: backing("loop0"),
        metadata_backing: backing("loop1"),
        data_file: file("/var/lib/docker/d\u{1b}ata"),
        metadata_file: Seen::unknown("stuck"),
        lvm: Lvm::No,
    }
}

fn resumed() -> LastDeed {
    LastDeed {
        deed: Deed::Resume.to_string(),
        outcome: Outcome::Done,
        seconds_ago: 3,
    }
}

pub(super) fn status(findings: &[Finding], pool: Option<PoolReport>) -> StatusReport {
    let task = StuckTask {
        pid: 1,
        tid: 2,
        comm: "doc\nkerd".into(),
        wchan: "0".into(),
        state_since_s: 9,
    };
    let daemon = Daemon {
        unit: Seen::unknown("no bus"),
        tasks: Seen::unknown("-"),
        ping: Probe::NotAsked,
        info: Probe::Silent(Duration::from_secs(20)),
        driver: Probe::NotAsked,
        containerd: Seen::unknown("not looked at"),
        containers: Default::default(),
    };
    let pool_unknown = pool.is_none().then(|| "stuck since 9 s".to_owned());
    StatusReport {
        pool,
        pool_unknown,
        daemon: DaemonReport::new(&daemon, "docker.service", vec![task], Duration::from_secs(15)),
        guard: GuardReport {
            running: true,
            last_deed: Some(resumed()),
            deeds: vec![resumed()],
            restarts_left: Some(2),
        },
        findings: findings.to_vec(),
        cannot_see: vec![CannotSee {
            what: crate::report::json::Part::KernelLog,
            why: "/dev/kmsg: Permission denied (os error 13)".into(),
            needs_root: true,
        }],
    }
}

pub(super) fn consumer() -> Consumer {
    Consumer {
        device: "docker-1:2-3-ab".into(),
        container: None,
        name: Some("w\u{1b}eb".into()),
        mapped_bytes: Bytes(4096),
    }
}

pub(super) fn forecast() -> ForecastReport {
    ForecastReport {
        of: "data".into(),
        full_in_s: 768,
        bytes_per_s: Bytes(1024),
        text: "data full in 12 min at 1 KiB/s".into(),
    }
}

#[test]
fn status_has_the_shape_of_the_contract() {
    let findings = [finding()];
    let mut pool = PoolReport::from(&pool());
    pool.headroom_bytes = Some(Bytes(4));
    pool.overcommit_bytes = Some(Bytes(1));
    pool.host = Some(HostReport {
        path: "/var".into(),
        free_bytes: Bytes(9),
        total_bytes: Bytes(99),
        reserve_bytes: Bytes(5),
    });
    pool.data.fill_bytes_per_s = Some(Bytes(1024));
    pool.data.full_in_s = Some(768);
    pool.data.low_bytes = Some(Bytes(209_715));
    pool.metadata.fill_bytes_per_s = Some(Bytes(0));
    pool.forecast = Some(forecast());
    pool.consumers = vec![consumer()];
    pool.active_volumes = Some(7);
    let report = status(&findings, Some(pool));
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    let wanted = serde_json::json!({
        "pool": {
            "name": "docker-254:16-131074-pool", "mode": "rw", "needs_check": false, "suspended": false,
            "data": { "used_bytes": 262_144, "total_bytes": 1_048_576, "block_bytes": 65536,
                "fill_bytes_per_s": 1024, "full_in_s": 768, "low_bytes": 209_715 },
            "metadata": { "used_bytes": 4096, "total_bytes": 16384, "block_bytes": 4096,
                "fill_bytes_per_s": 0, "full_in_s": null, "low_bytes": null },
            "files": [{ "path": "/var/lib/docker/d\u{1b}ata", "size_bytes": 1u64 << 30, "allocated_bytes": 300 << 20 }],
            "host": { "path": "/var", "total_bytes": 99, "free_bytes": 9, "reserve_bytes": 5 },
            "headroom_bytes": 4, "overcommit_bytes": 1, "active_volumes": 7,
            "consumers": [{ "device": "docker-1:2-3-ab", "container": null, "name": "w\u{1b}eb", "mapped_bytes": 4096 }],
            "forecast": { "of": "data", "full_in_s": 768, "bytes_per_s": 1024, "text": "data full in 12 min at 1 KiB/s" },
        },
        "daemon": {
            "unit": "docker.service", "active_state": null, "main_pid": null, "answers": "no", "silent_for_s": 20,
            "stuck_tasks": [{ "pid": 1, "tid": 2, "comm": "doc\nkerd", "wchan": "0", "state_since_s": 9 }],
        },
        "guard": {
            "running": true, "restarts_left": 2,
            "last_deed": { "deed": "resume the suspended pool", "outcome": "done", "seconds_ago": 3 },
            "deeds": [{ "deed": "resume the suspended pool", "outcome": "done", "seconds_ago": 3 }],
        },
        "findings": [{
            "code": "pool-low", "severity": "warn", "subject": "docker-254:16-131074-pool",
            "message": finding().message, "where": finding().place, "remedy": finding().remedy,
        }],
        "cannot_see": [{
            "what": "the kernel's log", "why": "/dev/kmsg: Permission denied (os error 13)", "needs_root": true,
        }],
    });
    assert_eq!(json, wanted);
    let again: StatusReport = serde_json::from_value(wanted.clone()).unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), wanted);
}

#[test]
fn preflight_reads_well() {
    let mut finding = finding();
    finding.severity = Severity::Refuse;
    let findings = [finding];
    let room = HeadroomReport {
        headroom_bytes: Bytes::gib(2),
        overcommit_bytes: Bytes::gib(18),
        host: None,
    };
    let build = Build {
        version: Some(Version::new(18, 9, 0)),
        flavour: Flavour::RedHat,
        evidence: "package d\u{1b}ocker".into(),
    };
    let report = PreflightReport {
        verdict: crate::model::Answer::Refuse,
        findings: &findings,
        docker: Some(&build),
        driver: Some("devicemapper"),
        driver_found: false,
        data_root: Some("/var/lib/docker"),
        pool: None,
        headroom: Some(room),
        elapsed_ms: 12,
        overrule: Some("the way past it".into()),
    };
    let page = text::preflight(&report, false);
    let head = "\
thinguard preflight: Docker must not start (12 ms)
  docker     18.09.0 (Red Hat's build; package d\\u{1b}ocker)
  driver     devicemapper
  data root  /var/lib/docker
  pool       none active
  headroom   2 GiB; the pool promises 18 GiB more than the host has
REFUSE pool-low: ";
    assert!(page.starts_with(head), "{page}");
    let last = "To overrule this refusal, and all to come until the link is removed: the way past it";
    assert_eq!(page.lines().last(), Some(last));
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["headroom"],
        serde_json::json!({"headroom_bytes": 2u64 << 30, "overcommit_bytes": 18u64 << 30, "host": null})
    );
    assert_eq!(
        json["docker"],
        serde_json::json!({"version": "18.09.0", "flavour": "red-hat", "evidence": "package d\u{1b}ocker"})
    );
    let unknown = Build::unknown();
    assert_eq!(text::docker(&unknown), "version unknown (not known whose build)");
    let unknown = PreflightReport {
        docker: Some(&unknown),
        ..report.clone()
    };
    assert_eq!(
        serde_json::to_value(&unknown).unwrap()["docker"],
        serde_json::json!({"version": null, "flavour": "unknown", "evidence": ""})
    );
    let coloured = text::preflight(&report, true);
    let refusal = coloured.replacen("\u{1b}[1;31mREFUSE\u{1b}[0m", "REFUSE", 1);
    assert!(refusal == page && coloured != page, "{coloured}");
    assert_eq!(
        (&json["verdict"], &json["elapsed_ms"], &json["pool"]),
        (&"refuse".into(), &12.into(), &().into())
    );
}

#[test]
fn health_is_the_worst_that_is_known() {
    let with = |severity| Finding { severity, ..finding() };
    let seen = || Some(PoolReport::from(&pool()));
    for (findings, pool, wanted) in [
        (vec![], seen(), Health::Healthy),
        (vec![with(Severity::Note)], seen(), Health::Healthy),
        (
            vec![with(Severity::Warn), with(Severity::Note)],
            seen(),
            Health::Warning,
        ),
        (
            vec![with(Severity::Warn), with(Severity::Refuse)],
            seen(),
            Health::Critical,
        ),
        (vec![with(Severity::Refuse)], None, Health::Critical),
        (vec![with(Severity::Warn)], None, Health::Unknown),
    ] {
        assert_eq!(status(&findings, pool).health(), wanted);
    }
}
