//! Which Docker is installed: the daemon's file is found, and what package managers left is gathered. In the child.
//!
//! No running daemon is asked: it may hang. Every file is read up to a bound, and none but plain files. Where packages do not tell, the
//! program is run to say its version, on this host alone.

mod database;

use super::tree::{self, below};
use crate::docker::build::decide::{Clues, Told, decide};
use crate::docker::build::os_release::OsRelease;
use crate::docker::build::package::{self, Package};
use crate::docker::build::{Build, written};
use crate::kernel::program;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time for reading a package database. The errand's own deadline comes later, and then nothing of the configuration would be known.
const READING: Duration = Duration::from_secs(1);

/// Time for a program to say its version; it does nothing else.
const SAYING: Duration = Duration::from_secs(3);

/// Where packages put the daemon, for a unit whose command is not known: Docker and Red Hat, Debian, and 1.11 and before.
const USUAL: [&str; 3] = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/bin/docker"];

/// Longest text that is read: dpkg's status of a full desktop has 4 MiB.
const MOST_TEXT: u64 = 32 << 20;

/// Most names of one directory that are looked at.
const MOST_NAMES: usize = 20_000;

const DPKG_STATUS: &str = "/var/lib/dpkg/status";
const YUMDB: &str = "/var/lib/yum/yumdb/d";
/// Fedora's and EL9's, EL8's and before, Fedora's new place, SUSE's.
const RPM_DATABASES: [&str; 4] = [
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/Packages.db",
];
const DOCUMENTS: [&str; 2] = ["/usr/share/doc", "/usr/share/licenses"];

/// Finds out, in the tree at `root`. `daemon` is the program that the unit starts, where that is known. Only with `may_run`,
/// and only where packages tell nothing, is the program run to say its version.
pub fn look(root: &Path, daemon: Option<&str>, may_run: bool) -> Build {
    let mut clues = Clues {
        daemon: find_daemon(root, daemon).unwrap_or_default(),
        os: os_release(root),
        ..Clues::default()
    };
    if !clues.daemon.is_empty() {
        clues.packages = packages(root, &clues.daemon);
    }
    if may_run && decide(&clues).version.is_none() {
        clues.own = said(root, &clues.daemon);
    }
    if clues.own.is_some() && clues.packages.is_empty() {
        clues.packages = rpm_database(root, &clues.daemon, Instant::now() + READING);
    }
    decide(&clues)
}

/// The daemon's file, with links and Red Hat's wrapper followed.
fn find_daemon(root: &Path, named: Option<&str>) -> Option<String> {
    let usual = || USUAL.into_iter().find_map(|path| resolve(root, path));
    let path = match named {
        Some(named) if named.starts_with('/') => resolve(root, named)?,
        // systemd before 239 takes absolute paths only; what a shell finds is where packages put it.
        Some(_) | None => usual()?,
    };
    match starts_with(root, &path, b"#!") {
        true => behind_wrapper(root, &path),
        false => Some(path),
    }
}

/// Red Hat's `/usr/bin/dockerd` and `/usr/bin/docker` are shell scripts that start the program beside them whose name ends with
/// `-current` or `-latest`, as DOCKERDBINARY or DOCKERBINARY in `/etc/sysconfig/docker` say (docker-1.13.1's
/// `dockerd-common.sh`, `docker-common.sh`).
fn behind_wrapper(root: &Path, wrapper: &str) -> Option<String> {
    let variable = match wrapper.ends_with("/dockerd") {
        true => "DOCKERDBINARY=",
        false => "DOCKERBINARY=",
    };
    let [current, latest] = ["current", "latest"].map(|which| format!("{wrapper}-{which}"));
    let text = text(root, "/etc/sysconfig/docker").unwrap_or_default();
    let chosen = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(variable))
        .next_back()
        .is_some_and(|value| value.trim().trim_matches(['"', '\'']) == latest);
    let order = if chosen { [latest, current] } else { [current, latest] };
    order.iter().find_map(|path| resolve(root, path))
}

