//! Names of the pool's two files with nothing behind them, or with something that is no file.

use super::sizes;
use crate::docker::Sourced;
use crate::docker::elsewhere::{OptionElsewhere, Origin};
use crate::docker::state::{Odd, OddFile};
use crate::judge::Verdict;
use crate::judge::before::Before;
use crate::kernel::superblock::Error;
use crate::model::{BackingFile, Bytes, Code, Disk, Finding, Seen};

/// What the kernel takes for a block, in sectors: 64 KiB to 1 GiB, a multiple of 64 KiB (drivers/md/dm-thin.c,
/// `DATA_DEV_BLOCK_SIZE_MIN_SECTORS`).
const BLOCK_SECTORS: std::ops::RangeInclusive<u64> = 128..=2_097_152;

/// Neither file is there: dockerd makes both.
pub(super) fn new_pool(before: &Before, disk: &Disk, verdict: &mut Verdict) {
    let sectors = before.config.options.block_sectors();
    if let Some(size) = before
        .config
        .options
        .block_size
        .as_ref()
        .filter(|_| !BLOCK_SECTORS.contains(&sectors) || !sectors.is_multiple_of(128))
    {
        verdict.findings.push(
            Finding::refuse(Code::BlockSizeImpossible, "dm.blocksize")
                .says(format!(
                    "the kernel makes no pool with blocks of {}: they are 64 KiB to 1 GiB, a multiple of 64 KiB: \
             Error running deviceCreate (CreatePool)",
                    Bytes(sectors * Bytes::SECTOR)
                ))
                .at(&size.place)
                .next(format!("set dm.blocksize=64K, or remove it ({})", size.place)),
        );
    }
    verdict.findings.extend(sizes::impossible(before));
    verdict.findings.push(match sizes::has_base_device(before) {
        true => both_missing(before, disk),
        false => Finding::note(Code::NoPoolYet, &disk.data_path).says(match before.choice.certain() {
            Some(_) => "there is no pool yet; Docker makes a new one",
            None => "there is no pool here; Docker makes one only if it chooses devicemapper, which nothing names",
        }),
    });
}

/// One of the two files is there. One in which nothing was ever written, made beforehand with truncate, is a new pool's where Docker
/// remembers no base device: dockerd makes the other (moby v1.7.1 to v24.0.9 `deviceset.go`, `initDevmapper`).
pub fn half_a_pool(
    before: &Before,
    disk: &Disk,
    data: Option<&BackingFile>,
    metadata: Option<&BackingFile>,
    verdict: &mut Verdict,
) {
    let Seen::Known(root) = &before.root else {
        return verdict.findings.push(half_missing(disk, data.is_some()));
    };
    let no_superblock = matches!(
        before.superblock,
        Some(Seen::Known(Err(Error::NeverFormatted | Error::TooShort(_))))
    );
    let blank = match (data, metadata) {
        (Some(data), _) => root.data_all_holes || data.allocated_bytes == Bytes(0),
        (None, Some(metadata)) => root.metadata_all_holes || metadata.allocated_bytes == Bytes(0) || no_superblock,
        (None, None) => true,
    };
    match blank && root.base.is_none() {
        true => new_pool(before, disk, verdict),
        false => verdict.findings.push(half_missing(disk, data.is_some())),
    }
}

/// dockerd would make an empty file for the missing one and a pool from a pair that does not match (moby, deviceset.go,
/// `initDevmapper`), which ends in the loss of every container and image.
fn half_missing(disk: &Disk, data_is_there: bool) -> Finding {
    let (there, missing) = match data_is_there {
        true => (&disk.data_path, &disk.metadata_path),
        false => (&disk.metadata_path, &disk.data_path),
    };
    Finding::refuse(Code::PoolHalfMissing, missing)
        .says(format!(
            "{there} is there and {missing} is not: Docker would make a new empty one and lose every \
             container and image"
        ))
        .at(missing)
        .next(format!(
            "restore {missing} from a backup; or, to give up all containers and images of this pool, move \
             {there} away, and then 'systemctl reset-failed docker.service docker.socket' and start Docker"
        ))
}

/// Both files are gone, but Docker's own notes on the devices in them are not: the new pool does not have the base device, and
/// dockerd ends; before 1.8 it does not look for it, and begins anew.
pub fn both_missing(before: &Before, disk: &Disk) -> Finding {
    if before.config.build.at_least(1, 8, 0) == Some(false) {
        return Finding::warn(Code::PoolFilesMissing, &disk.data_path)
            .says(format!(
                "{} and {} are gone, and Docker remembers containers or images in them: it makes an empty pool, and none of them can start",
                disk.data_path, disk.metadata_path
            ))
            .at(&disk.data_path)
            .next("put both files back before Docker starts (is a filesystem not mounted?)");
    }
    if let Some(named) = pool_of_before(before) {
        return Finding::refuse(Code::PoolFilesMissing, &disk.data_path)
            .says(format!(
                "Docker remembers containers or images in another pool: it was the one that {} names ({}), which the unit does not read: it \
                 would make an empty pool here and end: Base Device UUID and Filesystem verification failed",
                named.value, named.place
            ))
            .at(&named.place)
            .next(format!(
                "put it into /etc/docker/daemon.json: \"storage-driver\": \"devicemapper\", \"storage-opts\": [\"{}\"]; the pool itself is not lost",
                named.value
            ));
    }
    Finding::refuse(Code::PoolFilesMissing, &disk.data_path)
        .says(format!(
            "{} and {} are gone, and Docker remembers containers or images in them: it would make an empty \
             pool, not find its base device there and end: Base Device UUID and Filesystem verification \
             failed",
            disk.data_path, disk.metadata_path
        ))
        .at(&disk.data_path)
        .next(
            "put both files back (is a filesystem not mounted?); or, to give up all containers and images, \
             move the whole devicemapper directory and the image directory away together",
        )
}

/// What dockerd makes of it depends on the version for a block device alone.
pub fn odd_file(before: &Before, file: &OddFile) -> Option<Finding> {
    let path = &file.path;
    let old = before.config.build.at_least(1, 9, 0).map(|new| !new);
    let why = match &file.what {
        Odd::BlockDevice if old == Some(true) => return None,
        Odd::BlockDevice => {
            "leads to a block device, which Docker from 1.9 on tries to lengthen as a file and fails".to_owned()
        }
        Odd::LinkToNothing(target) => format!("is a symbolic link to {target}, which is not there"),
        Odd::Directory => "is a directory".to_owned(),
        Odd::NoFile => "is no plain file, and Docker cannot lengthen it".to_owned(),
    };
    let certain = file.what != Odd::BlockDevice || old.is_some();
    Some(
        Finding::refuse(Code::PoolFileOdd, path)
            .if_certain(certain)
            .says(format!("{path} {why}"))
            .at(path)
            .next(format!(
                "put the file itself at {path} (is a filesystem not mounted?), or a link that leads to it"
            )),
    )
}

/// The pool of LVM's that a file names which no unit reads any more: another package came, and its unit does not know that file.
fn pool_of_before(before: &Before) -> Option<&Sourced<String>> {
    let Seen::Known(root) = &before.root else { return None };
    let named = |kept: &&OptionElsewhere| kept.option.value.starts_with("dm.thinpooldev=");
    let (aside, present): (Vec<_>, Vec<_>) = root
        .options_elsewhere
        .iter()
        .filter(named)
        .partition(|kept| kept.origin == Origin::SetAside);
    present.into_iter().chain(aside).next().map(|kept| &kept.option)
}
