//! Tests of preflight's judgement: each state of a host in, codes and severities out. No host, no clock.

use super::*;
use crate::docker::Sourced;
use crate::docker::build::{Build, Flavour, Version};
use crate::docker::command_line::Line;
use crate::docker::configuration::Configuration;
use crate::docker::daemon_json::DaemonJson;
use crate::docker::device_json::{Device, DeviceSet};
use crate::docker::drivers::Choice;
use crate::docker::drivers::Prior;
use crate::docker::options;
use crate::docker::state::RootState;
use crate::docker::state::{NamedPool, PidfileProcess, SemaphoreLimit};
use crate::docker::state::{Odd, OddFile};
use crate::kernel::superblock::{self, Superblock};
use crate::model::{ActiveState, Backing, BackingFile, Daemon, Evidence, Host, Probe, Severity, Unit};
use crate::model::{Bytes, Disk};

mod named;

const DATA: &str = "/var/lib/docker/devicemapper/devicemapper/data";
const METADATA: &str = "/var/lib/docker/devicemapper/devicemapper/metadata";

fn file(path: &str, size: Bytes) -> BackingFile {
    BackingFile {
        path: path.into(),
        size_bytes: size,
        allocated_bytes: Bytes::mib(64),
    }
}

fn set_options(before: &mut Before, texts: &[&str]) {
    let sourced: Vec<_> = texts
        .iter()
        .map(|text| Sourced::new((*text).to_owned(), "daemon.json:3"))
        .collect();
    before.config.options = options::parse(&sourced, &before.config.build);
}

/// A host with a used pool of 2 GiB on 20.10, in order.
fn host() -> Before {
    let build = Build {
        version: Some(Version::new(20, 10, 24)),
        flavour: Flavour::Debian,
        evidence: String::new(),
    };
    let mut before = Before {
        config: Configuration::merge(Line::default(), DaemonJson::default(), None, &build),
        choice: Choice::Named("devicemapper".into()),
        root: Seen::Known(RootState {
            drivers: Some(vec![Prior {
                driver: "devicemapper".into(),
                empty: false,
            }]),
            base: Some(Ok(Device {
                device_id: 1,
                size: 1 << 30,
                initialized: true,
                ..Device::default()
            })),
            device_set: Some(Ok(DeviceSet {
                base_filesystem: "ext4".into(),
                ..DeviceSet::default()
            })),
            all_devices_seen: true,
            loop_devices: Some(true),
            ..RootState::default()
        }),
        disk: Seen::Known(Disk {
            pool_name: Some("docker-254:0-1-pool".into()),
            data_path: DATA.into(),
            metadata_path: METADATA.into(),
            files: vec![file(DATA, Bytes::gib(8)), file(METADATA, Bytes::gib(1))],
            metadata_host: None,
            missing: vec![],
            host: Host {
                path: "/var/lib/docker".into(),
                free_bytes: Bytes::gib(100),
                total_bytes: Bytes::gib(200),
                read_only: false,
            },
        }),
        superblock: Some(Seen::Known(Ok(superblock()))),
        named_superblock: None,
        lvm: None,
    };
    set_options(
        &mut before,
        &["dm.loopdatasize=8G", "dm.loopmetadatasize=1G", "dm.fs=ext4"],
    );
    before
}

fn superblock() -> Superblock {
    Superblock {
        version: 2,
        needs_check: false,
        transaction_id: 1,
        held_root: 0,
        data_block_sectors: 128,
        incompatible_features: 0,
        data_blocks: Bytes::gib(8).0 >> 16,
        data_used: 1000,
        metadata_blocks: Bytes::gib(1).0 >> 12,
        metadata_used: 100,
    }
}

