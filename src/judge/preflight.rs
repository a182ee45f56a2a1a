//! Before Docker starts: what its storage configuration and the files on the disk will make of that start.
//!
//! A refusal needs proof that the start would fail or harm data (law 9); everything else is a warning at most.

use super::growth::{self, Need, Plan};
use super::{Verdict, storage};
use crate::docker::names;
use crate::kernel::superblock::Superblock;
use crate::model::{BackingFile, Bytes, Deed, Disk, Finding, Pool, Seen, Settings, Severity, Target, Usage};

/// What is known before the start.
#[derive(Debug, Clone)]
pub struct Before {
    /// `storage-driver`, where one is named.
    pub driver: Option<String>,
    /// `dm.thinpooldev`, `dm.datadev` or `dm.directlvm_device` is used: the pool is not on loop files alone.
    pub not_on_loop: bool,
    /// `dm.loopdatasize`: dockerd lengthens a shorter file to it, to 100 GiB where it is not set (docker 1.9 and later).
    pub loop_data_size: Bytes,
    /// `dm.loopmetadatasize`, 2 GiB where it is not set.
    pub loop_metadata_size: Bytes,
    /// The files.
    pub disk: Seen<Disk>,
    /// The pool, if it is active already.
    pub pool: Seen<Option<Pool>>,
    /// The superblock, if the pool is not active and there is a metadata file.
    pub superblock: Option<Seen<Superblock>>,
}

/// dockerd's defaults (moby, daemon/graphdriver/devmapper/deviceset.go: defaultDataLoopbackSize, defaultMetaDataLoopbackSize).
pub const DEFAULT_LOOP_DATA: Bytes = Bytes::gib(100);
/// See [`DEFAULT_LOOP_DATA`].
pub const DEFAULT_LOOP_METADATA: Bytes = Bytes::gib(2);

/// What to make of it: refusals first, then at most one growth, to be judged again after it.
pub fn judge(before: &Before, settings: &Settings) -> Verdict {
    let mut verdict = Verdict::default();
    match &before.driver {
        Some(driver) if driver != names::DEVICEMAPPER => {
            verdict.findings.push(note(
                "other-storage-driver",
                driver,
                format!("Docker is configured for the storage driver {driver}; there is no thin pool to check"),
            ));
        }
        _ if before.not_on_loop => verdict.findings.push(note(
            "not-on-loop-files",
            "pool",
            "the pool is not on loop files; its growth is LVM's".into(),
        )),
        _ => match (&before.pool, &before.disk) {
            // An active pool is judged as the guard does, by the caller.
            (Seen::Known(Some(_)), _) => {}
            (Seen::Known(None), Seen::Known(disk)) => inactive(before, disk, settings, &mut verdict),
            (Seen::Unknown(why), _) | (_, Seen::Unknown(why)) => verdict.findings.push(Finding {
                code: "pool-unknown",
                severity: Severity::Warn,
                subject: "pool".into(),
                message: format!("the state of the pool cannot be read: {why}"),
                place: String::new(),
                remedy: "thinguard status".into(),
            }),
        },
    }
    verdict
        .findings
        .sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(b.code)));
    verdict
}

