//! The thin pool as the kernel's status and table lines and the loop devices below it show it.

use super::{Bytes, Lvm, Seen, Target};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the pool does with I/O, from the mode word of its status line
/// (kernel: Documentation/admin-guide/device-mapper/thin-provisioning.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `rw`: healthy.
    Rw,
    /// `out_of_data_space`: writes that need a new block are held for `no_space_timeout` (60 s), then failed.
    OutOfDataSpace,
    /// `ro`: the metadata could not be changed; nothing new is allocated.
    Ro,
    /// `Fail`: the pool's metadata cannot be used at all; every I/O fails.
    Fail,
}

/// The kernel's own word, as it stands in the status line.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Rw => "rw",
            Mode::OutOfDataSpace => "out_of_data_space",
            Mode::Ro => "ro",
            Mode::Fail => "Fail",
        })
    }
}

/// Use of one of the pool's two devices, in its own blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Blocks in use. For metadata this counts the kernel's reserve (about a tenth) too.
    pub used_blocks: u64,
    /// Blocks in all.
    pub total_blocks: u64,
    /// Bytes in one block: the pool's block size for data, 4096 for metadata.
    pub block_bytes: u64,
}

impl Usage {
    /// Bytes in use.
    pub fn used(&self) -> Bytes {
        Bytes(self.used_blocks.saturating_mul(self.block_bytes))
    }

    /// Bytes in all.
    pub fn total(&self) -> Bytes {
        Bytes(self.total_blocks.saturating_mul(self.block_bytes))
    }

    /// Bytes not in use.
    pub fn free(&self) -> Bytes {
        self.total().saturating_sub(self.used())
    }

    /// Hundredths in use, rounded down; 100 for a device of no blocks, since nothing fits into it.
    pub fn used_percent(&self) -> u8 {
        match self.total_blocks {
            0 => 100,
            total => (self.used_blocks.min(total) as u128 * 100 / total as u128) as u8,
        }
    }

    /// No block is left.
    pub fn is_exhausted(&self) -> bool {
        self.used_blocks >= self.total_blocks
    }
}

/// What lies below one of the pool's devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backing {
    /// A loop device on a file: what thinguard grows itself.
    Loop {
        /// `loop0`
        device: String,
        /// Path of the file, as the kernel tells it in `/sys/block/loopN/loop/backing_file`.
        file: String,
    },
    /// A loop device on a file that was unlinked: its contents are there until the loop device goes.
    Deleted {
        /// `loop0`
        device: String,
        /// The path that it had.
        file: String,
    },
    /// Any other block device, `major:minor` (direct-lvm and the like): a pool on it grows through LVM or not at all.
    Device(String),
}

/// Size and real extent of one of the pool's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackingFile {
    /// Where it lies.
    pub path: String,
    /// Apparent size (`st_size`).
    pub size_bytes: Bytes,
    /// What the host filesystem has given to it so far (`st_blocks` × 512): a sparse file's is smaller.
    pub allocated_bytes: Bytes,
}

/// One of a pool's two devices, on whatever it lies.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// Its use.
    pub usage: Usage,
    /// What lies below it.
    pub backing: &'a Backing,
    /// The file below it, where it is on one.
    pub file: &'a Seen<BackingFile>,
}

impl Device<'_> {
    /// The file or device below it, for people.
    pub fn place(&self) -> String {
        match self.backing {
            Backing::Loop { file, .. } | Backing::Deleted { file, .. } => file.clone(),
            Backing::Device(number) => format!("block device {number}"),
        }
    }

    /// What its sparse file was promised and has not been given yet.
    pub fn owed(&self) -> Bytes {
        let owed = |file: &BackingFile| file.size_bytes.saturating_sub(file.allocated_bytes);
        self.file.known().map_or(Bytes(0), owed)
    }
}