fn seen() -> Snapshot {
    Snapshot {
        pool: Seen::Known(None),
        host: Seen::unknown("not looked at"),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::unknown("not looked at"),
            tasks: Seen::unknown("not looked at"),
            ping: Probe::NotAsked,
            info: Probe::NotAsked,
            driver: Probe::NotAsked,
            containerd: Seen::unknown("not looked at"),
            containers: Default::default(),
        },
        evidence: Evidence::default(),
    }
}

fn judged(before: &Before) -> Verdict {
    judge(before, &seen(), &Settings::default(), Duration::from_secs(100))
}

/// Findings worse than a note.
fn codes(before: &Before) -> Vec<(Code, Severity)> {
    let bad = |finding: &&Finding| finding.severity > Severity::Note;
    judged(before)
        .findings
        .iter()
        .filter(bad)
        .map(|f| (f.code, f.severity))
        .collect()
}

fn root(before: &mut Before) -> &mut RootState {
    match &mut before.root {
        Seen::Known(root) => root,
        Seen::Unknown(_) => panic!("unknown"),
    }
}

fn disk(before: &mut Before) -> &mut Disk {
    match &mut before.disk {
        Seen::Known(disk) => disk,
        Seen::Unknown(_) => panic!("unknown"),
    }
}

#[test]
fn a_host_in_order() {
    assert_eq!(codes(&host()), []);
    assert_eq!(judged(&host()).deed, None);
}

type Change = fn(&mut Before);

