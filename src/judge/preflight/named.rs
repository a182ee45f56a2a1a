//! Pools and devices that the storage options name: whether dockerd will find them as it left them.

use crate::docker::direct_lvm::{self, DirectLvm};
use crate::docker::state::{NamedPool, RootState};
use crate::docker::{Sourced, names};
use crate::judge::before::Before;
use crate::model::{Code, Finding, Pool, Seen};

/// Judges them; `pool` is the active one.
pub fn judge(before: &Before, root: &RootState, pool: Option<&Pool>, findings: &mut Vec<Finding>) {
    findings.extend(setup_unreadable(before, root));
    findings.extend(direct_lvm_changed(before, root));
    findings.extend(direct_lvm_dropped(before, root));
    findings.extend(named_pool(before, root));
    findings.extend(another_pool(before, root));
    if pool.is_none() {
        findings.extend(missing_devices(before, root));
        findings.extend(used_device(before, root));
    }
}

/// Docker tests its device options against the empty string.
fn set(device: &Option<Sourced<String>>) -> Option<&Sourced<String>> {
    device.as_ref().filter(|device| !device.value.is_empty())
}

fn set_up(root: &RootState) -> Option<&DirectLvm> {
    root.direct_lvm.as_ref()?.as_ref().ok()
}

fn setup_file(before: &Before) -> String {
    let directory = names::driver_dir(before.config.data_root.value.as_ref());
    directory.join(direct_lvm::FILE).to_string_lossy().into_owned()
}

/// From 17.06 on dockerd reads the file at every start with this driver (moby v17.06.0-ce `deviceset.go`, `initDevmapper`); older ones
/// know nothing of it: `None`. Whether that is certain.
fn reads_setup(before: &Before) -> Option<bool> {
    match before.config.build.at_least(17, 6, 0) {
        Some(reads) => reads.then_some(true),
        None => Some(false),
    }
}

/// "error unmarshaling previous device setup config" (moby v20.10.24 `device_setup.go`, `readLVMConfig`).
fn setup_unreadable(before: &Before, root: &RootState) -> Option<Finding> {
    let why = root.direct_lvm.as_ref()?.as_ref().err()?;
    let path = setup_file(before);
    Some(
        Finding::refuse(Code::DirectLvmSetupUnreadable, &path)
            .if_certain(reads_setup(before)?)
            .says(format!(
                "Docker cannot read its own file {path}: {why}: error unmarshaling previous device setup config"
            ))
            .at(&path)
            .next(format!(
                "restore {path} from a backup; where Docker's pool is on loop files or named by dm.thinpooldev, \
             move it away: it is about dm.directlvm_device alone"
            )),
    )
}

/// "changing direct-lvm config is not supported" (moby v17.06.0-ce to v24.0.9 `deviceset.go`, `initDevmapper`): compared with what is
/// written before anything is done, with or without an active pool.
fn direct_lvm_changed(before: &Before, root: &RootState) -> Option<Finding> {
    let options = &before.config.options;
    let device = set(&options.direct_lvm_device).filter(|_| set(&options.thin_pool_dev).is_none())?;
    let stored = set_up(root).filter(|stored| !stored.is_empty() && **stored != direct_lvm::asked(options))?;
    let (path, before_this) = (setup_file(before), stored.as_options());
    Some(
        Finding::refuse(Code::DirectLvmChanged, format!("dm.directlvm_device={}", device.value))
            .if_certain(reads_setup(before)?)
            .says(format!(
                "Docker set its pool up with {before_this}, and the options now are {}: changing direct-lvm \
             config is not supported",
                direct_lvm::asked(options).as_options()
            ))
            .at(&device.place)
            .next(format!(
                "write the options as {path} has them: {before_this} ({})",
                device.place
            )),
    )
}

