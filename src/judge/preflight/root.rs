//! Docker's data root before a start: Docker's own JSON, a daemon that is still about and other drivers' containers.

use super::{host, named, own};
use crate::docker::names;
use crate::docker::state::RootState;
use crate::judge::before::Before;
use crate::model::{Code, Disk, Finding, Pool, Seen, Severity};

/// ext2, ext3 and ext4 (statfs(2), `f_type`).
const EXT_MAGIC: i64 = 0xEF53;

/// Judges what lies there.
pub fn judge(before: &Before, pool: Option<&Pool>, findings: &mut Vec<Finding>) {
    let Seen::Known(root) = &before.root else { return };
    findings.extend(not_mounted(before, root));
    findings.extend(still_about(before, root));
    findings.extend(unusable(before, root));
    findings.extend(others_containers(before, root));
    findings.extend(host::no_aufs(before, root));
    findings.extend(live_restore_in_swarm(before, root));
    findings.extend(own::volume_store(before, root));
    findings.extend(pidfile_is_directory(root));
    // A named driver that does not start leaves all of this unread.
    if before.choice.certain().is_some() && !before.choice.is_devicemapper() {
        return;
    }
    findings.extend(own::image_list(before, root));
    host::judge(before, root, pool, findings);
    named::judge(before, root, pool, findings);
    if pool.is_none() && before.on_loop_files() && !both_files(before) {
        // dockerd reads what it remembers of devices only where it has not just made a file.
        findings.extend(own::device_set(before, root));
        return;
    }
    findings.extend(own::devices(before, root));
    findings.extend(own::devices_unread(before, root));
    findings.extend(own::device_set(before, root));
    findings.extend(own::base_size(before, root));
}

/// What lies in the data root is then another filesystem's.
fn not_mounted(before: &Before, root: &RootState) -> Option<Finding> {
    let unmounted = root.unmounted.as_ref()?;
    let (path, point) = (&before.config.data_root.value, &unmounted.point);
    Some(
        Finding::warn(Code::DataRootNotMounted, path)
            .says(format!(
                "{path} is below {point}, which is a mount of its own ({}) and is not mounted here: what lies there is not known",
                unmounted.place
            ))
            .at(&unmounted.place)
            .next(format!("mount the filesystem of {point} at that place of the tree, and ask again")),
    )
}

/// moby v1.12.6 `daemon/config_unix.go` to v24.0.9 `daemon/config/config_linux.go`, `IsSwarmCompatible`, asked for when the node's
/// state is loaded (`daemon/cluster/cluster.go`).
fn live_restore_in_swarm(before: &Before, root: &RootState) -> Option<Finding> {
    let live_restore = before
        .config
        .live_restore
        .as_ref()
        .filter(|on| on.value && root.in_swarm)?;
    let sure = before.config.build.at_least(1, 12, 0) == Some(true);
    Some(
        Finding::refuse(Code::LiveRestoreInSwarm, "live-restore")
            .if_certain(sure)
        .says(format!(
            "live-restore is on and {}/swarm has this node's state: --live-restore daemon configuration is incompatible with swarm mode",
            before.config.data_root.value
        ))
        .at(&live_restore.place)
        .next(format!("remove live-restore ({}), or leave the swarm first", live_restore.place)),
    )
}

fn both_files(before: &Before) -> bool {
    let there = |disk: &Disk| {
        [&disk.data_path, &disk.metadata_path]
            .iter()
            .all(|path| disk.file(path).known().is_some())
    };
    matches!(&before.disk, Seen::Known(disk) if there(disk))
}

