//! Tests of `options`: Docker's reading of each option, and hostile values.

use super::super::build::Flavour;
use super::*;
use crate::model::Code;
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

fn codes(options: &StorageOptions) -> Vec<Code> {
    options.findings.iter().map(|finding| finding.code).collect()
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
    let conflicts: Vec<_> = options.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(conflicts, [Code::StorageOptionsConflict; 2]);
}

#[test]
fn the_last_one_wins() {
    let options = read(&["dm.fs=ext4", "dm.fs=xfs"]);
    assert_eq!(options.fs, Some(Sourced::new("xfs".into(), "daemon.json:2")));
}

#[test]
fn what_is_wrong() {
    for (option, code) in [
        ("dm.fs=XFS", Code::StorageOptionInvalid),
        ("dm.fs=xfs,dm.basesize=20G", Code::StorageOptionInvalid),
        ("dm.fs", Code::StorageOptionInvalid),
        ("", Code::StorageOptionInvalid),
        ("dm.basesize=", Code::StorageOptionInvalid),
        ("dm.basesize=10E", Code::StorageOptionInvalid),
        ("dm.loopdatasize=-5G", Code::StorageOptionInvalid),
        ("dm.xfs_nospace_max_retries=-1", Code::StorageOptionInvalid),
        ("dm.xfs_nospace_max_retries=+1", Code::StorageOptionInvalid),
        (
            "dm.xfs_nospace_max_retries=18446744073709551616",
            Code::StorageOptionInvalid,
        ),
        ("dm.min_free_space=10", Code::StorageOptionInvalid),
        ("dm.min_free_space=100%", Code::StorageOptionInvalid),
        ("dm.min_free_space=300%", Code::StorageOptionInvalid),
        ("dm.min_free_space=10.5%", Code::StorageOptionInvalid),
        ("dm.min_free_space=10 %", Code::StorageOptionInvalid),
        ("dm.min_free_space=10%%", Code::StorageOptionInvalid),
        ("dm.loopdatsize=10G", Code::StorageOptionUnknown),
        ("overlay2.override_kernel_check=true", Code::StorageOptionUnknown),
        ("=", Code::StorageOptionUnknown),
        ("--storage-opt dm.fs=xfs", Code::StorageOptionUnknown),
    ] {
        let options = read(&[option]);
        assert_eq!(codes(&options), [code], "{option}");
        let finding = &options.findings[0];
        let severity = match code {
            Code::StorageOptionUnknown => Severity::Warn,
            _ => Severity::Refuse,
        };
        assert_eq!((finding.severity, finding.place.as_str()), (severity, "daemon.json:1"));
        assert!(finding.remedy.ends_with("(daemon.json:1)"), "{}", finding.remedy);
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
        assert_eq!(read(&[option]).findings, vec![], "{option}");
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
    use Severity::{Refuse, Warn};
    for (option, flavour, version, expected) in [
        ("dm.min_free_space=10%", Upstream, Version::new(1, 10, 3), Some(Refuse)),
        ("dm.min_free_space=10%", Upstream, Version::new(1, 11, 0), None),
        // rhel7-1.10.3 has it (projectatomic/docker).
        ("dm.min_free_space=10%", RedHat, Version::new(1, 10, 3), None),
        (
            "dm.xfs_nospace_max_retries=0",
            Upstream,
            Version::new(1, 12, 6),
            Some(Refuse),
        ),
        (
            "dm.xfs_nospace_max_retries=0",
            RedHat,
            Version::new(1, 12, 6),
            Some(Warn),
        ),
        ("dm.xfs_nospace_max_retries=0", Upstream, Version::new(1, 13, 0), None),
        (
            "dm.directlvm_device=/dev/sdb",
            Upstream,
            Version::new(17, 5, 0),
            Some(Refuse),
        ),
        ("dm.directlvm_device=/dev/sdb", Upstream, Version::new(17, 6, 0), None),
        ("dm.libdm_log_level=3", Upstream, Version::new(17, 6, 2), Some(Refuse)),
        ("dm.libdm_log_level=3", Debian, Version::new(20, 10, 24), None),
        ("dm.nonsense=1", Debian, Version::new(20, 10, 24), Some(Refuse)),
        ("dm.nonsense=1", Flavour::Amazon, Version::new(20, 10, 7), Some(Warn)),
    ] {
        let found = read_by(&[option], &build(flavour, version));
        assert_eq!(
            found.findings.first().map(|f| f.severity),
            expected,
            "{option} {flavour:?} {version}"
        );
        assert!(found.findings.iter().all(|f| f.code == Code::StorageOptionUnknown));
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
        let kinds: Vec<_> = found.findings.iter().map(|f| (f.code, f.severity)).collect();
        assert_eq!(kinds, [(Code::StorageOptionsConflict, Severity::Refuse)], "{options:?}");
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
        assert_eq!(read(options).findings, vec![], "{options:?}");
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
        (
            removal_off,
            build(Upstream, Version::new(17, 12, 1)),
            Some(Severity::Warn),
        ),
        (
            removal_off,
            build(Debian, Version::new(20, 10, 24)),
            Some(Severity::Refuse),
        ),
        (removal_off, build(RedHat, Version::new(1, 12, 6)), Some(Severity::Warn)),
        (removal_off, build(RedHat, Version::new(1, 10, 3)), None),
        (
            deletion_on,
            build(RedHat, Version::new(1, 10, 3)),
            Some(Severity::Refuse),
        ),
        (removal_off, Build::unknown(), Some(Severity::Warn)),
        (
            deletion_on,
            build(Upstream, Version::new(1, 12, 6)),
            Some(Severity::Refuse),
        ),
        (deletion_on, build(RedHat, Version::new(1, 13, 1)), None),
        (deletion_on, build(Debian, Version::new(20, 10, 24)), None),
        (deletion_on, Build::unknown(), None),
    ] {
        let found = read_by(options, &build);
        assert_eq!(
            found.findings.first().map(|f| f.severity),
            expected,
            "{options:?} {build:?}"
        );
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
