//! The text as Prometheus' own parser takes it, with hostile names, and nothing where nothing is known.

use super::super::json::{DaemonReport, HostReport, UsageReport};
use super::*;
use crate::model::{ActiveState, Code, Mode, Severity, StuckTask};
use crate::report::json::Answers;
use std::collections::{BTreeMap, BTreeSet};

/// Reads the format strictly: what each series is, and its value. Each metric once, with HELP and TYPE before it.
fn parsed(text: &str) -> BTreeMap<String, String> {
    assert!(text.is_empty() || text.ends_with('\n'));
    let mut series = BTreeMap::new();
    let mut metrics = BTreeSet::new();
    let mut metric = "";
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            metric = help.split_once(' ').expect("words").0;
            assert!(metrics.insert(metric), "{metric} is there twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let kind = kind.strip_prefix(metric).expect("the metric of the HELP before");
            assert!([" gauge", " counter"].contains(&kind), "{line}");
            assert_eq!(kind == " counter", metric.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert_eq!(name.split('{').next(), Some(metric), "{line}");
            value.parse::<f64>().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(
                series.insert(name.to_owned(), value.to_owned()).is_none(),
                "{line} twice"
            );
        }
    }
    series
}

fn finding(code: Code, severity: Severity, subject: &str) -> Finding {
    Finding::new(severity, code, subject)
}

fn usage(used: u64, total: u64) -> UsageReport {
    UsageReport {
        used_bytes: Bytes(used),
        total_bytes: Bytes(total),
        block_bytes: 65536,
        fill_bytes_per_s: Some(Bytes(1 << 20)),
        full_in_s: Some(90),
        low_bytes: None,
    }
}

fn pool(name: &str) -> PoolReport {
    PoolReport {
        name: name.into(),
        mode: Some(Mode::OutOfDataSpace),
        needs_check: true,
        suspended: false,
        data: usage(5, u64::MAX),
        metadata: usage(0, 4096),
        files: Vec::new(),
        host: Some(HostReport {
            path: "/var/lib/docker".into(),
            total_bytes: Bytes(9),
            free_bytes: Bytes(7),
            reserve_bytes: Bytes(3),
        }),
        headroom_bytes: Some(Bytes(4)),
        overcommit_bytes: Some(Bytes(0)),
        consumers: Vec::new(),
        active_volumes: None,
        forecast: None,
    }
}

fn daemon(stuck: usize) -> DaemonReport {
    let task = StuckTask {
        pid: 1,
        tid: 2,
        comm: "dockerd".into(),
        wchan: "xfs_ail_push_all_sync".into(),
        state_since_s: 9,
    };
    DaemonReport {
        unit: "docker.service".into(),
        active_state: Some(ActiveState::Active),
        main_pid: Some(1),
        answers: Answers::No,
        silent_for_s: None,
        stuck_tasks: vec![task; stuck],
    }
}

fn figures<'a>(pool: Seen<Option<PoolReport>>, daemon: &'a DaemonReport, findings: &'a [Finding]) -> Figures<'a> {
    Figures {
        looked_at: Duration::from_millis(1_764_000_000_250),
        pool,
        host: (Some(Bytes(11)), None),
        daemon,
        info_took: Some(Duration::from_millis(42)),
        tasks_known: true,
        findings,
        done: DeedCounts {
            data_growths: 3,
            metadata_growths: 0,
            restarts: 1,
        },
        restarts_left: 2,
        stuck_errands: 1,
    }
}