/// One change to a host in order, and the one refusal that it is to bring.
#[test]
fn what_is_refused() {
    let rows: [(Code, Change); 36] = [
        (Code::PoolHalfMissing, |b| disk(b).files.truncate(1)),
        (Code::PoolHalfMissing, |b| _ = disk(b).files.remove(0)),
        (Code::PoolFilesMissing, |b| disk(b).files.clear()),
        (Code::PoolFileOdd, |b| {
            root(b).odd_files.push(OddFile {
                path: DATA.into(),
                what: Odd::Directory,
            })
        }),
        (Code::SuperblockDamaged, |b| {
            b.superblock = Some(Seen::Known(Err(superblock::Error::BadChecksum {
                stored: 1,
                computed: 2,
            })));
        }),
        (Code::SuperblockDamaged, |b| {
            b.superblock = Some(Seen::Known(Err(superblock::Error::WrongMagic(7))))
        }),
        (Code::SuperblockBlank, |b| {
            b.superblock = Some(Seen::Known(Err(superblock::Error::NeverFormatted)))
        }),
        (Code::SuperblockBlank, |b| {
            b.superblock = Some(Seen::Known(Err(superblock::Error::TooShort(0))))
        }),
        (Code::BlockSizeChanged, |b| {
            set_options(b, &["dm.blocksize=128K", "dm.loopdatasize=8G", "dm.fs=ext4"])
        }),
        (Code::BlockSizeChanged, |b| {
            b.superblock = Some(Seen::Known(Ok(Superblock {
                data_block_sectors: 1024,
                data_blocks: 100,
                ..superblock()
            })));
        }),
        (Code::PoolFileTooShort, |b| {
            disk(b).files[0].size_bytes = Bytes::gib(4);
            set_options(b, &["dm.loopdatasize=4G", "dm.fs=ext4"]);
        }),
        (Code::PoolFileTooShort, |b| {
            disk(b).files[1].size_bytes = Bytes::mib(512);
            set_options(b, &["dm.loopmetadatasize=512M", "dm.loopdatasize=8G", "dm.fs=ext4"]);
        }),
        (Code::DockerDeviceFileUnreadable, |b| {
            root(b).unreadable_devices.push(("x".into(), "it is empty".into()))
        }),
        (Code::DockerDeviceSetUnreadable, |b| {
            root(b).device_set = Some(Err("it is empty".into()))
        }),
        (Code::BaseSizeTooSmall, |b| {
            set_options(b, &["dm.basesize=512M", "dm.loopdatasize=8G", "dm.fs=ext4"])
        }),
        (Code::DaemonStillThere, |b| {
            root(b).pidfile_process = Some(PidfileProcess {
                path: "/var/run/docker.pid".into(),
                pid: 7,
                comm: "dockerd".into(),
                zombie: false,
            });
        }),
        (Code::DataRootReadOnly, |b| root(b).read_only = true),
        (Code::DataRootNotADirectory, |b| root(b).not_a_directory = true),
        (Code::ThinPoolMissing, |b| {
            set_options(b, &["dm.thinpooldev=pool"]);
            root(b).thin_pool_device = Some(NamedPool::Missing);
        }),
        (Code::ThinPoolIsNone, |b| {
            set_options(b, &["dm.thinpooldev=pool"]);
            root(b).thin_pool_device = Some(NamedPool::Other("linear".into()));
        }),
        (Code::ThinPoolInUse, |b| {
            set_options(b, &["dm.thinpooldev=pool"]);
            root(b).base = None;
            root(b).thin_pool_device = Some(NamedPool::Pool {
                transaction_id: 0,
                data_used: 5,
            });
        }),
        (Code::BlockSizeImpossible, |b| {
            disk(b).files.clear();
            root(b).base = None;
            set_options(b, &["dm.blocksize=100K", "dm.fs=ext4"]);
        }),
        (Code::LoopSizeImpossible, |b| {
            disk(b).files.clear();
            root(b).base = None;
            set_options(b, &["dm.loopmetadatasize=16K", "dm.fs=ext4"]);
        }),
        (Code::LoopSizeImpossible, |b| {
            disk(b).files.clear();
            root(b).base = None;
            set_options(b, &["dm.loopdatasize=0", "dm.fs=ext4"]);
        }),
        (Code::StorageDriverNotInKernel, |b| {
            b.choice = Choice::Prior("aufs".into());
            root(b).drivers = Some(Vec::new());
            root(b).aufs = Some(false);
        }),
        (Code::PoolFileTooShort, |b| {
            disk(b).files[1].size_bytes = Bytes(64 << 10)
        }),
        (Code::PoolFileEmptied, |b| root(b).data_all_holes = true),
        (Code::MetadataFeatureUnknown, |b| {
            root(b).kernel = Some("6.1.0-25-amd64".into());
            let superblock = Superblock {
                incompatible_features: 1,
                ..superblock()
            };
            b.superblock = Some(Seen::Known(Ok(superblock)));
        }),
        (Code::DataRootFull, |b| {
            b.config.build.version = Some(crate::docker::build::Version::new(20, 10, 24));
            b.config.build.flavour = crate::docker::build::Flavour::Debian;
            root(b).filesystem = Some(0xEF53);
            root(b).free_blocks = Some(0);
        }),
        (Code::DockerVolumeStoreBroken, |b| root(b).volume_store_broken = true),
        (Code::PidfileIsADirectory, |b| {
            root(b).pidfile_is_directory = Some("/run/docker.pid".into())
        }),
        (Code::PoolFileImmutable, |b| root(b).immutable_files.push(DATA.into())),
        (Code::DockerImageListUnreadable, |b| {
            root(b).image_list = Some("it is empty".into())
        }),
        (Code::PoolDeviceMissing, |b| {
            set_options(b, &["dm.directlvm_device=/dev/nonsense"]);
            root(b).missing_devices.push("/dev/nonsense".into());
        }),
        (Code::PoolFileEmptied, |b| disk(b).files[0].size_bytes = Bytes(0)),
        (Code::PoolDeviceMissing, |b| {
            set_options(b, &["dm.datadev=/dev/nonsense"]);
            root(b).missing_devices.push("/dev/nonsense".into());
        }),
    ];
    for (code, change) in rows {
        let mut before = host();
        change(&mut before);
        let refused: Vec<_> = codes(&before)
            .into_iter()
            .filter(|(_, severity)| *severity == Severity::Refuse)
            .collect();
        assert_eq!(refused, [(code, Severity::Refuse)]);
        // Each names its place and the next step.
        let verdict = judged(&before);
        let finding = verdict.findings.iter().find(|finding| finding.code == code).unwrap();
        assert!(
            !finding.place.is_empty() && !finding.remedy.is_empty() && !finding.message.contains("  "),
            "{finding:?}"
        );
        // What rests on a guess refuses nothing.
        before.config.line_unknown = Some("no D-Bus".into());
        assert!(
            judged(&before)
                .findings
                .iter()
                .all(|finding| finding.severity < Severity::Refuse),
            "{code}"
        );
        assert_eq!(judged(&before).deed, None);
    }
}

