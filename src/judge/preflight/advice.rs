//! The published advice: what is legal and still unwise about a devicemapper host, said before it hurts.

use crate::docker::build::Build;
use crate::judge::before::Before;
use crate::kernel::superblock::MAX_METADATA;
use crate::model::{Code, Finding, Seen};

/// Adds what is worth knowing of a host that will use devicemapper.
pub fn advise(before: &Before, findings: &mut Vec<Finding>) {
    // 25.0 has no devicemapper that could be advised.
    if !before.choice.is_devicemapper() || before.config.build.at_least(25, 0, 0) == Some(true) {
        return;
    }
    let base = base_filesystem(before);
    findings.extend(filesystem_ignored(before, base));
    findings.extend(xfs(before, base));
    findings.extend(metadata_size(before));
    findings.extend(loop_mode(before));
    findings.extend(deprecated(before));
}

/// The filesystem of the base device, and so of every container; empty where that is not known, `None` where there is none yet.
fn base_filesystem(before: &Before) -> Option<&str> {
    let Seen::Known(root) = &before.root else {
        return Some("");
    };
    root.base.as_ref()?;
    match &root.device_set {
        Some(Ok(set)) => Some(&set.base_filesystem),
        _ => Some(""),
    }
}

/// "User specified filesystem ext4 will be ignored" (moby v1.13.1 `deviceset.go:1019`).
fn filesystem_ignored(before: &Before, base: Option<&str>) -> Option<Finding> {
    let asked = before.config.options.fs.as_ref()?;
    let base = base.filter(|base| !base.is_empty() && *base != asked.value)?;
    Some(
        Finding::warn(Code::FilesystemOptionIgnored, format!("dm.fs={}", asked.value))
            .says(format!(
                "dm.fs={} does nothing: this pool's base device has {base} already, and every container gets it \
             from there",
                asked.value
            ))
            .at(&asked.place)
            .next(format!(
                "write dm.fs={base}, so that the file tells the truth; to have {}, save the images (docker save) \
             and make a new pool",
                asked.value
            )),
    )
}

/// moby#20707, moby#26212: without `dm.xfs_nospace_max_retries` XFS retries a write that finds the pool full for ever.
fn xfs(before: &Before, base: Option<&str>) -> Option<Finding> {
    let asked = before.config.options.fs.as_ref().map(|fs| fs.value.as_str());
    let knob = match &before.root {
        Seen::Known(root) => root.xfs_knob,
        Seen::Unknown(_) => None,
    };
    let filesystem = base.filter(|base| !base.is_empty()).or(asked);
    if filesystem.is_some_and(|fs| fs != "xfs") {
        return None;
    }
    let place = before
        .config
        .options
        .fs
        .as_ref()
        .map_or(String::new(), |fs| fs.place.clone());
    if let Some(retries) = &before.config.options.xfs_nospace_max_retries {
        let unusable = knob == Some(false);
        return unusable.then(|| {
            Finding::warn(Code::XfsRetriesNotSupported, "dm.xfs_nospace_max_retries")
                .says("this kernel's XFS has no max_retries: dockerd starts, and then every container fails to mount")
                .at(&retries.place)
                .next(format!(
                    "remove dm.xfs_nospace_max_retries ({}), or boot a kernel that has it (RHEL 7.3 and later)",
                    retries.place
                ))
        });
    }
    let which = match (base, asked) {
        (Some("xfs"), _) => "containers here have XFS",
        (_, Some(_)) => "dm.fs=xfs is set",
        _ => "dm.fs is not set, which since Docker 1.9.1 means XFS wherever mkfs.xfs is installed",
    };
    let remedy = match (knows_nospace_retries(&before.config.build), knob) {
        (Some(false), _) => cannot_give_up("this Docker", base, before),
        (_, Some(false)) => cannot_give_up("this kernel", base, before),
        (docker_can, _) => {
            let docker = docker_can
                .is_none()
                .then_some("this is Docker 1.13 or later (Red Hat's 1.12.6 may do; others refuse to start with it)");
            let kernel = knob.is_none().then_some(
                "the kernel has /sys/fs/xfs/*/error/metadata/ENOSPC/max_retries (RHEL 7.3 and later; without it \
             no container starts)",
            );
            let conditions: Vec<_> = docker.into_iter().chain(kernel).collect();
            let start = match conditions.as_slice() {
                [] => String::new(),
                conditions => format!("if {}: ", conditions.join(", and ")),
            };
            format!(
                "{start}add dm.xfs_nospace_max_retries=0 to {}; a full pool then shuts the container's \
             filesystem down instead of hanging the host",
                where_options_go(before, &place)
            )
        }
    };
    Some(
        Finding::note(Code::XfsRetriesForever, "dm.xfs_nospace_max_retries")
            .says(format!(
                "{which}, and dm.xfs_nospace_max_retries is not set: when the pool is full, XFS retries its \
             metadata writes for ever, and unmounts, docker ps and docker info hang in D state until the pool \
             grows"
            ))
            .at(place)
            .next(remedy),
    )
}

