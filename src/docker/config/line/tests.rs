//! Tests of `line`: findings on the whole command line, and their order.

use crate::docker::build::{Build, Flavour, Version};
use crate::docker::config::Effective;
use crate::docker::{Sourced, daemon_json, flags};
use crate::model::Code;
use crate::model::Severity::{self, Refuse, Warn};
use std::collections::BTreeMap;

fn merge(line: &str, json: &str, version: Release) -> Effective {
    let build = version.map_or_else(Build::unknown, |(major, minor, patch)| Build {
        version: Some(Version::new(major, minor, patch)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    });
    let words: Vec<_> = line
        .split(' ')
        .map(|word| Sourced::new(word.to_owned(), "ExecStart"))
        .collect();
    let flags = flags::parse(&words, &build).unwrap_or_default();
    Effective::merge(
        &flags,
        &daemon_json::parse(json, "/d.json", &build),
        &BTreeMap::new(),
        &build,
    )
}

type Release = Option<(u16, u16, u16)>;

/// What is given, to which version, and what is found.
type Row = (&'static str, &'static str, Release, Vec<(Code, Severity)>);

#[test]
fn what_a_version_makes_of_a_line() {
    const TWICE: Code = Code::OptionSetTwice;
    let (v1_12, v18_06, v20) = (Some((1, 12, 6)), Some((18, 6, 3)), Some((20, 10, 24)));
    let rows: Vec<Row> = vec![
        ("dockerd --no-such=1", "{}", v20, vec![(Code::FlagUnknown, Refuse)]),
        ("dockerd --no-such=1", "{}", None, vec![(Code::FlagUnknown, Warn)]),
        (
            "dockerd --debug true",
            "{}",
            v20,
            vec![(Code::CommandLineStrayWord, Refuse)],
        ),
        ("dockerd ", "{}", v20, vec![(Code::CommandLineStrayWord, Refuse)]),
        (
            "dockerd --debug true",
            "{}",
            v1_12,
            vec![(Code::CommandLineStrayWord, Refuse)],
        ),
        (
            "dockerd -storage-driver=devicemapper",
            "{}",
            v20,
            vec![(Code::FlagOneDash, Refuse)],
        ),
        ("dockerd -graph=/x", "{}", v20, vec![(Code::FlagOneDash, Warn)]),
        ("dockerd -s=overlay2 -g/x", "{}", v20, vec![]),
        ("dockerd --version", "{}", v20, vec![(Code::FlagNotAStart, Warn)]),
        ("dockerd --version=false", "{}", v20, vec![]),
        ("dockerd --mtu=x", "{}", v20, vec![]),
        ("dockerd --debug=x", "{}", v20, vec![(Code::FlagValueInvalid, Refuse)]),
        (
            "dockerd --live-restore=x",
            "{}",
            v20,
            vec![(Code::FlagValueInvalid, Refuse)],
        ),
        ("dockerd --storage-opt", "{}", v20, vec![(Code::FlagRejected, Refuse)]),
        ("dockerd --mtu", "{}", v20, vec![(Code::FlagRejected, Refuse)]),
        (
            "dockerd --log-driver=journald",
            r#"{"log-driver": "journald"}"#,
            v20,
            vec![(TWICE, Refuse)],
        ),
        (
            "dockerd --log-opt a=b --log-opt c=d",
            r#"{"log-opts": {"a": "b"}}"#,
            v20,
            vec![(TWICE, Refuse)],
        ),
        ("dockerd -D", r#"{"debug": false}"#, v20, vec![(TWICE, Refuse)]),
        // Client and daemon shared these flags up to 1.12, and no conflict was found.
        ("dockerd -D", r#"{"debug": false}"#, v1_12, vec![]),
        ("dockerd -D", r#"{"debug": false}"#, None, vec![]),
        (
            "dockerd -s overlay2",
            r#"{"storage-driver": null}"#,
            v20,
            vec![(TWICE, Refuse)],
        ),
        (
            "dockerd -H fd://",
            r#"{"hosts": ["fd://"]}"#,
            v20,
            vec![(TWICE, Refuse)],
        ),
        (
            "dockerd --label a=b",
            r#"{"label": ["a=b"]}"#,
            v20,
            vec![(Code::DaemonJsonKeyWithoutEffect, Warn)],
        ),
        (
            "dockerd --add-runtime a=/a",
            r#"{"runtimes": {"b": {"path": "/b"}}}"#,
            v20,
            vec![],
        ),
        (
            "dockerd --add-runtime a=/a",
            r#"{"runtimes": {"b": {"path": "/b"}}}"#,
            v18_06,
            vec![(TWICE, Refuse)],
        ),
        (
            "dockerd --add-runtime a=/a",
            r#"{"runtimes": {"b": {"path": "/b"}}}"#,
            None,
            vec![],
        ),
        ("dockerd -g /a", r#"{"data-root": "/b"}"#, v20, vec![]),
    ];
    for (line, json, version, expected) in rows {
        let findings = merge(line, json, version).findings;
        let found: Vec<_> = findings.iter().map(|f| (f.code, f.severity)).collect();
        assert_eq!(found, expected, "{line} {json} {version:?}");
    }
}

#[test]
fn in_the_order_of_dockerd() {
    let json = r#"{"mtu": "x", "labels": ["a"], "no-such": 1, "debug": true}"#;
    let findings = merge("dockerd -D --nor-this", json, Some((20, 10, 24))).findings;
    let codes: Vec<_> = findings.iter().map(|f| f.code).collect();
    assert_eq!(
        codes,
        [
            Code::FlagUnknown,
            Code::DaemonJsonKeyUnknown,
            Code::OptionSetTwice,
            Code::DaemonJsonWrongType,
        ]
    );
}

#[test]
fn the_words() {
    let config = merge("dockerd --log-opt a=b", "{\n\"log-opts\": {}}", Some((20, 10, 24)));
    assert_eq!(
        config.findings[0].message,
        "unable to configure the Docker daemon with file /d.json: the following directives are specified both as a flag and in the \
         configuration file: log-opts: (from flag: a=b, from file: {})"
    );
    assert_eq!(
        config.findings[0].remedy,
        "remove \"log-opts\" from /d.json:2, or remove the flag --log-opt of ExecStart"
    );
    let config = merge("dockerd --storage-opts x", "{}", Some((20, 10, 24)));
    assert_eq!(
        config.findings[0].remedy,
        "did you mean --storage-opt? otherwise remove --storage-opts from ExecStart"
    );
}

/// 1.12 leaves the words behind a stray one unread, so the configuration is not certain.
#[test]
fn what_is_not_read_is_not_certain() {
    assert!(
        merge("dockerd -D true -s overlay2", "{}", Some((1, 12, 6)))
            .uncertain
            .is_some()
    );
    assert_eq!(merge("dockerd -D -s overlay2", "{}", Some((1, 12, 6))).uncertain, None);
}
