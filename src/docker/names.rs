//! Docker's names and paths: data root, the pool's files, device-mapper names, the daemon's process names.

use crate::model::Task;
use std::path::{Path, PathBuf};

/// The pool that Docker makes of `dm.directlvm_device` (moby `daemon/graphdriver/devmapper/deviceset.go`, `initDevmapper`).
pub const DIRECT_LVM_POOL: &str = "docker-thinpool";

/// Where Docker keeps its data unless told otherwise (moby v1.12.6 `daemon/config_unix.go`, `defaultGraph`).
pub const DEFAULT_DATA_ROOT: &str = "/var/lib/docker";
/// Where dockerd reads its configuration unless `--config-file` says otherwise (moby, `defaultDaemonConfigFile`).
pub const DEFAULT_CONFIG_FILE: &str = "/etc/docker/daemon.json";
/// The daemon's API socket unless `--host` says otherwise (moby `opts.DefaultUnixSocket`).
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The daemon's pidfile unless `--pidfile` says otherwise (moby `daemon/config_unix.go`, `defaultPidFile`).
pub const DEFAULT_PIDFILE: &str = "/var/run/docker.pid";
/// Where dockerd writes its goroutines, unless `--exec-root` says otherwise (moby `daemon/config/config_unix.go`).
pub const DEFAULT_EXEC_ROOT: &str = "/var/run/docker";
/// The storage driver this program is about.
pub const DEVICEMAPPER: &str = "devicemapper";

/// The driver's directory `<root>/devicemapper`. Its device and inode numbers make the prefix of all device-mapper names
/// (moby v20.10.27 `deviceset.go:1738`). Docker resolves symlinks of the root first; with `userns-remap` the root is
/// `<root>/<uid>.<gid>`: both are the caller's to do.
pub fn driver_dir(data_root: &Path) -> PathBuf {
    data_root.join(DEVICEMAPPER)
}

/// The loop file of the data device, `<root>/devicemapper/devicemapper/data` (moby `deviceset.go`, `loopbackDir`).
pub fn data_file(data_root: &Path) -> PathBuf {
    driver_dir(data_root).join(DEVICEMAPPER).join("data")
}

/// The loop file of the metadata device, `<root>/devicemapper/devicemapper/metadata`.
pub fn metadata_file(data_root: &Path) -> PathBuf {
    driver_dir(data_root).join(DEVICEMAPPER).join("metadata")
}

/// What all device-mapper names of one driver directory start with: `docker-MAJOR:MINOR-INODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// Major number of the filesystem that holds the driver's directory.
    pub major: u64,
    /// Its minor number.
    pub minor: u64,
    /// Inode number of the driver's directory.
    pub inode: u64,
}

impl Prefix {
    /// From `st_dev` and `st_ino` of [`driver_dir`], split as Docker does it (moby `deviceset.go`, functions `major` and
    /// `minor`), which differs from glibc's for majors above 4095.
    pub fn from_stat(st_dev: u64, st_ino: u64) -> Self {
        Prefix {
            major: (st_dev >> 8) & 0xfff,
            minor: (st_dev & 0xff) | ((st_dev >> 12) & 0xf_ff00),
            inode: st_ino,
        }
    }

    /// The prefix of a pool's name; `None` when it is no name Docker gives to a pool. `docker-thinpool`, the constant name
    /// of a pool that `dm.directlvm_device` made, has no prefix.
    pub fn of_pool(name: &str) -> Option<Self> {
        let (device, inode) = name.strip_prefix("docker-")?.strip_suffix("-pool")?.split_once('-')?;
        let (major, minor) = device.split_once(':')?;
        Some(Prefix {
            major: number(major)?,
            minor: number(minor)?,
            inode: number(inode)?,
        })
    }

    /// Name of the thin pool.
    pub fn pool(&self) -> String {
        format!("{self}-pool")
    }

    /// Name of the base device, from which every image layer descends.
    pub fn base(&self) -> String {
        format!("{self}-base")
    }

    /// Name of the thin device of one layer.
    pub fn layer(&self, id: &str) -> String {
        format!("{self}-{id}")
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "docker-{}:{}-{}", self.major, self.minor, self.inode)
    }
}

/// Whether Docker on loop files (or on `dm.datadev`) gives such a name to its pool.
pub fn is_docker_pool_name(name: &str) -> bool {
    Prefix::of_pool(name).is_some()
}

