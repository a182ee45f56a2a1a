//! Before Docker starts: what its storage configuration and what lies on the disk will make of that start.
//!
//! A refusal needs proof that the start would fail or harm data (law 9); everything else is a warning at most.

mod advice;
mod files;
mod metadata;
mod named;
mod own;
mod root;
mod sizes;

use super::{Memory, Verdict, storage};
use crate::docker::build::Build;
use crate::docker::drivers::Choice;
use crate::docker::options::StorageOptions;
use crate::docker::state::RootState;
use crate::kernel::lvm::VolumeGroup;
use crate::kernel::superblock::{self, Superblock};
use crate::model::{Bytes, Code, Disk, Finding, Pool, Seen, Settings, Severity, Snapshot};
use std::time::Duration;

/// What is known before the start.
#[derive(Debug, Clone)]
pub struct Before {
    /// Which Docker will start.
    pub build: Build,
    /// The storage driver that it will take.
    pub choice: Choice,
    /// Its devicemapper options.
    pub options: StorageOptions,
    /// Why the configuration is not known for certain, if it is not: nothing is refused or grown on its ground then.
    pub uncertain: Option<String>,
    /// Docker's data root.
    pub data_root: String,
    /// What lies there.
    pub root: Seen<RootState>,
    /// The files.
    pub disk: Seen<Disk>,
    /// The superblock, if the pool is not active and there is a metadata file.
    pub superblock: Option<Seen<Result<Superblock, superblock::Error>>>,
    /// The volume group of an active pool of LVM's.
    pub volume_group: Option<Seen<VolumeGroup>>,
    /// The daemon's main process, where its unit is active: a pidfile that names it is in order.
    pub main_pid: u32,
}

/// dockerd's defaults (moby, daemon/graphdriver/devmapper/deviceset.go: defaultDataLoopbackSize, defaultMetaDataLoopbackSize).
pub const DEFAULT_LOOP_DATA: Bytes = Bytes::gib(100);
/// See [`DEFAULT_LOOP_DATA`].
pub const DEFAULT_LOOP_METADATA: Bytes = Bytes::gib(2);

impl Before {
    /// `dm.loopdatasize`: dockerd lengthens a shorter file to it, to 100 GiB where it is not set (docker 1.9 and later).
    fn loop_data_size(&self) -> Bytes {
        self.options
            .loop_data_size
            .as_ref()
            .map_or(DEFAULT_LOOP_DATA, |size| size.value)
    }

    /// `dm.loopmetadatasize`, 2 GiB where it is not set.
    fn loop_metadata_size(&self) -> Bytes {
        self.options
            .loop_metadata_size
            .as_ref()
            .map_or(DEFAULT_LOOP_METADATA, |size| size.value)
    }

    fn on_loop_files(&self) -> bool {
        self.options.data_on_loop() && self.options.metadata_on_loop()
    }
}

/// What to make of it: refusals first, then at most one growth, to be judged again after it.
pub fn judge(before: &Before, seen: &Snapshot, settings: &Settings, now: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    let pool = match &seen.pool {
        Seen::Known(pool) => pool.as_ref(),
        Seen::Unknown(_) => None,
    };
    root::judge(before, pool, &mut verdict.findings);
    match before.choice.certain() {
        Some(driver) if !before.choice.is_devicemapper() => verdict.findings.push(note(
            Code::OtherStorageDriver,
            driver,
            format!("Docker uses the storage driver {driver}; there is no thin pool to check"),
        )),
        _ if !before.on_loop_files() => verdict.findings.push(note(
            Code::NotOnLoopFiles,
            "pool",
            "the pool is not on loop files alone; its growth is LVM's".into(),
        )),
        _ => on_loop_files(before, seen, pool, settings, &mut verdict),
    }
    advice::advise(before, &mut verdict.findings);
    verdict.findings.extend(version_unknown(before));
    if before.uncertain.is_some() {
        // Which files dockerd will use is then a guess, and a guess neither blocks nor grows (law 9).
        verdict.deed = None;
    }
    if before.uncertain.is_some() || before.choice.certain().is_none() {
        lower(&mut verdict.findings);
    }
    if let Some(pool) = pool.filter(|_| before.choice.certain().is_none_or(|_| before.choice.is_devicemapper())) {
        active(pool, seen, settings, now, &mut verdict);
        verdict.findings.extend(group_without_room(before, pool, settings));
    }
    sort(&mut verdict.findings);
    verdict
}

