//! The thin-pool target's status and table texts (kernel: Documentation/admin-guide/device-mapper/thin-provisioning.rst,
//! `pool_status` and `pool_ctr` of drivers/md/dm-thin.c).

#[cfg(test)]
mod tests;
pub mod thin;

use crate::model::{Mode, Usage};
use serde::{Deserialize, Serialize};

/// The target's type, as its table and status lines name it.
pub const KIND: &str = "thin-pool";
/// Bytes of a metadata block.
pub const METADATA_BLOCK_BYTES: u64 = 4096;

/// Smallest data block and its step, in sectors: 64 KiB (`DATA_DEV_BLOCK_SIZE_MIN_SECTORS`).
const BLOCK_SECTORS_MIN: u64 = 128;
/// Largest data block, in sectors: 1 GiB (`DATA_DEV_BLOCK_SIZE_MAX_SECTORS`).
const BLOCK_SECTORS_MAX: u64 = 1 << 21;

/// What a status line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// `Fail`: the metadata cannot be used at all; every I/O fails.
    Fail,
    /// `Error`: the kernel could not read the counts; its log says why.
    Error,
    /// The pool works, or would if it had room.
    Active(Active),
}

/// The counts and words of a working pool's status line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Docker's transaction id.
    pub transaction_id: u64,
    /// Metadata blocks (4096 bytes) in use, the kernel's reserve counted in.
    pub metadata_used: u64,
    /// Metadata blocks in all.
    pub metadata_total: u64,
    /// Data blocks in use.
    pub data_used: u64,
    /// Data blocks in all, as the metadata record them.
    pub data_total: u64,
    /// Block of a metadata snapshot that someone holds.
    pub held_root: Option<u64>,
    /// Mode word; never [`Mode::Fail`]. From 5.0 on a pool without metadata space says `ro` here.
    pub mode: Mode,
    /// Writes are held while no block is free; otherwise they fail. Kernels too old to say so hold them.
    pub queue_if_no_space: bool,
    /// The metadata must be repaired before anything can change. Kernels before 4.0 do not tell: `false`.
    pub needs_check: bool,
    /// Free metadata blocks below which the kernel raises an event; kernels before 4.20 do not tell.
    pub metadata_low_water: Option<u64>,
}

impl Status {
    /// Reads the text after the word `thin-pool` of a status line. Words it does not know after the mode are passed over, and
    /// words that older kernels lack (3.10: `<tid> <meta> <data> <held> ro|rw …`) may be missing.
    ///
    /// # Errors
    /// Says what does not read, for people.
    pub fn parse(params: &str) -> Result<Self, String> {
        let bad = |what: &str| format!("no {what} in thin-pool status '{}'", params.trim().escape_debug());
        let mut words = params.split_whitespace();
        let first = match words.next() {
            Some("Fail") => return Ok(Status::Fail),
            Some("Error") => return Ok(Status::Error),
            word => word,
        };
        let transaction_id = first.and_then(number).ok_or_else(|| bad("transaction id"))?;
        let (metadata_used, metadata_total) = words
            .next()
            .and_then(used_of_total)
            .ok_or_else(|| bad("metadata use"))?;
        let (data_used, data_total) = words.next().and_then(used_of_total).ok_or_else(|| bad("data use"))?;
        let held_root = match words.next() {
            Some("-") => None,
            word => Some(word.and_then(number).ok_or_else(|| bad("metadata snapshot"))?),
        };
        let mode = match words.next() {
            Some("rw") => Mode::Rw,
            Some("ro") => Mode::Ro,
            Some("out_of_data_space") => Mode::OutOfDataSpace,
            _ => return Err(bad("known mode")),
        };
        let mut active = Active {
            transaction_id,
            metadata_used,
            metadata_total,
            data_used,
            data_total,
            held_root,
            mode,
            queue_if_no_space: true,
            needs_check: false,
            metadata_low_water: None,
        };
        // By name, not by place: kernels have added words here one after another.
        for word in words {
            match word {
                "queue_if_no_space" => active.queue_if_no_space = true,
                "error_if_no_space" => active.queue_if_no_space = false,
                "needs_check" => active.needs_check = true,
                word => active.metadata_low_water = number(word).or(active.metadata_low_water),
            }
        }
        Ok(Status::Active(active))
    }
}