/// dockerd forgets nothing, but goes on with loop files, where none of its containers are.
fn direct_lvm_dropped(before: &Before, root: &RootState) -> Option<Finding> {
    let options = &before.config.options;
    let stored = set_up(root).filter(|stored| !stored.is_empty())?;
    let dropped = direct_lvm::asked(options).is_empty() && set(&options.thin_pool_dev).is_none();
    reads_setup(before).filter(|_| dropped && before.choice.is_devicemapper())?;
    let path = setup_file(before);
    Some(
        Finding::warn(Code::DirectLvmDropped, "dm.directlvm_device")
            .says(format!(
                "Docker's containers and images are in the pool {} that it set up with {}; no option names it \
             now, and Docker would use loop files",
                direct_lvm::POOL,
                stored.as_options()
            ))
            .at(path)
            .next(format!(
                "name the pool again: dm.thinpooldev={}, or {}",
                direct_lvm::POOL,
                stored.as_options()
            )),
    )
}

/// `dm.thinpooldev` (moby v20.10.27 `deviceset.go:1098-1127`).
fn named_pool(before: &Before, root: &RootState) -> Option<Finding> {
    let options = &before.config.options;
    let (option, device, name) = match (set(&options.thin_pool_dev), set(&options.direct_lvm_device)) {
        (Some(device), _) => ("dm.thinpooldev", device, device.value.as_str()),
        // Where it is not set up, dockerd makes the pool first.
        (None, Some(device)) if set_up(root) == Some(&direct_lvm::asked(options)) => {
            ("dm.directlvm_device", device, direct_lvm::POOL)
        }
        _ => return None,
    };
    let refuse = |code, message: String, remedy: String| {
        Some(
            Finding::refuse(code, format!("{option}={}", device.value))
                .says(message)
                .at(&device.place)
                .next(remedy),
        )
    };
    let first_use = root.base.is_none();
    match root.thin_pool_device.as_ref()? {
        NamedPool::Missing => refuse(
            Code::ThinPoolMissing,
            format!("there is no device-mapper device {name}: devicemapper: Non existing device {name}"),
            format!(
                "activate the volume group (vgchange -ay; without thin_check of the package \
                 device-mapper-persistent-data, on Debian thin-provisioning-tools, LVM activates no thin pool), \
                 and see the pool's name with dmsetup ls --target thin-pool ({})",
                device.place
            ),
        ),
        NamedPool::Other(kind) => refuse(
            Code::ThinPoolIsNone,
            format!("{name} is a device-mapper device of kind {kind}: devmapper: Device {name} is not a thin pool"),
            format!(
                "name the pool itself, see dmsetup ls --target thin-pool ({})",
                device.place
            ),
        ),
        NamedPool::Pool {
            data_used,
            transaction_id,
        } if first_use && (*data_used != 0 || *transaction_id != 0) => refuse(
            Code::ThinPoolInUse,
            format!(
                "{name} has {data_used} blocks in use and transaction id {transaction_id}, and Docker has not \
             used it before: devmapper: Unable to take ownership of thin-pool"
            ),
            format!(
                "is {} the data root that belongs to this pool? Name an empty pool, or that data root",
                before.config.data_root.value
            ),
        ),
        _ => None,
    }
}

