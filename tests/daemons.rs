//! Preflight held against real daemons: `tests/corpus/daemons` has what dockerd of twelve builds made of some 250 starts each, and
//! here each is judged by the parsers and judges of a real preflight, without a process of its own.
//!
//! A line is: what dockerd did, the arguments, daemon.json or `-`, the environment where one was set. The daemons ran up to the point
//! where they make the pool's name: flags, daemon.json, drivers and storage options are covered, what lies on the disk is not.

mod paper;

use paper::Paper;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use thinguard::docker::build::{Build, Flavour, Version};
use thinguard::docker::drivers::Prior;
use thinguard::docker::state::RootState;
use thinguard::model::{Code, Severity};

/// The twelve builds, by the name of their file.
const BUILDS: [(&str, Flavour, Version); 12] = [
    ("red-hat-1.10.3", Flavour::RedHat, Version::new(1, 10, 3)),
    ("red-hat-1.12.6", Flavour::RedHat, Version::new(1, 12, 6)),
    ("red-hat-1.13.1", Flavour::RedHat, Version::new(1, 13, 1)),
    ("upstream-1.10.3", Flavour::Upstream, Version::new(1, 10, 3)),
    ("upstream-1.12.6", Flavour::Upstream, Version::new(1, 12, 6)),
    ("upstream-1.13.1", Flavour::Upstream, Version::new(1, 13, 1)),
    ("upstream-17.06", Flavour::Upstream, Version::new(17, 6, 2)),
    ("upstream-18.09", Flavour::Upstream, Version::new(18, 9, 9)),
    ("upstream-19.03", Flavour::Upstream, Version::new(19, 3, 15)),
    ("upstream-20.10", Flavour::Upstream, Version::new(20, 10, 24)),
    ("upstream-23.0", Flavour::Upstream, Version::new(23, 0, 6)),
    ("upstream-24.0", Flavour::Upstream, Version::new(24, 0, 9)),
];

/// Of the refusals that preflight is for, this many in a hundred must be found in each build.
const WANTED_PERCENT: usize = 95;

/// Words of dockerd's by which a refusal is one that preflight is for: storage options and drivers, unknown flags and keys, syntax
/// and types of daemon.json, settings given twice, stray words. Of the rest (addresses, log options, cgroups) dockerd tells itself.
const CORE: [&str; 22] = [
    "[graphdriver]",
    "devmapper",
    "driver not supported",
    "error initializing graphdriver",
    "prior storage driver",
    "invalid size",
    "provided but not defined",
    "unknown flag",
    "unknown shorthand flag",
    "flag needs an argument",
    "directives don't match",
    "directives are specif",
    "cannot unmarshal",
    "invalid character",
    "unexpected EOF",
    "daemon.json: EOF",
    "unexpected end of JSON",
    "requires 0 arguments",
    "accepts no argument",
    "config file option",
    "no such file",
    "is a directory",
];

/// Rules that lie behind the point up to which the daemons ran, so that what they did says nothing of them.
///
/// A deprecated driver that is not named is refused once it has been set up, options and all (moby v24.0.9
/// `daemon/graphdriver/driver.go`, `New`).
const BEHIND: [Code; 1] = [Code::StorageDriverNotNamed];

/// One line of a file.
struct Case {
    line: usize,
    /// dockerd's words where it refused.
    refused: Option<String>,
    argv: Vec<String>,
    daemon_json: Option<String>,
    environment: BTreeMap<String, String>,
}

impl Case {
    fn is_core(&self) -> bool {
        let said = self.refused.as_deref().unwrap_or_default();
        let of_another_flag = said.contains("--default-shm-size");
        CORE.iter().any(|words| said.contains(words)) && !(of_another_flag && said.contains("invalid size"))
    }
}

/// What the cases of one build came to.
#[derive(Default)]
struct Tally {
    cases: usize,
    started: usize,
    core: usize,
    core_found: usize,
    rest: usize,
    rest_found: usize,
    /// What is wrong, for people.
    false_refusals: Vec<String>,
    missed: Vec<String>,
}

