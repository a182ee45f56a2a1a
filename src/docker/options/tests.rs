//! Tests of `options`: Docker's reading of each option, and hostile values.

use super::super::build::Flavour;
use super::*;
use proptest::prelude::*;

fn read(options: &[&str]) -> StorageOptions {
    read_by(options, &Build::unknown())
}

fn build(flavour: Flavour, version: Version) -> Build {
    Build {
        version: Some(version),
        flavour,
        evidence: String::new(),
    }
}

fn read_by(options: &[&str], build: &Build) -> StorageOptions {
    let options: Vec<_> = options
        .iter()
        .enumerate()
        .map(|(index, option)| Sourced::new((*option).to_owned(), format!("daemon.json:{}", index + 1)))
        .collect();
    parse(&options, build)
}

/// What is wrong, without the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Invalid,
    Conflict,
}

fn kind(problem: &Problem) -> Kind {
    match problem.what {
        Fault::Unknown { .. } => Kind::Unknown,
        Fault::Invalid { .. } => Kind::Invalid,
        Fault::Conflict(_) => Kind::Conflict,
    }
}

fn kinds(options: &StorageOptions) -> Vec<(Kind, bool)> {
    options.problems.iter().map(|it| (kind(it), it.certain)).collect()
}

/// Whether the first problem is certain.
fn certain(options: &StorageOptions) -> Option<bool> {
    options.problems.first().map(|it| it.certain)
}

#[test]
fn every_typed_option() {
    let options = read(&[
        "dm.loopdatasize=300G",
        "dm.loopmetadatasize=4GB",
        " DM.FS = xfs ",
        "dm.basesize=20g",
        "dm.blocksize=64K",
        "dm.thinpooldev=/dev/mapper/docker-pool",
        "dm.datadev=/dev/sdb1",
        "dm.metadatadev=/dev/sdc1",
        "dm.directlvm_device=/dev/xvdf",
        "dm.xfs_nospace_max_retries=0",
        "dm.min_free_space=10%",
        "dm.mountopt=nodiscard,x=y",
        "dm.use_deferred_removal=true",
        "dm.thinp_percent=95%",
    ]);
    let found = kinds(&options);
    assert_eq!(
        options.loop_data_size,
        Some(Sourced::new(Bytes::gib(300), "daemon.json:1"))
    );
    assert_eq!(options.loop_metadata_size.map(|s| s.value), Some(Bytes::gib(4)));
    assert_eq!(options.fs, Some(Sourced::new("xfs".into(), "daemon.json:3")));
    assert_eq!(options.base_size.map(|s| s.value), Some(Bytes::gib(20)));
    assert_eq!(options.block_size.map(|s| s.value), Some(Bytes(65536)));
    assert_eq!(options.thin_pool_dev.map(|s| s.value).as_deref(), Some("docker-pool"));
    assert_eq!(options.data_dev.map(|s| s.value).as_deref(), Some("/dev/sdb1"));
    assert_eq!(options.metadata_dev.map(|s| s.value).as_deref(), Some("/dev/sdc1"));
    assert_eq!(options.direct_lvm_device.map(|s| s.value).as_deref(), Some("/dev/xvdf"));
    assert_eq!(options.xfs_nospace_max_retries.map(|s| s.value), Some(0));
    assert_eq!(options.min_free_space.map(|s| s.value), Some(10));
    assert_eq!(options.direct_lvm_numbers[0].as_ref().map(|n| n.value), Some(95));
    // Both a pool of LVM's and one that Docker is to make, and one of two percentages: each for its own reason.
    assert_eq!(found, [(Kind::Conflict, true); 2]);
}

#[test]
fn the_last_one_wins() {
    let options = read(&["dm.fs=ext4", "dm.fs=xfs"]);
    assert_eq!(options.fs, Some(Sourced::new("xfs".into(), "daemon.json:2")));
}

