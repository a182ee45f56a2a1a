//! The devicemapper driver's storage options: a typed view, and what dockerd of this build refuses about them.

mod problem;
mod together;
mod values;

use super::build::{Build, Flavour, Version};
use super::{Sourced, known, size};
use crate::model::Bytes;
pub use problem::{Conflict, Fault, Problem};
pub(super) use values::switch;
use values::{filesystem, go_uint, log_level, percent, thinp};

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
    /// `dm.directlvm_device_force`: what lies on that device is to be overwritten.
    pub direct_lvm_force: Option<Sourced<bool>>,
    /// `dm.thinp_percent` and its kin, in the order of [`DIRECT_LVM`]; a zero is Docker's "not set".
    pub direct_lvm_numbers: [Option<Sourced<u64>>; 4],
    /// `dm.xfs_nospace_max_retries`: how often XFS retries a write that found no space.
    pub xfs_nospace_max_retries: Option<Sourced<u64>>,
    /// `dm.min_free_space`: hundredths of the pool that must be free before Docker makes a new device; 0 switches it off.
    pub min_free_space: Option<Sourced<u8>>,
    /// `dm.use_deferred_removal`
    pub deferred_removal: Option<Sourced<bool>>,
    /// `dm.use_deferred_deletion`
    pub deferred_deletion: Option<Sourced<bool>>,
    /// `dm.override_udev_sync_check`
    pub override_udev: Option<Sourced<bool>>,
    /// What the driver would refuse, should dockerd choose it.
    pub problems: Vec<Problem>,
}

/// Numbers that `dm.directlvm_device` goes with.
pub const DIRECT_LVM: [&str; 4] = [
    "dm.thinp_percent",
    "dm.thinp_metapercent",
    "dm.thinp_autoextend_percent",
    "dm.thinp_autoextend_threshold",
];

/// Every option with the first upstream version that knows it (tag walk of moby, `daemon/graphdriver/devmapper/deviceset.go`).
const KNOWN: [(&str, Version); 23] = [
    ("dm.basesize", Version::new(0, 12, 0)),
    ("dm.loopdatasize", Version::new(0, 12, 0)),
    ("dm.loopmetadatasize", Version::new(0, 12, 0)),
    ("dm.fs", Version::new(0, 12, 0)),
    ("dm.mkfsarg", Version::new(0, 12, 0)),
    ("dm.mountopt", Version::new(0, 12, 0)),
    ("dm.datadev", Version::new(0, 12, 0)),
    ("dm.metadatadev", Version::new(0, 12, 0)),
    ("dm.blkdiscard", Version::new(0, 12, 0)),
    ("dm.blocksize", Version::new(1, 2, 0)),
    ("dm.thinpooldev", Version::new(1, 4, 0)),
    ("dm.override_udev_sync_check", Version::new(1, 7, 0)),
    ("dm.use_deferred_removal", Version::new(1, 7, 0)),
    ("dm.use_deferred_deletion", Version::new(1, 9, 0)),
    ("dm.min_free_space", Version::new(1, 11, 0)),
    ("dm.xfs_nospace_max_retries", Version::new(1, 13, 0)),
    ("dm.directlvm_device", Version::new(17, 6, 0)),
    ("dm.directlvm_device_force", Version::new(17, 6, 0)),
    ("dm.thinp_percent", Version::new(17, 6, 0)),
    ("dm.thinp_metapercent", Version::new(17, 6, 0)),
    ("dm.thinp_autoextend_percent", Version::new(17, 6, 0)),
    ("dm.thinp_autoextend_threshold", Version::new(17, 6, 0)),
    ("dm.libdm_log_level", Version::new(17, 7, 0)),
];

/// Options that Red Hat's builds of a version know before upstream does, and whether all their releases do (projectatomic/docker,
/// branches rhel7-1.10.3, docker-1.12.6 and docker-1.13.1-rhel, `daemon/graphdriver/devmapper/deviceset.go`; the last three came with
/// 8d9f53910 of 2017-01-27, 11ba9f73b and 8c0a5d3bf of 2017-06-28).
const RED_HAT: [(&str, Version, bool); 4] = [
    ("dm.min_free_space", Version::new(1, 10, 3), true),
    ("dm.xfs_nospace_max_retries", Version::new(1, 12, 6), false),
    ("dm.libdm_log_level", Version::new(1, 12, 6), false),
    ("dm.libdm_log_level", Version::new(1, 13, 1), false),
];

/// All of Red Hat's 1.6 to 1.8 know it, and no other Docker.
pub const OF_OLD_RED_HAT: &str = "dm.no_warn_on_loop_devices";

/// Whether a build knows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knows {
    Yes,
    /// Some of its releases do, or its source was not read.
    Perhaps,
    No,
}

fn knows(key: &str, build: &Build) -> Knows {
    let Some(version) = build.version else {
        return if since(key).is_some() {
            Knows::Yes
        } else {
            Knows::Perhaps
        };
    };
    if since(key).is_some_and(|since| since <= version) {
        return Knows::Yes;
    }
    let row = RED_HAT.iter().find(|(name, of, _)| *name == key && *of == version);
    match row.filter(|_| build.flavour == Flavour::RedHat) {
        Some((.., true)) => Knows::Yes,
        Some(_) => Knows::Perhaps,
        None if build.is_upstream() || known::exact(build).is_some() => Knows::No,
        None => Knows::Perhaps,
    }
}