#[test]
fn what_is_no_ground_for_a_refusal() {
    let rows: [(&str, Change); 9] = [
        ("a larger file than asked for", |b| {
            disk(b).files[0].size_bytes = Bytes::gib(50)
        }),
        ("a base size that is equal", |b| {
            set_options(b, &["dm.basesize=1G", "dm.loopdatasize=8G", "dm.fs=ext4"])
        }),
        ("a base size that is larger", |b| {
            set_options(b, &["dm.basesize=2G", "dm.loopdatasize=8G", "dm.fs=ext4"])
        }),
        ("a base device that is not initialised", |b| {
            root(b).base = Some(Ok(Device {
                size: 1 << 40,
                ..Device::default()
            }));
            set_options(b, &["dm.basesize=1G", "dm.loopdatasize=8G", "dm.fs=ext4"]);
        }),
        ("a file that dockerd will lengthen", |b| {
            disk(b).files[0].size_bytes = Bytes::gib(4)
        }),
        ("a pidfile of the running daemon", |b| {
            b.config.running = vec![3, 7];
            root(b).pidfile_process = Some(PidfileProcess {
                path: "/var/run/docker.pid".into(),
                pid: 7,
                comm: "dockerd".into(),
                zombie: false,
            });
        }),
        ("a pool of LVM's in use, and known to Docker", |b| {
            set_options(b, &["dm.thinpooldev=pool"]);
            root(b).thin_pool_device = Some(NamedPool::Pool {
                transaction_id: 9,
                data_used: 5,
            });
        }),
        ("a new pool", |b| {
            disk(b).files.clear();
            root(b).base = None;
        }),
        ("blank metadata that nobody used", |b| {
            root(b).base = None;
            b.superblock = Some(Seen::Known(Err(superblock::Error::NeverFormatted)));
        }),
    ];
    for (what, change) in rows {
        let mut before = host();
        change(&mut before);
        assert_eq!(codes(&before), [], "{what}");
    }
}

/// Another host's tree has no `/dev` to look into.
#[test]
fn loop_devices_are_missed_only_where_they_were_looked_for() {
    let mut before = host();
    root(&mut before).loop_devices = Some(false);
    assert_eq!(codes(&before), [(Code::NoLoopDevices, Severity::Warn)]);
    root(&mut before).loop_devices = None;
    assert_eq!(codes(&before), []);
}

#[test]
fn a_host_that_lacks_what_devicemapper_needs_is_told_and_refuses_nothing() {
    type Change = fn(&mut RootState);
    let rows: [(Code, Change); 4] = [
        (Code::NoThinPools, |root| root.thin_pools = Some(false)),
        (Code::SemaphoresUsedUp, |root| {
            root.semaphores = Some(SemaphoreLimit::Sets(128))
        }),
        (Code::SemaphoresUsedUp, |root| {
            root.semaphores = Some(SemaphoreLimit::All(32_000))
        }),
        (Code::NoLoopDevices, |root| root.loop_devices = Some(false)),
    ];
    for (code, change) in rows {
        let mut before = host();
        change(root(&mut before));
        assert_eq!(codes(&before), [(code, Severity::Warn)]);
        before.choice = Choice::Named("overlay2".into());
        let others = codes(&before);
        assert!(others.iter().all(|(told, _)| *told != code), "{others:?}");
    }
    let mut before = host();
    root(&mut before).thin_pools = Some(true);
    assert_eq!(codes(&before), []);
}

