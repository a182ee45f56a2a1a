//! What a look asks.

use super::docker_socket::Whom;
use super::start_command::Question as Start;
use super::{journal, state};
use crate::model::{Consumer, Task};
use serde::{Deserialize, Serialize};

/// One look. A `root` is that of the tree to read.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Nothing: whether the helper still makes children.
    Nothing,
    /// All thin pools with status and table.
    Pools,
    /// The driver's directory, the pool's files and the filesystem below.
    Host {
        root: String,
        data_root: String,
        /// The files of the live pool, where they are known; else Docker's usual ones.
        files: Vec<String>,
    },
    /// Docker's unit.
    Unit { name: String },
    /// All tasks of a unit's processes.
    Tasks {
        control_group: String,
        /// Counted too, in case the group cannot be read.
        main_pid: u32,
        /// Tell also where tasks sleep that are not in D state.
        sleepers: bool,
    },
    /// All tasks of containerd, whatever unit or parent it has.
    Containerd,
    /// Tasks around Docker that may tell why something hangs. The group is empty where it is not known.
    Witnesses { control_group: String },
    /// Stacks of these tasks.
    Stacks(Vec<Task>),
    /// An HTTP request to the daemon of this process; if it has gone, nothing is sent.
    Get {
        /// The daemon that is to answer.
        whom: Whom,
        /// `/info`
        path: String,
    },
    /// A request that takes the storage driver's lock; else as [`Ask::Get`].
    Driver {
        /// The daemon that is to answer.
        whom: Whom,
        /// Docker's data root.
        data_root: String,
    },
    /// The next event of a pool after this one, and a look at all pools right behind it.
    Event { pool: String, event_nr: u32 },
    /// Docker's configuration.
    Config(Start),
    /// What lies in Docker's data root besides the pool's files.
    State(state::Question),
    /// A pool of LVM's.
    Lvm { group: String, volume: String },
    /// Active volumes on a pool.
    Volumes { pool: String },
    /// The containers that these volumes belong to.
    Owners { data_root: String, volumes: Vec<Consumer> },
    /// What the guard has told the journal.
    Journal(journal::Question),
    /// Offsets of local time at these times, in seconds since 1970.
    LocalTime(Vec<i64>),
    /// The superblock of a metadata file.
    Superblock { root: String, path: String },
}