/// Whether Docker gives such a name to the device of a layer or a container (moby `deviceset.go`, `devInfo.Name`).
pub fn is_docker_volume_name(name: &str) -> bool {
    let Some((device, rest)) = name.strip_prefix("docker-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let Some((inode, id)) = rest.split_once('-') else {
        return false;
    };
    // Whose names begin as their pool's does.
    !id.is_empty() && id != "pool" && is_docker_pool_name(&format!("docker-{device}-{inode}-pool"))
}

/// The id of the layer whose device has this name; `None` for the base device, for one that is yet to become a container's
/// (`-init`), and where it is no name of Docker's.
pub fn layer_of(device: &str) -> Option<&str> {
    let id = device.rsplit('-').next()?;
    (is_docker_volume_name(device) && is_id(id)).then_some(id)
}

/// A number as Go's `%d` prints it: digits only, no leading zero.
fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Names the daemon's process goes by: upstream `docker` (to 1.11) and `dockerd`, Red Hat's `-current` and `-latest`.
/// `dockerd-current` is as long as `/proc/PID/comm` can show (15 bytes). The client has the first name too.
pub const DAEMON_COMMS: [&str; 6] = [
    "docker",
    "dockerd",
    "docker-current",
    "dockerd-current",
    "docker-latest",
    "dockerd-latest",
];

/// The client's name, and the daemon's up to 1.11.
const CLIENT: &str = "docker";

/// Whether a process of this name may be the daemon.
pub fn is_daemon_comm(comm: &str) -> bool {
    DAEMON_COMMS.contains(&comm)
}

/// Whether a process of this name may be one that dockerd runs while it answers `/info`, and waits for: `rpm -qf` in Red Hat's 1.10 and 1.12
/// (`docker-current`, `daemon/info.go`), `runc` and `docker-init` for their versions from 1.13 on.
pub fn is_run_by_info(comm: &str) -> bool {
    ["rpm", "runc", "docker-runc", "docker-init"]
        .iter()
        .any(|name| comm == *name || comm.starts_with(&format!("{name}-")))
}

/// The process of dockerd among the tasks of its unit, whose main process may be a mere shell: `sh -c '… | forward-journald'` of RHEL 7.2.
/// A process `docker` beside the shell may be a client, so it counts only where nothing bears a daemon's own name.
pub fn daemon_of(tasks: &[Task], main_pid: u32) -> u32 {
    let processes = || tasks.iter().filter(|task| task.tid == task.pid);
    if processes().any(|task| task.pid == main_pid && task.comm.starts_with("docker")) {
        return main_pid;
    }
    let daemons = || processes().filter(|task| is_daemon_comm(&task.comm));
    let found = daemons().find(|task| task.comm != CLIENT).or_else(|| daemons().next());
    found.map_or(main_pid, |task| task.pid)
}