/// Docker before 1.10 heeds `dm.basesize` only when it makes the base device.
#[test]
fn a_base_size_that_has_no_effect() {
    let mut before = host();
    before.config.build.version = Some(Version::new(1, 9, 1));
    for (size, told) in [("512M", true), ("20G", true), ("1G", false)] {
        let size = format!("dm.basesize={size}");
        set_options(&mut before, &[&size, "dm.loopdatasize=8G", "dm.fs=ext4"]);
        let ignored = codes(&before).contains(&(Code::BaseSizeIgnored, Severity::Warn));
        assert_eq!(ignored, told, "{size}");
        assert!(!codes(&before).iter().any(|(code, _)| *code == Code::BaseSizeTooSmall));
    }
}

#[test]
fn a_note_where_not_all_device_files_were_read() {
    let told = |before: &Before| {
        let verdict = judged(before);
        let finding = verdict
            .findings
            .into_iter()
            .find(|f| f.code == Code::DockerDeviceFilesNotAllRead);
        finding.map(|finding| finding.severity)
    };
    let mut before = host();
    assert_eq!(told(&before), None);
    root(&mut before).all_devices_seen = false;
    assert_eq!(told(&before), Some(Severity::Note));
}

#[test]
fn a_version_that_is_not_known_takes_the_loosest_rule() {
    let mut before = host();
    before.config.build = Build::unknown();
    set_options(&mut before, &["dm.basesize=512M", "dm.loopdatasize=8G", "dm.fs=ext4"]);
    assert_eq!(codes(&before), [(Code::BaseSizeTooSmall, Severity::Warn)]);
}

#[test]
fn another_driver_hides_the_containers() {
    let mut before = host();
    before.choice = Choice::Named("overlay2".into());
    assert_eq!(codes(&before), [(Code::ContainersOfAnotherDriver, Severity::Warn)]);
    // And whatever is wrong with the pool, it does not start it.
    root(&mut before).device_set = Some(Err("it is empty".into()));
    assert_eq!(codes(&before), [(Code::ContainersOfAnotherDriver, Severity::Warn)]);
}

#[test]
fn advice() {
    let notes = |before: &Before| -> Vec<Code> { judged(before).findings.iter().map(|f| f.code).collect() };
    assert_eq!(notes(&host()), [Code::DevicemapperDeprecated, Code::LoopMode]);
    let mut before = host();
    // Docker calls the driver deprecated from 18.09.1 on.
    before.config.build.version = Some(Version::new(18, 9, 0));
    assert_eq!(notes(&before), [Code::LoopMode]);
    root(&mut before).device_set = Some(Ok(DeviceSet {
        base_filesystem: "xfs".into(),
        ..DeviceSet::default()
    }));
    // dm.fs=ext4 on a pool that has xfs does nothing, and xfs it is that will hang.
    assert_eq!(
        notes(&before),
        [Code::FilesystemOptionIgnored, Code::LoopMode, Code::XfsRetriesForever]
    );
    set_options(
        &mut before,
        &["dm.loopdatasize=8G", "dm.fs=xfs", "dm.xfs_nospace_max_retries=0"],
    );
    assert_eq!(notes(&before), [Code::LoopMode]);
    root(&mut before).xfs_knob = Some(false);
    assert_eq!(notes(&before), [Code::XfsRetriesNotSupported, Code::LoopMode]);
}

