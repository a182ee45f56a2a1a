//! overlay and overlay2 on old kernels.

use crate::docker::overlay::Problem;
use crate::model::{Code, Finding};

pub(super) fn finding(problem: Problem, driver: &str, release: &str) -> Finding {
    let finding = match problem {
        Problem::TooOld(version) => Finding::refuse(Code::OverlayKernelTooOld, driver)
            .says(format!(
                "Docker {version} takes overlay2 only from kernel 4.0 on, and this is {release}: driver not supported"
            ))
            .next(
                "on RHEL 7.4's kernel or later (3.10.0-693) add the storage option overlay2.override_kernel_check=true; on an older \
                 one stay with the storage driver that was used before",
            ),
        Problem::Preview => Finding::warn(Code::OverlayTechnologyPreview, driver)
            .says(format!(
                "{driver} on kernel {release}: OverlayFS was a technology preview there but for narrow uses with Docker: no SELinux \
                 in containers, XFS with ftype=1 below"
            ))
            .next(
                "update to the kernel of RHEL 7.4 or later (3.10.0-693), and have the data root on XFS with ftype=1 (xfs_info shows \
                 it)",
            ),
    };
    finding.at("/proc/sys/kernel/osrelease")
}
