//! LVM's names for device-mapper devices, and what its commands say. Pure.

pub mod pool;

/// The volume group of a device-mapper name: `docker--vg-pool` is `pool` in `docker-vg` (lvm2 `lib/misc/lvm-string.c`,
/// `build_dm_name`: a hyphen within a name is doubled). `None` for a name that LVM does not give.
pub fn volume_group(device: &str) -> Option<String> {
    let bytes = device.as_bytes();
    let mut at = 0;
    while let Some(offset) = device.get(at..)?.find('-') {
        let hyphen = at + offset;
        if bytes.get(hyphen + 1) == Some(&b'-') {
            at = hyphen + 2;
        } else {
            let name = device[..hyphen].replace("--", "-");
            return (!name.is_empty() && hyphen + 1 < device.len()).then_some(name);
        }
    }
    None
}

/// The volume group and the logical volume of a pool's device-mapper name: `docker--vg-pool` is `docker-vg` and `pool`, and so is
/// `docker--vg-pool-tpool`, which is what LVM calls the pool below one that has thin volumes of LVM's own (`lv_layer` in lvm2
/// `lib/activate/dev_manager.c`).
pub fn volume(device: &str) -> Option<(String, String)> {
    let group = volume_group(device)?;
    let rest = device.get(group.replace('-', "--").len() + 1..)?;
    let volume = volume_group(rest)
        .filter(|_| rest.ends_with("-tpool"))
        .unwrap_or_else(|| rest.replace("--", "-"));
    Some((group, volume))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_of_devices() {
        for (device, group) in [
            ("vg-pool", Some("vg")),
            ("docker--vg-docker--pool", Some("docker-vg")),
            ("docker-docker--pool", Some("docker")),
            ("rhel-docker--pool-tpool", Some("rhel")),
            ("a----b-c", Some("a--b")),
            ("pool", None),
            ("vg-", None),
            ("-pool", None),
            ("vg--pool", None),
            ("", None),
        ] {
            assert_eq!(volume_group(device).as_deref(), group, "{device}");
        }
    }

    #[test]
    fn volumes_of_devices() {
        for (device, group, volume_name) in [
            ("docker-thinpool", "docker", "thinpool"),
            ("docker--vg-docker--pool", "docker-vg", "docker-pool"),
            ("rhel-docker--pool-tpool", "rhel", "docker-pool"),
            ("a----b-c----d-tpool", "a--b", "c--d"),
            ("a-tpool", "a", "tpool"),
        ] {
            assert_eq!(volume(device), Some((group.into(), volume_name.into())), "{device}");
        }
        assert_eq!(volume("pool"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = (volume_group(&text), volume(&text));
        }
    }
}