fn inactive(before: &Before, disk: &Disk, settings: &Settings, verdict: &mut Verdict) {
    let (data, metadata) = match (
        disk.file(&disk.data_path).known_or_none(),
        disk.file(&disk.metadata_path).known_or_none(),
    ) {
        (Some(data), Some(metadata)) => (data, metadata),
        (None, None) => {
            verdict.findings.push(note(
                "no-pool-yet",
                &disk.data_path,
                "there is no pool yet; Docker makes a new one".into(),
            ));
            return;
        }
        (data, _) => {
            verdict.findings.push(half_missing(disk, data.is_some()));
            return;
        }
    };
    let superblock = match &before.superblock {
        Some(Seen::Known(superblock)) => superblock,
        Some(Seen::Unknown(why)) => {
            verdict.findings.push(Finding {
                code: "superblock-unreadable",
                severity: Severity::Warn,
                subject: metadata.path.clone(),
                message: format!("the pool's superblock cannot be read: {why}; its headroom is not known"),
                place: metadata.path.clone(),
                remedy: format!("thin_check {} while Docker is stopped tells more", metadata.path),
            });
            return;
        }
        None => return,
    };
    if superblock.needs_check {
        verdict.findings.push(needs_check(&metadata));
        return;
    }
    for target in [Target::Metadata, Target::Data] {
        device(before, disk, superblock, target, (&data, &metadata), settings, verdict);
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
    let (file, other, block, used, asked) = match target {
        Target::Data => {
            let block = u64::from(superblock.data_block_sectors) * Bytes::SECTOR;
            (data, metadata, block, superblock.data_used, before.loop_data_size)
        }
        Target::Metadata => (
            metadata,
            data,
            4096,
            superblock.metadata_used,
            before.loop_metadata_size,
        ),
    };
    if block == 0 {
        return;
    }
    let total = file.size_bytes.max(asked);
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
        promised: other.size_bytes.saturating_sub(other.allocated_bytes),
    };
    let plan = match target {
        Target::Data => growth::plan(&need, &disk.host, &settings.data, &settings.host),
        Target::Metadata => growth::plan(&need, &disk.host, &settings.metadata, &settings.host),
    };
    if target == Target::Data {
        let owed = total.saturating_sub(file.allocated_bytes);
        let overcommit = owed.saturating_sub(disk.host.free_bytes);
        if overcommit > Bytes(0) {
            verdict
                .findings
                .push(storage::overcommitted(&file.path, usage.free(), &disk.host, overcommit));
        }
    }
    if plan == Plan::Enough {
        return;
    }
    verdict.findings.push(Finding {
        code: if target == Target::Data { "pool-low" } else { "pool-metadata-low" },
        severity: Severity::Warn,
        subject: file.path.clone(),
        message: format!("{} of {} {target} used ({}%), {} free", usage.used(), usage.total(), usage.used_percent(), usage.free()),
        place: file.path.clone(),
        remedy: match plan {
            Plan::GrowTo(to) if settings.preflight.grow => format!("thinguard lengthens the file to {to} before Docker starts"),
            Plan::GrowTo(to) => format!("truncate -s {} {} (preflight.grow is off)", to.0, file.path),
            Plan::NoRoom { room, wanted } => format!(
                "{wanted} more are wanted and the filesystem below has {room} of room above its reserve: free space there"
            ),
            Plan::Capped => format!("raise the cap of [{target}] in thinguard.toml, or remove containers and images"),
            Plan::Enough => String::new(),
        },
    });
    if let (Plan::GrowTo(to), None, true) = (plan, &verdict.deed, settings.preflight.grow) {
        verdict.deed = Some(Deed::Grow {
            target,
            from: file.size_bytes,
            to,
        });
    }
}

/// dockerd would make an empty file for the missing one and a pool from a pair that does not match (moby, deviceset.go,
/// `initDevmapper`), which ends in the loss of every container and image.
fn half_missing(disk: &Disk, data_is_there: bool) -> Finding {
    let (there, missing) = match data_is_there {
        true => (&disk.data_path, &disk.metadata_path),
        false => (&disk.metadata_path, &disk.data_path),
    };
    Finding {
        code: "pool-half-missing",
        severity: Severity::Refuse,
        subject: missing.clone(),
        message: format!(
            "{there} is there and {missing} is not: Docker would make a new empty one and lose every container and image"
        ),
        place: missing.clone(),
        remedy: format!(
            "restore {missing} from a backup; or, to give up all containers and images of this pool, move {there} away, and then \
             'systemctl reset-failed docker.service docker.socket' and start Docker"
        ),
    }
}

fn needs_check(metadata: &BackingFile) -> Finding {
    Finding {
        code: "pool-needs-check",
        severity: Severity::Refuse,
        subject: metadata.path.clone(),
        message: format!(
            "the pool's metadata in {} must be checked first; the kernel would not write to this pool",
            metadata.path
        ),
        place: format!("{}: superblock flags", metadata.path),
        remedy: format!(
            "copy {path} away; run thin_check {path}; where it finds errors, thin_repair into a NEW file of the same size and put \
             it in place; where it finds none, thin_check --clear-needs-check-flag {path}; then 'systemctl reset-failed \
             docker.service docker.socket' and start Docker. Containers and images depend on this file",
            path = metadata.path
        ),
    }
}

fn note(code: &'static str, subject: &str, message: String) -> Finding {
    Finding {
        code,
        severity: Severity::Note,
        subject: subject.to_owned(),
        message,
        place: String::new(),
        remedy: String::new(),
    }
}