/// The path of a file without links in it, as seen in the tree. `None` where nothing is there.
fn resolve(root: &Path, path: &str) -> Option<String> {
    Some(format!("/{}", tree::inside(root, path).ok()?.to_str()?))
}

fn text(root: &Path, path: &str) -> Option<String> {
    tree::text(root, path, MOST_TEXT)
}

fn starts_with<const N: usize>(root: &Path, path: &str, magic: &[u8; N]) -> bool {
    let mut bytes = [0; N];
    let file = tree::open_plain(&below(root, path));
    file.is_ok_and(|file| file.read_exact_at(&mut bytes, 0).is_ok()) && bytes == *magic
}

/// Has the program say its version, if it is a program and not a script, which may do anything. `--version` alone, without the
/// word `daemon` of 1.11 and before, starts no daemon in any version.
fn said(root: &Path, path: &str) -> Option<Told> {
    if !starts_with(root, path, b"\x7fELF") {
        return None;
    }
    let output = program::says(&below(root, path), &["--version"], SAYING).ok()?;
    Some(Told {
        text: written::said(&String::from_utf8_lossy(&output))?.to_owned(),
        source: format!("{path} --version"),
    })
}

fn os_release(root: &Path) -> OsRelease {
    let mut places = ["/etc/os-release", "/usr/lib/os-release"].into_iter();
    let text = places.find_map(|path| text(root, path));
    text.as_deref().map(OsRelease::parse).unwrap_or_default()
}

/// Installed packages with a daemon in them that can be this one.
fn packages(root: &Path, daemon: &str) -> Vec<Package> {
    let status = text(root, DPKG_STATUS).unwrap_or_default();
    let mut found = package::dpkg_status(&status, DPKG_STATUS);
    found.retain(|package| {
        let list = text(root, &format!("/var/lib/dpkg/info/{}.list", package.name));
        list.is_none_or(|list| package::dpkg_list_holds(&list, daemon))
    });
    // Their attributes' change, in seconds since 1970: no one can set that back.
    let changed = |path: &str| Some(fs::metadata(below(root, path)).ok()?.ctime());
    let installed = changed(daemon);
    for name in tree::names(root, YUMDB, MOST_NAMES) {
        let noted = changed(&format!("{YUMDB}/{name}"));
        if !is_outdated(installed, noted) {
            found.extend(package::yumdb_entry(&name, YUMDB));
        }
    }
    found.retain(|package| package.may_own(daemon));
    // yum's directories say more, and are not there where packages were installed by rpm alone.
    for directory in DOCUMENTS {
        if found.is_empty() {
            let names = tree::names(root, directory, MOST_NAMES);
            found.extend(names.iter().filter_map(|name| package::doc_directory(name, directory)));
            found.retain(|package| package.may_own(daemon));
        }
    }
    found
}

/// What the RPM database holds. It may hold what is no longer installed too, so it only counts beside the daemon's own word.
fn rpm_database(root: &Path, daemon: &str, until: Instant) -> Vec<Package> {
    let Some((path, file)) = RPM_DATABASES
        .iter()
        .find_map(|path| Some((path, tree::open_plain(&below(root, path)).ok()?)))
    else {
        return Vec::new();
    };
    let mut found = database::rpm_packages(&file, path, until);
    found.retain(|package| package.may_own(daemon));
    found.dedup();
    found
}

/// yum notes a package at the end of the transaction that installs its files; rpm alone notes nothing there, and what yum noted
/// before it stays. So a file that is newer than the note is not the noted one. Both in seconds.
fn is_outdated(installed: Option<i64>, noted: Option<i64>) -> bool {
    /// A file may be touched again after it is installed, to label it.
    const SLACK: i64 = 3600;
    matches!((installed, noted), (Some(installed), Some(noted)) if installed > noted.saturating_add(SLACK))
}

#[cfg(test)]
mod tests;
