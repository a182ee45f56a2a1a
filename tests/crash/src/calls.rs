//! Names for the system calls that a growth makes.

/// `openat`: its second argument is the path.
pub const OPENAT: u64 = 257;

const IOCTL: u64 = 16;

const NAMES: &[(u64, &str)] = &[
    (0, "read"),
    (1, "write"),
    (3, "close"),
    (5, "fstat"),
    (8, "lseek"),
    (9, "mmap"),
    (10, "mprotect"),
    (11, "munmap"),
    (12, "brk"),
    (13, "rt_sigaction"),
    (14, "rt_sigprocmask"),
    (IOCTL, "ioctl"),
    (26, "msync"),
    (28, "madvise"),
    (72, "fcntl"),
    (73, "flock"),
    (74, "fsync"),
    (75, "fdatasync"),
    (76, "truncate"),
    (77, "ftruncate"),
    (83, "mkdir"),
    (231, "exit_group"),
    (OPENAT, "openat"),
    (262, "newfstatat"),
    (332, "statx"),
];

/// Requests by the low 16 bits, type and number: linux/dm-ioctl.h, linux/loop.h, linux/fs.h.
const REQUESTS: &[(u64, &str)] = &[
    (0xfd06, "DM_DEV_SUSPEND"),
    (0xfd07, "DM_DEV_STATUS"),
    (0xfd09, "DM_TABLE_LOAD"),
    (0xfd0a, "DM_TABLE_CLEAR"),
    (0xfd0c, "DM_TABLE_STATUS"),
    (0x4c05, "LOOP_GET_STATUS64"),
    (0x4c07, "LOOP_SET_CAPACITY"),
    (0x1272, "BLKGETSIZE64"),
];

/// `ioctl:DM_TABLE_LOAD`, `ftruncate`, `call-999`.
pub fn name(number: u64, second_argument: u64) -> String {
    let known = |table: &[(u64, &str)], key: u64| {
        table
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, name)| (*name).to_owned())
    };
    match number {
        IOCTL => {
            let request = second_argument & 0xffff;
            format!(
                "ioctl:{}",
                known(REQUESTS, request).unwrap_or_else(|| format!("{request:x}"))
            )
        }
        _ => known(NAMES, number).unwrap_or_else(|| format!("call-{number}")),
    }
}
