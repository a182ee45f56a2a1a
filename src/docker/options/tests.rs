//! Tests of `options`: Docker's reading of each option, and hostile values.

use super::*;
use proptest::prelude::*;

fn read(options: &[&str]) -> StorageOptions {
    let options: Vec<_> = options
        .iter()
        .enumerate()
        .map(|(index, option)| Sourced::new((*option).to_owned(), format!("daemon.json:{}", index + 1)))
        .collect();
    parse(&options)
}

fn codes(options: &StorageOptions) -> Vec<&str> {
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
    assert_eq!(options.findings, vec![]);
}

#[test]
fn the_last_one_wins() {
    let options = read(&["dm.fs=ext4", "dm.fs=xfs"]);
    assert_eq!(options.fs, Some(Sourced::new("xfs".into(), "daemon.json:2")));
}

#[test]
fn what_is_wrong() {
    for (option, code) in [
        ("dm.fs=XFS", "storage-option-invalid"),
        ("dm.fs=xfs,dm.basesize=20G", "storage-option-invalid"),
        ("dm.fs", "storage-option-invalid"),
        ("", "storage-option-invalid"),
        ("dm.basesize=", "storage-option-invalid"),
        ("dm.basesize=10E", "storage-option-invalid"),
        ("dm.loopdatasize=-5G", "storage-option-invalid"),
        ("dm.xfs_nospace_max_retries=-1", "storage-option-invalid"),
        ("dm.xfs_nospace_max_retries=+1", "storage-option-invalid"),
        (
            "dm.xfs_nospace_max_retries=18446744073709551616",
            "storage-option-invalid",
        ),
        ("dm.min_free_space=10", "storage-option-invalid"),
        ("dm.min_free_space=100%", "storage-option-invalid"),
        ("dm.min_free_space=300%", "storage-option-invalid"),
        ("dm.min_free_space=10.5%", "storage-option-invalid"),
        ("dm.min_free_space=10 %", "storage-option-invalid"),
        ("dm.min_free_space=10%%", "storage-option-invalid"),
        ("dm.loopdatsize=10G", "storage-option-unknown"),
        ("overlay2.override_kernel_check=true", "storage-option-unknown"),
        ("=", "storage-option-unknown"),
        ("--storage-opt dm.fs=xfs", "storage-option-unknown"),
    ] {
        let options = read(&[option]);
        assert_eq!(codes(&options), [code], "{option}");
        let finding = &options.findings[0];
        assert_eq!(
            (finding.severity, finding.place.as_str()),
            (Severity::Warn, "daemon.json:1")
        );
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

#[test]
fn advice_on_xfs() {
    for (options, advised) in [
        (&[][..], true),
        (&["dm.fs=xfs"], true),
        (&["dm.fs=ext4"], false),
        (&["dm.fs=xfs", "dm.xfs_nospace_max_retries=0"], false),
        (&["dm.xfs_nospace_max_retries=5"], false),
    ] {
        let advice = read(options).xfs_advice("docker.service's ExecStart");
        assert_eq!(advice.is_some(), advised, "{options:?}");
        if let Some(finding) = advice {
            assert_eq!(
                (finding.code, finding.severity),
                ("xfs-retries-forever", Severity::Note)
            );
            assert!(finding.remedy.contains("--storage-opt dm.xfs_nospace_max_retries=0"));
        }
    }
}

proptest! {
    #[test]
    fn never_panics(options in proptest::collection::vec("(dm\\.[a-z_]{0,20})?=?.{0,12}", 0..4)) {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        read(&options);
    }
}
