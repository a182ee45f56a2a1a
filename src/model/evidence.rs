//! What speaks for a diagnosis besides the pool's and the daemon's own state: the kernel's log, and tasks with their stacks.

use super::{Seen, Task};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a line of the kernel's log tells, as far as a Docker host on a thin pool cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelEvent {
    /// khungtaskd found a task in D state.
    HungTask {
        /// Its thread.
        tid: u32,
    },
    /// A filesystem gave itself up; every use of it fails until it is unmounted.
    FilesystemShutDown,
    /// A filesystem met an error.
    FilesystemError,
    /// A filesystem turned itself read-only after an error.
    FilesystemReadOnly,
    /// A filesystem was mounted or unmounted.
    FilesystemMounted,
    /// The thin pool has few free blocks.
    PoolLow,
    /// The thin pool changed its mode: out of space, read-only, failed, or well again.
    PoolMode,
    /// The thin pool's metadata met an error.
    PoolMetadata,
    /// A device of the thin pool grew.
    PoolGrown,
    /// A block device failed a request.
    DeviceError {
        /// It was a write; `None` where this kernel does not say.
        write: Option<bool>,
    },
    /// A loop device could not write its file. The kernel does not say which.
    LoopWriteError,
}

/// One line of the kernel's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelLine {
    /// When it was said, as time since boot. Of lines that say the same, the newest.
    pub when: Duration,
    /// How many lines said the same about the same device.
    pub times: u32,
    /// What it tells.
    pub event: KernelEvent,
    /// The device it is about, in the kernel's words: `dm-3`, `loop0`, `254:2`.
    pub device: Option<String>,
    /// Docker's name for that device, while it is there and the trouble is not over.
    pub volume: Option<String>,
    /// The line itself: names in it are chosen by strangers.
    pub text: String,
}

/// Whose task it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// A process of Docker's own unit: dockerd, and where the unit holds them its shims.
    Daemon,
    /// containerd and its shims.
    Containerd,
    /// A container's.
    Container,
    /// A thread of the kernel's.
    Kernel,
}

/// A task that may tell why something hangs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Whose it is.
    pub whose: Whose,
    /// The task.
    pub task: Task,
}

/// The tasks of one look, the daemon's first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnesses {
    /// A bounded number of each kind.
    pub tasks: Vec<Witness>,
    /// How many more were seen.
    pub left_out: usize,
}

/// A task's way through the kernel, innermost function first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The thread.
    pub tid: u32,
    /// With `tid` it names the task for good.
    pub start_ticks: u64,
    /// `xfs_ail_push_all_sync [xfs]`: functions with their modules, without addresses.
    pub frames: Vec<String>,
}

/// What one look brought in besides pool and daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Lines of the kernel's log that matter, oldest first.
    pub kernel: Seen<Vec<KernelLine>>,
    /// Records of the kernel's log that were overwritten before they could be read.
    pub kernel_lost: u64,
    /// Tasks in D state around Docker, and the kernel's threads that serve its pool. Looked at only while something is wrong.
    pub witnesses: Seen<Witnesses>,
    /// Their stacks.
    pub stacks: Seen<Vec<Stack>>,
}
