//! The pool's two files before the pool is made: whether the kernel will take them, how full they are, and what growth would help.

use super::super::growth::{self, Need, Plan};
use super::super::{Verdict, storage};
use super::{absent, metadata as of_metadata, sizes};
use crate::judge::before::Before;
use crate::kernel::superblock::{MAX_METADATA, Superblock};
use crate::model::{BackingFile, Bytes, Code, Deed, Disk, Finding, Seen, Settings, Target, Usage};

/// Judges the files of a pool that dockerd will make from them.
pub fn inactive(before: &Before, disk: &Disk, settings: &Settings, verdict: &mut Verdict) {
    if let Seen::Known(root) = &before.root {
        if root.unmounted.is_some() {
            return;
        }
        verdict
            .findings
            .extend(root.odd_files.iter().filter_map(|file| absent::odd_file(before, file)));
        if !root.odd_files.is_empty() {
            return;
        }
        verdict
            .findings
            .extend(root.immutable_files.iter().map(|path| immutable(path)));
    }
    let (data, metadata) = match (
        disk.file(&disk.data_path).known_or_none(),
        disk.file(&disk.metadata_path).known_or_none(),
    ) {
        (Some(data), Some(metadata)) => (data, metadata),
        (None, None) => return absent::new_pool(before, disk, verdict),
        (data, metadata) => return absent::half_a_pool(before, disk, data.as_ref(), metadata.as_ref(), verdict),
    };
    let superblock = match &before.superblock {
        Some(Seen::Known(Ok(superblock))) => superblock,
        Some(Seen::Known(Err(error))) => {
            return verdict
                .findings
                .extend(of_metadata::bad_superblock(before, &metadata, error));
        }
        Some(Seen::Unknown(why)) => {
            return verdict.findings.push(
                Finding::warn(Code::SuperblockUnreadable, &metadata.path)
                    .says(format!(
                        "the pool's superblock cannot be read: {why}; its headroom is not known"
                    ))
                    .at(&metadata.path)
                    .next(format!(
                        "thin_check {} while Docker is stopped tells more",
                        metadata.path
                    )),
            );
        }
        None => return,
    };
    verdict
        .findings
        .extend(of_metadata::fresh(before, superblock, &metadata));
    verdict
        .findings
        .extend(of_metadata::other_block_size(before, superblock, &metadata));
    verdict
        .findings
        .extend(of_metadata::unknown_feature(before, superblock, &metadata));
    verdict
        .findings
        .extend(sizes::too_short(before, superblock, &data, &metadata));
    verdict.findings.extend(sizes::cut_below_use(superblock, &metadata));
    verdict.findings.extend(sizes::emptied(before, superblock, &data));
    if superblock.needs_check {
        return verdict.findings.push(of_metadata::needs_check(&metadata));
    }
    for target in [Target::Metadata, Target::Data] {
        device(before, disk, superblock, target, (&data, &metadata), settings, verdict);
    }
}

/// As much of a file as the kernel uses.
fn usable(target: Target, size: Bytes) -> Bytes {
    match target {
        Target::Data => size,
        Target::Metadata => size.min(MAX_METADATA),
    }
}

/// One of the two devices as it will be once dockerd has lengthened its file.
fn device(
    before: &Before,
    disk: &Disk,
    superblock: &Superblock,
    target: Target,
    (data, metadata): (&BackingFile, &BackingFile),
    settings: &Settings,
    verdict: &mut Verdict,
) {
    let (file, (of, other), block, used, asked) = match target {
        Target::Data => {
            let block = u64::from(superblock.data_block_sectors) * Bytes::SECTOR;
            let other = (Target::Metadata, metadata);
            (data, other, block, superblock.data_used, before.loop_data_size())
        }
        Target::Metadata => (
            metadata,
            (Target::Data, data),
            4096,
            superblock.metadata_used,
            before.loop_metadata_size(),
        ),
    };
    if block == 0 {
        return;
    }
    let total = usable(target, file.size_bytes.max(asked));
    let usage = Usage {
        used_blocks: used,
        total_blocks: total.0 / block,
        block_bytes: block,
    };
    let need = Need {
        usage,
        low_water: if target == Target::Data {
            Bytes(storage::DOCKER_LOW_WATER_BLOCKS * block)
        } else {
            Bytes(0)
        },
        allocated: file.allocated_bytes,
        promised: match disk.metadata_host {
            Some(_) => Bytes(0),
            None => growth::promised_before(
                target,
                usable(of, other.size_bytes).saturating_sub(other.allocated_bytes),
            ),
        },
        // Nobody has seen it fill: dockerd is yet to start.
        rate: Bytes(0),
        ahead: Bytes(0),
    };
    let room = growth::room_for(target, disk.host_of(target), &settings.host);
    let plan = growth::plan(&need, target, room, settings);
    if target == Target::Data {
        let owed = total.saturating_sub(file.allocated_bytes);
        let overcommit = owed.saturating_sub(disk.host.free_bytes);
        if overcommit > Bytes(0) {
            verdict
                .findings
                .push(storage::overcommitted(&file.path, usage.free(), &disk.host, overcommit));
        }
    }
    if matches!(plan, Plan::Enough | Plan::Off) {
        return;
    }
    verdict.findings.push(
        Finding::warn(
            if target == Target::Data {
                Code::PoolLow
            } else {
                Code::PoolMetadataLow
            },
            &file.path,
        )
        .says(format!(
            "{} of {} {target} used ({}%), {} free",
            usage.used(),
            usage.total(),
            usage.used_percent(),
            usage.free()
        ))
        .at(&file.path)
        .next(match plan {
            Plan::GrowTo(to) if settings.preflight.grow => {
                format!("thinguard lengthens the file to {to} before Docker starts")
            }
            Plan::GrowTo(to) => format!("truncate -s {} {} (preflight.grow is off)", to.0, file.path),
            Plan::NoRoom { room, wanted } => format!(
                "{wanted} more are wanted and the filesystem below has {room} of room above its reserve: free \
             space there"
            ),
            Plan::Capped => format!("raise the cap of [{target}] in thinguard.toml, or remove containers and images"),
            Plan::Enough | Plan::Off => String::new(),
        }),
    );
    if let (Plan::GrowTo(to), None, true) = (plan, &verdict.deed, settings.preflight.grow) {
        verdict.deed = Some(Deed::Grow {
            target,
            from: file.size_bytes,
            to,
        });
    }
}

/// The loop device is opened to write (moby v20.10.27 `pkg/loopback/attach_loopback.go`, `AttachLoopDevice`).
fn immutable(path: &str) -> Finding {
    Finding::refuse(Code::PoolFileImmutable, path)
        .says(format!(
            "{path} is immutable, so that nobody can write to it: loopback attach failed"
        ))
        .at(path)
        .next(format!("chattr -i {path}"))
}
