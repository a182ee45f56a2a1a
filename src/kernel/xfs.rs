//! XFS gives up: a filesystem that can write nothing more fails its metadata writes instead of repeating them for ever.
//!
//! `error/metadata/{ENOSPC,EIO,default}/max_retries` of `/sys/fs/xfs/dm-N` (fs/xfs/xfs_sysfs.c, since Linux 4.7 and in some
//! distributions' kernels before it); -1, for ever, is the default. With 0 the next failed write shuts the filesystem down, and the
//! unmount that waits for it in `xfs_ail_push_all_sync` ends. What was not written is lost.

use super::dm::Control;
use super::grow::DeedLock;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Errors whose retries are given up.
const CLASSES: [&str; 3] = ["ENOSPC", "EIO", "default"];

/// Whose filesystems are to give up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveUpOrder {
    /// The pool's device-mapper name.
    pub pool: String,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
    /// See [`super::grow::GrowOrder::lock`].
    pub lock: PathBuf,
}

/// Has each XFS on a thin device of this pool that is mounted nowhere any more give up: those are being unmounted, and nothing
/// else can use them. Returns their names. May block: run it in a child process with a deadline.
///
/// # Errors
/// Where another deed runs, there is no such filesystem, or this kernel cannot be told to give up.
pub fn give_up(order: &GiveUpOrder) -> Result<Vec<String>> {
    let _lock = DeedLock::take(&order.lock)?;
    let control = Control::open(&order.dm_control)?;
    let pool = control.info(&order.pool)?;
    let pool_device = format!("{}:{}", pool.major, pool.minor);
    let mut thin = Vec::new();
    for listed in control.list()? {
        // A device that goes away meanwhile needs no help.
        let Ok((info, lines)) = control.table(&listed.name) else {
            continue;
        };
        if lines
            .iter()
            .any(|line| line.kind == "thin" && is_on(&line.params, &pool_device))
        {
            thin.push((info.major, info.minor));
        }
    }
    give_up_unmounted(Path::new("/"), &thin)
}

/// Whether the parameters of a thin device, `POOL DEV_ID [ORIGIN]`, name this pool.
fn is_on(params: &str, pool_device: &str) -> bool {
    params.split_ascii_whitespace().next() == Some(pool_device)
}

fn give_up_unmounted(root: &Path, thin: &[(u32, u32)]) -> Result<Vec<String>> {
    let mounted = mounted_anywhere(root)?;
    let of = |minor: u32| root.join(format!("sys/fs/xfs/dm-{minor}"));
    let held: Vec<_> = thin
        .iter()
        .filter(|device| !mounted.contains(*device))
        .map(|(_, minor)| (format!("dm-{minor}"), of(*minor)))
        .filter(|(_, directory)| directory.exists())
        .collect();
    ensure!(!held.is_empty(), "no XFS of this pool is being unmounted");
    let mut names = Vec::new();
    for (name, directory) in held {
        for class in CLASSES {
            let file = directory.join(format!("error/metadata/{class}/max_retries"));
            match fs::write(&file, "0") {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{}: this kernel's XFS cannot give up", file.display()));
                }
                written => written.with_context(|| file.display().to_string())?,
            }
        }
        names.push(name);
    }
    Ok(names)
}

/// Devices that are mounted in any mount namespace: dockerd and each container may have one of their own.
fn mounted_anywhere(root: &Path) -> Result<BTreeSet<(u32, u32)>> {
    let mut devices = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root.join("proc")).context("/proc")?.flatten() {
        let is_process = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        // Of a process that ends meanwhile there is nothing to read; one whose namespace is not told is read all the same.
        let namespace = fs::read_link(entry.path().join("ns/mnt")).ok();
        if !is_process || namespace.is_some_and(|namespace| !seen.insert(namespace)) {
            continue;
        }
        if let Ok(text) = fs::read_to_string(entry.path().join("mountinfo")) {
            devices.extend(text.lines().filter_map(device));
        }
    }
    ensure!(!devices.is_empty(), "nothing is known of what is mounted");
    Ok(devices)
}

/// The device of a line of mountinfo (proc(5)): the third field, `major:minor`.
fn device(line: &str) -> Option<(u32, u32)> {
    let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::test_dir::TestDir;

    const LINE: &str = "36 35 254:2 / /var/lib/docker/devicemapper/mnt/x rw,noatime - xfs /dev/mapper/x rw\n";

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn retries(root: &Path, device: &str, class: &str) -> String {
        fs::read_to_string(root.join(format!("sys/fs/xfs/{device}/error/metadata/{class}/max_retries"))).unwrap()
    }

    #[test]
    fn only_what_is_mounted_nowhere_gives_up() {
        let root = TestDir::new();
        let root = root.path();
        put(root, "proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
        put(root, "proc/77/mountinfo", LINE);
        put(root, "proc/version", "254:3\n");
        for device in ["dm-2", "dm-3", "dm-4"] {
            for class in CLASSES {
                put(
                    root,
                    &format!("sys/fs/xfs/{device}/error/metadata/{class}/max_retries"),
                    "-1",
                );
            }
        }
        // dm-2 is mounted in a container's namespace, dm-4 is not of this pool, dm-5 is no XFS.
        let names = give_up_unmounted(root, &[(254, 2), (254, 3), (254, 5)]).unwrap();
        assert_eq!(names, ["dm-3"]);
        for class in CLASSES {
            assert_eq!(retries(root, "dm-3", class), "0");
            assert_eq!(
                (retries(root, "dm-2", class), retries(root, "dm-4", class)),
                ("-1".into(), "-1".into())
            );
        }
        assert!(give_up_unmounted(root, &[(254, 2)]).is_err());
    }

    #[test]
    fn a_kernel_that_cannot_is_told_of() {
        let root = TestDir::new();
        let root = root.path();
        put(root, "proc/1/mountinfo", LINE);
        put(root, "sys/fs/xfs/dm-3/log/log_head_lsn", "1\n");
        let why = format!("{:#}", give_up_unmounted(root, &[(254, 3)]).unwrap_err());
        assert!(why.contains("this kernel's XFS cannot give up"), "{why}");
        // Not to see what is mounted is no ground to give anything up.
        fs::remove_file(root.join("proc/1/mountinfo")).unwrap();
        assert!(give_up_unmounted(root, &[(254, 3)]).is_err());
    }

    #[test]
    fn lines_and_tables() {
        assert_eq!(device(LINE), Some((254, 2)));
        for bad in ["", "36 35", "36 35 x:y /", "36 35 2542 /", "36 35 -1:2 /"] {
            assert_eq!(device(bad), None, "{bad}");
        }
        assert!(is_on("254:0 7", "254:0") && !is_on("254:01 7", "254:0") && !is_on("", "254:0"));
    }
}
