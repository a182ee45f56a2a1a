//! Pools and devices that the options name, by Docker's version.

use super::*;
use crate::docker::direct_lvm::DirectLvm;
use crate::model::Code;

const SET_UP: &[&str] = &["dm.directlvm_device=/dev/xvdf"];
const OTHER: &[&str] = &["dm.directlvm_device=/dev/xvdg"];
const PERCENT: &[&str] = &[
    "dm.directlvm_device=/dev/xvdf",
    "dm.thinp_percent=90",
    "dm.thinp_metapercent=1",
];
const ZERO: &[&str] = &["dm.directlvm_device=/dev/xvdf", "dm.thinp_percent=0"];
const FORCE: &[&str] = &["dm.directlvm_device=/dev/xvdf", "dm.directlvm_device_force=true"];
const BY_NAME: &[&str] = &["dm.thinpooldev=docker-thinpool"];
const LOOP: &[&str] = &["dm.loopdatasize=8G", "dm.fs=ext4"];

/// Docker set its pool up on /dev/xvdf with no more than that (moby v17.06.0-ce and v24.0.9 `deviceset.go`, `initDevmapper`; v17.05.0-ce
/// has no `device_setup.go`).
#[test]
fn direct_lvm_by_version() {
    let (refuse, warn) = (Severity::Refuse, Severity::Warn);
    let changed = |severity| vec![(Code::DirectLvmChanged, severity)];
    let dropped = || vec![(Code::DirectLvmDropped, warn)];
    let rows = [
        (Some(Version::new(17, 6, 0)), SET_UP, vec![]),
        (Some(Version::new(17, 6, 0)), FORCE, vec![]),
        (Some(Version::new(17, 6, 0)), ZERO, vec![]),
        (Some(Version::new(17, 6, 0)), OTHER, changed(refuse)),
        (Some(Version::new(17, 6, 0)), PERCENT, changed(refuse)),
        (Some(Version::new(17, 6, 0)), BY_NAME, vec![]),
        (Some(Version::new(17, 6, 0)), LOOP, dropped()),
        (Some(Version::new(20, 10, 24)), OTHER, changed(refuse)),
        (Some(Version::new(24, 0, 9)), OTHER, changed(refuse)),
        (Some(Version::new(24, 0, 9)), LOOP, dropped()),
        (None, OTHER, changed(warn)),
        (None, LOOP, dropped()),
        (Some(Version::new(17, 5, 0)), LOOP, vec![]),
    ];
    for (version, options, expected) in rows {
        let mut before = host();
        before.config.build.version = version;
        root(&mut before).direct_lvm = Some(Ok(DirectLvm {
            device: "/dev/xvdf".into(),
            numbers: [0; 4],
        }));
        set_options(&mut before, options);
        let found: Vec<_> = codes(&before)
            .into_iter()
            .filter(|(code, _)| code.as_str().starts_with("direct-lvm"))
            .collect();
        assert_eq!(found, expected, "{version:?} {options:?}");
    }
}

/// An empty note, or none, is no setup: the options are free, and the device must be there.
#[test]
fn direct_lvm_for_the_first_time() {
    for note in [None, Some(Ok(DirectLvm::default()))] {
        let mut before = host();
        root(&mut before).direct_lvm = note;
        root(&mut before).base = None;
        root(&mut before).missing_devices.push("/dev/xvdf".into());
        // Of another pool's absence nothing follows: dockerd makes it.
        root(&mut before).thin_pool_device = Some(NamedPool::Missing);
        set_options(&mut before, SET_UP);
        assert_eq!(codes(&before), [(Code::PoolDeviceMissing, Severity::Refuse)]);
    }
}

/// dockerd makes no pool over something, but where it is told to.
#[test]
fn direct_lvm_on_a_disk_in_use() {
    let used = |options: &[&str], set_up: Option<&str>| {
        let mut before = host();
        root(&mut before).direct_lvm = set_up.map(|device| {
            Ok(DirectLvm {
                device: device.into(),
                numbers: [0; 4],
            })
        });
        root(&mut before).base = None;
        root(&mut before).used_devices.push(("/dev/xvdf".into(), "xfs".into()));
        set_options(&mut before, options);
        let codes = codes(&before);
        codes.contains(&(Code::PoolDeviceInUse, Severity::Warn))
    };
    assert!(used(SET_UP, None));
    assert!(used(&[SET_UP, &["dm.directlvm_device_force=false"]].concat(), None));
    assert!(!used(&[SET_UP, &["dm.directlvm_device_force=true"]].concat(), None));
    assert!(!used(SET_UP, Some("/dev/xvdf")), "dockerd has made its pool there");
    assert!(!used(&["dm.directlvm_device=/dev/xvdg"], None));
}

