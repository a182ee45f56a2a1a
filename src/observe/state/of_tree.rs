//! What files outside the data root say of a start: filesystems that a tree's `/etc/fstab` mounts and that are not mounted there now, what
//! its kernels never had, and storage options in the files that packages have for them.

use crate::docker::build::os_release::OsRelease;
use crate::docker::elsewhere::{self, OptionElsewhere, Origin};
use crate::docker::state::Unmounted;
use crate::observe::tree;
use crate::systemd::unit_file;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A table of mounts has a few hundred bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The filesystem that `path` of the tree lies on by its fstab, where that is not mounted: what is seen at `path` is then something
/// else. Of this host itself nothing is said: what is mounted there is what dockerd will see.
pub(super) fn unmounted(root: &Path, path: &str) -> Option<Unmounted> {
    if root == Path::new("/") {
        return None;
    }
    let text = tree::text(root, "/etc/fstab", MOST_BYTES)?;
    let real = tree::shown(root, &tree::place(root, path));
    let points = text.lines().zip(1..).filter_map(|(line, number)| {
        let line = line.trim_start();
        let point = line
            .split_ascii_whitespace()
            .nth(1)
            .filter(|_| !line.starts_with('#'))?;
        (point.len() > 1 && point.starts_with('/') && real.starts_with(point)).then(|| Unmounted {
            point: point.to_owned(),
            place: format!("/etc/fstab:{number}"),
        })
    });
    let nearest = points.max_by_key(|found| found.point.len())?;
    let device = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
    let mounted = device(&tree::place(root, &nearest.point)).is_some_and(|dev| Some(dev) != device(root));
    (!mounted).then_some(nearest)
}

/// aufs was never part of Linux, and Red Hat's kernels and those made of them never had it; a kernel of another's in the tree may.
pub(super) fn never_has_aufs(root: &Path) -> bool {
    const MOST_NAMES: usize = 64;
    let text = tree::text(root, "/etc/os-release", MOST_BYTES).unwrap_or_default();
    let of_red_hat = OsRelease::parse(&text).is_like("rhel");
    let kernels = tree::names(root, "/lib/modules", MOST_NAMES);
    of_red_hat && kernels.iter().all(|release| release.contains(".el"))
}

/// Most files that are looked at beside a unit's drop-ins.
const MOST_DROP_INS: usize = 256;

/// Storage options in the files that packages and operators have for them.
pub(super) fn options_elsewhere(root: &Path, unit: &str) -> Vec<OptionElsewhere> {
    let text = |path: &str| Some(String::from_utf8_lossy(&tree::read(root, path, MOST_BYTES).ok()?).into_owned());
    let directories = unit_file::SEARCH_PATH.map(|directory| format!("{directory}/{unit}.d"));
    let drop_ins = directories.iter().flat_map(|directory| {
        let mut names = tree::names(root, directory, MOST_DROP_INS);
        names.retain(|name| elsewhere::is_meant(name));
        names
            .into_iter()
            .map(move |name| (format!("{directory}/{name}"), Origin::DropIn))
    });
    let packages = elsewhere::FILES.map(|(path, origin)| (path.to_owned(), origin));
    let found = packages.into_iter().chain(drop_ins).filter_map(|(path, origin)| {
        let text = text(&path)?;
        Some(elsewhere::options(&path, &text, origin))
    });
    let mut found: Vec<OptionElsewhere> = found.flatten().collect();
    found.extend(text(elsewhere::SETUP).iter().flat_map(|text| elsewhere::setup(text)));
    found
}
