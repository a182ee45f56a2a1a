//! The superblock of a pool that is not active: what the kernel will make of it.

use super::sizes;
use crate::judge::before::Before;
use crate::kernel::superblock::{Error, Superblock};
use crate::model::{BackingFile, Bytes, Code, Finding, Seen};

pub fn bad_superblock(before: &Before, metadata: &BackingFile, error: &Error) -> Option<Finding> {
    let path = &metadata.path;
    let remembered = matches!(&before.root, Seen::Known(root) if root.base.as_ref().is_some_and(Result::is_ok));
    let refuse = |code, message| {
        Some(
            Finding::refuse(code, path)
                .says(message)
                .at(format!("{path}: superblock"))
                .next(format!(
                    "copy {path} away; run thin_check {path}, then thin_repair -i {path} -o NEW into a new file of \
             the same size; where both fail, restore {path} from a backup. Do not start Docker before: \
             containers and images depend on this file"
                )),
        )
    };
    match error {
        // The kernel formats what is all zero. Where Docker remembers devices, they are lost to it then, and it ends.
        Error::NeverFormatted | Error::TooShort(_) if !remembered => None,
        Error::NeverFormatted => refuse(
            Code::SuperblockBlank,
            format!(
                "{path} is blank although Docker has devices in this pool: the kernel would format it anew, over \
             all containers and images"
            ),
        ),
        Error::TooShort(_) => refuse(
            Code::SuperblockBlank,
            format!(
                "{path} has {} although Docker has devices in this pool: dockerd would lengthen it, and the \
             kernel format it anew",
                metadata.size_bytes
            ),
        ),
        Error::UnknownVersion(version) if *version > 2 => Some(
            Finding::warn(Code::SuperblockOfLaterVersion, path)
                .says(format!(
                    "{path} has thin-pool metadata of version {version}; a kernel that knows only 1 and 2 refuses it"
                ))
                .at(format!("{path}: superblock"))
                .next("boot the kernel that wrote it"),
        ),
        _ => refuse(
            Code::SuperblockDamaged,
            format!("{path}: {error}: the kernel refuses such a pool: Error running deviceCreate (CreatePool)"),
        ),
    }
}

/// A pool in which nothing was ever made, under a base device that Docker remembers: what one start with lost options leaves. dockerd
/// fails on it for ever after (moby v1.8.0 to v24.0.9 `deviceset.go`, `verifyBaseDeviceUUIDFS`).
pub fn fresh(before: &Before, superblock: &Superblock, metadata: &BackingFile) -> Option<Finding> {
    let Seen::Known(root) = &before.root else { return None };
    let identified = matches!(&root.device_set, Some(Ok(set)) if !set.base_uuid.is_empty());
    let fresh = superblock.data_used == 0 && superblock.transaction_id == 0;
    let looked_for = before.config.build.at_least(1, 8, 0) != Some(false);
    let sure = before.config.build.version.is_some();
    (fresh && identified && looked_for && sizes::has_base_device(before)).then(|| {
        Finding::refuse(Code::PoolFresh, &metadata.path)
            .if_certain(sure)
            .says(format!(
                "the pool in {} is empty and new, and Docker remembers containers or images in another one: the options that named that \
                 pool were lost: Base Device UUID and Filesystem verification failed",
                metadata.path
            ))
            .at(&metadata.path)
            .next(format!(
                "name the pool again that has the containers (dm.thinpooldev, or the data root; lvs and 'dmsetup ls --target thin-pool' \
                 show pools), and move {} and the data file beside it away; do NOT delete the devicemapper directory",
                metadata.path
            ))
    })
}

/// "could not access metadata due to unsupported optional features" (drivers/md/dm-thin-metadata.c, `__check_incompat_features`): up to
/// 6.x the kernel knows none.
pub fn unknown_feature(before: &Before, superblock: &Superblock, metadata: &BackingFile) -> Option<Finding> {
    let Seen::Known(root) = &before.root else { return None };
    let kernel = root.kernel.as_deref()?;
    let major: u32 = kernel.split('.').next()?.parse().ok()?;
    (superblock.incompatible_features != 0 && major <= 6).then(|| {
        Finding::refuse(Code::MetadataFeatureUnknown, &metadata.path)
            .says(format!(
                "{} has the features {:#x}, and kernel {kernel} knows none: could not access metadata due to \
             unsupported optional features",
                metadata.path, superblock.incompatible_features
            ))
            .at(&metadata.path)
            .next(
                "boot the kernel under which the pool was used last; if there was none other, the superblock is \
             damaged: restore the metadata file from a backup",
            )
    })
}

/// The kernel knows one block size for the life of a pool: "changing the data block size is not supported" (dm-thin-metadata.c).
pub fn other_block_size(before: &Before, superblock: &Superblock, metadata: &BackingFile) -> Option<Finding> {
    let (asked, real) = (
        before.config.options.block_sectors(),
        u64::from(superblock.data_block_sectors),
    );
    if asked == real || real == 0 {
        return None;
    }
    let place = before
        .config
        .options
        .block_size
        .as_ref()
        .map_or("dm.blocksize is not set", |size| &size.place)
        .to_owned();
    let real = Bytes(real * Bytes::SECTOR);
    Some(
        Finding::refuse(Code::BlockSizeChanged, "dm.blocksize")
            .says(format!(
                "the pool in {} has blocks of {real}, and dockerd would ask for {}: the kernel refuses to change \
             it: Error running deviceCreate (CreatePool)",
                metadata.path,
                Bytes(asked * Bytes::SECTOR)
            ))
            .at(place)
            .next(format!("set dm.blocksize={}K", real.0 / Bytes::KIB)),
    )
}

/// dockerd starts on such a pool (seen with 20.10), and the kernel opens it read-only: no ground for a refusal.
pub fn needs_check(metadata: &BackingFile) -> Finding {
    Finding::warn(Code::PoolNeedsCheck, &metadata.path)
        .says(format!(
            "the pool's metadata in {} must be checked first: Docker starts, but the kernel makes the pool \
             read-only and does not grow it; containers fail at their next write",
            metadata.path
        ))
        .at(format!("{}: superblock flags", metadata.path))
        .next(format!(
            "stop Docker; copy {path} away; run thin_check {path}; where it finds errors, thin_repair into a \
             NEW file of the same size and put it in place; where it finds none, thin_check \
             --clear-needs-check-flag {path}; then start Docker. Containers and images depend on this file",
            path = metadata.path
        ))
}
