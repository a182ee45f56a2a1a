//! Before Docker starts: what its storage configuration and what lies on the disk will make of that start.
//!
//! A refusal needs proof that the start would fail or harm data (law 9); everything else is a warning at most.

mod absent;
mod advice;
mod files;
mod host;
mod metadata;
mod named;
mod own;
mod root;
mod sizes;

use super::before::Before;
use super::{Case, Memory, Verdict, certainty, dockerd, restart, storage};
use crate::model::{Code, Finding, Pool, Seen, Settings, Snapshot};
use std::time::Duration;

/// What to make of it: refusals first, then at most one growth, to be judged again after it.
pub fn judge(before: &Before, seen: &Snapshot, settings: &Settings, now: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    let pool = match &seen.pool {
        Seen::Known(pool) => pool.as_ref(),
        Seen::Unknown(_) => None,
    };
    dockerd::judge(before, &settings.docker.unit, &mut verdict.findings);
    root::judge(before, pool, &mut verdict.findings);
    match before.choice.certain() {
        Some(driver) if !before.choice.is_devicemapper() => {
            verdict
                .findings
                .push(Finding::note(Code::OtherStorageDriver, driver).says(format!(
                    "Docker uses the storage driver {driver}; there is no thin pool to check"
                )))
        }
        _ if !before.on_loop_files() => verdict.findings.push(
            Finding::note(Code::NotOnLoopFiles, "pool")
                .says("the pool is not on loop files alone; its growth is LVM's"),
        ),
        _ => on_loop_files(before, seen, settings, &mut verdict),
    }
    advice::advise(before, &mut verdict.findings);
    // What keeps it from this very start is told as such.
    let unit = before.config.unit.as_ref().filter(|unit| unit.fault.is_none());
    if let Some(unit) = unit.filter(|_| before.choice.is_devicemapper()) {
        verdict.add(restart::not_possible(unit, settings));
    }
    verdict.findings.extend(version_unknown(before));
    if let Some(pool) = pool.filter(|_| before.uses_files()) {
        active(before, pool, seen, settings, now, &mut verdict);
        verdict.findings.extend(group_without_room(before, pool, settings));
    }
    certainty::apply(before, pool.is_some(), &mut verdict);
    sort(&mut verdict.findings);
    verdict
}

/// What to make of a start of which nothing could be learnt.
pub fn unknown(settings: &Settings) -> Verdict {
    let finding = Finding::warn(Code::ConfigurationUnknown, &settings.docker.unit)
        .says("Docker's configuration could not be read in time")
        .at("/etc/docker/daemon.json and the unit's files")
        .next("thinguard preflight, once the host is calmer");
    Verdict {
        findings: vec![finding],
        ..Verdict::default()
    }
}

/// Worst first, then by name.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
}

fn on_loop_files(before: &Before, seen: &Snapshot, settings: &Settings, verdict: &mut Verdict) {
    match (&seen.pool, &before.disk) {
        // The rest of an active pool is judged as the guard does.
        (Seen::Known(Some(_)), _) => {}
        (Seen::Known(None), Seen::Known(disk)) => files::inactive(before, disk, settings, verdict),
        (Seen::Unknown(why), _) | (_, Seen::Unknown(why)) => verdict.findings.push(
            Finding::warn(Code::PoolUnknown, "pool")
                .says(format!("the state of the pool cannot be read: {why}"))
                .next("thinguard status"),
        ),
    }
}

/// An active pool in trouble is the guard's to cure; dockerd starts on it.
fn active(before: &Before, pool: &Pool, seen: &Snapshot, settings: &Settings, now: Duration, verdict: &mut Verdict) {
    let mut live = Verdict::default();
    let case = Case {
        seen,
        settings,
        memory: &Memory::default(),
        now,
    };
    storage::judge(case, &mut live);
    // Of a device that dm.datadev names, dockerd opens the device and never the file below it, which the finding is about.
    let opens_the_file = before.on_loop_files();
    verdict
        .findings
        .extend(live.findings.into_iter().map(|it| match it.code {
            Code::PoolFileDeleted => it.if_certain(opens_the_file),
            _ => it,
        }));
    verdict.deed = live.deed;
    if pool.is_loop() {
        verdict
            .findings
            .push(Finding::note(Code::PoolLeftActive, &pool.name).says(format!(
                "the pool {} is active already: dockerd takes it as it is, and dm.loopdatasize, \
             dm.loopmetadatasize and dm.blocksize have no effect on it",
                pool.name
            )));
    }
}

/// A pool of LVM's that is low, in a volume group that cannot give it more.
fn group_without_room(before: &Before, pool: &Pool, settings: &Settings) -> Option<Finding> {
    let said = before.lvm.as_ref()?;
    let (group, free) = (&said.group, said.group_free);
    let low = pool.data.total().percent(settings.data.below_free_percent);
    let wanted = pool.data.total().percent(settings.data.step_percent);
    (pool.data.free() < low && free < wanted).then(|| {
        Finding::warn(Code::VolumeGroupFull, group)
            .says(format!(
                "the pool {} has {} free of {}, and its volume group {group} has {free} free of {}: LVM cannot extend the \
             pool by {wanted}",
                pool.name,
                pool.data.free(),
                pool.data.total(),
                said.group_size
            ))
            .at(format!("volume group {group}"))
            .next(format!(
                "add a disk: pvcreate DISK && vgextend {group} DISK; or remove containers and images"
            ))
    })
}

/// Which rules hold is then a guess, and the loosest are taken (law 9).
fn version_unknown(before: &Before) -> Option<Finding> {
    before.config.build.version.is_none().then(|| {
        Finding::note(Code::DockerVersionUnknown, "docker").says(
            "neither a package nor the daemon itself tells which Docker is installed; values that any \
             version takes are let pass",
        )
    })
}

#[cfg(test)]
mod tests;
