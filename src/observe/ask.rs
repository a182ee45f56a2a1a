//! What a look asks.

use super::docker_socket::Whom;
use super::{journal, state, witnesses};
use serde::{Deserialize, Serialize};

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Nothing: whether the helper still makes children.
    Nothing,
    /// All thin pools with status and table.
    Pools,
    /// The driver's directory, the pool's files and the filesystem below.
    Host {
        /// Root of the tree to read.
        root: String,
        /// Docker's data root.
        data_root: String,
        /// The files of the live pool, where they are known; else Docker's usual ones.
        files: Vec<String>,
    },
    /// Docker's unit.
    Unit {
        /// `docker.service`
        name: String,
    },
    /// All tasks of a unit's processes.
    Tasks {
        /// As systemd names it.
        control_group: String,
        /// Counted too, in case the group cannot be read.
        main_pid: u32,
        /// Tell also where tasks sleep that are not in D state.
        sleepers: bool,
    },
    /// All tasks of containerd, whatever unit or parent it has.
    Containerd,
    /// Tasks around Docker that may tell why something hangs.
    Witnesses {
        /// The unit's, as systemd names it; empty where it is not known.
        control_group: String,
    },
    /// Stacks of tasks.
    Stacks(Vec<witnesses::Wanted>),
    /// An HTTP request to the daemon.
    Get {
        /// The daemon that is to answer.
        whom: Whom,
        /// `/info`
        path: String,
    },
    /// A request that takes the storage driver's lock.
    Driver {
        /// The daemon that is to answer.
        whom: Whom,
        /// Docker's data root.
        data_root: String,
    },
    /// The next event of a pool after this one, and a look at all pools right behind it.
    Event {
        /// Name of the pool.
        pool: String,
        /// The newest event seen.
        event_nr: u32,
    },
    /// Docker's configuration.
    Config {
        /// Root of the tree to read.
        root: String,
        /// `docker.service`
        unit: String,
        /// The surroundings of this very process are those of the unit (`ExecStartPre=`).
        inside_unit: bool,
        /// The daemon's start command, where it is given by hand: a line as in a unit.
        exec_line: Option<String>,
    },
    /// What lies in Docker's data root besides the pool's files.
    State(state::Question),
    /// Room of a volume group.
    VolumeGroup {
        /// Its name.
        name: String,
    },
    /// A pool of LVM's.
    Lvm {
        /// Its volume group.
        group: String,
        /// Its logical volume.
        volume: String,
    },
    /// Active volumes on a pool.
    Volumes {
        /// Name of the pool.
        pool: String,
    },
    /// The containers that layers belong to.
    Owners {
        /// Docker's data root.
        data_root: String,
        /// Ids of the layers.
        layers: Vec<String>,
    },
    /// What the guard has told the journal.
    Journal(journal::Question),
    /// Offsets of local time at these times, in seconds since 1970.
    LocalTime(Vec<i64>),
    /// The superblock of a metadata file.
    Superblock {
        /// Root of the tree to read.
        root: String,
        /// The file.
        path: String,
    },
}
