//! Preflight held against the record of the lab's dockerd: each configuration of `tests/corpus/cases.toml` that changes nothing on the disk,
//! judged without a process of its own. The lab judges the others on a host, and of these a sample.

mod paper;

use paper::Paper;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use thinguard::docker::build::{Build, Flavour, Version};
use thinguard::docker::drivers::Prior;
use thinguard::docker::state::RootState;
use thinguard::model::{Finding, Severity};
use thinguard::systemd::environment_file;
use thinguard::systemd::exec_line::command;
use thinguard::systemd::unit_file::{Part, Service};

/// The lab's own.
const SYSTEMD: u16 = 252;
const DAEMON: &str = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock --iptables=false --bridge=none \
                      --ip-forward=false --ip-masq=false";

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

/// The keys of `tests/lab/src/corpus/cases.rs`, which says what they mean.
#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    base: Option<String>,
    #[serde(default)]
    opts: Vec<String>,
    daemon_json: Option<String>,
    #[serde(default)]
    flags: String,
    environment_file: Option<String>,
    state: Option<String>,
    #[serde(default)]
    on_host: bool,
    #[serde(default)]
    blames: Vec<String>,
    #[serde(default)]
    subject: String,
    missed_because: Option<String>,
    #[serde(default)]
    left_to_dockerd: bool,
}

#[derive(Deserialize)]
struct Recorded {
    name: String,
    outcome: String,
}

#[test]
fn preflight_agrees_with_the_record() {
    let cases: Cases = toml::from_str(&read("cases.toml")).unwrap();
    let recorded: BTreeMap<String, String> = read("dockerd-20.10.24.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Recorded>(line).unwrap())
        .map(|entry| (entry.name, entry.outcome))
        .collect();
    let on_paper = |case: &&Case| case.state.is_none() && !case.on_host;
    let judged: Vec<&Case> = cases.case.iter().filter(on_paper).collect();
    assert!(judged.len() > 200, "{} cases", judged.len());
    let wrong: Vec<String> = judged
        .iter()
        .filter_map(|case| disagreement(case, &recorded[&case.name]))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        judged.len(),
        wrong.join("\n")
    );
}

/// What is wrong with the verdict on a case.
fn disagreement(case: &Case, outcome: &str) -> Option<String> {
    let Some(paper) = paper(case) else {
        return Some(format!("{} has no command on paper", case.name));
    };
    let findings = paper.judge();
    let refusing: Vec<&Finding> = findings.iter().filter(|it| it.severity == Severity::Refuse).collect();
    let is_blamed = |finding: &&&Finding| {
        let said = [&finding.subject, &finding.message, &finding.place];
        case.blames.contains(&finding.code.to_string()) && said.into_iter().any(|text| text.contains(&case.subject))
    };
    let excused = case.missed_because.is_some() || case.left_to_dockerd;
    let wrong = match (outcome, refusing.is_empty()) {
        ("started", false) => "is refused, and dockerd starts",
        ("refused", true) if !excused => "is not refused, and dockerd does",
        ("refused" | "hangs", false) if excused => "is refused, and its excuse says otherwise",
        ("refused" | "hangs", false) if !refusing.iter().any(|it| is_blamed(&it)) => "is refused on other ground",
        _ => return None,
    };
    let told: Vec<String> = refusing
        .iter()
        .map(|it| format!("{}: {}", it.code, it.message))
        .collect();
    Some(format!("{} {wrong}: {}", case.name, told.join("; ")))
}

/// The case as its host sees it.
fn paper(case: &Case) -> Option<Paper> {
    let unit = format!("[Service]\nExecStart={DAEMON} {} $DOCKER_OPTS\n", case.flags);
    let mut service = Service::default();
    service.apply(
        "/etc/systemd/system/docker.service",
        unit.as_bytes(),
        Part::Fragment,
        ("docker.service", SYSTEMD),
        &mut |_| None,
    );
    let file = case.environment_file.as_deref().unwrap_or_default();
    let environment = environment_file::parse(file.as_bytes(), SYSTEMD).variables();
    let line = &service.command().ok()?.value;
    let argv = command(&line.argv, &environment, SYSTEMD).ok()?.argv();
    Some(Paper {
        build: Build {
            version: Some(Version::new(20, 10, 24)),
            flavour: Flavour::Upstream,
            evidence: String::new(),
        },
        argv,
        environment,
        files: daemon_json(case)
            .map(|text| ("/etc/docker/daemon.json".to_owned(), text))
            .into_iter()
            .collect(),
        root: root(case.base.as_deref() == Some("fresh")),
    })
}

fn daemon_json(case: &Case) -> Option<String> {
    if case.daemon_json.is_some() || case.opts.is_empty() {
        return case.daemon_json.clone();
    }
    let mut options = vec!["dm.loopdatasize=512M".to_owned(), "dm.loopmetadatasize=64M".to_owned()];
    options.extend(case.opts.iter().cloned());
    Some(serde_json::json!({ "storage-driver": "devicemapper", "storage-opts": options }).to_string())
}

/// The data root of a Docker that used devicemapper, or a new one.
fn root(is_fresh: bool) -> RootState {
    const EXT4: i64 = 0xef53;
    let prior = Prior {
        driver: "devicemapper".into(),
        empty: false,
    };
    RootState {
        filesystem: Some(EXT4),
        drivers: Some(if is_fresh { Vec::new() } else { vec![prior] }),
        ..RootState::default()
    }
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
