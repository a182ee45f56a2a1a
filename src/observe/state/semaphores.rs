//! SysV semaphores: libdevmapper makes one for each device that dockerd activates, and a host has a limited number of them.

use crate::docker::state::SemaphoreLimit;
use std::fs;

/// The limit that is reached, if any.
pub(super) fn reached() -> Option<SemaphoreLimit> {
    let limits = fs::read_to_string("/proc/sys/kernel/sem").ok()?;
    // The kernel writes a line for each set; a host has some thousands at the most.
    let sets = fs::read_to_string("/proc/sysvipc/sem").ok()?;
    reached_of(&limits, &sets)
}

/// `limits` are SEMMSL, SEMMNS, SEMOPM and SEMMNI (proc(5), `/proc/sys/kernel/sem`); `sets` has a heading, and the number of semaphores
/// in its fourth column (`ipc/sem.c`, `sysvipc_sem_proc_show`).
fn reached_of(limits: &str, sets: &str) -> Option<SemaphoreLimit> {
    let limits: Vec<u64> = limits
        .split_whitespace()
        .map_while(|limit| limit.parse().ok())
        .collect();
    let [_, all, _, most_sets] = limits[..] else {
        return None;
    };
    let sizes: Vec<u64> = sets
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(3)?.parse().ok())
        .collect();
    let made = sizes.iter().fold(0u64, |sum, size| sum.saturating_add(*size));
    if u64::try_from(sizes.len()).is_ok_and(|sets| sets >= most_sets) {
        Some(SemaphoreLimit::Sets(most_sets))
    } else {
        (made >= all).then_some(SemaphoreLimit::All(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";

    #[test]
    fn limits() {
        let set = " 223148934          3   600          1     0     0     0     0 1764590000 1764590000\n";
        let full = format!("{HEAD}{}", set.repeat(3));
        for (limits, wanted) in [
            ("32000\t1024000000\t500\t32000\n", None),
            ("250 32000 32 4", None),
            ("250 32000 32 3", Some(SemaphoreLimit::Sets(3))),
            ("250 32000 32 2", Some(SemaphoreLimit::Sets(2))),
            ("250 3 32 128", Some(SemaphoreLimit::All(3))),
            ("250 32000 32", None),
            ("", None),
        ] {
            assert_eq!(reached_of(limits, &full), wanted, "{limits}");
        }
        assert_eq!(reached_of("250 32000 32 128", HEAD), None);
    }

    proptest! {
        #[test]
        fn never_panics(limits in "[0-9 \t]{0,60}", sets in "\\PC{0,80}|[0-9 \n]{0,80}") {
            reached_of(&limits, &sets);
        }
    }
}
