//! What is set twice: a flag with its key in the file, and the data root by both its names.

use super::Problem;
use crate::docker::Sourced;
use crate::docker::build::Build;
use crate::docker::command_line::{Given, Line};
use crate::docker::daemon_json::DaemonJson;
use crate::docker::known::{self, Kind};
use serde_json::Value;
use std::collections::BTreeMap;

/// Flags whose key is in the file too.
pub(super) fn settings(line: &Line, file: &DaemonJson, build: &Build) -> Vec<Problem> {
    let keys = known::flattened(&file.object, build);
    let mut flags: BTreeMap<&str, Vec<&Given>> = BTreeMap::new();
    for given in &line.given {
        flags.entry(given.flag.long).or_default().push(given);
    }
    let both = flags.into_values().filter_map(|given| {
        let flag = given.first()?.flag;
        let (key, (top, value)) = keys.get_key_value(flag.key)?;
        (!known::may_be_doubled(flag, build)).then(|| Problem::Twice {
            key: (*key).to_owned(),
            flag: shown_flags(&given),
            file: Sourced::new(shown(value), file.place_of(top)),
        })
    });
    both.collect()
}

/// The data root by both its names, or by its old one where that is gone.
pub(super) fn roots(line: &Line, file: &DaemonJson, build: &Build) -> Vec<Problem> {
    let full = |root: &Sourced<String>| !root.value.is_empty();
    let mut found = Vec::new();
    let flags = (line.last("graph"), line.last("data-root"));
    let keys = (file.text("graph").filter(full), file.text("data-root").filter(full));
    // From 23.0 on both flags set one variable.
    let later = build.at_least(23, 0, 0) == Some(true);
    if let ((Some(graph), Some(root)), false) = (flags.clone(), later) {
        found.push(Problem::TwoRoots {
            graph,
            root,
            flags: true,
        });
    }
    if let (Some(graph), Some(root)) = keys.clone() {
        found.push(Problem::TwoRoots {
            graph,
            root,
            flags: false,
        });
    }
    if later && build.is_upstream() {
        let graphs = [flags.0.filter(full), keys.0].into_iter().flatten();
        found.extend(graphs.map(|graph| Problem::GraphIsGone { graph }));
    }
    found
}

/// Values as dockerd shows them in its message, bare or as `[a b]`, with their places.
fn shown_flags(given: &[&Given]) -> Sourced<String> {
    let values: Vec<&str> = given.iter().map(|one| one.value.as_str()).collect();
    let mut places: Vec<String> = given.iter().map(|one| one.place()).collect();
    places.dedup();
    let value = match (values.as_slice(), given) {
        ([one], [flag]) if flag.flag.kind != Kind::List => (*one).to_owned(),
        _ => format!("[{}]", values.join(" ")),
    };
    Sourced::new(value, places.join(", "))
}

/// As Go prints a decoded value with `%v`, nearly.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}
