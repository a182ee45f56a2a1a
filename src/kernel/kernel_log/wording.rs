//! What the kernel's lines mean, in the wordings of 3.10 (EL7) to 6.19, each with the function that writes it.
//!
//! `wording/tests/lines.tsv` has each line with the sources that it was read in. A version named here is one of those, or the
//! first of them that differs: the change itself came with it or somewhat earlier.

use crate::model::KernelEvent;

/// What a line tells and which device it is about; `None` for a line that is of no interest here. `text` is hostile: names of
/// programs are in it.
pub fn meaning(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    hung_task(text)
        .map(|event| (event, None))
        .or_else(|| xfs(text))
        .or_else(|| writeback(text))
        .or_else(|| ext4(text))
        .or_else(|| thin_pool(text))
        .or_else(|| thin_metadata(text))
        .or_else(|| block(text))
}

/// `INFO: task dockerd:362 blocked for more than 120 seconds.` (kernel/hung_task.c, `check_hung_task`; 6.19 `hung_task_info`).
/// Logs of newer kernels have `blocked in I/O wait for more than`. The name may hold colons and blanks, and a program that crashes
/// under the name `INFO: task ` makes the kernel print a line that begins so too: it does not end so.
fn hung_task(text: &str) -> Option<KernelEvent> {
    let text = text.strip_prefix("INFO: task ")?.trim_end().strip_suffix(" seconds.")?;
    let (task, _) = text.rsplit_once(" for more than ")?;
    let (task, _) = task.rsplit_once(" blocked")?;
    let (_, tid) = task.rsplit_once(':')?;
    Some(KernelEvent::HungTask { tid: tid.parse().ok()? })
}

/// Device and words of `XFS (dm-3): words`. A program may be named `XFS (dm-3): `, and when it crashes the kernel prints
/// `XFS (dm-3): [4711]: segfault at 0 … in program[400000+1000]` (arch/x86/mm/fault.c, `show_signal_msg`): that is no filesystem's.
fn of_filesystem<'a>(text: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let (device, said) = text.strip_prefix(kind)?.strip_prefix(" (")?.split_once("): ")?;
    (!device.contains([' ', ')', '[']) && !said.starts_with('[')).then_some((device, said))
}

/// fs/xfs/xfs_fsops.c, `xfs_do_force_shutdown`, ends with these words: to 5.4 "Log I/O Error Detected.  Shutting down filesystem" (one
/// blank in 5.0), 5.14 and later "Log I/O error (0x2) detected at …  Shutting down filesystem"; so for each cause.
const XFS_SHUTS_DOWN: &str = "Shutting down filesystem";

/// What `XFS (dm-3): ` is followed by; the first that fits counts.
const XFS: &[(&str, KernelEvent)] = &[
    // fs/xfs/xfs_log.c, `xlog_force_shutdown`, 6.1 and later.
    ("Filesystem has been shut down due to ", KernelEvent::FilesystemShutDown),
    // The line before it, to 5.4: "xfs_do_force_shutdown(0x2) called from line 1200 of file fs/xfs/xfs_log.c." The line after it,
    // "Please umount the filesystem", says nothing new.
    ("xfs_do_force_shutdown(", KernelEvent::FilesystemShutDown),
    // 6.1 and later.
    ("User initiated shutdown received", KernelEvent::FilesystemShutDown),
    // fs/xfs/xfs_log.c, `xfs_log_mount`: "Mounting Filesystem", "Mounting V5 Filesystem", 6.19 with the UUID after it.
    // fs/xfs/xfs_super.c, `xfs_fs_put_super`: "Unmounting Filesystem", not in 3.10 to 3.16.
    ("Mounting ", KernelEvent::FilesystemMounted),
    ("Unmounting Filesystem", KernelEvent::FilesystemMounted),
    // fs/xfs/xfs_buf.c, `xfs_buf_ioerror_alert`: to 4.14 and EL7.7 "metadata I/O error: block 0x… ("xfs_buf_iodone_callbacks")
    // error 28 numblks 8", later "metadata I/O error in "…" at daddr 0x… len 8 error 28", 5.14 with an address in it.
    ("metadata I/O error", KernelEvent::FilesystemError),
    // fs/xfs/xfs_buf_item.c, `xfs_buf_item_push`: EL7.2, 4.4 and later.
    ("Failing async write", KernelEvent::FilesystemError),
    // fs/xfs/xfs_log.c: "xfs_log_force: error -5 returned." to 4.4 and EL7.3, "log I/O error -5" in 5.4 (EL8) and later.
    ("xfs_log_force: error ", KernelEvent::FilesystemError),
    ("xfs_log_force_lsn: error ", KernelEvent::FilesystemError),
    ("log I/O error ", KernelEvent::FilesystemError),
    ("log mount/recovery failed", KernelEvent::FilesystemError),
    // fs/xfs/xfs_aops.c: "writeback error on sector 96", EL7.7, 4.14 to 5.4 (for later ones see `writeback`); what was written and
    // had no blocks yet is thrown away: "page discard on page 0x…, inode 0x43, offset 0.".
    ("writeback error on ", KernelEvent::FilesystemError),
    ("page discard on page ", KernelEvent::FilesystemError),
    // fs/xfs/xfs_error.c: "Metadata corruption detected at …", "Metadata CRC error detected at …", "Internal error … at line …",
    // "Corruption detected. …"; fs/xfs/xfs_buf.c: "Corruption Alert: Buffer at daddr 0x… had permanent write failures!".
    ("Metadata corruption detected", KernelEvent::FilesystemError),
    ("Metadata CRC error detected", KernelEvent::FilesystemError),
    ("Internal error ", KernelEvent::FilesystemError),
    ("Corruption ", KernelEvent::FilesystemError),
];

