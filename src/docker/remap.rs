//! The directory below the data root that dockerd uses with `userns-remap`.

/// `UID.GID` of the mapped root, as dockerd names the directory (moby v20.10.27 `daemon/daemon_unix.go`, `setupDaemonRoot`), from the texts
/// of `/etc/subuid` and `/etc/subgid` (subuid(5)). `None` where that cannot be told from them: a user given by number, more than one
/// range, or none.
pub fn directory(remap: &str, subuid: &str, subgid: &str) -> Option<String> {
    // `default` makes and uses this user (moby `daemon/daemon_unix.go`, `parseRemappedRoot`).
    let remap = if remap == "default" { "dockremap" } else { remap };
    let (user, group) = remap.split_once(':').unwrap_or((remap, remap));
    Some(format!("{}.{}", first(subuid, user)?, first(subgid, group)?))
}

/// The first id of the one range that this name has.
fn first(text: &str, name: &str) -> Option<u32> {
    // A number would have to be looked up among the users first.
    if name.is_empty() || name.parse::<u32>().is_ok() {
        return None;
    }
    let mut ranges = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let range = ranges.next()?;
    let (start, _) = range.split_once(':')?;
    start.parse().ok().filter(|_| ranges.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn directories() {
        let both = "alice:100000:65536\ndockremap:165536:65536\nalice2:300000:65536\n";
        let twice = "dockremap:165536:65536\ndockremap:500000:65536\n";
        for (remap, subuid, subgid, wanted) in [
            ("default", both, both, Some("165536.165536")),
            ("alice", both, "alice:7:1\n", Some("100000.7")),
            ("alice:alice2", both, both, Some("100000.300000")),
            ("bob", both, both, None),
            ("1000", "1000:5:6\n", "1000:5:6\n", None),
            ("", both, both, None),
            ("default", twice, both, None),
            ("default", both, "", None),
            ("default", "dockremap:x:6\n", both, None),
        ] {
            assert_eq!(directory(remap, subuid, subgid).as_deref(), wanted, "{remap}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(remap in "\\PC{0,12}", text in "[a-z0-9:\n]{0,60}") {
            directory(&remap, &text, &text);
        }
    }
}
