//! What the host itself must have for a start: loop devices, thin pools in its kernel, a semaphore for each device.

use crate::docker::state::{RootState, SemaphoreLimit};
use crate::judge::before::Before;
use crate::model::{Code, Finding, Pool};

/// Judges what devicemapper needs; `pool` is the active one. None of it is certain: the host may change until dockerd comes to it.
pub(super) fn judge(before: &Before, root: &RootState, pool: Option<&Pool>, findings: &mut Vec<Finding>) {
    if !before.choice.is_devicemapper() {
        return;
    }
    if pool.is_none() {
        findings.extend(no_loop_devices(before, root));
        findings.extend(no_thin_pools(root));
    }
    findings.extend(no_semaphores(root));
}

/// aufs was never part of Linux; distributions dropped their patch (moby v20.10.27 `daemon/graphdriver/aufs/aufs.go`,
/// `supportsAufs`: modprobe, then /proc/filesystems).
pub(super) fn no_aufs(before: &Before, root: &RootState) -> Option<Finding> {
    let driver = before.choice.certain().filter(|driver| *driver == "aufs")?;
    let knows = before.config.build.is_upstream() && before.config.build.at_least(24, 0, 0) == Some(false);
    (knows && root.aufs == Some(false)).then(|| {
        Finding::refuse(Code::StorageDriverNotInKernel, driver)
            .says(format!(
                "this kernel has no {driver}, nor a module of it: driver not supported"
            ))
            .at("/proc/filesystems")
            .next(format!(
                "boot the kernel that has {driver}, save the images there (docker save), and move to overlay2"
            ))
    })
}

fn no_loop_devices(before: &Before, root: &RootState) -> Option<Finding> {
    let needed = before.config.options.data_on_loop() || before.config.options.metadata_on_loop();
    (needed && root.loop_devices == Some(false)).then(|| {
        Finding::warn(Code::NoLoopDevices, "/dev/loop-control")
            .says("there are no loop devices: Docker cannot attach the pool's files (loopback attach failed)")
            .at("/dev/loop-control")
            .next("modprobe loop")
    })
}

/// dockerd's first table of a pool has the kernel load the module (drivers/md/dm-target.c, `dm_get_target_type`).
fn no_thin_pools(root: &RootState) -> Option<Finding> {
    (root.thin_pools == Some(false)).then(|| {
        Finding::warn(Code::NoThinPools, "dm-thin-pool")
            .says(
                "this kernel has no thin pools, nor a module dm-thin-pool: Docker cannot make or activate its pool (Error running \
                 deviceCreate (CreatePool) dm_task_run failed)",
            )
            .at("/lib/modules")
            .next(
                "install the package that has dm-thin-pool.ko for this kernel ($(uname -r)), or boot a kernel that has it; after an \
                 update of the kernel a reboot may be due",
            )
    })
}

/// libdevmapper makes a semaphore for each device that it activates and waits with it for udev (`dm_task_set_cookie`).
fn no_semaphores(root: &RootState) -> Option<Finding> {
    let limit = root.semaphores.map(|limit| match limit {
        SemaphoreLimit::Sets(most) => {
            format!("all {most} sets of SysV semaphores are in use (the fourth number of kernel.sem)")
        }
        SemaphoreLimit::All(most) => format!("all {most} SysV semaphores are in use (the second number of kernel.sem)"),
    })?;
    Some(
        Finding::warn(Code::SemaphoresUsedUp, "kernel.sem")
            .says(format!(
                "{limit}: Docker can activate no device: Can't set cookie dm_task_set_cookie failed"
            ))
            .at("/proc/sysvipc/sem")
            .next(
                "see whose they are: dmsetup udevcookies lists those that device-mapper left behind, and dmsetup udevcomplete_all 10 \
                 frees those older than ten minutes; ipcs -s lists all; or raise the limit: sysctl kernel.sem",
            ),
    )
}