#[test]
fn what_is_wrong() {
    for (option, code) in [
        ("dm.fs=XFS", Kind::Invalid),
        ("dm.fs=xfs,dm.basesize=20G", Kind::Invalid),
        ("dm.fs", Kind::Invalid),
        ("", Kind::Invalid),
        ("dm.basesize=", Kind::Invalid),
        ("dm.basesize=10E", Kind::Invalid),
        ("dm.loopdatasize=-5G", Kind::Invalid),
        ("dm.xfs_nospace_max_retries=-1", Kind::Invalid),
        ("dm.xfs_nospace_max_retries=+1", Kind::Invalid),
        ("dm.xfs_nospace_max_retries=18446744073709551616", Kind::Invalid),
        ("dm.min_free_space=10", Kind::Invalid),
        ("dm.min_free_space=100%", Kind::Invalid),
        ("dm.min_free_space=300%", Kind::Invalid),
        ("dm.min_free_space=10.5%", Kind::Invalid),
        ("dm.min_free_space=10 %", Kind::Invalid),
        ("dm.min_free_space=10%%", Kind::Invalid),
        ("dm.loopdatsize=10G", Kind::Unknown),
        ("overlay2.override_kernel_check=true", Kind::Unknown),
        ("=", Kind::Unknown),
        ("--storage-opt dm.fs=xfs", Kind::Unknown),
    ] {
        let options = read(&[option]);
        assert_eq!(kinds(&options), [(code, code != Kind::Unknown)], "{option}");
        assert_eq!(options.problems[0].option.place, "daemon.json:1");
    }
}

#[test]
fn what_is_right() {
    for option in [
        "dm.basesize=0",
        "dm.min_free_space=0%",
        "dm.min_free_space=99%",
        "dm.datadev=",
        "dm.blkdiscard=false",
    ] {
        assert_eq!(read(&[option]).problems, vec![], "{option}");
    }
}

#[test]
fn what_lies_on_loop_files() {
    for (options, data, metadata) in [
        (&[][..], true, true),
        (&["dm.datadev=/dev/sdb"], false, true),
        (&["dm.metadatadev=/dev/sdb"], true, false),
        (&["dm.thinpooldev=/dev/mapper/p", "dm.loopdatasize=5G"], false, false),
        (&["dm.directlvm_device=/dev/sdb"], false, false),
        (&["dm.datadev=", "dm.thinpooldev=/dev/mapper/"], true, true),
    ] {
        let read = read(options);
        assert_eq!(
            (read.data_on_loop(), read.metadata_on_loop()),
            (data, metadata),
            "{options:?}"
        );
    }
}

/// facts 1, column "since" (tag walk of moby's deviceset.go): what upstream's versions and forks make of an option.
#[test]
fn an_option_that_this_version_does_not_know() {
    use Flavour::{Debian, RedHat, Upstream};
    for (option, flavour, version, expected) in [
        ("dm.min_free_space=10%", Upstream, Version::new(1, 10, 3), Some(true)),
        ("dm.min_free_space=10%", Upstream, Version::new(1, 11, 0), None),
        // rhel7-1.10.3 has it (projectatomic/docker).
        ("dm.min_free_space=10%", RedHat, Version::new(1, 10, 3), None),
        (
            "dm.xfs_nospace_max_retries=0",
            Upstream,
            Version::new(1, 12, 6),
            Some(true),
        ),
        (
            "dm.xfs_nospace_max_retries=0",
            RedHat,
            Version::new(1, 12, 6),
            Some(false),
        ),
        ("dm.xfs_nospace_max_retries=0", Upstream, Version::new(1, 13, 0), None),
        (
            "dm.directlvm_device=/dev/sdb",
            Upstream,
            Version::new(17, 5, 0),
            Some(true),
        ),
        ("dm.directlvm_device=/dev/sdb", Upstream, Version::new(17, 6, 0), None),
        ("dm.libdm_log_level=3", Upstream, Version::new(17, 6, 2), Some(true)),
        ("dm.libdm_log_level=3", Debian, Version::new(20, 10, 24), None),
        ("dm.nonsense=1", Debian, Version::new(20, 10, 24), Some(true)),
        ("dm.nonsense=1", Flavour::Amazon, Version::new(20, 10, 7), Some(false)),
    ] {
        let found = read_by(&[option], &build(flavour, version));
        assert_eq!(certain(&found), expected, "{option} {flavour:?} {version}");
        assert!(found.problems.iter().all(|it| kind(it) == Kind::Unknown));
    }
}