/// A pidfile whose process lives ends a start (moby `pkg/pidfile/pidfile.go`; up to 1.9 the test was broken and never true).
fn still_about(before: &Before, root: &RootState) -> Option<Finding> {
    let process = root
        .pidfile_process
        .as_ref()
        .filter(|process| !before.config.running.contains(&process.pid))?;
    let tested = before.config.build.at_least(1, 10, 0) == Some(true);
    // From 24.0 on the test is another one, which may see that a process has ended.
    let sure = tested && (!process.zombie || before.config.build.at_least(24, 0, 0) == Some(false));
    let (path, pid) = (&process.path, process.pid);
    let docker = names::is_daemon_comm(&process.comm);
    let remedy = match docker {
        true => format!(
            "an old daemon is still there, perhaps stuck in the kernel: see it with 'thinguard status'; do \
             NOT delete {path}, two daemons on one pool destroy it. Once process {pid} has gone, start \
             Docker"
        ),
        false => format!("process {pid} is no Docker daemon, the file is left over: rm {path}, then start Docker"),
    };
    Some(
        Finding::refuse(Code::DaemonStillThere, path)
            .if_certain(sure)
            .says(format!(
                "{path} names process {pid} ({}), which is there: pid file found, ensure docker is not running \
             or delete {path}",
                process.comm
            ))
            .at(path)
            .next(remedy),
    )
}

fn unusable(before: &Before, root: &RootState) -> Option<Finding> {
    let path = &before.config.data_root.value;
    let finding =
        |code, message: String, remedy: String| Some(Finding::refuse(code, path).says(message).at(path).next(remedy));
    if root.not_a_directory {
        return finding(
            Code::DataRootNotADirectory,
            format!("{path} is not a directory"),
            format!("move {path} away, or name another data root"),
        );
    }
    // 20.10 makes a directory `gen-runtimes…` here at each start (`daemon/runtime_unix.go`, `initRuntimes`), which takes a block on these
    // filesystems. Others were not seen to.
    let is_20_10 = before
        .config
        .build
        .version
        .is_some_and(|version| (version.major, version.minor) == (20, 10));
    if is_20_10
        && before.config.build.is_upstream()
        && root.free_blocks == Some(0)
        && root.filesystem == Some(EXT_MAGIC)
    {
        let remedy = format!(
            "free space on the filesystem of {path} (du -xh -d2 $(stat -c %m {path}) shows what holds it), \
             then start Docker"
        );
        return finding(
            Code::DataRootFull,
            format!("not one block is free on the filesystem of {path}: mkdir: no space left on device"),
            remedy,
        );
    }
    if root.read_only {
        let remedy =
            format!("see in dmesg why the filesystem of {path} is read-only, check it, and mount -o remount,rw");
        return finding(
            Code::DataRootReadOnly,
            format!("{path} is on a filesystem that is mounted read-only: Docker can write nothing there"),
            remedy,
        );
    }
    None
}

/// State of a driver that dockerd will not look at: its containers and images would seem to have gone.
fn others_containers(before: &Before, root: &RootState) -> Vec<Finding> {
    let Some(driver) = before.choice.certain() else {
        return Vec::new();
    };
    let others = root
        .drivers
        .iter()
        .flatten()
        .filter(|other| !other.empty && other.driver != driver && other.driver != "vfs");
    others
        .map(|other| {
            Finding::new(
                if other.driver == names::DEVICEMAPPER {
                    Severity::Warn
                } else {
                    Severity::Note
                },
                Code::ContainersOfAnotherDriver,
                &other.driver,
            )
            .says(format!(
                "Docker will use {driver}; containers and images made with {} stay in {}/{} and will not be shown",
                other.driver, before.config.data_root.value, other.driver
            ))
            .at(format!("{}/{}", before.config.data_root.value, other.driver))
            .next(format!(
                "to see them again, name \"storage-driver\": \"{}\"; do not delete the directory before they are \
             moved",
                other.driver
            ))
        })
        .collect()
}

/// dockerd cannot write its pidfile then; seen with 20.10.24.
fn pidfile_is_directory(root: &RootState) -> Option<Finding> {
    let path = root.pidfile_is_directory.as_ref()?;
    Some(
        Finding::refuse(Code::PidfileIsADirectory, path)
            .says(format!(
                "{path} is a directory, and Docker writes its pidfile there: open {path}: is a directory"
            ))
            .at(path)
            .next(format!("rmdir {path}")),
    )
}
