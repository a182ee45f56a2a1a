//! Lines of real hosts, by kernel, and lines that only look like them.

use super::*;
use KernelEvent::*;

#[test]
fn lines_of_kernels_old_and_new() {
    let write = |write| DeviceError { write };
    for (text, event, device) in [
        (
            "INFO: task dockerd:362 blocked for more than 20 seconds.",
            HungTask { tid: 362 },
            None,
        ),
        (
            "INFO: task a: blocked for more than 1:2:77 blocked in I/O wait for more than 122 seconds.",
            HungTask { tid: 77 },
            None,
        ),
        (
            "XFS (dm-14): xfs_do_force_shutdown(0x2) called from line 1200 of file fs/xfs/xfs_log.c.  Return address = 0xffffffffc02dfec0",
            FilesystemShutDown,
            Some("dm-14"),
        ),
        (
            "XFS (dm-14): Log I/O Error Detected.  Shutting down filesystem",
            FilesystemShutDown,
            Some("dm-14"),
        ),
        (
            "XFS (dm-3): Filesystem has been shut down due to log error (0x2).",
            FilesystemShutDown,
            Some("dm-3"),
        ),
        (
            "XFS (dm-3): Metadata I/O Error (0x1) detected at xfs_trans_read_buf_map+0x1/0x2 [xfs] (fs/xfs/xfs_trans_buf.c:296).  Shutting down filesystem.",
            FilesystemShutDown,
            Some("dm-3"),
        ),
        (
            "XFS (dm-6): metadata I/O error: block 0x1f4 (\"xfs_buf_iodone_callbacks\") error 28 numblks 8",
            FilesystemError,
            Some("dm-6"),
        ),
        (
            "XFS (dm-0): metadata I/O error in \"xfs_buf_iodone_callback_error\" at daddr 0x2 len 1 error 5",
            FilesystemError,
            Some("dm-0"),
        ),
        (
            "XFS (dm-3): Failing async write on buffer block 0xffffffffffffffff. Retrying async write.",
            FilesystemError,
            Some("dm-3"),
        ),
        ("XFS (dm-3): Mounting V5 Filesystem", FilesystemMounted, Some("dm-3")),
        ("XFS (dm-3): Unmounting Filesystem", FilesystemMounted, Some("dm-3")),
        (
            "EXT4-fs error (device dm-17): ext4_journal_check_start:87: comm x: Detected aborted journal",
            FilesystemError,
            Some("dm-17"),
        ),
        (
            "EXT4-fs (dm-17): Remounting filesystem read-only",
            FilesystemReadOnly,
            Some("dm-17"),
        ),
        (
            "device-mapper: thin: 252:3: reached low water mark for data device: sending event.",
            PoolLow,
            Some("252:3"),
        ),
        (
            "device-mapper: thin: 252:3: switching pool to out-of-data-space (queue IO) mode",
            PoolMode,
            Some("252:3"),
        ),
        ("device-mapper: thin: switching pool to read-only mode", PoolMode, None),
        (
            "device-mapper: thin: 254:2: growing the data device from 8192 to 24576 blocks",
            PoolGrown,
            Some("254:2"),
        ),
        (
            "device-mapper: thin: 254:2: no free metadata space available.",
            PoolMetadata,
            Some("254:2"),
        ),
        (
            "device-mapper: thin: 253:1: metadata operation 'dm_pool_alloc_data_block' failed: error = -5",
            PoolMetadata,
            Some("253:1"),
        ),
        (
            "device-mapper: thin: 253:1: aborting current metadata transaction",
            PoolMetadata,
            Some("253:1"),
        ),
        (
            "device-mapper: thin: 253:1: unable to service pool target messages in READ_ONLY or FAIL mode",
            PoolMode,
            Some("253:1"),
        ),
        (
            "loop: Write error at byte offset 1032134656, length 4096.",
            LoopWriteError,
            None,
        ),
        (
            "end_request: I/O error, dev loop0, sector 2015816",
            write(None),
            Some("loop0"),
        ),
        (
            "blk_update_request: I/O error, dev loop0, sector 2015816",
            write(None),
            Some("loop0"),
        ),
        (
            "print_req_error: I/O error, dev loop0, sector 7 flags 1001",
            write(None),
            Some("loop0"),
        ),
        (
            "blk_update_request: I/O error, dev loop0, sector 2015816 op 0x1:(WRITE) flags 0x4000 phys_seg 21 prio class 0",
            write(Some(true)),
            Some("loop0"),
        ),
        (
            "I/O error, dev loop0, sector 274432 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
            write(Some(false)),
            Some("loop0"),
        ),
        (
            "critical space allocation error, dev loop0, sector 8 op 0x9:(WRITE_ZEROES) flags 0x0",
            write(Some(true)),
            Some("loop0"),
        ),
        (
            "Buffer I/O error on device dm-3, logical block 7",
            write(None),
            Some("dm-3"),
        ),
        (
            "lost page write due to I/O error on dm-3",
            write(Some(true)),
            Some("dm-3"),
        ),
        (
            "Buffer I/O error on dev dm-0, logical block 1572848, async page read",
            write(Some(false)),
            Some("dm-0"),
        ),
        (
            "Buffer I/O error on dev dm-0, logical block 7, lost async page write",
            write(Some(true)),
            Some("dm-0"),
        ),
    ] {
        assert_eq!(meaning(text), Some((event, device)), "{text}");
    }
}

#[test]
fn lines_that_mean_nothing_here() {
    for text in [
        "",
        "XFS (",
        "XFS (dm-3)",
        "XFS (dm-3): Starting recovery (logdev: internal)",
        "XFS (dm-3): Ending clean mount",
        "INFO: task :x blocked for more than 3 seconds.",
        "INFO: task dockerd:362",
        "INFO: rcu_sched self-detected stall",
        "device-mapper: thin: Data device (dm-1) discard unsupported: Disabling discard passdown.",
        "device-mapper: ioctl: remove_all left 2 open device(s)",
        "somebody's error, dev team",
        "loop0: detected capacity change from 0 to 1048576",
        "EXT4-fs (vda): re-mounted. Quota mode: none.",
    ] {
        assert_eq!(meaning(text), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".*", start in 0usize..8) {
        let starts = ["", "XFS (", "INFO: task ", "EXT4-fs (", "EXT4-fs error (device ", "device-mapper: thin: ", "Buffer I/O error on dev ", "I/O error, dev "];
        meaning(&format!("{}{text}", starts[start]));
    }
}
