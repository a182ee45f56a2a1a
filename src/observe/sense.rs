//! The kinds of look.

use std::fmt;

/// A sense: one kind of look, of which at most one is out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Thin pools, from device-mapper.
    Pools,
    /// Files of the pool and the filesystem below them.
    Host,
    /// Docker's unit, from systemd.
    Unit,
    /// Tasks of Docker's unit.
    Tasks,
    /// Tasks of containerd.
    Containerd,
    /// Tasks around Docker, while something is wrong.
    Witnesses,
    /// Their stacks.
    Stacks,
    /// `GET /_ping`
    Ping,
    /// `GET /info`
    Info,
    /// A request besides that takes the storage driver's lock.
    Driver,
    /// The kernel's next event of the pool. Waits as long as it takes.
    Event,
    /// Docker's configuration.
    Config,
    /// The superblock of a metadata file whose pool is not active.
    Superblock,
    /// The superblock of the device that `dm.metadatadev` names.
    NamedSuperblock,
    /// Docker's data root.
    State,
    /// Room of the volume group of a pool of LVM's.
    VolumeGroup,
    /// A pool of LVM's, as LVM sees it.
    Lvm,
    /// Active volumes on the pool.
    Volumes,
    /// The containers that they belong to.
    Owners,
}

impl Sense {
    pub(super) const ALL: [Sense; 19] = [
        Sense::Pools,
        Sense::Host,
        Sense::Unit,
        Sense::Tasks,
        Sense::Containerd,
        Sense::Witnesses,
        Sense::Stacks,
        Sense::Ping,
        Sense::Info,
        Sense::Driver,
        Sense::Event,
        Sense::Config,
        Sense::Superblock,
        Sense::NamedSuperblock,
        Sense::State,
        Sense::VolumeGroup,
        Sense::Lvm,
        Sense::Volumes,
        Sense::Owners,
    ];
}

/// What is looked at, as operators call it.
impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sense::Pools => "the thin pools (device-mapper)",
            Sense::Host => "the pool's files and the filesystem below them",
            Sense::Unit => "Docker's unit (systemd)",
            Sense::Tasks => "the tasks of Docker's unit (/proc)",
            Sense::Containerd => "the tasks of containerd (/proc)",
            Sense::Witnesses => "the tasks around Docker (/proc)",
            Sense::Stacks => "the stacks of tasks in D state (/proc)",
            Sense::Ping => "Docker's /_ping",
            Sense::Info => "Docker's /info",
            Sense::Driver => "a request to Docker's storage driver",
            Sense::Event => "the kernel's next event of the pool",
            Sense::Config => "Docker's configuration",
            Sense::Superblock => "the superblock of the metadata file",
            Sense::NamedSuperblock => "the superblock of the device of dm.metadatadev",
            Sense::State => "Docker's data root",
            Sense::VolumeGroup => "the volume group's room (LVM)",
            Sense::Lvm => "the pool's volumes (LVM)",
            Sense::Volumes => "the volumes on the pool",
            Sense::Owners => "the containers of the volumes",
        })
    }
}
