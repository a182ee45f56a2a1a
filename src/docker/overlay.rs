//! overlay and overlay2 on old kernels: where dockerd refuses, and where the kernel's makers did not stand by it.

use super::Sourced;
use super::build::{Build, Version};
use super::drivers::Choice;

/// From this release on RHEL 7.4's kernel supports OverlayFS with Docker; from 7.2 until then it was a technology preview but for
/// narrow uses (Red Hat's release notes of 7.2 and 7.4).
const RHEL_7_4: u32 = 693;

/// What stands against a driver on a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// dockerd of this version takes overlay2 only from kernel 4.0 on.
    TooOld(Version),
    /// The kernel's makers called it a technology preview.
    Preview,
}

/// What is to be said of the chosen driver on the kernel of this release (`uname -r`).
pub fn on_kernel(choice: &Choice, release: &str, options: &[Sourced<String>], build: &Build) -> Option<Problem> {
    let driver = choice
        .certain()
        .filter(|driver| matches!(*driver, "overlay" | "overlay2"))?;
    let preview = rhel_7(release).filter(|&number| number < RHEL_7_4);
    too_old(driver, release, options, build).or(preview.map(|_| Problem::Preview))
}

/// overlay2 before 4.0 (moby v17.05.0-ce `daemon/graphdriver/overlay2/overlay.go`, `Init`; from 17.12 on a test mount decides). Builds of
/// others than upstream have no such test.
fn too_old(driver: &str, release: &str, options: &[Sourced<String>], build: &Build) -> Option<Problem> {
    let overruled = options
        .iter()
        .any(|option| option.value.to_lowercase().contains("overlay2.override_kernel_check"));
    let version = build.version.filter(|_| build.is_upstream())?;
    let tests = version >= Version::new(1, 12, 0) && version < Version::new(17, 12, 0);
    let old = major(release)? < 4;
    (driver == "overlay2" && tests && old && !overruled).then_some(Problem::TooOld(version))
}

fn major(release: &str) -> Option<u32> {
    release.split('.').next()?.parse().ok()
}

/// 327 of `3.10.0-327.el7.x86_64`.
fn rhel_7(release: &str) -> Option<u32> {
    let rest = release.strip_prefix("3.10.0-").filter(|rest| rest.contains(".el7"))?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::build::Flavour;
    use super::*;

    fn code(
        driver: &str,
        release: &str,
        version: (u16, u16, u16),
        flavour: Flavour,
        options: &[&str],
    ) -> Option<Problem> {
        let build = Build {
            version: Some(Version::new(version.0, version.1, version.2)),
            flavour,
            evidence: String::new(),
        };
        let options: Vec<_> = options
            .iter()
            .map(|it| Sourced::new((*it).to_owned(), "flag"))
            .collect();
        on_kernel(&Choice::Named(driver.into()), release, &options, &build)
    }

    #[test]
    fn by_kernel_version_and_build() {
        use Flavour::{RedHat, Upstream};
        let (preview, old) = (Some(Problem::Preview), Some(Problem::TooOld(Version::new(1, 13, 1))));
        let (rhel_7_2, rhel_7_4) = ("3.10.0-327.36.3.el7.x86_64", "3.10.0-693.el7.x86_64");
        for (driver, release, version, flavour, options, expected) in [
            ("overlay", rhel_7_2, (1, 10, 3), RedHat, &[][..], preview),
            ("overlay", rhel_7_4, (1, 12, 6), RedHat, &[], None),
            // Red Hat's 1.13.1 has no test of the kernel.
            ("overlay2", rhel_7_4, (1, 13, 1), RedHat, &[], None),
            ("overlay2", rhel_7_4, (1, 13, 1), Upstream, &[], old),
            (
                "overlay2",
                rhel_7_4,
                (17, 9, 1),
                Upstream,
                &["overlay2.override_kernel_check=true"],
                None,
            ),
            (
                "overlay2",
                rhel_7_2,
                (17, 9, 1),
                Upstream,
                &["overlay2.override_kernel_check=true"],
                preview,
            ),
            ("overlay2", rhel_7_4, (17, 12, 0), Upstream, &[], None),
            (
                "overlay2",
                "4.14.35-1902.el7uek.x86_64",
                (17, 6, 2),
                Upstream,
                &[],
                None,
            ),
            ("overlay2", "6.1.0-25-amd64", (20, 10, 24), Upstream, &[], None),
            // No kernel of RHEL's, and no overlay at all.
            ("overlay", "3.10.0-1-generic", (1, 10, 3), Upstream, &[], None),
            ("devicemapper", rhel_7_2, (1, 10, 3), RedHat, &[], None),
            ("overlay2", "", (1, 13, 1), Upstream, &[], None),
        ] {
            assert_eq!(
                code(driver, release, version, flavour, options),
                expected,
                "{driver} {release} {version:?}"
            );
        }
    }
}
