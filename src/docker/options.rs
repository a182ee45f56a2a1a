//! The devicemapper driver's storage options: a typed view, and what is wrong or unwise about them.

use super::{Sourced, size};
use crate::model::{Bytes, Finding, Severity};

/// What the `dm.*` options say. `None` is "not set": Docker's default then holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageOptions {
    /// `dm.loopdatasize`: wanted size of the data file. A file that is larger is kept, one that is smaller is enlarged when
    /// the pool is made.
    pub loop_data_size: Option<Sourced<Bytes>>,
    /// `dm.loopmetadatasize`: the same for the metadata file.
    pub loop_metadata_size: Option<Sourced<Bytes>>,
    /// `dm.fs`: `ext4` or `xfs`.
    pub fs: Option<Sourced<String>>,
    /// `dm.basesize`: size of each container's filesystem.
    pub base_size: Option<Sourced<Bytes>>,
    /// `dm.blocksize`: size of the pool's blocks.
    pub block_size: Option<Sourced<Bytes>>,
    /// `dm.thinpooldev`, without `/dev/mapper/`: a pool that Docker did not make.
    pub thin_pool_dev: Option<Sourced<String>>,
    /// `dm.datadev`: a block device instead of the data file.
    pub data_dev: Option<Sourced<String>>,
    /// `dm.metadatadev`: a block device instead of the metadata file.
    pub metadata_dev: Option<Sourced<String>>,
    /// `dm.directlvm_device`: a block device Docker makes a pool on, `docker-thinpool`.
    pub direct_lvm_device: Option<Sourced<String>>,
    /// `dm.xfs_nospace_max_retries`: how often XFS retries a write that found no space.
    pub xfs_nospace_max_retries: Option<Sourced<u64>>,
    /// `dm.min_free_space`: hundredths of the pool that must be free before Docker makes a new device; 0 switches it off.
    pub min_free_space: Option<Sourced<u8>>,
    /// Options that are unknown, or that dockerd could not read.
    pub findings: Vec<Finding>,
}

/// Options that Docker's devicemapper driver knows and this first cut does not look into (moby v20.10.27
/// `deviceset.go:2667-2800`).
const OTHERS: [&str; 12] = [
    "dm.mkfsarg",
    "dm.mountopt",
    "dm.blkdiscard",
    "dm.override_udev_sync_check",
    "dm.use_deferred_removal",
    "dm.use_deferred_deletion",
    "dm.directlvm_device_force",
    "dm.thinp_percent",
    "dm.thinp_metapercent",
    "dm.thinp_autoextend_percent",
    "dm.thinp_autoextend_threshold",
    "dm.libdm_log_level",
];

/// Reads the options as moby's `NewDeviceSet` does: split at the first `=`, both sides trimmed, the key lower-cased, the
/// last of a repeated option wins. There is no splitting at commas. All findings are warnings: Red Hat's builds know other
/// options than upstream's of the same number, and sizes differ by generation.
pub fn parse(options: &[Sourced<String>]) -> StorageOptions {
    let mut read = StorageOptions::default();
    for option in options {
        read.take(option);
    }
    read
}

impl StorageOptions {
    fn take(&mut self, option: &Sourced<String>) {
        let Some((key, value)) = option.value.split_once('=') else {
            let why = format!("Unable to parse key/value option: {}", option.value);
            return self.invalid(option, &why, "write it as key=value");
        };
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        let result = match key.as_str() {
            "dm.loopdatasize" => keep(&mut self.loop_data_size, option, size::ram_in_bytes(value)),
            "dm.loopmetadatasize" => keep(&mut self.loop_metadata_size, option, size::ram_in_bytes(value)),
            "dm.basesize" => keep(&mut self.base_size, option, size::ram_in_bytes(value)),
            "dm.blocksize" => keep(&mut self.block_size, option, size::ram_in_bytes(value)),
            "dm.fs" => keep(&mut self.fs, option, filesystem(value)),
            "dm.thinpooldev" => {
                let name = value.strip_prefix("/dev/mapper/").unwrap_or(value);
                keep(&mut self.thin_pool_dev, option, Ok(name.to_owned()))
            }
            "dm.datadev" => keep(&mut self.data_dev, option, Ok(value.to_owned())),
            "dm.metadatadev" => keep(&mut self.metadata_dev, option, Ok(value.to_owned())),
            "dm.directlvm_device" => keep(&mut self.direct_lvm_device, option, Ok(value.to_owned())),
            "dm.xfs_nospace_max_retries" => keep(&mut self.xfs_nospace_max_retries, option, go_uint(value)),
            "dm.min_free_space" => keep(&mut self.min_free_space, option, percent(value)),
            other if OTHERS.contains(&other) => Ok(()),
            unknown => {
                let message = format!("devicemapper in Docker's published sources knows no option {unknown}");
                let remedy = format!("check the spelling of {unknown}, or remove it ({})", option.place);
                return self.warn("storage-option-unknown", option, message, remedy);
            }
        };
        if let Err(why) = result {
            self.invalid(option, &why, &format!("correct the value of {key}"));
        }
    }