/// Free blocks of metadata with which the data device may still grow. To record more data blocks the kernel takes some (drivers/md/
/// persistent-data/dm-space-map-common.c, `sm_ll_extend`: one for each 16 Ki blocks of data, and copies of those that it changes). Where
/// none is left it fails and marks the metadata as needing a check. Kernels before 4.19 and EL7.7 keep nothing back for this.
pub const METADATA_FOR_GROWTH: u64 = 64;

impl Active {
    /// Use of the data device; `block_sectors` is [`Table::block_sectors`].
    pub fn data(&self, block_sectors: u64) -> Usage {
        let block_bytes = block_sectors.saturating_mul(crate::model::Bytes::SECTOR);
        Usage {
            used_blocks: self.data_used,
            total_blocks: self.data_total,
            block_bytes,
        }
    }

    /// Use of the metadata device.
    pub fn metadata(&self) -> Usage {
        Usage {
            used_blocks: self.metadata_used,
            total_blocks: self.metadata_total,
            block_bytes: METADATA_BLOCK_BYTES,
        }
    }
}

/// What a table line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The metadata device, `7:1` or a path below `/dev`. A kernel always tells numbers.
    pub metadata_device: String,
    /// The data device, the same way.
    pub data_device: String,
    /// Sectors (512 bytes) in a data block: a multiple of 128 between 128 and 2097152.
    pub block_sectors: u64,
    /// The kernel raises an event when fewer free data blocks than this are left.
    pub low_water_blocks: u64,
    /// Feature words: `skip_block_zeroing`, `ignore_discard`, `no_discard_passdown`, `read_only`, `error_if_no_space`.
    pub features: Vec<String>,
}

impl Table {
    /// Reads the text after the word `thin-pool` of a table line.
    ///
    /// # Errors
    /// Says what does not read, for people: also a block size that no kernel takes, and a feature count that lies.
    pub fn parse(params: &str) -> Result<Self, String> {
        let bad = |what: &str| format!("no {what} in thin-pool table '{}'", params.trim().escape_debug());
        let mut words = params.split_whitespace();
        let metadata_device = words.next().and_then(device).ok_or_else(|| bad("metadata device"))?;
        let data_device = words.next().and_then(device).ok_or_else(|| bad("data device"))?;
        let block_sectors = words
            .next()
            .and_then(number)
            .filter(|n| (BLOCK_SECTORS_MIN..=BLOCK_SECTORS_MAX).contains(n) && n % BLOCK_SECTORS_MIN == 0)
            .ok_or_else(|| bad("usable block size"))?;
        let low_water_blocks = words.next().and_then(number).ok_or_else(|| bad("low-water mark"))?;
        // The kernel takes a table without a count; what it shows always has one.
        let count = match words.next() {
            None => 0,
            Some(word) => number(word).ok_or_else(|| bad("feature count"))?,
        };
        let features: Vec<String> = words.map(str::to_owned).collect();
        if features.len() as u64 != count {
            return Err(bad("feature count that fits"));
        }
        Ok(Table {
            metadata_device,
            data_device,
            block_sectors,
            low_water_blocks,
            features,
        })
    }

    /// The text again, as the kernel shows it but for the space at its end.
    pub fn params(&self) -> String {
        let Table {
            metadata_device,
            data_device,
            block_sectors,
            low_water_blocks,
            features,
        } = self;
        let mut text = format!(
            "{metadata_device} {data_device} {block_sectors} {low_water_blocks} {}",
            features.len()
        );
        for feature in features {
            text.push(' ');
            text.push_str(feature);
        }
        text
    }
}

/// Whether two parameter texts say the same, whatever the spaces between and after their words.
pub fn same_params(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// Digits only: `u64::from_str` would take a sign as well, which no kernel writes.
fn number(word: &str) -> Option<u64> {
    word.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| word.parse().ok())?
}

fn used_of_total(word: &str) -> Option<(u64, u64)> {
    let (used, total) = word.split_once('/')?;
    Some((number(used)?, number(total)?))
}

fn device(word: &str) -> Option<String> {
    let is_number = |text: &str| text.parse::<u32>().is_ok() && number(text).is_some();
    let numbers = word
        .split_once(':')
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor));
    (numbers || word.starts_with("/dev/")).then(|| word.to_owned())
}
