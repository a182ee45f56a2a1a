//! Tests of `values`: the rules of `Validate` by version.

use super::super::build::Flavour;
use super::*;
use serde_json::json;

fn keys(object: &Value, version: (u16, u16, u16)) -> Vec<&'static str> {
    let build = Build {
        version: Some(Version::new(version.0, version.1, version.2)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    };
    let object = object.as_object().cloned().unwrap_or_default();
    breaches(&object, &build).into_iter().map(|breach| breach.key).collect()
}

#[test]
fn rules_by_version() {
    // value, a version that takes it, a version that refuses it; the source is the function named above at that version.
    for (object, takes, refuses) in [
        (json!({"dns": ["x"]}), Some((1, 10, 3)), Some((1, 11, 2))),
        (
            json!({"dns": ["8.8.8.8", " ::1 "], "dns-search": ["a.b", "."], "labels": ["a=b", "c="]}),
            Some((20, 10, 24)),
            None,
        ),
        (json!({"dns-search": ["-"]}), Some((1, 10, 3)), Some((20, 10, 24))),
        (json!({"labels": ["a"]}), Some((1, 10, 3)), Some((1, 11, 2))),
        (
            json!({"labels": ["com.docker.x=1"]}),
            Some((19, 3, 15)),
            Some((20, 10, 0)),
        ),
        (json!({"labels": ["a=1", "a=2"]}), Some((1, 12, 6)), Some((1, 13, 0))),
        (json!({"labels": ["a=1", "a=1"]}), Some((20, 10, 24)), None),
        (
            json!({"max-concurrent-downloads": -1}),
            Some((1, 11, 2)),
            Some((1, 12, 0)),
        ),
        (json!({"max-concurrent-uploads": -1}), None, Some((25, 0, 5))),
        (json!({"max-concurrent-uploads": 0}), Some((20, 10, 24)), None),
        (
            json!({"max-download-attempts": 0}),
            Some((23, 0, 0)),
            Some((20, 10, 24)),
        ),
        (json!({"max-download-attempts": -1}), None, Some((23, 0, 0))),
        (json!({"mtu": -1}), Some((20, 10, 24)), Some((23, 0, 0))),
        (json!({"runtimes": {"runc": {}}}), Some((25, 0, 0)), Some((20, 10, 24))),
        (json!({"default-runtime": "kata"}), Some((1, 11, 2)), Some((20, 10, 24))),
        (
            json!({"default-runtime": "kata", "runtimes": {"kata": {}}}),
            Some((20, 10, 24)),
            None,
        ),
        (
            json!({"default-runtime": "io.containerd.runc.v2"}),
            Some((20, 10, 24)),
            Some((19, 3, 15)),
        ),
        (json!({"default-runtime": "runc"}), Some((1, 12, 0)), None),
        (
            json!({"node-generic-resources": ["a"]}),
            Some((17, 12, 0)),
            Some((20, 10, 24)),
        ),
        (json!({"default-ipc-mode": "host"}), Some((17, 6, 0)), Some((17, 9, 0))),
        (
            json!({"default-ipc-mode": "shareable", "default-cgroupns-mode": "host"}),
            Some((20, 10, 24)),
            None,
        ),
        (json!({"default-cgroupns-mode": "x"}), None, Some((20, 10, 24))),
        (json!({"log-level": "loud"}), None, Some((23, 0, 0))),
        (json!({"log-level": "loud"}), Some((19, 3, 15)), Some((20, 10, 24))),
        (json!({"log-level": ""}), Some((20, 10, 24)), None),
        (json!({"log-level": "WARN"}), Some((23, 0, 0)), None),
        (json!({"log-format": "xml"}), None, Some((25, 0, 0))),
        (json!({"oom-score-adjust": -500}), Some((24, 0, 9)), Some((25, 0, 0))),
        (json!({"shutdown-timeout": -1}), Some((25, 0, 5)), None),
    ] {
        if let Some(version) = takes {
            assert_eq!(keys(&object, version), Vec::<&str>::new(), "{object} {version:?}");
        }
        if let Some(version) = refuses {
            assert_eq!(keys(&object, version).len(), 1, "{object} {version:?}");
        }
    }
}

#[test]
fn a_build_not_known_has_no_rules() {
    let object = json!({"labels": ["a"], "dns": ["x"]})
        .as_object()
        .cloned()
        .unwrap_or_default();
    assert_eq!(breaches(&object, &Build::unknown()), vec![]);
}