    /// The data device is a loop file that Docker makes.
    pub fn data_on_loop(&self) -> bool {
        self.no_foreign_pool() && !is_set(&self.data_dev)
    }

    /// The metadata device is a loop file that Docker makes.
    pub fn metadata_on_loop(&self) -> bool {
        self.no_foreign_pool() && !is_set(&self.metadata_dev)
    }

    fn no_foreign_pool(&self) -> bool {
        !is_set(&self.thin_pool_dev) && !is_set(&self.direct_lvm_device)
    }

    /// The published advice for pools that carry xfs: without `dm.xfs_nospace_max_retries`, XFS retries a write that finds
    /// the pool full for ever (moby#26212). `None` where the option is set, or the filesystem is ext4. `place` is where the
    /// daemon's options stand, for the remedy. Whether the kernel has the knob is for the caller to see: on one without,
    /// this option fails every container's mount.
    pub fn xfs_advice(&self, place: &str) -> Option<Finding> {
        let fs = self.fs.as_ref().map(|fs| fs.value.as_str());
        if self.xfs_nospace_max_retries.is_some() || fs.is_some_and(|fs| fs != "xfs") {
            return None;
        }
        let which = match fs {
            Some(_) => "dm.fs=xfs is set",
            None => "dm.fs is not set, which since Docker 1.9.1 means xfs wherever mkfs.xfs is installed",
        };
        Some(Finding {
            code: "xfs-retries-forever",
            severity: Severity::Note,
            subject: "dm.xfs_nospace_max_retries".into(),
            message: format!(
                "{which}, and dm.xfs_nospace_max_retries is not: when the pool is full, XFS retries its metadata writes \
                 for ever, and unmounts, `docker ps` and `docker info` hang in D state until the pool grows"
            ),
            place: self.fs.as_ref().map_or(place, |fs| &fs.place).to_owned(),
            remedy: format!(
                "where /sys/fs/xfs/*/error/metadata/ENOSPC/max_retries exists and Docker is 1.13 or later (Red Hat's: \
                 1.12.6), add `--storage-opt dm.xfs_nospace_max_retries=0` to {place} (in daemon.json: \
                 \"dm.xfs_nospace_max_retries=0\" in \"storage-opts\"); a full pool then shuts the container's filesystem \
                 down instead of hanging the host"
            ),
        })
    }

    fn invalid(&mut self, option: &Sourced<String>, why: &str, remedy: &str) {
        let message = format!("dockerd would refuse the storage option {:?}: {why}", option.value);
        self.warn(
            "storage-option-invalid",
            option,
            message,
            format!("{remedy} ({})", option.place),
        );
    }

    fn warn(&mut self, code: &'static str, option: &Sourced<String>, message: String, remedy: String) {
        let (subject, place) = (option.value.clone(), option.place.clone());
        self.findings.push(Finding {
            code,
            severity: Severity::Warn,
            subject,
            message,
            place,
            remedy,
        });
    }
}

/// Docker tests its device options against the empty string.
fn is_set(device: &Option<Sourced<String>>) -> bool {
    device.as_ref().is_some_and(|device| !device.value.is_empty())
}

fn keep<T>(slot: &mut Option<Sourced<T>>, option: &Sourced<String>, value: Result<T, String>) -> Result<(), String> {
    *slot = Some(option.with(value?));
    Ok(())
}

/// Exactly these two, in lower case (moby `deviceset.go`, `dm.fs`).
fn filesystem(value: &str) -> Result<String, String> {
    match value {
        "ext4" | "xfs" => Ok(value.to_owned()),
        _ => Err(format!("devmapper: Unsupported filesystem {value}")),
    }
}

/// Go's `strconv.ParseUint(value, 10, 64)`: digits only, no sign.
fn go_uint(value: &str) -> Result<u64, String> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    match value.parse() {
        Ok(number) if digits => Ok(number),
        Err(_) if digits => Err(format!("strconv.ParseUint: parsing {value:?}: value out of range")),
        _ => Err(format!("strconv.ParseUint: parsing {value:?}: invalid syntax")),
    }
}

/// `dm.min_free_space`: one `%` at the end, below 100 (moby v20.10.27 `deviceset.go:2734-2749`).
fn percent(value: &str) -> Result<u8, String> {
    let number = value
        .strip_suffix('%')
        .ok_or("devmapper: Option dm.min_free_space requires % suffix")?;
    match u8::try_from(go_uint(number)?) {
        Ok(percent) if percent < 100 => Ok(percent),
        _ => Err(format!("devmapper: Invalid value {value} for option dm.min_free_space")),
    }
}

#[cfg(test)]
mod tests;
