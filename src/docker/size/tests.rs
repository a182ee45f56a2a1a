//! Tests of `size`: each spelling by each generation (facts: tag walk of go-units), and hostile text.

use super::*;
use crate::docker::build::Flavour;
use proptest::prelude::*;

const G: u64 = Bytes::GIB;

fn upstream(major: u16, minor: u16) -> Build {
    build(Flavour::Upstream, major, minor)
}

fn build(flavour: Flavour, major: u16, minor: u16) -> Build {
    Build {
        version: Some(Version::new(major, minor, 0)),
        flavour,
        evidence: String::new(),
    }
}

/// The table of docker-devicemapper facts 1.1: columns are 1.12, 18.06, 20.10, 24.0.
#[test]
fn each_spelling_by_generation() {
    let rows: [(&str, [Option<u64>; 4]); 25] = [
        ("300G", [Some(300 * G); 4]),
        ("300g", [Some(300 * G); 4]),
        ("300GB", [Some(300 * G); 4]),
        ("1073741824", [Some(G); 4]),
        ("0", [Some(0); 4]),
        ("12B", [Some(12); 4]),
        ("1P", [Some(1 << 50); 4]),
        ("10 GB", [None, Some(10 * G), Some(10 * G), Some(10 * G)]),
        ("1.5T", [None, Some(1536 * G), Some(1536 * G), Some(1536 * G)]),
        ("10 ", [None, Some(10), Some(10), Some(10)]),
        ("10GiB", [None, None, Some(10 * G), Some(10 * G)]),
        ("10Gi", [None, None, Some(10 * G), None]),
        ("10iB", [None, None, Some(10), None]),
        (".5G", [None, None, None, Some(G / 2)]),
        ("5.G", [None, None, None, Some(5 * G)]),
        ("1_000G", [None, None, None, Some(1000 * G)]),
        ("1e3G", [None, None, None, Some(1000 * G)]),
        ("+5G", [None, None, None, Some(5 * G)]),
        ("1.5.3", [None; 4]),
        ("-5G", [None; 4]),
        ("10E", [None; 4]),
        ("100%", [None; 4]),
        ("", [None; 4]),
        (" 10G", [None; 4]),
        ("10GBB", [None; 4]),
    ];
    for (text, expected) in rows {
        for (version, expected) in [(1, 12), (18, 6), (20, 10), (24, 0)].into_iter().zip(expected) {
            let read = ram_in_bytes(text, &upstream(version.0, version.1));
            assert_eq!(read.ok(), expected.map(Bytes), "{text:?} by {version:?}");
        }
        let some = expected.iter().flatten().next().copied();
        assert_eq!(
            ram_in_bytes(text, &Build::unknown()).ok(),
            some.map(Bytes),
            "{text:?}, unknown"
        );
    }
}

#[test]
fn a_build_that_was_not_read_may_read_as_later_versions_do() {
    let amazon = build(Flavour::Amazon, 1, 12);
    assert_eq!(ram_in_bytes("10GiB", &amazon), Ok(Bytes(10 * G)));
    assert!(ram_in_bytes("10E", &amazon).is_err());
    let red_hat = Build {
        version: Some(Version::new(1, 12, 6)),
        ..build(Flavour::RedHat, 1, 12)
    };
    assert!(ram_in_bytes("10GiB", &red_hat).is_err());
    // But not as earlier ones: what 23.0 dropped does not come back.
    assert!(ram_in_bytes("10Gi", &build(Flavour::Amazon, 24, 0)).is_err());
}

#[test]
fn sizes_no_docker_reads() {
    for text in [
        "G", "1.5.3G", "10  GB", "10G ", "1 0G", "10GBi", "0x10G", "infG", "1__0G", "1e400G", "10К", "١G",
    ] {
        assert!(ram_in_bytes(text, &Build::unknown()).is_err(), "{text:?}");
    }
}

#[test]
fn errors_are_dockers_words() {
    assert_eq!(
        ram_in_bytes("10GiB", &upstream(18, 6)),
        Err("invalid size: '10GiB'".into())
    );
    let syntax = "strconv.ParseFloat: parsing \"1.5.3\": invalid syntax";
    assert_eq!(ram_in_bytes("1.5.3", &upstream(20, 10)), Err(syntax.into()));
    assert_eq!(
        ram_in_bytes("10Gi", &upstream(24, 0)),
        Err("invalid suffix: 'gi'".into())
    );
    assert_eq!(
        ram_in_bytes("99999999999999999999", &upstream(1, 10)),
        Err("strconv.ParseInt: parsing \"99999999999999999999\": value out of range".into())
    );
}

#[test]
fn what_go_mangles_is_no_error() {
    for text in ["9223372036854775808", "8192P"] {
        assert_eq!(
            ram_in_bytes(text, &upstream(20, 10)),
            Ok(Bytes(i64::MAX as u64)),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".*", major in 0u16..30, minor in 0u16..14) {
        let _ = ram_in_bytes(&text, &upstream(major, minor));
        let _ = ram_in_bytes(&text, &Build::unknown());
    }

    #[test]
    fn plain_numbers_are_exact(n in 0..=i64::MAX as u64) {
        prop_assert_eq!(ram_in_bytes(&n.to_string(), &Build::unknown()), Ok(Bytes(n)));
    }

    /// Whatever one version reads, the unknown build reads too: the loosest rule.
    #[test]
    fn unknown_is_the_loosest(text in "[0-9.+eE -]{0,6}[kKmMgGtT]?[iI]?[bB]?", major in 1u16..30) {
        if ram_in_bytes(&text, &upstream(major, 12)).is_ok() {
            prop_assert!(ram_in_bytes(&text, &Build::unknown()).is_ok());
        }
    }
}
