//! Tests of `drivers`: precedence and refusals by generation (facts 5.1, 5.4, 6), with the source of each row.

use super::*;

fn build(flavour: Flavour, version: (u16, u16, u16)) -> Build {
    Build {
        version: Some(Version::new(version.0, version.1, version.2)),
        flavour,
        evidence: String::new(),
    }
}

fn upstream(major: u16, minor: u16, patch: u16) -> Build {
    build(Flavour::Upstream, (major, minor, patch))
}

fn prior(dirs: &[(&str, bool)]) -> Vec<Prior> {
    dirs.iter()
        .map(|(driver, empty)| Prior {
            driver: (*driver).to_owned(),
            empty: *empty,
        })
        .collect()
}

fn chosen(dirs: &[(&str, bool)], build: &Build) -> (Choice, Option<Problem>) {
    let choice = choose(None, Some(&prior(dirs)), build);
    let problem = problem(&choice, None, build);
    (choice, problem)
}

#[test]
fn a_name_beats_what_is_there() {
    let named = Sourced::new("overlay2".to_owned(), "daemon.json:2");
    let dirs = prior(&[("devicemapper", false)]);
    let choice = choose(Some(&named), Some(&dirs), &upstream(20, 10, 24));
    assert_eq!(problem(&choice, Some(&named), &upstream(20, 10, 24)), None);
    assert_eq!(choice, Choice::Named("overlay2".into()));
}

#[test]
fn names_by_version() {
    for (driver, build, refused) in [
        ("devicemapper", upstream(24, 0, 9), false),
        // dc11d2a2d8, PR #43637
        ("devicemapper", upstream(25, 0, 0), true),
        ("DeviceMapper", upstream(20, 10, 24), true),
        ("nonsense", upstream(1, 10, 3), true),
        ("overlay2", upstream(1, 11, 2), true),
        ("overlay2", upstream(1, 12, 0), false),
        ("aufs", upstream(23, 0, 0), false),
        ("aufs", upstream(24, 0, 0), true),
        ("vieux/graph:latest", upstream(20, 10, 24), false),
        // Red Hat's was read; another fork may have or lack what it will.
        ("nonsense", build(Flavour::RedHat, (1, 13, 1)), true),
        ("overlay2", build(Flavour::RedHat, (1, 10, 3)), true),
        ("nonsense", build(Flavour::Amazon, (20, 10, 7)), false),
        ("nonsense", Build::unknown(), false),
    ] {
        let named = Sourced::new(driver.to_owned(), "flag -s");
        let choice = choose(Some(&named), None, &build);
        assert_eq!(
            problem(&choice, Some(&named), &build).is_some(),
            refused,
            "{driver} {build:?}"
        );
    }
}

#[test]
fn what_is_there_decides() {
    let dm = Choice::Prior("devicemapper".into());
    for (dirs, build, expected) in [
        (&[("devicemapper", false)][..], upstream(20, 10, 24), dm.clone()),
        (
            &[("devicemapper", false), ("vfs", false)],
            upstream(20, 10, 24),
            dm.clone(),
        ),
        (
            &[("devicemapper", false), ("overlay2", true)],
            upstream(20, 10, 24),
            dm.clone(),
        ),
        (&[("devicemapper", false)], build(Flavour::RedHat, (1, 13, 1)), dm),
        (&[("overlay2", true)], upstream(20, 10, 24), Choice::FirstThatWorks),
        // Before 17.12 an empty directory counts (facts 5.1).
        (
            &[("overlay2", true)],
            upstream(17, 6, 2),
            Choice::Prior("overlay2".into()),
        ),
        (&[], Build::unknown(), Choice::FirstThatWorks),
    ] {
        assert_eq!(chosen(dirs, &build), (expected, None), "{dirs:?} {build:?}");
    }
    assert!(matches!(
        chosen(&[("devicemapper", false)], &Build::unknown()).0,
        Choice::Unknown(_)
    ));
    assert!(matches!(
        chosen(&[("devicemapper", false)], &upstream(25, 0, 0)).0,
        Choice::Unknown(_)
    ));
    assert!(matches!(choose(None, None, &upstream(20, 10, 24)), Choice::Unknown(_)));
}

