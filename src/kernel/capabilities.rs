//! Capabilities of this process: those that thinguard needs, and which of them it has (capabilities(7), proc(5)).

/// What thinguard.service keeps: bit, name, and what cannot be done without it.
pub const NEEDED: [(u32, &str, &str); 5] = [
    (21, "CAP_SYS_ADMIN", "no pool can be grown"),
    (
        1,
        "CAP_DAC_OVERRIDE",
        "files of another user's data root cannot be reached",
    ),
    (19, "CAP_SYS_PTRACE", "it cannot be told where tasks of Docker wait"),
    (34, "CAP_SYSLOG", "the kernel's log may not be read"),
    (14, "CAP_IPC_LOCK", "the guard is not kept in memory"),
];

/// Those of [`NEEDED`] that the process with this `/proc/PID/status` has not: name and consequence. `None` where the text does not tell.
pub fn missing(status: &str) -> Option<Vec<(&'static str, &'static str)>> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    let missing = NEEDED.iter().filter(|(bit, _, _)| mask >> bit & 1 == 0);
    Some(missing.map(|(_, name, what)| (*name, *what)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let names = |status: &str| missing(status).map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names("Name:\tx\nCapEff:\t000001ffffffffff\n"), Some(vec![]));
        assert_eq!(names("CapEff:\t000001ffffdfffff\n"), Some(vec!["CAP_SYS_ADMIN"]));
        assert_eq!(names("CapEff:\t0000000000000000\n").map(|all| all.len()), Some(5));
        for bad in [
            "",
            "CapEff:",
            "CapEff:\tx",
            "CapPrm:\t1",
            "CapEff:\t00000000000000000000000001",
        ] {
            assert!(names(bad).is_none_or(|all| all.len() == 5), "{bad}");
        }
    }
}