/// Whether a control group's path is a container's: `docker/ID` and `kubepods/…/ID` (cgroupfs), `docker-ID.scope` (systemd); moby
/// `daemon/oci_linux.go`, `WithCgroups`.
pub fn is_container_group(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let id = last
        .strip_prefix("docker-")
        .and_then(|rest| rest.strip_suffix(".scope"))
        .unwrap_or(last);
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a control group's path is that of containerd's own unit, which holds the shims too. A container, and a user's own systemd,
/// may name their units so as well.
pub fn is_containerd_group(path: &str) -> bool {
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let a_strangers = above
        .split('/')
        .any(|group| group == "user.slice" || is_container_group(group));
    matches!(last, "containerd.service" | "docker-containerd.service") && !a_strangers
}

/// Whether this is an id of Docker's: 64 hexadecimal digits. Nothing else is made a part of a path.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TaskState;

    #[test]
    fn the_daemon_behind_a_shell() {
        let task = |pid, tid, comm: &str| Task {
            pid,
            tid,
            comm: comm.into(),
            state: TaskState::Alive,
            wchan: String::new(),
            start_ticks: 1,
        };
        let rhel_7_2 = [
            task(10, 10, "sh"),
            task(11, 11, "docker-current"),
            task(11, 12, "docker-current"),
            task(13, 13, "forward-journal"),
        ];
        assert_eq!(daemon_of(&rhel_7_2, 10), 11);
        let usual = [task(20, 20, "dockerd"), task(21, 21, "docker-containe")];
        assert_eq!(daemon_of(&usual, 20), 20);
        let client_first = [
            task(10, 10, "sh"),
            task(11, 11, "docker"),
            task(12, 12, "dockerd-current"),
        ];
        assert_eq!(daemon_of(&client_first, 10), 12);
        let own_name = [task(20, 20, "dockerd-19.03"), task(21, 21, "docker")];
        assert_eq!(daemon_of(&own_name, 20), 20);
        assert_eq!(daemon_of(&[task(10, 10, "sh"), task(11, 11, "docker")], 10), 11);
        assert_eq!(daemon_of(&[], 20), 20);
    }

    #[test]
    fn files_hang_from_the_root() {
        let root = Path::new("/data/docker");
        assert_eq!(driver_dir(root), Path::new("/data/docker/devicemapper"));
        assert_eq!(
            data_file(root),
            Path::new("/data/docker/devicemapper/devicemapper/data")
        );
        assert_eq!(
            metadata_file(root),
            Path::new("/data/docker/devicemapper/devicemapper/metadata")
        );
    }

    #[test]
    fn names_of_devices() {
        let prefix = Prefix::from_stat(0xfe00, 394_414);
        assert_eq!(prefix.pool(), "docker-254:0-394414-pool");
        assert_eq!(prefix.base(), "docker-254:0-394414-base");
        assert_eq!(prefix.layer("ab12"), "docker-254:0-394414-ab12");
        assert_eq!(Prefix::of_pool(&prefix.pool()), Some(prefix));
        // minor 256 of major 253 lives above the major in st_dev
        assert_eq!(Prefix::from_stat(0x10_fd00, 7).to_string(), "docker-253:256-7");
    }

    #[test]
    fn pool_names() {
        for good in [
            "docker-253:0-537844284-pool",
            "docker-0:45-0-pool",
            "docker-8:1-18446744073709551615-pool",
        ] {
            assert!(is_docker_pool_name(good), "{good}");
        }
        for bad in [
            "",
            "docker-pool",
            "docker--pool",
            "docker-thinpool",
            "docker-253:0-pool",
            "docker-253-1-pool",
            "docker-253:0-1-base",
            "docker-253:0-1-2-pool",
            "docker-253:0-+1-pool",
            "docker-253:00-1-pool",
            "docker-253:0-18446744073709551616-pool",
            "docker-253:0-1-pool\n",
            "xdocker-253:0-1-pool",
            "docker-٣:0-1-pool",
        ] {
            assert!(!is_docker_pool_name(bad), "{bad}");
        }
    }

    #[test]
    fn volume_names() {
        for good in ["docker-253:0-1-base", "docker-253:0-1-3f2a", "docker-253:0-1-3f2a-init"] {
            assert!(is_docker_volume_name(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "docker-253:0-1-pool",
            "docker-253:0-1-",
            "docker-thinpool",
            "vg-root",
            "docker-253:0",
        ] {
            assert!(!is_docker_volume_name(bad), "{bad}");
        }
    }

    #[test]
    fn layers_of_devices() {
        let id = "0123456789abcdef".repeat(4);
        let device = format!("docker-253:0-1-{id}");
        assert_eq!(layer_of(&device), Some(id.as_str()));
        for other in [
            "",
            &id,
            "docker-253:0-1-base",
            "docker-253:0-1-pool",
            &format!("{device}-init"),
            &format!("x{device}"),
        ] {
            assert_eq!(layer_of(other), None, "{other}");
        }
    }

    #[test]
    fn groups() {
        let id = "0123456789abcdef".repeat(4);
        for good in [
            format!("docker/{id}"),
            format!("system.slice/docker-{id}.scope"),
            format!("kubepods/burstable/pod7/{id}"),
        ] {
            assert!(is_container_group(&good), "{good}");
        }
        for bad in [
            "",
            "docker",
            "system.slice/docker.service",
            "docker/abc",
            "docker-.scope",
        ] {
            assert!(!is_container_group(bad), "{bad}");
        }
        assert!(is_containerd_group("system.slice/containerd.service"));
        for bad in [
            "system.slice/docker.service".to_owned(),
            "user.slice/user-1000.slice/user@1000.service/app.slice/containerd.service".to_owned(),
            format!("docker/{id}/system.slice/containerd.service"),
            format!("system.slice/docker-{id}.scope/containerd.service"),
        ] {
            assert!(!is_containerd_group(&bad), "{bad}");
        }
    }

    #[test]
    fn process_names() {
        assert!(DAEMON_COMMS.iter().all(|comm| comm.len() <= 15 && is_daemon_comm(comm)));
        for other in [
            "",
            "docker-containerd",
            "docker-proxy",
            "containerd",
            "Docker",
            "dockerd-curren",
        ] {
            assert!(!is_daemon_comm(other), "{other}");
        }
    }
}
