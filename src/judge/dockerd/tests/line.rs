//! Findings on the whole command line.

use super::{Before, Release, Verdict, certainty, config, findings, judge, told};
use crate::model::Severity::{self, Refuse, Warn};
use crate::model::{Answer, Code, Seen, UnitFault};

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
        assert_eq!(told(line, json, version), expected, "{line} {json} {version:?}");
    }
}

#[test]
fn the_words() {
    let found = findings("dockerd --log-opt a=b", "{\n\"log-opts\": {}}", Some((20, 10, 24)));
    assert_eq!(
        found[0].message,
        "unable to configure the Docker daemon with file /d.json: the following directives are specified both as a flag and in the \
         configuration file: log-opts: (from flag: a=b, from file: {})"
    );
    assert_eq!(
        found[0].remedy,
        "remove \"log-opts\" from /d.json:2, or remove the flag --log-opt of ExecStart"
    );
    let found = findings("dockerd --storage-opts x", "{}", Some((20, 10, 24)));
    assert_eq!(
        found[0].remedy,
        "did you mean --storage-opt? otherwise remove --storage-opts from ExecStart"
    );
}

/// 1.12 leaves the words behind a stray one unread, so the configuration is not certain.
#[test]
fn what_is_not_read_is_not_certain() {
    let uncertain = |line: &str| config(line, "{}", Some((1, 12, 6))).uncertain();
    assert!(uncertain("dockerd -D true -s overlay2").is_some());
    assert_eq!(uncertain("dockerd -D -s overlay2"), None);
}

#[test]
fn a_unit_that_does_not_start() {
    let host = |fault| {
        let mut config = config("dockerd", "{}", Some((20, 10, 24)));
        (config.line_unknown, config.unit_fault) = (Some("because".into()), fault);
        let before = Before::new(config, Seen::unknown("not looked at"));
        let mut verdict = Verdict::default();
        judge(&before, "docker.service", &mut verdict.findings);
        certainty::apply(&before, false, &mut verdict);
        let found: Vec<_> = verdict.findings.iter().map(|it| it.code).collect();
        (found, verdict.answer(false))
    };
    for (fault, code, answer) in [
        (None, Code::CommandLineUnknown, Answer::Start),
        (Some(UnitFault::Missing), Code::UnitNotFound, Answer::Unknown),
        (Some(UnitFault::Masked), Code::UnitWillNotStart, Answer::Refuse),
        (Some(UnitFault::Refused), Code::UnitWillNotStart, Answer::Refuse),
    ] {
        assert_eq!(host(fault), (vec![code], answer), "{fault:?}");
    }
}