/// What container-storage-setup writes for Docker, from /etc/sysconfig/docker-storage-setup (container-storage-setup.sh,
/// `write_storage_config_file`); the packages of EL7 say there "DO NOT edit this file directly".
const WRITTEN_BY_SETUP: &str = "/etc/sysconfig/docker-storage:";

/// Where a further option is to be written, beside the one at `place`.
fn where_options_go(before: &Before, place: &str) -> String {
    let options = &before.config.options;
    let named = [&options.thin_pool_dev, &options.fs].into_iter().flatten();
    let by_setup = named
        .map(|option| option.place.as_str())
        .chain([place])
        .find(|place| place.contains(WRITTEN_BY_SETUP));
    match (by_setup, place) {
        (Some(place), _) => format!(
            "DOCKER_STORAGE_OPTIONS ({place}) and, as '--storage-opt dm.xfs_nospace_max_retries=0', to \
             EXTRA_STORAGE_OPTIONS in /etc/sysconfig/docker-storage-setup, from which container-storage-setup \
             writes that file"
        ),
        (None, "") => "the storage options".into(),
        (None, place) => format!("the storage options ({place})"),
    }
}

/// Whether this Docker takes `dm.xfs_nospace_max_retries`, with which others refuse to start: upstream from 1.13.0, of Red Hat's
/// builds some 1.12.6 (projectatomic/docker branch docker-1.12.6) and none before (its branches rhel7-1.10.3, docker-1.12.5).
fn knows_nospace_retries(build: &Build) -> Option<bool> {
    match build.at_least(1, 13, 0)? {
        true => Some(true),
        false if build.is_upstream() || build.at_least(1, 12, 6) == Some(false) => Some(false),
        false => None,
    }
}

/// What is left where `who` cannot tell XFS to give up.
fn cannot_give_up(who: &str, base: Option<&str>, before: &Before) -> String {
    let grower = match before.config.options.data_on_loop() {
        true => "thinguard.service grows it",
        false => "LVM's autoextend grows it, see lvm.conf",
    };
    match base {
        None => format!(
            "{who} cannot tell XFS to give up; before the pool is made, set dm.fs=ext4, which fails a write \
             instead of hanging"
        ),
        Some(_) => format!(
            "{who} cannot tell XFS to give up: keep room in the pool ({grower}), and set dm.fs=ext4 for the \
             next new pool"
        ),
    }
}

/// The kernel uses a metadata device up to a little less than 16 GiB and passes over the rest.
fn metadata_size(before: &Before) -> Option<Finding> {
    let asked = before
        .config
        .options
        .loop_metadata_size
        .as_ref()
        .filter(|asked| asked.value > MAX_METADATA)?;
    before.config.options.metadata_on_loop().then(|| {
        Finding::warn(Code::MetadataLargerThanKernelUses, "dm.loopmetadatasize")
            .says(format!(
                "dm.loopmetadatasize is {}, and the kernel uses no more than {} of a pool's metadata device \
             (about 16 GiB); the rest of the sparse file is never used",
                asked.value, MAX_METADATA
            ))
            .at(&asked.place)
            .next(format!(
                "dm.loopmetadatasize=16G is the most that is of use; a file that is larger already is harmless ({})",
                asked.place
            ))
    })
}

/// "the devicemapper storage-driver is deprecated": since 18.09.1 (moby PR #38017), and gone in 25.0 (PR #43637).
fn deprecated(before: &Before) -> Option<Finding> {
    let since = before.config.build.at_least(18, 9, 1) == Some(true);
    since.then(|| {
        Finding::note(Code::DevicemapperDeprecated, "devicemapper")
            .says("Docker calls devicemapper deprecated since 18.09.1, and Docker 25.0 does not have it any more")
            .next(
                "nothing has to be done today; keep Docker below 25.0 (dnf versionlock, apt-mark hold) until \
             images and volumes are moved to overlay2, in a new data root",
            )
    })
}

fn loop_mode(before: &Before) -> Option<Finding> {
    let options = &before.config.options;
    (options.data_on_loop() || options.metadata_on_loop()).then(|| {
        Finding::note(Code::LoopMode, "devicemapper")
            .says("the pool is on loop files, which is for small hosts: slow, and as full as the filesystem below it")
            .next(
                "for more than a few containers give Docker a pool of LVM's (dm.thinpooldev; on RHEL 7 \
             container-storage-setup makes it) or overlay2 (Docker 1.12 and later) on a kernel that supports \
             it (RHEL 7.4 and later: XFS with ftype=1); either means a new, empty data root",
            )
    })
}