/// One look at an active thin pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Device-mapper name: `docker-254:0-394414-pool`.
    pub name: String,
    /// Mode word of the status line.
    pub mode: Mode,
    /// The metadata must be repaired off line before anything can be changed or grown.
    pub needs_check: bool,
    /// The device is suspended: all I/O waits until someone resumes it.
    pub suspended: bool,
    /// A table was loaded that the next resume will put to use.
    pub table_waits: bool,
    /// Count of events so far (low water, mode changes); `DM_DEV_WAIT` waits for it to move.
    pub event_nr: u32,
    /// Docker's transaction id.
    pub transaction_id: u64,
    /// Data device.
    pub data: Usage,
    /// Metadata device.
    pub metadata: Usage,
    /// Writes are held while no block is free (`queue_if_no_space`); otherwise they fail (`error_if_no_space`).
    pub queue_if_no_space: bool,
    /// The kernel raises an event when fewer free data blocks than this are left. Docker sets 32768.
    pub low_water_blocks: u64,
    /// The table's parameters after the word `thin-pool`, verbatim, to be kept when the pool grows.
    pub table_params: String,
    /// The table's length in sectors of 512 bytes: the data device's, rounded down as whoever loaded it saw fit.
    pub table_sectors: u64,
    /// What lies below the data device.
    pub data_backing: Backing,
    /// What lies below the metadata device.
    pub metadata_backing: Backing,
    /// The data file, where the pool is on loop files.
    pub data_file: Seen<BackingFile>,
    /// The metadata file, where the pool is on loop files.
    pub metadata_file: Seen<BackingFile>,
    /// LVM's part in it.
    pub lvm: Lvm,
}

impl Pool {
    /// One of its devices.
    pub fn device(&self, target: Target) -> Device<'_> {
        match target {
            Target::Data => Device {
                usage: self.data,
                backing: &self.data_backing,
                file: &self.data_file,
            },
            Target::Metadata => Device {
                usage: self.metadata,
                backing: &self.metadata_backing,
                file: &self.metadata_file,
            },
        }
    }

    /// Both devices are loop devices on files: the pool that thinguard can grow.
    pub fn is_loop(&self) -> bool {
        matches!(self.data_backing, Backing::Loop { .. }) && matches!(self.metadata_backing, Backing::Loop { .. })
    }

    /// Both lie on files, deleted ones too: what they are yet to be given comes from a filesystem.
    pub fn is_on_files(&self) -> bool {
        let on_file = |backing: &Backing| !matches!(backing, Backing::Device(_));
        on_file(&self.data_backing) && on_file(&self.metadata_backing)
    }

    /// Bytes below which the kernel itself calls the data device low.
    pub fn low_water(&self) -> Bytes {
        Bytes(self.low_water_blocks.saturating_mul(self.data.block_bytes))
    }

    /// This device has nothing left to give, as the kernel counts or says.
    pub fn is_out_of(&self, target: Target) -> bool {
        self.device(target).usage.is_exhausted() || (target == Target::Data && self.mode == Mode::OutOfDataSpace)
    }

    /// Nothing of it waits, fails or has to be repaired.
    pub fn is_well(&self) -> bool {
        self.mode == Mode::Rw && !self.needs_check && !self.suspended && !self.is_exhausted()
    }

    /// No growth can help: the kernel refuses to change it, at times with a return of success. From Linux 5.0 on a pool whose metadata
    /// are full says `ro` too, and growing them is the cure.
    pub fn is_broken(&self) -> bool {
        match self.mode {
            Mode::Fail => true,
            Mode::Ro => self.needs_check || !self.metadata.is_exhausted(),
            Mode::Rw | Mode::OutOfDataSpace => self.needs_check,
        }
    }

    /// Writes are held or failed for want of blocks. A pool in `error_if_no_space` that Docker made without that word has run out
    /// and waited its `no_space_timeout` (facts/lab.md: the kernel flips the word after 60 s).
    pub fn is_exhausted(&self) -> bool {
        // A pool that has failed tells no counts.
        self.mode != Mode::Fail && (self.is_out_of(Target::Data) || self.is_out_of(Target::Metadata))
    }
}