/// Docker remembers a base device, and the pool that is named cannot have it (moby v1.8.0 to v24.0.9 `deviceset.go`,
/// `verifyBaseDeviceUUIDFS`; before 1.8 it does not look).
fn another_pool(before: &Before, root: &RootState) -> Option<Finding> {
    let options = &before.config.options;
    let remembered = matches!(&root.base, Some(Ok(base)) if base.initialized);
    let looks = before.config.build.at_least(1, 8, 0) != Some(false);
    if !remembered || !looks {
        return None;
    }
    let empty = |transaction_id: u64, data_used: u64| transaction_id == 0 && data_used == 0;
    let direct = set(&options.direct_lvm_device).filter(|_| before.config.build.at_least(17, 6, 0) == Some(true));
    let (option, device, proven) = match (set(&options.thin_pool_dev), direct, set(&options.metadata_dev)) {
        (Some(device), ..) => {
            let proven = matches!(
                root.thin_pool_device,
                Some(NamedPool::Pool { transaction_id, data_used }) if empty(transaction_id, data_used)
            );
            ("dm.thinpooldev", device, proven)
        }
        // It makes a new pool of the disk where it has not done so before.
        (None, Some(device), _) if set_up(root).is_none_or(DirectLvm::is_empty) => {
            let missing = matches!(root.thin_pool_device, Some(NamedPool::Missing));
            ("dm.directlvm_device", device, missing)
        }
        (None, None, Some(device)) => ("dm.metadatadev", device, before.named_pool_is_empty() == Some(true)),
        _ => return None,
    };
    // The files of a pool that was in use lie beside it: then it is theirs.
    let files_in_use = matches!(&before.superblock, Some(Seen::Known(Ok(superblock))) if superblock.data_used > 0);
    let named_in_use =
        matches!(root.thin_pool_device, Some(NamedPool::Pool { .. })) || before.named_pool_is_empty() == Some(false);
    if !proven && (!files_in_use || named_in_use) {
        return None;
    }
    let (verb, why) = match proven {
        true => ("is", "is empty"),
        false => ("may be", "is not the one of the loop files here, which are in use"),
    };
    Some(
        Finding::refuse(Code::PoolIsAnother, format!("{option}={}", device.value))
            .if_certain(proven)
            .says(format!(
                "Docker remembers containers and images in a pool, and that {verb} another one than {option} names: {} {why}: Base Device \
                 UUID and Filesystem verification failed",
                device.value
            ))
            .at(&device.place)
            .next(format!(
                "name the pool that was used before, or take {option} away where that was on loop files ({}); a new pool wants a new \
                 data root",
                device.place
            )),
    )
}

/// dockerd sets up no pool on a disk on which blkid finds something (moby v17.06.0-ce to v24.0.9 `device_setup.go`, `checkDevHasFS`).
/// What udev found may be older than the disk's contents: a warning.
fn used_device(before: &Before, root: &RootState) -> Option<Finding> {
    let options = &before.config.options;
    let is_first = set(&options.thin_pool_dev).is_none() && set_up(root).is_none_or(DirectLvm::is_empty);
    let forced = options.direct_lvm_force.as_ref().is_some_and(|force| force.value);
    let device = set(&options.direct_lvm_device).filter(|_| is_first && !forced && before.choice.is_devicemapper())?;
    let (_, kind) = root.used_devices.iter().find(|(path, _)| *path == device.value)?;
    Some(
        Finding::warn(Code::PoolDeviceInUse, format!("dm.directlvm_device={}", device.value))
            .says(format!(
                "there is something on {} already ({kind}), and Docker makes no pool over it: has a filesystem already, or is already \
                 part of a volume group",
                device.value
            ))
            .at(&device.place)
            .next(format!(
                "see with lsblk -f and pvs whether it is the right disk ({}); only if nothing on it is wanted: wipefs -a {}",
                device.place, device.value
            )),
    )
}

/// dockerd opens them where the pool is yet to be made (moby v20.10.27 `deviceset.go:1769-1834`), and sets direct-lvm up where it has
/// not done so before (`device_setup.go`); with a pool of another's it looks at none of them.
fn missing_devices(before: &Before, root: &RootState) -> Vec<Finding> {
    let options = &before.config.options;
    let direct = set(&options.direct_lvm_device).is_some();
    let rows = [
        ("dm.datadev", &options.data_dev, !direct),
        ("dm.metadatadev", &options.metadata_dev, !direct),
        (
            "dm.directlvm_device",
            &options.direct_lvm_device,
            root.direct_lvm.is_none() || set_up(root).is_some_and(DirectLvm::is_empty),
        ),
    ];
    let missing = rows
        .into_iter()
        .filter(|(.., looked_at)| *looked_at && set(&options.thin_pool_dev).is_none())
        .filter_map(|(name, device, _)| Some((name, device.as_ref()?)))
        .filter(|(_, device)| root.missing_devices.contains(&device.value));
    missing
        .map(|(name, device)| {
            Finding::refuse(Code::PoolDeviceMissing, format!("{name}={}", device.value))
                .says(format!("{name} names {}, which is not there", device.value))
                .at(&device.place)
                .next(format!(
                    "see with lsblk what the device is called, and correct {name} ({})",
                    device.place
                ))
        })
        .collect()
}