/// facts 1, "Combination rules" (moby v20.10.27 `device_setup.go:26-46`, `deviceset.go:1654-1720`).
#[test]
fn options_that_do_not_go_together() {
    for options in [
        &["dm.thinp_percent=95"][..],
        &["dm.thinp_autoextend_threshold=80"],
        &["dm.directlvm_device=/dev/sdb", "dm.thinp_percent=95"],
        &["dm.directlvm_device=/dev/sdb", "dm.thinp_metapercent=1"],
        &[
            "dm.directlvm_device=/dev/sdb",
            "dm.thinp_percent=95",
            "dm.thinp_metapercent=6",
        ],
        &["dm.directlvm_device=/dev/sdb", "dm.thinpooldev=pool"],
        &["dm.use_deferred_deletion=true", "dm.use_deferred_removal=false"],
    ] {
        let found = read(options);
        assert_eq!(kinds(&found), [(Kind::Conflict, true)], "{options:?}");
    }
    for options in [
        &["dm.thinp_percent=0"][..],
        &["dm.directlvm_device_force=true"],
        &["dm.directlvm_device=", "dm.thinpooldev=pool"],
        &[
            "dm.directlvm_device=/dev/sdb",
            "dm.thinp_percent=95",
            "dm.thinp_metapercent=5",
        ],
        &["dm.thinpooldev=pool", "dm.loopdatasize=5G", "dm.datadev=/dev/sdb"],
        &["dm.use_deferred_deletion=false", "dm.use_deferred_removal=false"],
    ] {
        assert_eq!(read(options).problems, vec![], "{options:?}");
    }
}

/// Deferred deletion is on by default from 17.07 (moby PR #33698), and in Red Hat's 1.13.1.
#[test]
fn deferred_removal_and_deletion_alone() {
    use Flavour::{Debian, RedHat, Upstream};
    let removal_off = &["dm.use_deferred_removal=false"];
    let deletion_on = &["dm.use_deferred_deletion=true"];
    for (options, build, expected) in [
        (removal_off, build(Upstream, Version::new(17, 6, 2)), None),
        (removal_off, build(Upstream, Version::new(17, 12, 1)), Some(false)),
        (removal_off, build(Debian, Version::new(20, 10, 24)), Some(true)),
        (removal_off, build(RedHat, Version::new(1, 12, 6)), Some(false)),
        (removal_off, build(RedHat, Version::new(1, 10, 3)), None),
        (deletion_on, build(RedHat, Version::new(1, 10, 3)), Some(true)),
        (removal_off, Build::unknown(), Some(false)),
        (deletion_on, build(Upstream, Version::new(1, 12, 6)), Some(true)),
        (deletion_on, build(RedHat, Version::new(1, 13, 1)), None),
        (deletion_on, build(Debian, Version::new(20, 10, 24)), None),
        (deletion_on, Build::unknown(), None),
    ] {
        let found = read_by(options, &build);
        assert_eq!(certain(&found), expected, "{options:?} {build:?}");
    }
}

#[test]
fn sectors_of_a_block() {
    assert_eq!(read(&[]).block_sectors(), 128);
    assert_eq!(read(&["dm.blocksize=512K"]).block_sectors(), 1024);
    // uint32(size) >> 9 in moby: 4 GiB and 0 are both no size at all.
    assert_eq!(read(&["dm.blocksize=4G"]).block_sectors(), 0);
}

proptest! {
    #[test]
    fn never_panics(options in proptest::collection::vec("(dm\\.[a-z_]{0,20})?=?.{0,12}", 0..4)) {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        read(&options);
    }
}