#[test]
fn preflight_agrees_with_the_daemons() {
    let mut wrong = String::new();
    println!("build             cases  starts  false refusals  core found        rest found");
    for (name, flavour, version) in BUILDS {
        let build = Build {
            version: Some(version),
            flavour,
            evidence: String::new(),
        };
        let tally = judge(name, &build);
        let percent = 100.0 * tally.core_found as f64 / tally.core as f64;
        println!(
            "{name:<16}  {:>5}  {:>6}  {:>14}  {:>3} of {:>3} {percent:>5.1}%  {:>3} of {:>3}",
            tally.cases,
            tally.started,
            tally.false_refusals.len(),
            tally.core_found,
            tally.core,
            tally.rest_found,
            tally.rest,
        );
        wrong.extend(tally.false_refusals.iter().map(|told| format!("{name}:{told}\n")));
        if tally.core_found * 100 < tally.core * WANTED_PERCENT {
            let _ = writeln!(wrong, "{name}: {percent:.1} % of core refusals are found");
        }
        if std::env::var_os("MISSED").is_some() {
            tally.missed.iter().for_each(|told| println!("{name}:{told}"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}MISSED=1 shows what is missed.");
}

fn judge(name: &str, build: &Build) -> Tally {
    let mut tally = Tally::default();
    for case in cases(name) {
        tally.cases += 1;
        let findings = paper(&case, build).judge();
        let mut refusals = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
        let first = refusals.find(|finding| !BEHIND.contains(&finding.code));
        let told = format!(
            "{}: {:?} {:?}",
            case.line,
            case.argv,
            case.daemon_json.as_deref().unwrap_or("-")
        );
        match (&case.refused, first) {
            (None, None) => tally.started += 1,
            (None, Some(finding)) => {
                tally.started += 1;
                let finding = format!("{}: {}", finding.code, finding.message);
                tally.false_refusals.push(format!("{told}\n    {finding}"));
            }
            (Some(_), found) if !case.is_core() => {
                tally.rest += 1;
                tally.rest_found += usize::from(found.is_some());
            }
            (Some(said), found) => {
                tally.core += 1;
                tally.core_found += usize::from(found.is_some());
                if found.is_none() {
                    tally.missed.push(format!("{told}\n    {said}"));
                }
            }
        }
    }
    tally
}

/// The case on a host that has used devicemapper before.
fn paper(case: &Case, build: &Build) -> Paper {
    const EXT4: i64 = 0xef53;
    let old = build.at_least(1, 12, 0) == Some(false);
    let program: &[&str] = if old {
        &["/usr/bin/docker", "daemon"]
    } else {
        &["/usr/bin/dockerd"]
    };
    let words = program.iter().map(|word| (*word).to_owned());
    let file = case.daemon_json.iter().cloned();
    Paper {
        build: build.clone(),
        argv: words.chain(case.argv.iter().cloned()).collect(),
        environment: case.environment.clone(),
        files: file.map(|text| ("/etc/docker/daemon.json".to_owned(), text)).collect(),
        root: RootState {
            filesystem: Some(EXT4),
            drivers: Some(vec![Prior {
                driver: "devicemapper".into(),
                empty: false,
            }]),
            ..RootState::default()
        },
    }
}

fn cases(name: &str) -> Vec<Case> {
    let path = format!("tests/corpus/daemons/{name}.tsv");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).unwrap();
    let lines = text.lines().enumerate();
    lines.map(|(index, line)| case(index + 1, line)).collect()
}

fn case(number: usize, line: &str) -> Case {
    let columns: Vec<&str> = line.split('\t').collect();
    let [did, argv, file, ..] = columns[..] else {
        panic!("line {number}: {line}");
    };
    Case {
        line: number,
        refused: did.strip_prefix("refuses: ").map(str::to_owned),
        argv: serde_json::from_str(argv).unwrap(),
        daemon_json: (file != "-").then(|| file_text(file)),
        environment: columns
            .get(3)
            .map_or_else(BTreeMap::new, |text| serde_json::from_str(text).unwrap()),
    }
}

/// A JSON string; a byte that is no UTF-8 is written as half a surrogate, `\udcff`, and read as preflight reads such a byte.
fn file_text(text: &str) -> String {
    let mut sound = text.to_owned();
    while let Some(at) = sound.find("\\udc") {
        sound.replace_range(at..at + 6, "\u{fffd}");
    }
    serde_json::from_str(&sound).unwrap()
}
