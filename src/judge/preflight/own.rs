//! Docker's own files below its data root: what dockerd cannot read of them ends its start.

use crate::docker::names;
use crate::docker::state::RootState;
use crate::judge::before::Before;
use crate::model::{Bytes, Code, Finding};

/// "error while opening volume store metadata database" (moby v20.10.24 `volume/service/store.go`, `NewStore`; up to 1.10 there is no
/// such file).
pub fn volume_store(before: &Before, root: &RootState) -> Option<Finding> {
    let path = format!("{}/volumes/metadata.db", before.config.data_root.value);
    root.volume_store_broken.then(|| {
        Finding::refuse(Code::DockerVolumeStoreBroken, &path)
            .says(format!(
                "{path} is no database: error while opening volume store metadata database: invalid database"
            ))
            .at(&path)
            .next(format!(
                "restore {path} from a backup; without one, move it away: the volumes' data stay, labels and \
             options of volumes are lost"
            ))
    })
}

/// Docker's list of image names (moby v20.10.27 `daemon/daemon.go`: "Couldn't create reference store repository").
pub fn image_list(before: &Before, root: &RootState) -> Option<Finding> {
    let why = root.image_list.as_ref()?;
    let path = format!("{}/image/devicemapper/repositories.json", before.config.data_root.value);
    Some(
        Finding::refuse(Code::DockerImageListUnreadable, &path)
            .says(format!(
                "Docker cannot read its own file {path}: {why}: Couldn't create reference store repository"
            ))
            .at(&path)
            .next(format!(
                "restore {path} from a backup; without one, move it away: images then have no names until they \
             are tagged or pulled again, nothing else is lost"
            )),
    )
}

/// Each file there must be a device's (moby v20.10.27 `deviceset.go:415-474`).
pub fn devices(before: &Before, root: &RootState) -> Option<Finding> {
    let (name, why) = root.unreadable_devices.first()?;
    let path = format!(
        "{}/metadata/{name}",
        names::driver_dir(before.config.data_root.value.as_ref()).display()
    );
    let others = match root.unreadable_devices.len() {
        1 => String::new(),
        several => format!(" (and {} more)", several - 1),
    };
    Some(
        Finding::refuse(Code::DockerDeviceFileUnreadable, &path)
            .says(format!(
                "Docker cannot read its own file {path}{others}: {why}. A crash or a full disk leaves such \
             files; dockerd ends at the first: Failed to load device files"
            ))
            .at(&path)
            .next(format!(
                "restore {path} from a backup, or move it away: the one layer of that name is then lost to \
             Docker, all others stay; for 'base' restore it, never go without"
            )),
    )
}

/// A start does not wait until thousands of files are read.
pub fn devices_unread(before: &Before, root: &RootState) -> Option<Finding> {
    (!root.all_devices_seen && before.choice.is_devicemapper()).then(|| {
        Finding::note(Code::DockerDeviceFilesNotAllRead, "devicemapper")
            .says(format!(
                "of Docker's files of devices {} were read in the time there is; dockerd reads every one, and \
             ends at the first that it cannot read",
                root.devices_seen
            ))
            .at(format!(
                "{}/metadata",
                names::driver_dir(before.config.data_root.value.as_ref()).display()
            ))
    })
}

pub fn device_set(before: &Before, root: &RootState) -> Option<Finding> {
    let Some(Err(why)) = &root.device_set else { return None };
    let path = format!(
        "{}/metadata/deviceset-metadata",
        names::driver_dir(before.config.data_root.value.as_ref()).display()
    );
    Some(
        Finding::refuse(Code::DockerDeviceSetUnreadable, &path)
            .says(format!("Docker cannot read its own file {path}: {why}"))
            .at(&path)
            .next(format!(
                "copy {path} away and restore it from a backup; without a backup, moving it away makes Docker \
             take the base device's UUID anew"
            )),
    )
}

/// Setting `dm.basesize` at all arms the comparison (moby v20.10.27 `deviceset.go:1155-1165`, since 1.10.0).
pub fn base_size(before: &Before, root: &RootState) -> Option<Finding> {
    let asked = before.config.options.base_size.as_ref()?;
    let base = root
        .base
        .as_ref()?
        .as_ref()
        .ok()
        .filter(|base| base.initialized && !base.deleted)?;
    let real = Bytes(base.size);
    let compares = before.config.build.at_least(1, 10, 0);
    if compares == Some(false) && asked.value != real {
        return Some(
            Finding::warn(Code::BaseSizeIgnored, "dm.basesize")
                .says(format!(
                    "dm.basesize is {} and the base device has {real}: Docker before 1.10 heeds the option only when it makes the base \
                     device, and containers keep {real}",
                    asked.value
                ))
                .at(&asked.place)
                .next(format!(
                    "remove it ({}), or move to Docker 1.10 or later, which enlarges the base device; images pulled before keep their size",
                    asked.place
                )),
        );
    }
    (asked.value < real).then(|| {
        Finding::refuse(Code::BaseSizeTooSmall, "dm.basesize")
            .if_certain(compares.is_some())
            .says(format!(
                "dm.basesize is {} and the base device has {real} already: devmapper: Base device size cannot be \
             smaller",
                asked.value
            ))
            .at(&asked.place)
            .next(format!(
                "set dm.basesize={} or more, or remove it ({})",
                real.0, asked.place
            ))
    })
}