#[test]
fn several_states_and_no_name() {
    let dirs = &[("devicemapper", false), ("overlay2", false)];
    let ambiguous = |dirs: &[(&str, bool)], build: &Build| match chosen(dirs, build).1 {
        Some(Problem::Ambiguous { certain, .. }) => certain,
        other => panic!("{other:?}"),
    };
    for (build, certain) in [
        (upstream(20, 10, 24), true),
        (upstream(1, 10, 3), true),
        // moby v1.7.1 daemon/graphdriver/driver.go, checkPriorDriver
        (upstream(1, 7, 0), false),
        (build(Flavour::RedHat, (1, 13, 1)), true),
        (build(Flavour::Amazon, (20, 10, 7)), false),
        (Build::unknown(), false),
    ] {
        assert_eq!(ambiguous(dirs, &build), certain, "{build:?}");
    }
    // Whether aufs is built in is not certain enough.
    assert!(!ambiguous(
        &[("devicemapper", false), ("aufs", false)],
        &upstream(20, 10, 24)
    ));
}

/// 3853eb59d1, PR #43378; v23.0.18 `driver.go:220`.
#[test]
fn a_deprecated_driver_must_be_named_from_23_on() {
    for (build, refused) in [
        (upstream(20, 10, 24), false),
        (upstream(23, 0, 0), true),
        (upstream(24, 0, 9), true),
    ] {
        let named = chosen(&[("devicemapper", false)], &build).1;
        assert_eq!(matches!(named, Some(Problem::NotNamed { .. })), refused, "{build:?}");
    }
}

#[test]
fn options_of_another_driver() {
    let named = |driver: &str| Choice::Named(driver.into());
    const EXT4: i64 = 0xef53;
    for (choice, option, build, refused) in [
        (named("overlay2"), "dm.fs=xfs", upstream(20, 10, 24), true),
        (
            named("overlay2"),
            "overlay2.override_kernel_check=true",
            upstream(20, 10, 24),
            false,
        ),
        (
            named("overlay2"),
            "overlay2.override_kernel_check=yes",
            upstream(20, 10, 24),
            true,
        ),
        // 24.0: facts 6
        (
            named("overlay2"),
            "overlay2.override_kernel_check=true",
            upstream(24, 0, 0),
            true,
        ),
        (named("overlay2"), "overlay2.size=10G", upstream(20, 10, 24), true),
        (named("overlay2"), "overlay2.size=0", upstream(20, 10, 24), false),
        (named("overlay2"), "nothing", upstream(20, 10, 24), true),
        (named("overlay"), "dm.fs=xfs", upstream(20, 10, 24), true),
        (named("overlay"), "dm.fs=xfs", upstream(17, 6, 2), false),
        (named("vfs"), "size=1G", upstream(20, 10, 24), false),
        (named("vfs"), "dm.fs=xfs", upstream(20, 10, 24), true),
        (named("aufs"), "dm.fs=xfs", upstream(20, 10, 24), false),
        // moby#22685: overlay2 is tried first and parses the options first.
        (Choice::FirstThatWorks, "dm.fs=xfs", upstream(20, 10, 24), true),
        (Choice::FirstThatWorks, "dm.fs=xfs", upstream(1, 12, 6), false),
    ] {
        let options = [Sourced::new(option.to_owned(), "daemon.json:3")];
        let found = other_options(&choice, &options, (Some(EXT4), None), &build);
        assert_eq!(found.is_some(), refused, "{choice:?} {option} {build:?}: {found:?}");
    }
    let options = [Sourced::new("overlay2.size=10G".to_owned(), "daemon.json:3")];
    assert_eq!(
        other_options(
            &named("overlay2"),
            &options,
            (Some(XFS_MAGIC), None),
            &upstream(20, 10, 24)
        ),
        None
    );
}

#[test]
fn btrfs_and_zfs_need_their_own_filesystem() {
    let build = upstream(20, 10, 24);
    for (driver, magic, refused) in [
        ("btrfs", Some(0xef53), true),
        ("btrfs", Some(0x9123_683e), false),
        ("zfs", Some(XFS_MAGIC), true),
        ("zfs", None, false),
        ("overlay2", Some(0xef53), false),
    ] {
        let found = wrong_filesystem(&Choice::Named(driver.into()), &[], magic, &build);
        assert_eq!(found.is_some(), refused, "{driver} {magic:?}");
    }
}
