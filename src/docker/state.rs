//! What lies in Docker's data root before a start, besides the pool's two files: the noun that is seen and judged.

use super::device_json::{Device, DeviceSet};
use super::direct_lvm::DirectLvm;
use super::drivers::Prior;
use super::elsewhere::OptionElsewhere;
use serde::{Deserialize, Serialize};

/// The data root as one look saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootState {
    /// Its type as statfs(2) tells it, of the nearest directory that exists.
    pub filesystem: Option<i64>,
    /// Blocks of that filesystem that root has left; `None` for a tree, and where dockerd will first delete something here.
    pub free_blocks: Option<u64>,
    /// Nothing can be written there.
    pub read_only: bool,
    /// The data root, or where it is to be, is something else than a directory.
    pub not_a_directory: bool,
    /// Directories of storage drivers; `None` where the data root could not be read.
    pub drivers: Option<Vec<Prior>>,
    /// `devicemapper/metadata/base`.
    pub base: Option<Result<Device, String>>,
    /// `devicemapper/metadata/deviceset-metadata`.
    pub device_set: Option<Result<DeviceSet, String>>,
    /// Files of devices that dockerd cannot read, with the reason; the first few.
    pub unreadable_devices: Vec<(String, String)>,
    /// Files of devices that were looked at.
    pub devices_seen: u32,
    /// All were; otherwise time or number was up.
    pub all_devices_seen: bool,
    /// What stands in the place of the pool's files and is no plain file.
    pub odd_files: Vec<OddFile>,
    /// The data file has bytes, and holes in place of all of them: nothing was ever written there.
    pub data_all_holes: bool,
    /// The same of the metadata file.
    pub metadata_all_holes: bool,
    /// The filesystem that the data root lies on by the tree's own fstab, where that is not mounted there.
    pub unmounted: Option<Unmounted>,
    /// Those of the pool's two files that are immutable (chattr +i).
    pub immutable_files: Vec<String>,
    /// The pidfile, where its name is a directory's.
    pub pidfile_is_directory: Option<String>,
    /// `volumes/metadata.db` is no database of bolt's.
    pub volume_store_broken: bool,
    /// Why Docker cannot read its list of images (`image/devicemapper/repositories.json`), where it cannot.
    pub image_list: Option<String>,
    /// `devicemapper/setup-config.json`, or why dockerd cannot read it.
    pub direct_lvm: Option<Result<DirectLvm, String>>,
    /// Names in `dm.datadev`, `dm.metadatadev` and `dm.directlvm_device` with nothing behind them.
    pub missing_devices: Vec<String>,
    /// A process whose id stands in the daemon's pidfile and which lives.
    pub pidfile_process: Option<PidfileProcess>,
    /// The kernel's release; `None` for the tree of another host.
    pub kernel: Option<String>,
    /// XFS on this kernel has `max_retries`; `None` where no XFS is mounted that could show it.
    pub xfs_knob: Option<bool>,
    /// This kernel has aufs, or a module of it is installed for it; `None` where that cannot be told, or nobody asks for aufs.
    pub aufs: Option<bool>,
    /// This kernel has thin pools, or a module of them is installed for it; `None` where that cannot be told.
    pub thin_pools: Option<bool>,
    /// The limit of SysV semaphores (`kernel.sem`) that is reached.
    pub semaphores: Option<SemaphoreLimit>,
    /// Devices in `dm.directlvm_device` that have something on them: the name, and what udev's blkid calls it.
    pub used_devices: Vec<(String, String)>,
    /// A loop device can be had: the control node or a first device node is there. `None` for the tree of another host, whose
    /// `/dev` is made when it boots.
    pub loop_devices: Option<bool>,
    /// The pool named by `dm.thinpooldev`, where one is; the one that `dm.directlvm_device` has where that is set.
    pub thin_pool_device: Option<NamedPool>,
    /// Storage options in files that packages have for them, whether the unit reads these or not.
    pub options_elsewhere: Vec<OptionElsewhere>,
    /// This node is in a swarm (`swarm/docker-state.json`).
    pub in_swarm: bool,
    /// A plugin of the storage driver's name is there.
    pub driver_plugin: bool,
}

/// Something in the place of one of the pool's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddFile {
    /// Where.
    pub path: String,
    /// What it is.
    pub what: Odd,
}

/// What a name leads to that is no plain file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Odd {
    /// A link with this target, where nothing is.
    LinkToNothing(String),
    /// A directory.
    Directory,
    /// A block device: up to 1.8 Docker used it (moby v1.8.3 `deviceset.go`, `ensureImage`; from 1.9.0 on it lengthens what is too short).
    BlockDevice,
    /// A pipe, a socket.
    NoFile,
}

/// A filesystem that a tree's fstab names and that is not mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmounted {
    /// Where it belongs.
    pub point: String,
    /// `/etc/fstab:7`
    pub place: String,
}

/// Who holds the pidfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PidfileProcess {
    /// The pidfile.
    pub path: String,
    /// Process id.
    pub pid: u32,
    /// Its name: hostile text.
    pub comm: String,
    /// It has ended and is not reaped.
    pub zombie: bool,
}

/// Which limit of SysV semaphores is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SemaphoreLimit {
    /// SEMMNI: so many sets, the fourth number of `kernel.sem`.
    Sets(u64),
    /// SEMMNS: so many semaphores in all sets, the second number.
    All(u64),
}

/// What device-mapper has under the name of `dm.thinpooldev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamedPool {
    /// No such device.
    Missing,
    /// A device of this other kind.
    Other(String),
    /// A pool.
    Pool {
        /// Transaction id.
        transaction_id: u64,
        /// Data blocks in use.
        data_used: u64,
    },
    /// It could not be looked at; the text says why.
    Unknown(String),
}
