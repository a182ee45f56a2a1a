//! What the kernel's lines mean: the wordings of 3.10 (EL7) to 6.x, each with the function that writes it.

use crate::model::KernelEvent;

/// What a line tells and which device it is about; `None` for a line that is of no interest here. `text` is hostile: names of
/// programs are in it.
pub fn meaning(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    hung_task(text)
        .map(|event| (event, None))
        .or_else(|| xfs(text))
        .or_else(|| ext4(text))
        .or_else(|| thin_pool(text))
        .or_else(|| block(text))
}

/// `INFO: task dockerd:362 blocked for more than 120 seconds.` (kernel/hung_task.c, `check_hung_task`, 3.10 to 6.x; from 6.17 on
/// also `blocked in I/O wait for more than`). The name may hold colons and blanks.
fn hung_task(text: &str) -> Option<KernelEvent> {
    let (task, _) = text.strip_prefix("INFO: task ")?.rsplit_once(" for more than ")?;
    let (task, _) = task.rsplit_once(" blocked")?;
    let (_, tid) = task.rsplit_once(':')?;
    Some(KernelEvent::HungTask { tid: tid.parse().ok()? })
}

/// What follows `XFS (dm-3): `, in order; the first that fits counts.
const XFS: &[(&str, KernelEvent)] = &[
    // fs/xfs/xfs_fsops.c, `xfs_do_force_shutdown`: 3.10 to 5.16 "Log I/O Error Detected.  Shutting down filesystem", "I/O Error
    // Detected.  Shutting …", "Corruption of in-memory data detected.  Shutting …", "All device paths lost.  Shutting …"; with a
    // small letter and a single blank in some.
    ("hutting down filesystem", KernelEvent::FilesystemShutDown),
    // 5.17 and later: "Filesystem has been shut down due to log error (0x2)."; fs/xfs/xfs_log.c, `xlog_force_shutdown`.
    ("Filesystem has been shut down due to ", KernelEvent::FilesystemShutDown),
    // The line before it: "xfs_do_force_shutdown(0x2) called from line 1200 of file fs/xfs/xfs_log.c.", 3.10 to 5.16.
    ("xfs_do_force_shutdown(", KernelEvent::FilesystemShutDown),
    // 5.17 and later: "Log I/O Error (0x2) detected at xlog_ioend_work+0x64/0xc0 [xfs] (fs/xfs/xfs_log.c:1377).  Shutting down …",
    // "User initiated shutdown received."
    ("User initiated shutdown received", KernelEvent::FilesystemShutDown),
    // fs/xfs/xfs_mount.c, fs/xfs/xfs_super.c: "Mounting V5 Filesystem", "Mounting Filesystem", "Unmounting Filesystem".
    ("Mounting ", KernelEvent::FilesystemMounted),
    ("Unmounting Filesystem", KernelEvent::FilesystemMounted),
    // fs/xfs/xfs_buf.c, `xfs_buf_ioerror_alert`: 3.10 "metadata I/O error: block 0x… ("xfs_buf_iodone_callbacks") error 28
    // numblks 8", 4.16 and later "metadata I/O error in "xfs_buf_iodone_callback_error" at daddr 0x… len 8 error 28".
    ("metadata I/O error", KernelEvent::FilesystemError),
    // fs/xfs/xfs_buf_item.c, `xfs_buf_item_push`: 3.13 and later (EL7 too).
    ("Failing async write", KernelEvent::FilesystemError),
    // fs/xfs/xfs_log.c: "xfs_log_force: error -5 returned." (3.10 to 4.13), "log I/O error -5".
    ("xfs_log_force: error ", KernelEvent::FilesystemError),
    ("log I/O error ", KernelEvent::FilesystemError),
    // fs/xfs/xfs_aops.c, `xfs_destroy_ioend`: "writeback error on inode 67, offset 0, sector 96", 4.20 and later.
    ("writeback error on ", KernelEvent::FilesystemError),
    ("Metadata corruption detected", KernelEvent::FilesystemError),
    ("Corruption detected", KernelEvent::FilesystemError),
];

fn xfs(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    let (device, said) = text.strip_prefix("XFS (")?.split_once("): ")?;
    let (_, event) = XFS.iter().find(|(words, event)| match event {
        // A mount is told in so many words; a path or an attribute may hold them too.
        KernelEvent::FilesystemMounted => said.starts_with(words),
        _ => said.contains(words),
    })?;
    Some((*event, Some(device)))
}

/// fs/ext4/super.c: "EXT4-fs error (device dm-3): ext4_…" (`__ext4_error`), "EXT4-fs (dm-3): Remounting filesystem read-only"
/// (`ext4_handle_error`), "EXT4-fs (dm-3): failed to convert unwritten extents …"; the same from 3.10 to 6.x.
fn ext4(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    if let Some(rest) = text.strip_prefix("EXT4-fs error (device ") {
        let (device, _) = rest.split_once(')')?;
        return Some((KernelEvent::FilesystemError, Some(device)));
    }
    let (device, said) = text.strip_prefix("EXT4-fs (")?.split_once("): ")?;
    let event = [
        ("Remounting filesystem read-only", KernelEvent::FilesystemReadOnly),
        ("potential data loss", KernelEvent::FilesystemError),
        ("mounted filesystem ", KernelEvent::FilesystemMounted),
        ("unmounting filesystem", KernelEvent::FilesystemMounted),
    ]
    .into_iter()
    .find(|(words, _)| said.contains(words))?;
    Some((event.1, Some(device)))
}

