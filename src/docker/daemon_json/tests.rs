//! Tests of `daemon_json`: provenance, tolerance, and places of errors.

use super::super::build::{Flavour, Version};
use super::*;
use crate::model::Code;
use proptest::prelude::*;

const PATH: &str = "/etc/docker/daemon.json";

fn read(text: &str) -> DaemonJson {
    parse(text, PATH, &Build::unknown())
}

fn by(text: &str, major: u16, minor: u16) -> DaemonJson {
    let build = Build {
        version: Some(Version::new(major, minor, 0)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    };
    parse(text, PATH, &build)
}

#[test]
fn reads_the_keys_with_their_lines() {
    let text = r#"{
  "log-driver": "journald", "storage-driver": "devicemapper",
  "storage-opts": [ "dm.fs=xfs",
    "dm.basesize=20G" ],
  "data-root": "/d", "hosts": ["fd://"], "live-restore": true,
  "userns-remap": "default", "pidfile": "/p", "exec-root": "/e", "graph": "/g",
  "runtimes": {"storage-driver": {}}
}
"#;
    let file = read(text);
    let at = |value: &str, line: usize| Some(Sourced::new(value.to_owned(), format!("{PATH}:{line}")));
    assert_eq!(file.storage_driver, at("devicemapper", 2));
    assert_eq!(
        file.storage_opts,
        Some(
            vec![at("dm.fs=xfs", 3), at("dm.basesize=20G", 4)]
                .into_iter()
                .flatten()
                .collect()
        )
    );
    assert_eq!(file.data_root, at("/d", 5));
    assert_eq!(file.hosts, Some(at("fd://", 5).into_iter().collect()));
    assert_eq!(file.live_restore, Some(Sourced::new(true, format!("{PATH}:5"))));
    assert_eq!(file.userns_remap, at("default", 6));
    assert_eq!(
        (file.pidfile, file.exec_root, file.graph),
        (at("/p", 6), at("/e", 6), at("/g", 6))
    );
    assert_eq!(file.lines.get("log-driver"), Some(&2));
    assert_eq!((file.unreadable, file.findings), (None, vec![]));
}

#[test]
fn tolerates() {
    for text in [
        "{}",
        "null",
        "{}\r\n\t \n",
        r#"{"storage-opts": null, "data-root": null, "live-restore": null}"#,
    ] {
        assert_eq!(read(text).findings, vec![], "{text:?}");
    }
}

/// facts 5.2: which version refuses what. Columns: 20.10, 23.0, unknown.
#[test]
fn what_each_version_refuses() {
    use Severity::{Note, Refuse, Warn};
    const MALFORMED: Code = Code::DaemonJsonMalformed;
    const WRONG_TYPE: Code = Code::DaemonJsonWrongType;
    for (text, code, expected) in [
        ("", MALFORMED, [Refuse, Note, Warn]),
        (" \n", MALFORMED, [Refuse, Note, Warn]),
        ("\u{feff}{}", MALFORMED, [Refuse, Note, Warn]),
        ("{}}", MALFORMED, [Note, Refuse, Warn]),
        ("{} x", MALFORMED, [Note, Refuse, Warn]),
        ("{\"a\": 1,}", MALFORMED, [Refuse, Refuse, Refuse]),
        ("[]", MALFORMED, [Refuse, Refuse, Refuse]),
        ("\"x\"", MALFORMED, [Refuse, Refuse, Refuse]),
        // Go takes these, serde_json does not: no ground for a refusal.
        ("{\"a\": \"\\ud800\"}", MALFORMED, [Warn, Warn, Warn]),
        (r#"{"data-root": 5}"#, WRONG_TYPE, [Refuse, Refuse, Refuse]),
        (r#"{"live-restore": "true"}"#, WRONG_TYPE, [Refuse, Refuse, Refuse]),
        (r#"{"storage-opts": "dm.fs=xfs"}"#, WRONG_TYPE, [Refuse, Refuse, Refuse]),
        (
            r#"{"storage-opts": ["dm.fs=xfs", 5]}"#,
            WRONG_TYPE,
            [Refuse, Refuse, Refuse],
        ),
        (
            r#"{"data-root": "/a", "data-root": "/b"}"#,
            Code::DaemonJsonKeyRepeated,
            [Warn, Warn, Warn],
        ),
    ] {
        for (file, expected) in [by(text, 20, 10), by(text, 23, 0), read(text)].iter().zip(expected) {
            let found: Vec<_> = file.findings.iter().map(|f| (f.code, f.severity)).collect();
            assert_eq!(found, [(code, expected)], "{text:?}");
        }
    }
}

#[test]
fn the_last_of_a_repeated_key_wins() {
    let file = read("{\"data-root\": \"/a\",\n\"data-root\":\n\"/b\"}");
    assert_eq!(file.data_root, Some(Sourced::new("/b".into(), format!("{PATH}:2"))));
}

#[test]
fn trailing_data_does_not_hide_the_first_value() {
    let file = read("{\"storage-driver\": \"devicemapper\"}\n\n  }{\"storage-driver\": \"vfs\"}");
    assert_eq!(file.storage_driver.map(|s| s.value).as_deref(), Some("devicemapper"));
    assert_eq!(file.findings[0].place, format!("{PATH}:3"));
}

#[test]
fn an_error_names_file_line_and_column() {
    for (text, line, column) in [
        ("{\n  \"a\": 1,\n}", 3, 1),
        ("{\n  // comment\n}", 2, 3),
        ("{\"a\": \"x\ny\"}", 2, 0),
        ("{\"a\": 1", 1, 7),
        ("{'a': 1}", 1, 2),
    ] {
        let file = read(text);
        let finding = &file.findings[0];
        assert_eq!(finding.place, format!("{PATH}:{line}"), "{text:?}");
        assert!(
            finding.message.contains(&format!("column {column}:")),
            "{text:?}: {}",
            finding.message
        );
        assert!(!finding.message.contains(" at line "), "{}", finding.message);
        assert!(file.unreadable.is_some_and(|why| why.starts_with(PATH)));
    }
    assert!(read("[]").unreadable.is_some());
    assert!(read(&"[".repeat(100_000)).unreadable.is_some());
    assert!(
        read(&format!("{{\"a\":{}", "{\"a\":".repeat(100_000)))
            .unreadable
            .is_some()
    );
}

proptest! {
    #[test]
    fn never_panics(text in "[ -~\n\\\\\"{}\\[\\]:,ü]{0,80}") {
        read(&text);
    }

    #[test]
    fn every_option_survives(options in proptest::collection::vec(".{0,12}", 0..5)) {
        let text = serde_json::json!({ "storage-opts": options }).to_string();
        let read = read(&text).storage_opts.unwrap_or_default();
        prop_assert_eq!(read.into_iter().map(|s| s.value).collect::<Vec<_>>(), options);
    }
}
