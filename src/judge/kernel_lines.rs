//! What the kernel's log says besides: writes to the pool's files that failed, and containers whose filesystem is gone.

use super::Verdict;
use crate::model::{Backing, Code, Finding, KernelEvent, KernelLine, Mode, Pool, Seen, Severity, Snapshot};
use std::time::Duration;

/// Failed writes are told of for this long after the last one.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// A line that names no device is about the one that a line beside it names.
const BESIDE: Duration = Duration::from_secs(2);

pub(super) fn judge(seen: &Snapshot, now: Duration, verdict: &mut Verdict) {
    let (Seen::Known(Some(pool)), Seen::Known(lines)) = (&seen.pool, &seen.evidence.kernel) else {
        return;
    };
    verdict.findings.extend(lost_writes(pool, lines, now));
    for line in lines {
        if let (KernelEvent::FilesystemShutDown, Some(volume)) = (line.event, &line.volume)
            && !verdict
                .findings
                .iter()
                .any(|told| told.code == Code::ContainerFilesystemShutDown && told.subject == *volume)
        {
            verdict.findings.push(shut_down(volume, line, now));
        }
    }
}

/// A sparse file on a full filesystem: the pool says `rw` and has free blocks, and what containers write is lost.
fn lost_writes(pool: &Pool, lines: &[KernelLine], now: Duration) -> Option<Finding> {
    let ours = |line: &KernelLine| {
        [&pool.data_backing, &pool.metadata_backing]
            .iter()
            .any(|backing| match backing {
                Backing::Loop { device, .. } => line.device.as_deref() == Some(device),
                Backing::Device(_) => false,
            })
    };
    let failed = |line: &&KernelLine| {
        let is_write = matches!(
            line.event,
            KernelEvent::LoopWriteError
                | KernelEvent::DeviceError {
                    write: Some(true) | None
                }
        );
        is_write && now.saturating_sub(line.when) < FRESH
    };
    let named = lines.iter().rev().filter(failed).find(|line| ours(line));
    let (line, severity, which) = match named {
        Some(line) => (line, Severity::Refuse, line.device.clone().unwrap_or_default()),
        None => {
            let explained = |line: &KernelLine| {
                lines.iter().any(|other| {
                    other.device.as_ref().is_some_and(|device| device.starts_with("loop"))
                        && other.when.abs_diff(line.when) <= BESIDE
                })
            };
            let line = lines
                .iter()
                .rev()
                .filter(failed)
                .find(|line| pool.is_loop() && line.event == KernelEvent::LoopWriteError && !explained(line))?;
            (line, Severity::Warn, "a loop device, it does not say which".to_owned())
        }
    };
    // EL7's "blk_update_request: I/O error, dev loop0, sector N" may be a read's, unless its loop driver tells of a write beside it.
    let a_write = lines
        .iter()
        .any(|other| other.event == KernelEvent::LoopWriteError && other.when.abs_diff(line.when) <= BESIDE);
    let (severity, what) = match line.event {
        KernelEvent::DeviceError { write: None } if !a_write => (Severity::Warn, "failed requests, reads or writes,"),
        _ => (severity, "failed writes"),
    };
    let file = match &pool.data_backing {
        Backing::Loop { file, .. } => file.clone(),
        Backing::Device(device) => device.clone(),
    };
    Some(
        Finding::new(severity, Code::LoopWriteErrors, &pool.name)
            .says(format!(
                "the kernel reports {what} of {which}, the last {} s ago ('{}'): what containers write \
             may be lost, while the pool's mode is {}",
                now.saturating_sub(line.when).as_secs(),
                line.text,
                match pool.mode {
                    Mode::Rw => "rw",
                    Mode::OutOfDataSpace => "out of data space",
                    Mode::Ro => "read-only",
                    Mode::Fail => "failed",
                }
            ))
            .at(file)
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