/// What follows `device-mapper: thin: `, with or without `254:2: ` (drivers/md/dm-thin.c).
const THIN: &[(&str, KernelEvent)] = &[
    // `check_low_water_mark`, in 3.10 `alloc_data_block`.
    ("reached low water mark for ", KernelEvent::PoolLow),
    // `notify_of_pool_mode_change`: "switching pool to out-of-data-space (queue IO) mode", "… (error IO) mode", "out-of-data-space
    // mode" (3.15 to 4.3), "read-only mode", "failure mode", "out-of-metadata-space" (5.0 and later), "write mode".
    ("switching pool to ", KernelEvent::PoolMode),
    // `maybe_resize_data_dev`, `maybe_resize_metadata_dev`: "growing the data device from 8192 to 24576 blocks".
    ("growing the ", KernelEvent::PoolGrown),
    // `alloc_data_block` of 3.10; "no free space available for the pool" beside it.
    ("no free metadata space available", KernelEvent::PoolMetadata),
    ("no free space available", KernelEvent::PoolMode),
    // `metadata_operation_failed`: "metadata operation 'dm_pool_alloc_data_block' failed: error = -28".
    ("metadata operation ", KernelEvent::PoolMetadata),
    // `abort_transaction`, 3.14 and later.
    ("aborting current metadata transaction", KernelEvent::PoolMetadata),
    ("failed to abort metadata transaction", KernelEvent::PoolMetadata),
    // `set_pool_mode`, `maybe_resize_*`: "unable to switch pool to write mode until repaired.", "needs_check flag set, unable to
    // resize.", "failed to set 'needs_check' flag in metadata".
    ("needs_check", KernelEvent::PoolMetadata),
    ("until repaired", KernelEvent::PoolMetadata),
    // `pool_message`.
    ("unable to service pool target messages", KernelEvent::PoolMode),
    // `warn_if_metadata_device_too_big`, `maybe_resize_metadata_dev`.
    ("Metadata device ", KernelEvent::PoolMetadata),
];

fn thin_pool(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    let said = text.strip_prefix("device-mapper: thin: ")?;
    let (_, event) = THIN.iter().find(|(words, _)| said.contains(words))?;
    let device = said
        .split_once(": ")
        .map(|(device, _)| device)
        .filter(|device| !device.is_empty() && device.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'));
    Some((*event, device))
}

/// The block layer and what lies above and below it.
fn block(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    // drivers/block/loop.c: `__do_lo_send_write` (3.10), `lo_write_bvec` (to 6.15): no word which loop device.
    if text.starts_with("loop: Write error at byte offset ") {
        return Some((KernelEvent::LoopWriteError, None));
    }
    // fs/buffer.c, `buffer_io_error`: 3.10 "Buffer I/O error on device dm-3, logical block 7" and, on a line of its own, "lost page
    // write due to I/O error on dm-3"; 3.18 and later "Buffer I/O error on dev dm-3, logical block 7, lost async page write".
    for words in ["Buffer I/O error on dev ", "Buffer I/O error on device "] {
        if let Some(rest) = text.strip_prefix(words) {
            let write = match rest.contains("lost ") {
                true => Some(true),
                false if rest.contains("read") => Some(false),
                false => None,
            };
            return Some((KernelEvent::DeviceError { write }, Some(until_comma(rest))));
        }
    }
    if let Some(device) = text.strip_prefix("lost page write due to I/O error on ") {
        return Some((KernelEvent::DeviceError { write: Some(true) }, Some(device.trim())));
    }
    // block/blk-core.c: 3.10 "end_request: I/O error, dev loop0, sector 8", EL7 "blk_update_request: I/O error, dev loop0, sector
    // 8", 4.15 to 5.2 "print_req_error: …", 5.3 and later with "op 0x1:(WRITE) flags 0x…", 5.16 and later without a function's name
    // ("I/O error, dev …"); "critical space allocation error, dev …" and others of the table `blk_errors`.
    let (before, rest) = text.split_once(" error, dev ")?;
    let before = before.rsplit_once(": ").map_or(before, |(_, kind)| kind);
    let known = [
        "I/O",
        "critical space allocation",
        "critical target",
        "critical medium",
        "critical nexus",
        "reservation conflict",
        "recoverable transport",
        "timeout",
        "protection",
    ];
    known.contains(&before).then_some(())?;
    let write = match (rest.contains("(WRITE"), rest.contains("op 0x")) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    Some((KernelEvent::DeviceError { write }, Some(until_comma(rest))))
}

fn until_comma(text: &str) -> &str {
    text.split_once(',').map_or(text, |(device, _)| device).trim()
}

#[cfg(test)]
mod tests;
