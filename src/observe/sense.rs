//! The kinds of look.

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
    /// A pool of LVM's, as LVM sees it.
    Lvm,
    /// Active volumes on the pool.
    Volumes,
    /// The containers that they belong to.
    Owners,
}

impl Sense {
    pub(super) const ALL: [Sense; 18] = [
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
        Sense::Lvm,
        Sense::Volumes,
        Sense::Owners,
    ];
}
