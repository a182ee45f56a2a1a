//! Sizes of the pool's two files with which no pool comes about, or none with the base device in it.

use crate::docker::state::RootState;
use crate::judge::before::Before;
use crate::kernel::superblock::Superblock;
use crate::model::{BackingFile, Bytes, Code, Finding, Seen};

/// Bytes in a block of metadata (drivers/md/dm-thin-metadata.h, `THIN_METADATA_BLOCK_SIZE`).
const METADATA_BLOCK: u64 = 4096;

/// Files that the kernel makes no pool of: an empty data device is a table of length 0, and in four blocks of metadata it cannot even
/// lay out the two space maps (dm-thin-metadata.c, `__format_metadata`; seen with 20.10.24).
pub fn impossible(before: &Before) -> Vec<Finding> {
    let options = &before.config.options;
    let rows = [
        ("dm.loopdatasize", &options.loop_data_size, Bytes(Bytes::SECTOR)),
        (
            "dm.loopmetadatasize",
            &options.loop_metadata_size,
            Bytes(4 * METADATA_BLOCK + 1),
        ),
    ];
    let short = rows
        .into_iter()
        .filter_map(|(name, size, least)| Some((name, size.as_ref().filter(|size| size.value < least)?)));
    short
        .map(|(name, size)| {
            Finding::refuse(Code::LoopSizeImpossible, name)
                .says(format!(
                    "the kernel makes no pool with {name}={}: Error running deviceCreate (CreatePool)",
                    size.value.0
                ))
                .at(&size.place)
                .next(format!(
                    "give {name} a size with a unit, such as 2G, or remove it ({})",
                    size.place
                ))
        })
        .collect()
}

/// The kernel refuses devices that are shorter than the metadata say: "too small" (dm-thin.c, `maybe_resize_data_dev`).
pub fn too_short(before: &Before, superblock: &Superblock, data: &BackingFile, metadata: &BackingFile) -> Vec<Finding> {
    let block = u64::from(superblock.data_block_sectors) * Bytes::SECTOR;
    let parts = [
        (
            data,
            before.loop_data_size(),
            superblock.data_blocks.saturating_mul(block),
            "dm.loopdatasize",
        ),
        (
            metadata,
            before.loop_metadata_size(),
            superblock.metadata_blocks.saturating_mul(METADATA_BLOCK),
            "dm.loopmetadatasize",
        ),
    ];
    let short = parts
        .into_iter()
        .filter(|(file, asked, needed, _)| file.size_bytes.max(*asked).0 < *needed);
    short
        .map(|(file, _, needed, option)| {
            Finding::refuse(Code::PoolFileTooShort, &file.path)
                .says(format!(
                    "{} has {} and the pool's metadata say that it is {} long: it was cut off, and the kernel \
             refuses such a pool",
                    file.path,
                    file.size_bytes,
                    Bytes(needed)
                ))
                .at(&file.path)
                .next(format!(
                    "truncate -s {needed} {} (or set {option} to no less); what stood in the part that was cut off \
             is lost, so check containers and images after it",
                    file.path
                ))
        })
        .collect()
}

/// Metadata that are shorter than what of them is in use. dockerd lengthens the file with zeros, over which the kernel refuses the pool
/// at once (seen with 20.10.24) or, worse, hands out blocks that are taken.
pub fn cut_below_use(superblock: &Superblock, metadata: &BackingFile) -> Option<Finding> {
    let needed = Bytes(superblock.metadata_used.saturating_mul(METADATA_BLOCK));
    let path = &metadata.path;
    (metadata.size_bytes < needed).then(|| {
        Finding::refuse(Code::PoolFileTooShort, path)
            .says(format!(
                "{path} has {} and {needed} of it were in use: it was cut off, and what stood in the rest is lost",
                metadata.size_bytes
            ))
            .at(path)
            .next(format!(
                "restore {path} from a backup of the same moment as the data file; do not start Docker before"
            ))
    })
}

/// A data file of no bytes, or of holes alone. dockerd finds no filesystem on the base device: `Failed to find uuid` (moby v20.10.27
/// `deviceset.go`, `verifyBaseDeviceUUIDFS`; seen with 20.10.24).
pub fn emptied(before: &Before, superblock: &Superblock, data: &BackingFile) -> Option<Finding> {
    let holes = matches!(&before.root, Seen::Known(root) if root.data_all_holes);
    let empty = holes || data.size_bytes == Bytes(0);
    (empty && superblock.data_used > 0 && has_base_device(before)).then(|| {
        Finding::refuse(Code::PoolFileEmptied, &data.path)
            .says(format!(
                "nothing is in {}, and the pool's metadata say that {} blocks of it hold data: Base Device UUID \
             and Filesystem verification failed",
                data.path, superblock.data_used
            ))
            .at(&data.path)
            .next(format!(
                "restore {} from a backup; or, to give up all containers and images, move the whole devicemapper \
             directory and the image directory away together",
                data.path
            ))
    })
}

/// Docker remembers a base device that has its filesystem: it looks for that at each start.
pub fn has_base_device(before: &Before) -> bool {
    let initialized = |root: &RootState| matches!(&root.base, Some(Ok(base)) if base.initialized);
    matches!(&before.root, Seen::Known(root) if initialized(root))
}