/// The first upstream version that knows this option.
pub fn since(key: &str) -> Option<Version> {
    KNOWN.iter().find(|(name, _)| *name == key).map(|(_, since)| *since)
}

/// Reads the options as moby's `NewDeviceSet` does: split at the first `=`, both sides trimmed, the key lower-cased, the
/// last of a repeated option wins, though an earlier one must be readable too. There is no splitting at commas.
pub fn parse(options: &[Sourced<String>], build: &Build) -> StorageOptions {
    let mut read = StorageOptions::default();
    for option in options {
        read.take(option, build);
    }
    read.combinations(build);
    read
}

/// Splits at the first `=`, both sides trimmed (moby `pkg/parsers/parsers.go`, `ParseKeyValueOpt`); the key in lower case.
///
/// # Errors
/// Docker's words, where there is no `=`.
pub fn key_value(option: &str) -> Result<(String, &str), String> {
    let (key, value) = option
        .split_once('=')
        .ok_or_else(|| format!("Unable to parse key/value option: {option}"))?;
    Ok((key.trim().to_lowercase(), value.trim()))
}

impl StorageOptions {
    fn take(&mut self, option: &Sourced<String>, build: &Build) {
        let (key, value) = match key_value(&option.value) {
            Ok(both) => both,
            Err(why) => return self.invalid(option, None, why),
        };
        let knows = knows(&key, build);
        if knows != Knows::Yes {
            self.unknown(option, &key, knows, build);
        }
        if since(&key).is_none() {
            return;
        }
        let result = match key.as_str() {
            "dm.loopdatasize" => keep(&mut self.loop_data_size, option, size::ram_in_bytes(value, build)),
            "dm.loopmetadatasize" => keep(&mut self.loop_metadata_size, option, size::ram_in_bytes(value, build)),
            "dm.basesize" => keep(&mut self.base_size, option, size::ram_in_bytes(value, build)),
            "dm.blocksize" => keep(&mut self.block_size, option, size::ram_in_bytes(value, build)),
            "dm.fs" => keep(&mut self.fs, option, filesystem(value)),
            "dm.thinpooldev" => {
                let name = value.strip_prefix("/dev/mapper/").unwrap_or(value);
                keep(&mut self.thin_pool_dev, option, Ok(name.to_owned()))
            }
            "dm.datadev" => keep(&mut self.data_dev, option, Ok(value.to_owned())),
            "dm.metadatadev" => keep(&mut self.metadata_dev, option, Ok(value.to_owned())),
            "dm.directlvm_device" => keep(&mut self.direct_lvm_device, option, Ok(value.to_owned())),
            "dm.xfs_nospace_max_retries" => keep(&mut self.xfs_nospace_max_retries, option, go_uint(value, 64)),
            "dm.min_free_space" => keep(&mut self.min_free_space, option, percent(value)),
            "dm.use_deferred_removal" => keep(&mut self.deferred_removal, option, switch(value)),
            "dm.use_deferred_deletion" => keep(&mut self.deferred_deletion, option, switch(value)),
            "dm.override_udev_sync_check" => keep(&mut self.override_udev, option, switch(value)),
            "dm.directlvm_device_force" => keep(&mut self.direct_lvm_force, option, switch(value)),
            "dm.blkdiscard" => switch(value).map(drop),
            "dm.libdm_log_level" => log_level(value),
            other => match DIRECT_LVM.iter().position(|name| *name == other) {
                Some(index) => keep(&mut self.direct_lvm_numbers[index], option, thinp(other, value)),
                // dm.mkfsarg and dm.mountopt take anything; what is wrong with it shows at mkfs and mount.
                None => Ok(()),
            },
        };
        if let Err(why) = result {
            self.invalid(option, Some(key), why);
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

    /// Sectors of 512 bytes in a block of a pool that dockerd makes: `uint32(size) >> 9`, 128 where not set.
    pub fn block_sectors(&self) -> u64 {
        match &self.block_size {
            Some(size) => (size.value.0 & u64::from(u32::MAX)) >> 9,
            None => 128,
        }
    }

    fn unknown(&mut self, option: &Sourced<String>, key: &str, knows: Knows, build: &Build) {
        let old = build.flavour == Flavour::RedHat && build.at_least(1, 9, 0) == Some(false);
        if key == OF_OLD_RED_HAT && old {
            return;
        }
        self.problems.push(Problem {
            option: option.clone(),
            what: Fault::Unknown {
                key: key.to_owned(),
                since: since(key),
            },
            certain: knows == Knows::No,
        });
    }

    fn invalid(&mut self, option: &Sourced<String>, key: Option<String>, why: String) {
        self.problems.push(Problem {
            option: option.clone(),
            what: Fault::Invalid { key, why },
            certain: true,
        });
    }

    fn together(&mut self, conflict: Conflict, name: &str, place: &str, certain: bool) {
        self.problems.push(Problem {
            option: Sourced::new(name.to_owned(), place),
            what: Fault::Conflict(conflict),
            certain,
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

#[cfg(test)]
mod tests;