/// Worst first, then by name.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
}

/// Makes refusals of findings that rest on a guess mere warnings.
pub fn lower(findings: &mut [Finding]) {
    for finding in findings {
        finding.severity = finding.severity.min(Severity::Warn);
    }
}

fn on_loop_files(before: &Before, seen: &Snapshot, pool: Option<&Pool>, settings: &Settings, verdict: &mut Verdict) {
    match (&seen.pool, &before.disk) {
        // The rest of an active pool is judged as the guard does.
        (Seen::Known(Some(_)), Seen::Known(disk)) => files::below_an_active_pool(disk, pool, verdict),
        (Seen::Known(Some(_)), Seen::Unknown(_)) => {}
        (Seen::Known(None), Seen::Known(disk)) => files::inactive(before, disk, settings, verdict),
        (Seen::Unknown(why), _) | (_, Seen::Unknown(why)) => verdict.findings.push(
            Finding::warn(Code::PoolUnknown, "pool")
                .says(format!("the state of the pool cannot be read: {why}"))
                .next("thinguard status"),
        ),
    }
}

/// An active pool in trouble is the guard's to cure; dockerd starts on it.
fn active(pool: &Pool, seen: &Snapshot, settings: &Settings, now: Duration, verdict: &mut Verdict) {
    let mut live = Verdict::default();
    storage::judge(seen, settings, &Memory::default(), now, &mut live);
    lower(&mut live.findings);
    verdict.findings.extend(live.findings);
    verdict.deed = live.deed;
    if !pool.is_loop() {
        return;
    }
    verdict.findings.push(note(
        Code::PoolLeftActive,
        &pool.name,
        format!(
            "the pool {} is active already: dockerd takes it as it is, and dm.loopdatasize, dm.loopmetadatasize and dm.blocksize \
             have no effect on it",
            pool.name
        ),
    ));
}

/// A pool of LVM's that is low, in a volume group that cannot give it more.
fn group_without_room(before: &Before, pool: &Pool, settings: &Settings) -> Option<Finding> {
    let group = before.volume_group.as_ref()?.known()?;
    let low = pool.data.total().percent(settings.data.below_free_percent);
    let wanted = pool.data.total().percent(settings.data.step_percent);
    (pool.data.free() < low && group.free < wanted).then(|| Finding::warn(Code::VolumeGroupFull, &group.name)
.says(format!(
            "the pool {} has {} free of {}, and its volume group {} has {} free of {}: LVM cannot extend the pool by {wanted}",
            pool.name,
            pool.data.free(),
            pool.data.total(),
            group.name,
            group.free,
            group.size
        ))
.at(format!("volume group {}", group.name))
.next(format!("add a disk: pvcreate DISK && vgextend {} DISK; or remove containers and images", group.name)))
}

/// Which rules hold is then a guess, and the loosest are taken (law 9).
fn version_unknown(before: &Before) -> Option<Finding> {
    before.build.version.is_none().then(|| {
        note(
            Code::DockerVersionUnknown,
            "docker",
            "neither the daemon's file nor a package tells which Docker is installed; values that any version takes are let pass".into(),
        )
    })
}

pub(super) fn note(code: Code, subject: &str, message: String) -> Finding {
    Finding::note(code, subject).says(message)
}

#[cfg(test)]
mod tests;