fn xfs(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    let (device, said) = of_filesystem(text, "XFS")?;
    if said.trim_end_matches('.').ends_with(XFS_SHUTS_DOWN) {
        return Some((KernelEvent::FilesystemShutDown, Some(device)));
    }
    let (_, event) = XFS.iter().find(|(words, _)| said.starts_with(words))?;
    Some((*event, Some(device)))
}

/// `dm-3: writeback error on inode 67, offset 0, sector 96`: what XFS says in EL8, 5.14 and later, by way of fs/iomap.
fn writeback(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    let (device, _) = text.split_once(": writeback error on inode ")?;
    (!device.contains([' ', ':'])).then_some((KernelEvent::FilesystemError, Some(device)))
}

/// fs/ext4/super.c: "EXT4-fs error (device dm-3): ext4_…" (`__ext4_error`), "EXT4-fs (dm-3): Remounting filesystem read-only"
/// (`ext4_handle_error`); fs/ext4/page-io.c: "EXT4-fs (dm-3): failed to convert unwritten extents …" and, among many warnings of
/// no interest, "EXT4-fs warning (device dm-3): ext4_end_bio:332: I/O error -5 writing to inode 12 …".
fn ext4(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    if let Some(rest) = text.strip_prefix("EXT4-fs error (device ") {
        let (device, _) = rest.split_once(')')?;
        return Some((KernelEvent::FilesystemError, Some(device)));
    }
    if let Some(rest) = text.strip_prefix("EXT4-fs warning (device ") {
        let (device, said) = rest.split_once("): ")?;
        let failed = said.contains("I/O error ");
        return failed.then_some((KernelEvent::FilesystemError, Some(device)));
    }
    let (device, said) = of_filesystem(text, "EXT4-fs")?;
    let event = [
        ("Remounting filesystem read-only", KernelEvent::FilesystemReadOnly),
        ("potential data loss", KernelEvent::FilesystemError),
        // fs/ext4/inode.c, with a small letter in 3.10.
        ("elayed block allocation failed", KernelEvent::FilesystemError),
        // `ext4_commit_super`.
        ("I/O error while writing superblock", KernelEvent::FilesystemError),
        ("previous I/O error to superblock", KernelEvent::FilesystemError),
        ("mounted filesystem ", KernelEvent::FilesystemMounted),
        // 6.1 and later.
        ("unmounting filesystem", KernelEvent::FilesystemMounted),
    ]
    .into_iter()
    .find(|(words, _)| said.contains(words))?;
    Some((event.1, Some(device)))
}

