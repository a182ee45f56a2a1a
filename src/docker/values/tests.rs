//! Tests of `values`: the rules by version, by file and by flag.

use super::*;
use crate::docker::build::{Build, Flavour};
use crate::docker::command_line;
use crate::docker::daemon_json;

fn names(line: &str, json: &str, version: (u16, u16, u16)) -> Vec<&'static str> {
    let version = Version::new(version.0, version.1, version.2);
    let build = Build {
        version: Some(version),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    };
    let words: Vec<_> = line.split(' ').map(|word| Sourced::new(word.to_owned(), "x")).collect();
    let line = command_line::read(&words, &build).unwrap_or_default();
    let file = daemon_json::parse(json, "/d.json", &build);
    let both = Both {
        entries: &file.entries,
        given: &line.given,
        version,
    };
    both.breaches().into_iter().map(|breach| breach.name).collect()
}

#[test]
fn levels_of_the_log() {
    let (old, mid, new) = ((1, 10, 3), (18, 9, 9), (20, 10, 24));
    for (level, versions) in [
        ("verbose", vec![]),
        ("0", vec![]),
        ("WARN", vec![mid, new]),
        ("warning", vec![old, mid, new]),
        ("trace", vec![new]),
        ("", vec![old, mid, new]),
    ] {
        for version in [old, mid, new] {
            let wanted = if versions.contains(&version) {
                vec![]
            } else {
                vec!["log-level"]
            };
            let daemon = if version == old { "docker daemon" } else { "dockerd" };
            assert_eq!(
                names(&format!("{daemon} --log-level={level}"), "{}", version),
                wanted,
                "{level} {version:?}"
            );
            assert_eq!(
                names(daemon, &format!(r#"{{"log-level": "{level}"}}"#), version),
                wanted,
                "{level} {version:?}"
            );
        }
    }
}

#[test]
fn default_runtimes() {
    let (old, new) = ((18, 9, 9), (23, 0, 6));
    for (line, json, in_old, in_new) in [
        ("dockerd", r#"{"default-runtime": "a"}"#, false, false),
        ("dockerd --default-runtime=a", "{}", false, false),
        ("dockerd --default-runtime=runc", "{}", true, true),
        (
            "dockerd",
            r#"{"default-runtime": "a", "runtimes": {"a": {"path": "/a"}}}"#,
            true,
            true,
        ),
        // Go merges repeated objects.
        (
            "dockerd",
            r#"{"runtimes": {"a": {"path": "/a"}}, "runtimes": {}, "default-runtime": "a"}"#,
            true,
            true,
        ),
        ("dockerd --add-runtime a=/a --default-runtime=a", "{}", true, true),
        // The file alone is checked before 23.0.
        ("dockerd --add-runtime a=/a", r#"{"default-runtime": "a"}"#, false, true),
        (
            "dockerd --default-runtime=a",
            r#"{"runtimes": {"a": {"path": "/a"}}}"#,
            true,
            true,
        ),
        ("dockerd", r#"{"default-runtime": "io.containerd.x.v1"}"#, false, true),
    ] {
        for (version, starts) in [(old, in_old), (new, in_new)] {
            let wanted = if starts { vec![] } else { vec!["default-runtime"] };
            assert_eq!(names(line, json, version), wanted, "{line} {json} {version:?}");
        }
    }
    let reserved = r#"{"runtimes": {"runc": {"path": "/a"}}}"#;
    assert_eq!(names("dockerd", reserved, new), ["runtimes"]);
    assert!(names("dockerd", reserved, (25, 0, 0)).is_empty());
    assert!(names("docker daemon", r#"{"default-runtime": "a"}"#, (1, 11, 2)).is_empty());
}