/// A base device is remembered, and the pool that is named is empty, or is yet to be made.
#[test]
fn another_pool_than_was_used() {
    let empty = || NamedPool::Pool {
        transaction_id: 0,
        data_used: 0,
    };
    let used = || NamedPool::Pool {
        transaction_id: 7,
        data_used: 9,
    };
    let thin_pool: &[&str] = &["dm.thinpooldev=/dev/mapper/docker-pool"];
    for (options, pool, expected) in [
        (thin_pool, Some(empty()), Some(Severity::Refuse)),
        (thin_pool, Some(used()), None),
        // A tree has no pools; the loop files that are in use beside it tell.
        (thin_pool, None, Some(Severity::Warn)),
        (SET_UP, Some(NamedPool::Missing), Some(Severity::Refuse)),
    ] {
        let mut before = host();
        root(&mut before).thin_pool_device = pool;
        set_options(&mut before, options);
        let found = codes(&before);
        let found = found.iter().find(|(code, _)| *code == Code::PoolIsAnother);
        assert_eq!(found.map(|(_, severity)| *severity), expected, "{options:?}");
        before.config.build.version = Some(Version::new(1, 7, 1));
        assert!(codes(&before).iter().all(|(code, _)| *code != Code::PoolIsAnother));
    }
}

/// The same for `dm.metadatadev`: what its device says is proof, and no word of it is none.
#[test]
fn another_metadata_device_than_was_used() {
    let used = || superblock();
    let empty = || Superblock {
        data_used: 0,
        transaction_id: 0,
        ..superblock()
    };
    for (named, expected) in [
        (Some(Ok(empty())), Some(Severity::Refuse)),
        (Some(Err(superblock::Error::NeverFormatted)), Some(Severity::Refuse)),
        (Some(Ok(used())), None),
        (None, Some(Severity::Warn)),
    ] {
        let mut before = host();
        before.named_superblock = named.map(Seen::Known);
        set_options(&mut before, &["dm.datadev=/dev/sdb", "dm.metadatadev=/dev/sdc"]);
        let found = codes(&before);
        let found = found.iter().find(|(code, _)| *code == Code::PoolIsAnother);
        assert_eq!(
            found.map(|(_, severity)| *severity),
            expected,
            "{:?}",
            before.named_superblock
        );
    }
}

/// Once it is set up dockerd opens the pool and never looks at the device again.
#[test]
fn direct_lvm_set_up_needs_its_pool() {
    let mut before = host();
    root(&mut before).direct_lvm = Some(Ok(DirectLvm {
        device: "/dev/xvdf".into(),
        numbers: [0; 4],
    }));
    root(&mut before).missing_devices.push("/dev/xvdf".into());
    set_options(&mut before, SET_UP);
    assert_eq!(codes(&before), []);
    root(&mut before).thin_pool_device = Some(NamedPool::Missing);
    assert_eq!(codes(&before), [(Code::ThinPoolMissing, Severity::Refuse)]);
}

/// The note is read at each start with this driver, from 17.06 on.
#[test]
fn an_unreadable_note_by_version() {
    let rows = [
        (Some(Version::new(17, 5, 0)), None),
        (Some(Version::new(17, 6, 0)), Some(Severity::Refuse)),
        (Some(Version::new(24, 0, 9)), Some(Severity::Refuse)),
        (None, Some(Severity::Warn)),
    ];
    for (version, severity) in rows {
        let mut before = host();
        before.config.build.version = version;
        root(&mut before).direct_lvm = Some(Err("it is no JSON".into()));
        let expected: Vec<_> = severity
            .map(|it| (Code::DirectLvmSetupUnreadable, it))
            .into_iter()
            .collect();
        assert_eq!(codes(&before), expected, "{version:?}");
        before.choice = Choice::Named("overlay2".into());
        assert!(
            codes(&before)
                .iter()
                .all(|(code, _)| !code.as_str().starts_with("direct-lvm")),
            "{version:?}"
        );
    }
}