/// What follows `device-mapper: thin: `, with or without `254:2: ` (drivers/md/dm-thin.c).
const THIN: &[(&str, KernelEvent)] = &[
    // `check_low_water_mark`, to 3.13 `alloc_data_block`; of the metadata device `metadata_low_callback`.
    ("reached low water mark for ", KernelEvent::PoolLow),
    // `notify_of_pool_mode_change`, to 3.13 `set_pool_mode`: "switching pool to write mode", "read-only", "failure" or, in EL7.7,
    // 5.0 and later, "fail"; "out-of-data-space" (3.16), later with " (queue IO)" or " (error IO)". A pool that is out of metadata
    // says "read-only".
    ("switching pool to ", KernelEvent::PoolMode),
    // `maybe_resize_data_dev`, `maybe_resize_metadata_dev`, 3.16 and later: "growing the data device from 8192 to 24576 blocks".
    ("growing the ", KernelEvent::PoolGrown),
    // `alloc_data_block`: 3.10 "no free space available.", 3.13 "no free data space available.", "no free metadata space …".
    ("no free metadata space available", KernelEvent::PoolMetadata),
    ("no free space available", KernelEvent::PoolMode),
    ("no free data space available", KernelEvent::PoolMode),
    // `check_for_metadata_space`, EL7.7, 4.19 and later.
    ("free metadata blocks", KernelEvent::PoolMetadata),
    // `metadata_operation_failed`, 3.16 and later: "metadata operation 'dm_pool_alloc_data_block' failed: error = -28". To 3.13
    // "commit failed: error = -28", "dm_thin_insert_block() failed: error = -5" and others.
    (" failed: error = ", KernelEvent::PoolMetadata),
    // `abort_transaction`, 3.16 and later; to 3.13 `set_pool_mode`.
    ("aborting current metadata transaction", KernelEvent::PoolMetadata),
    ("failed to abort metadata transaction", KernelEvent::PoolMetadata),
    ("aborting transaction failed", KernelEvent::PoolMetadata),
    // `abort_transaction`: "failed to set 'needs_check' flag in metadata". `set_pool_mode`, `maybe_resize_*`: "unable to switch
    // pool to write mode until repaired.", "unable to grow the data device until repaired.".
    ("needs_check", KernelEvent::PoolMetadata),
    ("until repaired", KernelEvent::PoolMetadata),
    // `maybe_resize_*`: a table that was refused, or a growth that failed (to 3.13).
    (" too small: expected ", KernelEvent::PoolMetadata),
    ("failed to retrieve ", KernelEvent::PoolMetadata),
    ("failed to resize ", KernelEvent::PoolMetadata),
    // `pool_message`, EL7.3, 4.4 and later.
    ("unable to service pool target messages", KernelEvent::PoolMode),
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

/// What the layers below dm-thin say (drivers/md/dm-thin-metadata.c, drivers/md/persistent-data). They do not name the pool, and
/// dm-cache has some of them too.
fn thin_metadata(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    let (layer, said) = text.strip_prefix("device-mapper: ")?.split_once(": ")?;
    let failed = match layer {
        // "sb_check failed: csum 7: wanted 8", "couldn't read superblock"; its other lines are about messages to the pool.
        "thin metadata" => said.contains(" failed") || said.contains("couldn't read"),
        // "unable to allocate new metadata block" comes with a full metadata device; the others with damage.
        "space map metadata"
        | "space map common"
        | "block manager"
        | "btree"
        | "btree spine"
        | "transaction manager" => true,
        _ => false,
    };
    failed.then_some((KernelEvent::PoolMetadata, None))
}

/// What is said of a request that failed for good, to the word " error". "operation not supported" is none of them: whoever asked
/// then goes without (`WRITE_ZEROES`, `DISCARD`).
const FAILED_REQUEST: &[&str] = &[
    "I/O",
    "critical space allocation",
    "critical target",
    "critical medium",
    "critical nexus",
    "reservation conflict",
    "recoverable transport",
    "timeout",
    "protection",
    "kernel resource",
    "device offline",
];

/// The block layer and what lies above and below it.
fn block(text: &str) -> Option<(KernelEvent, Option<&str>)> {
    // drivers/block/loop.c: `__do_lo_send_write` (to 3.16 and EL7), `lo_write_bvec` (4.4 to 6.1; not in 6.19): no word which loop
    // device.
    if text.starts_with("loop: Write error at byte offset ") {
        return Some((KernelEvent::LoopWriteError, None));
    }
    // fs/buffer.c, `buffer_io_error`: to 3.16 and EL7.2 "Buffer I/O error on device dm-3, logical block 7" and, on a line of its own,
    // "lost page write due to I/O error on dm-3"; EL7.3, 4.4 and later "Buffer I/O error on dev dm-3, logical block 7, lost async
    // page write". fs/ext4/page-io.c keeps the old words.
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
    // block/blk-core.c: "end_request: I/O error, dev loop0, sector 8" (to 3.16), "blk_update_request: …" (EL7.3, 4.4),
    // "print_req_error: …" (4.14 to 5.0, there with "flags 800"), "blk_update_request: … op 0x1:(WRITE) flags 0x800 …" (EL8, 5.4,
    // 5.14); block/blk-mq.c: "I/O error, dev …" (6.1 and later).
    let (before, rest) = text.split_once(" error, dev ")?;
    let (device, rest) = rest.split_once(", sector ")?;
    let kind = ["end_request: ", "blk_update_request: ", "print_req_error: "]
        .into_iter()
        .find_map(|function| before.strip_prefix(function))
        .unwrap_or(before);
    FAILED_REQUEST.contains(&kind).then_some(())?;
    let write = match (rest.contains("(WRITE"), rest.contains("op 0x")) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    Some((KernelEvent::DeviceError { write }, Some(device)))
}

fn until_comma(text: &str) -> &str {
    text.split_once(',').map_or(text, |(device, _)| device).trim()
}

#[cfg(test)]
mod tests;