/// The original report: 1.10.3 knows no `dm.xfs_nospace_max_retries`, so a new pool should get ext4.
#[test]
fn advice_fits_the_version() {
    let remedy = |before: &Before| -> String {
        let verdict = judged(before);
        verdict
            .findings
            .iter()
            .find(|f| f.code == Code::XfsRetriesForever)
            .map(|f| f.remedy.clone())
            .unwrap_or_default()
    };
    let mut before = host();
    disk(&mut before).files.clear();
    root(&mut before).base = None;
    set_options(&mut before, &[]);
    assert!(
        remedy(&before).contains("add dm.xfs_nospace_max_retries=0"),
        "{}",
        remedy(&before)
    );
    before.config.build = Build {
        version: Some(Version::new(1, 10, 3)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    };
    assert!(remedy(&before).contains("set dm.fs=ext4"), "{}", remedy(&before));
    // Red Hat's 1.10.3 would refuse the option; some of its 1.12.6 know it, and its 1.13.1.
    let mut red_hat = |version| {
        before.config.build.flavour = Flavour::RedHat;
        before.config.build.version = version;
        remedy(&before)
    };
    assert!(!red_hat(Some(Version::new(1, 10, 3))).contains("nospace"));
    assert!(red_hat(Some(Version::new(1, 12, 6))).contains("if this is Docker 1.13"));
    assert!(red_hat(None).contains("if this is Docker 1.13"));
    let sure = red_hat(Some(Version::new(1, 13, 1)));
    assert!(sure.contains("add dm.xfs_nospace_max_retries=0") && !sure.contains("if this is"));
}

/// On EL7 container-storage-setup writes the file again, from another.
#[test]
fn advice_fits_the_file_that_options_are_in() {
    let remedy = |place: &str| {
        let mut before = host();
        let option = Sourced::new("dm.fs=xfs".to_owned(), place);
        before.config.options = options::parse(&[option], &before.config.build);
        root(&mut before).base = None;
        let verdict = judged(&before);
        let finding = verdict.findings.into_iter().find(|f| f.code == Code::XfsRetriesForever);
        finding.unwrap().remedy
    };
    let written = remedy("flag --storage-opt of /etc/sysconfig/docker-storage:1");
    assert!(
        written.contains("EXTRA_STORAGE_OPTIONS in /etc/sysconfig/docker-storage-setup"),
        "{written}"
    );
    for other in [
        "/etc/docker/daemon.json:3",
        "flag --storage-opt of /etc/sysconfig/docker:2",
    ] {
        let said = remedy(other);
        assert!(
            !said.contains("EXTRA_STORAGE_OPTIONS") && said.contains(other),
            "{said}"
        );
    }
}

#[test]
fn no_advice_on_a_driver_that_is_gone() {
    let mut before = host();
    before.config.build.version = Some(Version::new(25, 0, 0));
    assert_eq!(judged(&before).findings, []);
}

#[test]
fn a_metadata_file_of_50_gib() {
    let mut before = host();
    set_options(
        &mut before,
        &["dm.loopdatasize=8G", "dm.loopmetadatasize=50G", "dm.fs=ext4"],
    );
    let verdict = judged(&before);
    let said = verdict
        .findings
        .iter()
        .find(|f| f.code == Code::MetadataLargerThanKernelUses)
        .unwrap();
    assert!(
        said.message.contains("50 GiB") && said.message.contains("about 16 GiB"),
        "{}",
        said.message
    );
    // What the kernel does not use is no room.
    disk(&mut before).files[1].size_bytes = Bytes::gib(50);
    before.superblock = Some(Seen::Known(Ok(Superblock {
        metadata_blocks: superblock::MAX_METADATA.0 >> 12,
        metadata_used: Bytes::gib(15).0 >> 12,
        ..superblock()
    })));
    let verdict = judged(&before);
    assert!(verdict.findings.iter().any(|f| f.code == Code::PoolMetadataLow));
    assert_eq!(verdict.deed, None);
}

#[test]
fn a_pool_that_is_nearly_full_is_grown() {
    let mut before = host();
    before.superblock = Some(Seen::Known(Ok(Superblock {
        data_used: (Bytes::gib(8).0 >> 16) - 10,
        ..superblock()
    })));
    let verdict = judged(&before);
    assert!(verdict.findings.iter().any(|f| f.code == Code::PoolLow));
    assert!(
        matches!(verdict.deed, Some(crate::model::Deed::Grow { .. })),
        "{:?}",
        verdict.deed
    );
}

#[test]
fn an_unknown_docker_is_said_and_stops_nothing() {
    let mut before = host();
    let said = |before: &Before| {
        judged(before)
            .findings
            .iter()
            .any(|f| f.code == Code::DockerVersionUnknown)
    };
    assert!(!said(&before));
    // Whose it is may be known all the same.
    for flavour in [Flavour::Unknown, Flavour::RedHat] {
        before.config.build = Build {
            flavour,
            ..Build::unknown()
        };
        assert!(said(&before));
        assert_eq!(codes(&before), []);
    }
}

/// Seen with dockerd 20.10 (tests/corpus): it starts, and the pool is read-only.
#[test]
fn metadata_that_must_be_checked_do_not_stop_docker() {
    let mut before = host();
    before.superblock = Some(Seen::Known(Ok(Superblock {
        needs_check: true,
        ..superblock()
    })));
    assert_eq!(codes(&before), [(Code::PoolNeedsCheck, Severity::Warn)]);
    assert_eq!(judged(&before).deed, None);
}

/// With userns-remap dockerd looks for its driver below another directory: what lies in the one that is set says nothing for certain.
#[test]
fn a_driver_of_another_root_refuses_no_option() {
    let mut before = host();
    before.choice = Choice::Prior("devicemapper".into());
    set_options(&mut before, &["overlay2.override_kernel_check=true"]);
    let refuses = |before: &Before| codes(before).iter().any(|(_, severity)| *severity == Severity::Refuse);
    assert!(refuses(&before));
    before.config.userns_remap = Some(Sourced::new("default".into(), "daemon.json:2"));
    assert!(!refuses(&before), "{:?}", codes(&before));
}

/// Stock docker-ce 18.09: TimeoutSec=0.
#[test]
fn a_unit_that_would_never_be_restarted_is_told_before_the_start() {
    let unit = |stop_timeout| Unit {
        name: "docker.service".into(),
        active_state: ActiveState::Inactive,
        sub_state: "dead".into(),
        main_pid: 0,
        job_pending: false,
        control_group: String::new(),
        inactive_exit: None,
        stop_timeout,
        host_stopping: false,
        kill_mode: "process".into(),
        result: "success".into(),
        fault: None,
        can_start: true,
        can_stop: true,
        notifies: true,
    };
    let mut before = host();
    for (stop_timeout, told) in [(None, true), (Some(Duration::from_secs(100)), false)] {
        before.config.unit = Some(unit(stop_timeout));
        let verdict = judged(&before);
        let note = verdict.finding(Code::RestartNotPossible);
        assert_eq!(note.map(|note| note.severity), told.then_some(Severity::Note));
    }
}

/// dockerd opens its own files by name; of a device that `dm.datadev` names it opens the device, and starts (law 9).
#[test]
fn a_deleted_file_refuses_the_start_only_where_docker_opens_that_file() {
    let mut look = seen();
    let mut pool = crate::judge::tests::pool();
    pool.data_backing = Backing::Deleted {
        device: "loop0".into(),
        file: "/d/data".into(),
    };
    look.pool = Seen::Known(Some(pool));
    let rows: [(&[&str], Severity); 3] = [
        (&[], Severity::Refuse),
        (&["dm.datadev=/dev/loop0"], Severity::Warn),
        (&["dm.thinpooldev=/dev/mapper/pool"], Severity::Warn),
    ];
    for (options, severity) in rows {
        let mut before = host();
        set_options(&mut before, options);
        let verdict = judge(&before, &look, &Settings::default(), Duration::from_secs(100));
        let finding = verdict.finding(Code::PoolFileDeleted).expect("told");
        assert_eq!(finding.severity, severity, "{options:?}");
    }
}
