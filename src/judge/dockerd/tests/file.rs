//! The text of daemon.json: what each version refuses.

use super::told;
use crate::model::Code;
use crate::model::Severity::{Note, Refuse, Warn};

/// facts 5.2: which version refuses what. Columns: 20.10, 23.0, unknown.
#[test]
fn what_each_version_refuses() {
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
        for (version, expected) in [Some((20, 10, 0)), Some((23, 0, 0)), None].into_iter().zip(expected) {
            let found = told("dockerd", text, version);
            assert_eq!(found, [(code, expected)], "{text:?}");
        }
    }
}
