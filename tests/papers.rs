//! What is shipped beside the binary is true: the settings file shows the defaults, the units use what systemd 219 knows.

use std::collections::BTreeSet;
use std::path::Path;
use thinguard::model::Settings;

fn shipped(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The shipped settings with each key and table switched on: a `#` with no blank after it hides one, prose has a blank.
fn switched_on() -> String {
    let text = shipped("packaging/thinguard.toml");
    text.lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with([' ', '#']))
                .unwrap_or(line)
        })
        .fold(String::new(), |mut all, line| {
            all.push_str(line);
            all.push('\n');
            all
        })
}

/// The keys that serde would take at some place, read from its own complaint about one that it does not.
fn known_keys(document: &str) -> BTreeSet<String> {
    let error = toml::from_str::<Settings>(document).unwrap_err();
    let (_, expected) = error.message().split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_shipped_settings_change_nothing() {
    assert_eq!(
        toml::from_str::<Settings>(&shipped("packaging/thinguard.toml")).unwrap(),
        Settings::default()
    );
}

#[test]
fn the_shipped_settings_show_the_defaults() {
    assert_eq!(toml::from_str::<Settings>(&switched_on()).unwrap(), Settings::default());
}

#[test]
fn the_shipped_settings_show_every_key() {
    let shown: toml::Table = toml::from_str(&switched_on()).unwrap();
    let tables = known_keys("no_such = 1");
    assert_eq!(shown.keys().cloned().collect::<BTreeSet<_>>(), tables);
    for table in tables {
        let keys = known_keys(&format!("[{table}]\nno_such = 1"));
        assert!(!keys.is_empty());
        assert_eq!(
            shown[&table]
                .as_table()
                .unwrap()
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>(),
            keys,
            "[{table}]"
        );
    }
}

#[test]
fn each_key_says_why() {
    let text = shipped("packaging/thinguard.toml");
    let lines: Vec<_> = text.lines().collect();
    for pair in lines.windows(2) {
        if pair[1].starts_with('#') && !pair[1].starts_with("# ") && pair[1].len() > 1 {
            assert!(pair[0].starts_with("# "), "no words above {}", pair[1]);
        }
    }
}

/// Lines of a unit as (section, key, value).
fn directives(path: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut directives = Vec::new();
    for line in shipped(path)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => section = name.to_owned(),
            None => {
                let (key, value) = line.split_once('=').unwrap();
                directives.push((section.clone(), key.to_owned(), value.to_owned()));
            }
        }
    }
    directives
}

const SERVICE: &str = "units/thinguard.service";
const DROP_IN: &str = "units/docker.service.d/50-thinguard.conf";

#[test]
fn units_use_only_what_systemd_219_knows_or_passes_over() {
    // load-fragment-gperf of RHEL 7.2's systemd 219, as far as we use it.
    let unit = ["Description", "Documentation"];
    let service = [
        "Type",
        "NotifyAccess",
        "ExecStart",
        "ExecStartPre",
        "ExecReload",
        "WatchdogSec",
        "Restart",
        "RestartSec",
        "StartLimitInterval",
        "KillMode",
        "TimeoutStopSec",
        "OOMScoreAdjust",
        "Nice",
        "LimitMEMLOCK",
        "LimitCORE",
        "CapabilityBoundingSet",
        "RestrictAddressFamilies",
        "SystemCallArchitectures",
    ];
    // Of later versions (231, 233, 235, 242). 219 warns of an unknown key and goes on (conf-parser.c), so a key whose absence
    // would do harm has no place here, and the drop-in has none of them.
    let newer = [
        "RestrictRealtime",
        "MemoryDenyWriteExecute",
        "RestrictNamespaces",
        "LockPersonality",
        "RestrictSUIDSGID",
    ];
    for path in [SERVICE, DROP_IN] {
        for (section, key, value) in directives(path) {
            let known: &[&str] = match section.as_str() {
                "Unit" => &unit,
                "Service" => &service,
                "Install" => &["WantedBy"],
                other => panic!("{path}: [{other}]"),
            };
            let passed_over = path == SERVICE && newer.contains(&key.as_str());
            assert!(known.contains(&key.as_str()) || passed_over, "{path}: {key}=");
            if key.starts_with("Exec") {
                // 219 takes '-' and '@' before an absolute path; with '+' it drops the whole line.
                assert!(
                    value.trim_start_matches(['-', '@']).starts_with('/'),
                    "{path}: {key}={value}"
                );
            }
        }
    }
}

#[test]
fn the_guard_is_not_tied_to_docker_and_leaves_its_children_alone() {
    let directives = directives(SERVICE);
    let value = |key: &str| {
        directives
            .iter()
            .find(|(_, k, _)| k == key)
            .map(|(_, _, value)| value.as_str())
    };
    assert!(directives.iter().all(|(_, _, value)| !value.contains("docker.service")));
    for (key, wanted) in [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("KillMode", "process"),
        ("Restart", "always"),
        ("StartLimitInterval", "0"),
        ("LimitMEMLOCK", "infinity"),
        ("OOMScoreAdjust", "-900"),
    ] {
        assert_eq!(value(key), Some(wanted), "{key}");
    }
}

#[test]
fn only_a_verdict_of_this_start_can_hold_docker_back() {
    let lines: Vec<_> = directives(DROP_IN)
        .into_iter()
        .map(|(_, key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        lines,
        [
            "ExecStartPre=-/bin/rm -f /run/thinguard/deny-docker",
            "ExecStartPre=-/usr/sbin/thinguard preflight --unit %n",
            "ExecStartPre=/usr/bin/test ! -e /run/thinguard/deny-docker",
        ]
    );
}