#[test]
fn a_pool_in_trouble_is_told_whole() {
    let findings = [
        finding(Code::PoolExhausted, Severity::Refuse, "pool"),
        finding(Code::PoolLow, Severity::Note, "data"),
        finding(Code::PoolLow, Severity::Warn, "metadata"),
    ];
    let daemon = daemon(2);
    let figures = figures(Seen::Known(Some(pool("docker-8:1-2-pool"))), &daemon, &findings);
    let told = parsed(&text(&figures));
    for (series, value) in [
        ("thinguard_last_look_timestamp_seconds", "1764000000.250"),
        ("thinguard_pool_active", "1"),
        ("thinguard_pool_info{pool=\"docker-8:1-2-pool\"}", "1"),
        ("thinguard_pool_mode{mode=\"out_of_data_space\"}", "1"),
        ("thinguard_pool_mode{mode=\"rw\"}", "0"),
        ("thinguard_pool_needs_check", "1"),
        ("thinguard_pool_suspended", "0"),
        ("thinguard_pool_data_used_bytes", "5"),
        ("thinguard_pool_data_size_bytes", "18446744073709551615"),
        ("thinguard_pool_metadata_used_bytes", "0"),
        ("thinguard_host_free_bytes", "7"),
        ("thinguard_host_reserve_bytes", "3"),
        ("thinguard_headroom_bytes", "4"),
        ("thinguard_overcommit_bytes", "0"),
        ("thinguard_fill_bytes_per_second{device=\"data\"}", "1048576"),
        ("thinguard_fill_bytes_per_second{device=\"host\"}", "11"),
        ("thinguard_full_seconds{device=\"metadata\"}", "90"),
        ("thinguard_docker_up", "1"),
        ("thinguard_docker_answers", "0"),
        ("thinguard_docker_info_seconds", "0.042"),
        ("thinguard_docker_stuck_tasks", "2"),
        ("thinguard_finding{code=\"pool-exhausted\",severity=\"refuse\"}", "1"),
        ("thinguard_finding{code=\"pool-low\",severity=\"warn\"}", "1"),
        ("thinguard_growths_total{device=\"data\"}", "3"),
        ("thinguard_restarts_total", "1"),
        ("thinguard_restarts_left", "2"),
        ("thinguard_stuck_errands", "1"),
    ] {
        assert_eq!(
            told.get(series).map(String::as_str),
            Some(value),
            "{series} of {told:#?}"
        );
    }
    for family in FAMILIES {
        for series in (family.series)(&figures) {
            assert_eq!(series.labels.len(), family.labels.len(), "{}", family.name);
        }
    }
    assert!(told.contains_key(&format!(
        "thinguard_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    )));
    assert!(!told.contains_key("thinguard_full_seconds{device=\"host\"}"));
    let modes = told.iter().filter(|(name, _)| name.starts_with("thinguard_pool_mode{"));
    assert_eq!(modes.filter(|(_, value)| *value == "1").count(), 1);
}

#[test]
fn what_is_not_known_is_not_told() {
    let nothing = DaemonReport {
        active_state: None,
        main_pid: None,
        answers: Answers::Unknown,
        ..daemon(0)
    };
    let mut figures = figures(Seen::unknown("stuck"), &nothing, &[]);
    figures.host = (None, None);
    figures.info_took = None;
    figures.tasks_known = false;
    let told = parsed(&text(&figures));
    let names: BTreeSet<_> = told.keys().map(|name| name.split('{').next().unwrap()).collect();
    let known = [
        "thinguard_build_info",
        "thinguard_growths_total",
        "thinguard_last_look_timestamp_seconds",
        "thinguard_restarts_left",
        "thinguard_restarts_total",
        "thinguard_stuck_errands",
    ];
    assert_eq!(names, known.into(), "{told:#?}");

    figures.pool = Seen::Known(None);
    assert_eq!(parsed(&text(&figures)).get("thinguard_pool_active").unwrap(), "0");

    // A pool that has failed tells no figures, and 0 of 0 would be lies.
    let failed = PoolReport {
        mode: Some(Mode::Fail),
        data: usage(0, 0),
        metadata: usage(0, 0),
        ..pool("p")
    };
    figures.pool = Seen::Known(Some(failed));
    let told = parsed(&text(&figures));
    assert_eq!(told.get("thinguard_pool_mode{mode=\"fail\"}").unwrap(), "1");
    assert!(
        !told
            .keys()
            .any(|name| name.contains("_used_bytes") || name.contains("_size_bytes"))
    );
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    let daemon = daemon(0);
    let name = "a\"} 1\nb{c=\"\\\u{1b}[31m\u{85}é";
    let text = text(&figures(Seen::Known(Some(pool(name))), &daemon, &[]));
    parsed(&text);
    assert!(
        text.contains("thinguard_pool_info{pool=\"a\\\"} 1\\nb{c=\\\"\\\\?[31m?é\"} 1\n"),
        "{text}"
    );
}

#[test]
fn names_and_words_keep_the_conventions() {
    let mut names = BTreeSet::new();
    for Family { name, kind, help, .. } in FAMILIES {
        assert!(names.insert(name), "{name} twice");
        assert!(name.starts_with("thinguard_"), "{name}");
        assert!(name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'_')), "{name}");
        assert_eq!(*kind == Type::Counter, name.ends_with("_total"), "{name}");
        // The format would have these two escaped, and a text without them needs no care.
        assert!(help.ends_with('.') && !help.contains(['\\', '\n']), "{name}");
    }
}
