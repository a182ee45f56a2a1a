//! What the kernel's log says besides: writes to the pool's files that failed, and containers whose filesystem is gone.

use super::Verdict;
use crate::model::{Backing, Code, Finding, KernelEvent, KernelLine, Pool, Seen, Severity, Snapshot, Target};
use std::collections::BTreeSet;
use std::time::Duration;

/// Failed writes are told of for this long after the last one.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// A line that names no device is about the one that a line beside it names.
const BESIDE: Duration = Duration::from_secs(2);

pub(super) fn judge(seen: &Snapshot, now: Duration, verdict: &mut Verdict) {
    let (Some(pool), Seen::Known(lines)) = (seen.pool(), &seen.evidence.kernel) else {
        return;
    };
    verdict.add(lost_writes(pool, lines, now));
    let mut told = BTreeSet::new();
    for line in lines {
        if let (KernelEvent::FilesystemShutDown, Some(volume)) = (line.event, &line.volume)
            && told.insert(volume)
        {
            verdict.add(shut_down(volume, line, now));
        }
    }
}

/// A sparse file on a full filesystem: the pool says `rw` and has free blocks, and what containers write is lost.
fn lost_writes(pool: &Pool, lines: &[KernelLine], now: Duration) -> Option<Finding> {
    let devices = [&pool.data_backing, &pool.metadata_backing].map(|backing| match backing {
        Backing::Loop { device, .. } | Backing::Deleted { device, .. } => Some(device.as_str()),
        Backing::Device(_) => None,
    });
    let beside = |line: &KernelLine, other: &KernelLine| other.when.abs_diff(line.when) <= BESIDE;
    let failed = |line: &&KernelLine| {
        let is_write = match line.event {
            KernelEvent::LoopWriteError => true,
            KernelEvent::DeviceError { write } => write != Some(false),
            _ => false,
        };
        is_write && now.saturating_sub(line.when) < FRESH
    };
    let ours = |line: &&KernelLine| line.device.is_some() && devices.contains(&line.device.as_deref());
    // A line that names no device, and no line beside it that does.
    let unnamed = |line: &&KernelLine| {
        let names_one = |device: &String| device.starts_with("loop");
        let explained = |other: &KernelLine| other.device.as_ref().is_some_and(names_one) && beside(line, other);
        pool.is_loop() && line.event == KernelEvent::LoopWriteError && !lines.iter().any(explained)
    };
    let failures = || lines.iter().rev().filter(failed);
    let line = failures().find(ours).or_else(|| failures().find(unnamed))?;
    // EL7's "blk_update_request: I/O error, dev loop0, sector N" may be a read's, unless its loop driver tells of a write beside it.
    let a_write = |other: &KernelLine| other.event == KernelEvent::LoopWriteError && beside(line, other);
    let (severity, what) = match line.event {
        KernelEvent::DeviceError { write: None } if !lines.iter().any(a_write) => {
            (Severity::Warn, "failed requests, reads or writes,")
        }
        _ if line.device.is_some() => (Severity::Refuse, "failed writes"),
        _ => (Severity::Warn, "failed writes"),
    };
    let which = line.device.as_deref().unwrap_or("a loop device, it does not say which");
    Some(
        Finding::new(severity, Code::LoopWriteErrors, &pool.name)
            .says(format!(
                "the kernel reports {what} of {which}, the last {} s ago ('{}'): what containers write may be lost, while \
                 the pool's mode is {}",
                now.saturating_sub(line.when).as_secs(),
                line.text,
                pool.mode
            ))
            .at(pool.device(Target::Data).place())
            .next(
                "free space on the filesystem below the pool's files (df), or see what is wrong with its disk \
                 (dmesg); then check, stop and start the containers that wrote meanwhile",
            ),
    )
}

fn shut_down(volume: &str, line: &KernelLine, now: Duration) -> Finding {
    Finding::warn(Code::ContainerFilesystemShutDown, volume)
        .says(format!(
            "the kernel shut the filesystem of {volume} down {} s ago ('{}'); all that its container reads \
             and writes fails until it is stopped and started again",
            now.saturating_sub(line.when).as_secs(),
            line.text
        ))
        .at(line.device.clone().unwrap_or_default())
        .next(format!(
            "docker inspect -f '{{{{.Name}}}} {{{{.GraphDriver}}}}' $(docker ps -q) | grep {volume} names \
             the container; docker stop and docker start it once the pool has room (docker restart keeps it \
             mounted)"
        ))
}
