//! Tests of `known`: rows by version with their sources, types, and nearest names.

use super::super::build::{Build, Flavour, Version};
use super::*;
use proptest::prelude::*;
use serde_json::json;

pub fn upstream(major: u16, minor: u16, patch: u16) -> Build {
    Build {
        version: Some(Version::new(major, minor, patch)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    }
}

fn unknown(text: &Value, build: &Build) -> Vec<String> {
    let object = text.as_object().cloned().unwrap_or_default();
    let keys = unknown_keys(&object, build);
    keys.iter().map(|(key, _)| (*key).to_owned()).collect()
}

#[test]
fn keys_by_version() {
    // key, version, let through, decoded; source of each.
    for (name, version, passes, read) in [
        ("storage-opts", (1, 10, 3), true, true),   // v1.10.3 daemon/config.go
        ("storage-opt", (1, 10, 3), true, false),   // the flag's own name passes and is not decoded
        ("data-root", (17, 4, 0), false, false),    // v17.04.0-ce cmd/dockerd/config.go
        ("data-root", (17, 5, 0), true, true),      // v17.05.0-ce cmd/dockerd/config.go
        ("graph", (23, 0, 0), true, true),          // v23.0.0 cmd/dockerd/config.go
        ("graph", (24, 0, 0), false, false),        // v24.0.0
        ("live-restore", (1, 11, 2), false, false), // v1.11.2 daemon/config.go
        ("live-restore", (1, 12, 0), true, true),
        ("api-cors-header", (1, 10, 3), true, false), // v1.10.3 daemon/config_unix.go: its tag is api-cors-headers
        ("api-cors-headers", (1, 10, 3), false, true),
        ("registry-mirrors", (1, 10, 3), false, false), // v1.10.3 registry/config.go: no NamedOption yet
        ("registry-mirrors", (1, 11, 0), true, true),
        ("default-ulimits", (17, 6, 2), false, true), // opts.NewUlimitOpt until v17.07.0-ce
        ("default-ulimits", (17, 7, 0), true, true),
        ("features", (18, 6, 3), false, false), // v18.09.0 daemon/config/config.go, skipValidateOptions
        ("features", (18, 9, 0), true, true),
        ("default-address-pools", (18, 6, 0), true, true), // v18.06.0-ce opts/address_pools.go
        ("default-init", (20, 10, 24), false, true),       // v20.10.24 daemon/config/config_common_unix.go
        ("resolv-conf", (20, 10, 24), false, true),        // v20.10.24 daemon/config/config_unix.go
        ("containerd-plugin-namespace", (20, 10, 24), false, true), // the flag says plugins
        ("containerd-plugins-namespace", (20, 10, 24), true, false),
        ("deprecated-key-path", (20, 10, 24), true, true), // v19.03.0 daemon/config/config.go
        ("cluster-store", (23, 0, 0), true, true),
        ("cluster-store", (24, 0, 0), false, false),
        ("add-registry", (1, 13, 1), false, false), // only projectatomic/docker
        ("http-proxy", (20, 10, 24), false, false), // v23.0.0 cmd/dockerd/config.go
        ("http-proxy", (23, 0, 0), true, false),    // v23.0.0 daemon/config/config.go: `proxies` is decoded
        ("proxies", (23, 0, 0), false, true),
        ("cdi-spec-dirs", (25, 0, 0), true, true), // v25.0.0 cmd/dockerd/config.go
        ("Storage-Driver", (20, 10, 24), false, false),
    ] {
        let build = upstream(version.0, version.1, version.2);
        assert_eq!(
            (lets_pass(name, &build), !decoded(name, &build).is_empty()),
            (passes, read),
            "{name} {version:?}"
        );
    }
}

#[test]
fn a_build_not_known_to_the_letter_knows_all() {
    let fork = Build {
        flavour: Flavour::RedHat,
        ..upstream(1, 9, 1)
    };
    let amazon = Build {
        flavour: Flavour::Amazon,
        ..upstream(20, 10, 25)
    };
    for build in [Build::unknown(), fork, amazon, upstream(1, 9, 1), upstream(28, 0, 0)] {
        assert_eq!(exact(&build), None);
        for name in [
            "add-registry",
            "signature-verification",
            "data-root",
            "graph",
            "default-init",
            "cdi-spec-dirs",
        ] {
            assert!(lets_pass(name, &build), "{name}");
        }
        assert!(!lets_pass("no-such-key", &build));
        assert!(flag_long("block-registry", &build).is_some());
    }
}

/// projectatomic/docker, branches rhel7-1.10.3, docker-1.12.6 and docker-1.13.1-rhel.
#[test]
fn what_red_hat_adds() {
    let red_hat = |major, minor, patch| Build {
        flavour: Flavour::RedHat,
        ..upstream(major, minor, patch)
    };
    let (v1_10, v1_12, v1_13) = (red_hat(1, 10, 3), red_hat(1, 12, 6), red_hat(1, 13, 1));
    for (name, knows) in [
        ("add-registry", [true, true, true]),
        ("skip-schema2-push", [true, true, true]),
        ("enable-secrets", [false, true, true]),
        ("signature-verification", [false, true, true]),
        ("userland-proxy-path", [false, true, true]),
        ("max-health-check-retries", [false, false, true]),
        ("bind-mount-prefix", [false, false, true]),
        ("live-restore", [false, true, true]),
        ("data-root", [false, false, false]),
    ] {
        let found = [&v1_10, &v1_12, &v1_13].map(|build| flag_long(name, build).is_some());
        assert_eq!(found, knows, "{name}");
    }
    assert!(flag_long("bind-mount-prefix", &v1_13).is_some_and(|flag| flag.is_doubtful(&v1_13)));
    assert!(lets_pass("default-ulimits", &v1_13) && !lets_pass("default-ulimits", &upstream(1, 13, 1)));
    assert_eq!(flag_long("add-registry", &upstream(1, 13, 1)), None);
}

#[test]
fn flags_by_version() {
    let (old, new) = (upstream(1, 10, 3), upstream(20, 10, 24));
    assert_eq!(flag_short('g', &new).map(|flag| flag.long), Some("graph"));
    assert_eq!(flag_short('g', &upstream(24, 0, 0)), None);
    assert_eq!(
        flag_long("storage-opt", &old).map(|flag| flag.key),
        Some("storage-opts")
    );
    assert_eq!(flag_long("dns", &old).map(|flag| flag.key), Some("dns"));
    assert!(flag_bare("bip", &old).is_some());
    assert_eq!(flag_bare("bip", &new), None);
    assert_eq!(flag_long("validate", &new), None);
    assert!(flag_long("validate", &upstream(23, 0, 0)).is_some());
}

/// `configValuesSet`: objects are opened, but for the keys of `flatOptions`.
#[test]
fn drawers_are_opened() {
    let build = upstream(20, 10, 24);
    assert_eq!(unknown(&json!({"x": {"debug": true}}), &build), Vec::<String>::new());
    assert_eq!(unknown(&json!({"x": {"y": true}, "z": 1}), &build), ["y", "z"]);
    assert_eq!(
        unknown(&json!({"log-opts": {"max-size": "1m"}}), &build),
        Vec::<String>::new()
    );
    assert_eq!(unknown(&json!({"x": {}}), &build), Vec::<String>::new());
    let ulimits = json!({"default-ulimits": {"nofile": {}}});
    assert_eq!(unknown(&ulimits, &upstream(1, 12, 6)), ["nofile"]);
    assert_eq!(unknown(&ulimits, &build), Vec::<String>::new());
}

#[test]
fn types() {
    let build = upstream(20, 10, 24);
    for (kind, good, bad) in [
        (Kind::Bool, json!([true, null]), json!(["true", 1])),
        (
            Kind::Int,
            json!([0, -1, 1500]),
            json!([1.0, 1.5, "1500", 9_223_372_036_854_775_808_u64]),
        ),
        (
            Kind::Uint,
            json!([0, 4_294_967_295_u64]),
            json!([-1, 4_294_967_296_u64]),
        ),
        (Kind::List, json!([[], ["a", null]]), json!(["a", [1], {}])),
        (
            Kind::Map,
            json!([{}, {"max-file": "3"}]),
            json!([{"max-file": 3}, ["a"], "a"]),
        ),
        (
            Kind::Switches,
            json!([{"buildkit": true}]),
            json!([{"buildkit": "true"}]),
        ),
        (
            Kind::Ip,
            json!(["", "::1", "10.0.0.1", "010.0.0.1"]),
            json!(["x", 1, "1.2.3", "1.2.3.256"]),
        ),
        (Kind::Size, json!(["64M", "1"]), json!([64, "", "64Q"])),
        (
            Kind::Pools,
            json!([[{"base": "10.0.0.0/8", "Size": 24}]]),
            json!([{"base": "x"}, [{"size": "24"}]]),
        ),
        (
            Kind::Ulimits,
            json!([{"nofile": {"Name": "nofile", "Hard": 1, "soft": 1}}]),
            json!([{"nofile": 1}, {"nofile": {"Hard": "1"}}]),
        ),
        (
            Kind::Runtimes,
            json!([{"a": {"path": "/x", "runtimeArgs": ["-a"]}}]),
            json!([{"a": "/x"}, {"a": {"runtimeArgs": "-a"}}]),
        ),
    ] {
        for value in good.as_array().into_iter().flatten() {
            assert_eq!(mismatch(kind, value, &build), None, "{kind:?} {value}");
        }
        for value in bad.as_array().into_iter().flatten() {
            assert!(mismatch(kind, value, &build).is_some(), "{kind:?} {value}");
        }
    }
    assert!(["0", "-1", "0x1f", "+5", "1_000"].iter().all(|text| go_int(text)));
    assert!(
        !["", "x", "1.5", "-", "9223372036854775808"]
            .iter()
            .any(|text| go_int(text))
    );
}

#[test]
fn what_was_meant() {
    let build = upstream(20, 10, 24);
    for (name, meant) in [
        ("storage_driver", Some("storage-driver")),
        ("Storage-Opts", Some("storage-opts")),
        ("storage-options", Some("storage-opts")),
        ("log-opt", Some("log-opts")),
        ("data-rot", Some("data-root")),
        ("insecure-registry", Some("insecure-registries")),
        ("zzz", None),
        ("", None),
    ] {
        assert_eq!(nearest_key(name, &build), meant, "{name}");
    }
    assert_eq!(nearest_flag("storage-opts", &build), Some("storage-opt"));
}

proptest! {
    #[test]
    fn never_panics(name in ".{0,60}", text in "[ -~]{0,40}") {
        let build = upstream(20, 10, 24);
        nearest_key(&name, &build);
        go_ip(&text);
        go_int(&text);
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        for key in keys::DECODED {
            mismatch(key.kind, &value, &build);
        }
    }
}
