//! The superblock of thin-pool metadata: what a pool that is not active says of itself (`struct thin_disk_superblock`,
//! drivers/md/dm-thin-metadata.c).

use crate::model::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of a metadata block, and so of the superblock.
pub const SUPERBLOCK_BYTES: usize = 4096;

/// The largest metadata device the kernel uses, the rest is passed over: `THIN_METADATA_MAX_SECTORS`,
/// drivers/md/dm-thin-metadata.h.
pub const MAX_METADATA: Bytes = Bytes(33_423_360 * Bytes::SECTOR);

const MAGIC: u64 = 27022010;
/// `SUPERBLOCK_CSUM_XOR`.
const CSUM_XOR: u32 = 160774;
/// `THIN_METADATA_NEEDS_CHECK_FLAG`.
const NEEDS_CHECK: u32 = 1 << 0;
/// What thin-provisioning-tools wrote (1) and kernels write (2).
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;

/// What the superblock says. Its counts are those of the last commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superblock {
    /// Version of the format.
    pub version: u32,
    /// The kernel will not change anything before `thin_check` or `thin_repair` has cleared this.
    pub needs_check: bool,
    /// Transaction id of the pool's user (Docker).
    pub transaction_id: u64,
    /// Block of a metadata snapshot that someone holds; 0 for none.
    pub held_root: u64,
    /// Size of a data block, in sectors of 512 bytes.
    pub data_block_sectors: u32,
    /// `compat_ro_flags` and `incompat_flags`: features that a kernel must know to write to the pool. No kernel up to 6.x knows any
    /// (`THIN_FEATURE_COMPAT_RO_SUPP`, `THIN_FEATURE_INCOMPAT_SUPP` in drivers/md/dm-thin-metadata.c).
    pub incompatible_features: u32,
    /// Blocks of the data device that the metadata know of. The device may be longer, never shorter.
    pub data_blocks: u64,
    /// Data blocks in use.
    pub data_used: u64,
    /// Blocks (4096 bytes each) of the metadata device that the metadata know of.
    pub metadata_blocks: u64,
    /// Metadata blocks in use. A kernel's status line counts its reserve (about a tenth) besides (facts/lab.md).
    pub metadata_used: u64,
}

/// Why bytes are not a usable superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Error {
    /// Fewer than 4096 bytes; the number says how many.
    TooShort(usize),
    /// All zero: the file was never formatted. The kernel formats such a device at first use.
    NeverFormatted,
    /// Not a superblock of thin-pool metadata; the number is what stood there instead of the magic.
    WrongMagic(u64),
    /// It says that it belongs into another block.
    WrongBlock(u64),
    /// The checksum does not match: damaged.
    BadChecksum {
        /// The checksum that the block carries.
        stored: u32,
        /// The checksum that its bytes have.
        computed: u32,
    },
    /// Written by something newer.
    UnknownVersion(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooShort(bytes) => write!(f, "{bytes} bytes are too few for a thin-pool superblock (4096)"),
            Error::NeverFormatted => f.write_str("the metadata were never formatted: the superblock is all zero"),
            Error::WrongMagic(magic) => write!(f, "not thin-pool metadata: magic {magic} instead of {MAGIC}"),
            Error::WrongBlock(block) => write!(f, "the superblock says that it is block {block}, not block 0"),
            Error::BadChecksum { stored, computed } => {
                write!(
                    f,
                    "the superblock is damaged: checksum {stored:#010x} stored, {computed:#010x} computed"
                )
            }
            Error::UnknownVersion(version) => write!(f, "thin-pool metadata of unknown version {version}"),
        }
    }
}

impl std::error::Error for Error {}

