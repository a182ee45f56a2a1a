//! Unknown keys, keys without effect, types and values.

use super::{Release, findings, told};
use crate::model::Code;
use crate::model::Severity::{self, Refuse, Warn};

/// What is given, to which version, and what is found.
type Row = (&'static str, Release, Vec<(Code, Severity)>);

const UNKNOWN: Code = Code::DaemonJsonKeyUnknown;
const NO_EFFECT: Code = Code::DaemonJsonKeyWithoutEffect;
const WRONG_TYPE: Code = Code::DaemonJsonWrongType;

#[test]
fn what_a_version_makes_of_keys() {
    let (v1_10, v20, v23, v24): (Release, Release, Release, Release) =
        (Some((1, 10, 3)), Some((20, 10, 24)), Some((23, 0, 6)), Some((24, 0, 9)));
    let rows: Vec<Row> = vec![
        (r#"{"no-such": 1}"#, v20, vec![(UNKNOWN, Refuse)]),
        (r#"{"no-such": 1}"#, None, vec![(UNKNOWN, Warn)]),
        (r#"{"add-registry": ["x"]}"#, v20, vec![(UNKNOWN, Refuse)]),
        (r#"{"add-registry": ["x"]}"#, None, vec![]),
        (r#"{"graph": "/x"}"#, v20, vec![]),
        (
            r#"{"graph": "/x"}"#,
            v24,
            vec![(UNKNOWN, Refuse), (Code::GraphIsGone, Refuse)],
        ),
        (r#"{"live-restore": true}"#, v1_10, vec![(UNKNOWN, Refuse)]),
        (r#"{"storage-opt": ["dm.fs=xfs"]}"#, v20, vec![(NO_EFFECT, Warn)]),
        (r#"{"x": {"debug": true}}"#, v20, vec![(NO_EFFECT, Warn)]),
        (r#"{"log-opts": {"max-file": 3}}"#, v20, vec![(WRONG_TYPE, Refuse)]),
        (r#"{"log-opts": {"max-file": 3}}"#, None, vec![(WRONG_TYPE, Refuse)]),
        (
            r#"{"debug": "true", "mtu": "1500"}"#,
            v20,
            vec![(WRONG_TYPE, Refuse), (WRONG_TYPE, Refuse)],
        ),
        (r#"{"add-registry": "x"}"#, None, vec![(WRONG_TYPE, Warn)]), // rhel7-1.10.3 has the flag alone
        // Of values that have nothing to do with storage dockerd tells itself.
        (r#"{"dns": ["x"], "labels": ["a", "b=1", "b=2"]}"#, v20, vec![]),
        // Each value of a repeated key is decoded.
        (
            r#"{"mtu": "1500", "mtu": 1500}"#,
            v20,
            vec![(Code::DaemonJsonKeyRepeated, Warn), (WRONG_TYPE, Refuse)],
        ),
        // Flags let these pass; what is decoded is "proxies".
        (r#"{"http-proxy": 1}"#, v23, vec![(NO_EFFECT, Warn)]),
        (r#"{"proxies": {"http-proxy": "http://x"}}"#, v23, vec![]),
        (r#"{"proxies": {"http-proxy": 1}}"#, v23, vec![(WRONG_TYPE, Refuse)]),
        (r#"{"node-generic-resources": "a=b"}"#, None, vec![]), // a string in 17.09 to 17.11
        (
            r#"{"builder": {"gc": {"enabled": true}}, "features": {"buildkit": true}}"#,
            v20,
            vec![],
        ),
    ];
    for (text, version, expected) in rows {
        let found = told("dockerd", text, version);
        assert_eq!(found, expected, "{text} {version:?}");
    }
}

#[test]
fn the_words() {
    let found = findings(
        "dockerd",
        "{\n\"storage_driver\": \"devicemapper\"}",
        Some((20, 10, 24)),
    );
    let finding = &found[0];
    assert_eq!(
        finding.message,
        "/d.json:2: dockerd 20.10.24 would refuse the file: the following directives don't match any configuration option: storage_driver"
    );
    assert_eq!(
        finding.remedy,
        "did you mean \"storage-driver\"? otherwise remove \"storage_driver\" (/d.json:2)"
    );
    let found = findings("dockerd", "{\"storage-opt\": []}", Some((20, 10, 24)));
    assert_eq!(
        found[0].remedy,
        "write \"storage-opts\" in place of \"storage-opt\" (/d.json:1)"
    );
}
