//! What is shipped for monitoring is true: no rule, panel or page names a metric that the guard does not write, and none is left out.
//!
//! `UPDATE=1 cargo test --test monitoring` writes the table of metrics anew.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use thinguard::report::metrics::FAMILIES;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

const RULES: &str = "packaging/monitoring/thinguard.rules.yml";
const DASHBOARD: &str = "packaging/monitoring/grafana-dashboard.json";
const PAGE: &str = "packaging/monitoring/README.md";
const DETECTOR: &str = "packaging/monitoring/node-problem-detector/thinguard.json";

/// Words that are names of our metrics, wherever they stand.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("thinguard_"))
        .map(str::to_owned)
        .collect()
}

fn written() -> BTreeSet<String> {
    FAMILIES.iter().map(|family| family.name.to_owned()).collect()
}

#[test]
fn every_metric_that_is_named_is_written() {
    let written = written();
    for file in [
        RULES,
        DASHBOARD,
        PAGE,
        "README.md",
        "packaging/thinguard.toml",
        "packaging/README.md",
    ] {
        let unknown: Vec<_> = named(&shipped(file)).difference(&written).cloned().collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
    let never_shown: Vec<_> = written.difference(&named(&shipped(DASHBOARD))).cloned().collect();
    assert!(never_shown.is_empty(), "the dashboard does not show {never_shown:?}");
}

/// Values of the labels in selectors, `mode=~"ro|fail"` taken apart.
fn selected<'a>(text: &'a str, label: &str) -> BTreeSet<&'a str> {
    ["=", "=~"]
        .iter()
        .flat_map(|operator| text.split(&format!("{label}{operator}\"")).skip(1).collect::<Vec<_>>())
        .filter_map(|rest| rest.split('"').next())
        .flat_map(|values| values.split('|'))
        .collect()
}

#[test]
fn the_rules_select_what_can_be() {
    let rules = shipped(RULES);
    for (label, values) in [
        ("mode", &["rw", "out_of_data_space", "ro", "fail"][..]),
        ("device", &["data", "metadata", "host"]),
    ] {
        let selected = selected(&rules, label);
        assert!(
            !selected.is_empty() && selected.iter().all(|value| values.contains(value)),
            "{label}: {selected:?}"
        );
    }
    assert_eq!(selected(&rules, "{severity"), ["refuse", "warn"].into());
    for code in rules.split("thinguard explain ").skip(1) {
        let code = code
            .split(|c: char| !c.is_ascii_lowercase() && c != '-')
            .next()
            .unwrap();
        let known = thinguard::report::explain::find(code).is_some();
        assert!(known || code.is_empty(), "there is no code {code}");
    }
}

/// Expressions of all panels.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&shipped(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels with the same id");
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let mut found = Vec::new();
        expressions(panel, &mut found);
        assert!(!found.is_empty(), "{title} shows nothing");
        for expression in found {
            assert!(!named(&expression).is_empty(), "{title}: {expression}");
            assert!(
                expression.contains("instance=~\"$instance\""),
                "{title} does not choose the host"
            );
        }
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} is off the grid");
    }
}

fn table() -> String {
    let mut table = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for family in FAMILIES {
        writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            family.name,
            family.kind,
            family.labels.join(", "),
            family.help
        )
        .unwrap();
    }
    table
}

#[test]
fn the_page_has_every_metric() {
    let page = shipped(PAGE);
    let head = page.find("| metric |").expect("the table");
    let end = head + page[head..].find("\n\n").expect("its end") + 1;
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path(PAGE), [&page[..head], &table(), &page[end..]].concat()).unwrap();
        return;
    }
    assert!(page[head..end] == table(), "UPDATE=1 cargo test --test monitoring");
}

/// The detector takes 0, 1 and everything else (its pkg/custompluginmonitor/plugin/plugin.go); the rule's shell makes these of ours.
#[test]
fn the_detector_understands_the_exit_codes() {
    let config: Value = serde_json::from_str(&shipped(DETECTOR)).unwrap();
    let rule = &config["rules"][0];
    assert_eq!(config["plugin"], "custom");
    assert_eq!(rule["condition"], config["conditions"][0]["type"]);
    assert_eq!(
        rule["timeout"], config["pluginConfig"]["timeout"],
        "a longer one of a rule is refused"
    );
    let directory = std::env::temp_dir().join(format!("thinguard-detector-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let program = directory.join("thinguard");
    for (code, wanted) in [(0, 0), (1, 0), (2, 1), (3, 2), (64, 2), (127, 2)] {
        std::fs::write(
            &program,
            format!("#!/bin/sh\n[ \"$*\" = status ] && echo first && echo second\nexit {code}\n"),
        )
        .unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let arguments = rule["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let output = Command::new(rule["path"].as_str().unwrap())
            .args(arguments)
            .env("PATH", format!("{}:/usr/bin:/bin", directory.display()))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(wanted), "exit code {code}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "first\n");
    }
    std::fs::remove_dir_all(directory).unwrap();
}