/// Reads the superblock from the first 4096 bytes of a metadata device or file; more bytes are ignored.
///
/// While the pool is active the kernel rewrites this block in place: a reader may meet one half of each, and [`Error::BadChecksum`].
///
/// # Errors
/// In the order of [`Error`]: the first that applies.
pub fn parse(bytes: &[u8]) -> Result<Superblock, Error> {
    let block: &[u8; SUPERBLOCK_BYTES] = bytes.first_chunk().ok_or(Error::TooShort(bytes.len()))?;
    if block.iter().all(|&byte| byte == 0) {
        return Err(Error::NeverFormatted);
    }
    let magic = u64_at(block, 32);
    if magic != MAGIC {
        return Err(Error::WrongMagic(magic));
    }
    let (stored, computed) = (u32_at(block, 0), checksum(block));
    if stored != computed {
        return Err(Error::BadChecksum { stored, computed });
    }
    let block_number = u64_at(block, 8);
    if block_number != 0 {
        return Err(Error::WrongBlock(block_number));
    }
    let version = u32_at(block, 40);
    if !VERSIONS.contains(&version) {
        return Err(Error::UnknownVersion(version));
    }
    Ok(Superblock {
        version,
        needs_check: u32_at(block, 4) & NEEDS_CHECK != 0,
        transaction_id: u64_at(block, 48),
        held_root: u64_at(block, 56),
        // Each space map root begins with `nr_blocks` and `nr_allocated` (struct disk_sm_root).
        data_blocks: u64_at(block, 64),
        data_used: u64_at(block, 72),
        metadata_blocks: u64_at(block, 192),
        metadata_used: u64_at(block, 200),
        data_block_sectors: u32_at(block, 336),
        incompatible_features: u32_at(block, 356) | u32_at(block, 360),
    })
}

/// `dm_bm_checksum`: crc32c of all but the checksum itself, started at ~0 and, unlike the crate's, not inverted at the end.
fn checksum(block: &[u8; SUPERBLOCK_BYTES]) -> u32 {
    !crc32c::crc32c(&block[4..]) ^ CSUM_XOR
}

/// The little-endian number at `at`, a constant within the block.
fn u32_at(block: &[u8; SUPERBLOCK_BYTES], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&block[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The little-endian number at `at`, a constant within the block.
fn u64_at(block: &[u8; SUPERBLOCK_BYTES], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&block[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made by Debian 12's `thin_restore`, accepted by its `thin_check`: 64 MiB of metadata, 19200 blocks of 64 KiB, 1104 in use.
    const REAL: &[u8; SUPERBLOCK_BYTES] = include_bytes!("../../tests/fixtures/thin-superblock.bin");

    fn changed(at: usize, bytes: &[u8]) -> [u8; SUPERBLOCK_BYTES] {
        let mut block = *REAL;
        block[at..at + bytes.len()].copy_from_slice(bytes);
        let sum = checksum(&block).to_le_bytes();
        block[..4].copy_from_slice(&sum);
        block
    }

    #[test]
    fn reads_a_real_superblock() {
        let expected = Superblock {
            version: 1,
            needs_check: false,
            transaction_id: 6,
            held_root: 0,
            data_block_sectors: 128,
            data_blocks: 19200,
            data_used: 1104,
            metadata_blocks: 16384,
            metadata_used: 21,
            incompatible_features: 0,
        };
        assert_eq!(parse(REAL), Ok(expected));
        assert_eq!(parse(&[REAL.as_slice(), &[7; 100]].concat()), Ok(expected));
    }

    #[test]
    fn reads_flags_and_versions() {
        assert!(parse(&changed(4, &[1])).is_ok_and(|block| block.needs_check));
        assert!(parse(&changed(4, &[2])).is_ok_and(|block| !block.needs_check));
        assert_eq!(parse(&changed(40, &[2])).map(|block| block.version), Ok(2));
        for version in [0, 3, 255] {
            assert_eq!(
                parse(&changed(40, &[version])),
                Err(Error::UnknownVersion(version.into()))
            );
        }
    }

    #[test]
    fn each_fault_has_its_own_error() {
        assert_eq!(parse(&[]), Err(Error::TooShort(0)));
        assert_eq!(parse(&REAL[..4095]), Err(Error::TooShort(4095)));
        assert_eq!(parse(&[0; 4096]), Err(Error::NeverFormatted));
        assert_eq!(parse(&changed(32, &[0])), Err(Error::WrongMagic(27022010 & !0xff)));
        assert_eq!(parse(&changed(8, &[1])), Err(Error::WrongBlock(1)));
        let mut damaged = *REAL;
        damaged[4095] ^= 1;
        assert!(matches!(parse(&damaged), Err(Error::BadChecksum { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn any_damage_is_noticed(at in 0usize..4096, bit in 0u8..8) {
            let mut block = *REAL;
            block[at] ^= 1 << bit;
            prop_assert!(parse(&block).is_err());
        }

        #[test]
        fn any_field_is_survived(at in 4usize..4088, value: u64) {
            let _ = parse(&changed(at, &value.to_le_bytes()));
        }
    }
}
