//! The systemd of a tree: its version, and a service's unit file with its drop-ins, where no manager can be asked.

use super::tree;
use crate::model::UnitFault;
use crate::systemd::unit_file::{self, NoCommand, Part, SEARCH_PATH, Service};
use crate::systemd::version::Version;
use std::io::ErrorKind;
use std::path::Path;

/// Longest unit file that is read, in bytes; Docker's have two thousand.
const MOST_BYTES: u64 = 256 * 1024;

/// Most names that are taken from one directory.
const MOST_NAMES: usize = 1024;

/// Directories of libraries: of links to `libsystemd.so.0.N.N`, and of `systemd/libsystemd-shared-NNN.so`.
const LIBRARIES: [&str; 7] = [
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
];

/// Which systemd is installed in the tree. Not known where its files do not tell, or tell of more than one.
pub fn version(root: &Path) -> Version {
    let shared = LIBRARIES.map(|directory| tree::names(root, &format!("{directory}/systemd"), MOST_NAMES));
    let shared: Vec<Version> = shared
        .iter()
        .flatten()
        .filter(|name| name.starts_with("libsystemd-shared-"))
        .map(|name| Version::from_file_name(name))
        .collect();
    if let Some(first) = shared.first() {
        return match shared.iter().all(|version| version == first) {
            true => *first,
            false => Version::UNKNOWN,
        };
    }
    let library = LIBRARIES.iter().find_map(|directory| {
        let place = tree::resolve(root, &format!("{directory}/libsystemd.so.0")).ok()?;
        let version = Version::from_file_name(place.file_name()?.to_str()?);
        version.number().map(|_| version)
    });
    library.unwrap_or_default()
}

/// Reads how the unit is started, as systemd `version` would.
///
/// # Errors
/// There is no such unit in the tree, it is masked, or one of its files cannot be read; then nothing is known of it.
pub fn service(root: &Path, unit: &str, version: u16) -> Result<Service, NoCommand> {
    let (path, bytes) = fragment(root, unit)?;
    let mut include = |path: &str| tree::read(root, path, MOST_BYTES).ok();
    let mut service = Service::default();
    service.apply(&path, &bytes, Part::Fragment, (unit, version), &mut include);
    let alias = alias(root, &path).filter(|alias| alias != unit);
    let names: Vec<&str> = [Some(unit), alias.as_deref()].into_iter().flatten().collect();
    let found: Vec<(String, Vec<String>)> = unit_file::drop_in_directories(&names, version)
        .into_iter()
        .map(|directory| {
            let names = tree::names(root, &directory, MOST_NAMES);
            (directory, names)
        })
        .collect();
    for path in unit_file::drop_ins(&found) {
        if is_null(root, &path) {
            continue;
        }
        let bytes = tree::read(root, &path, MOST_BYTES).map_err(|error| format!("{path} cannot be read: {error}"))?;
        service.apply(&path, &bytes, Part::Extra, (unit, version), &mut include);
    }
    Ok(service)
}

/// The unit's own file: the first of the search path. A link that leads nowhere is passed over (`load_from_path` in
/// `core/load-fragment.c` of 219).
fn fragment(root: &Path, unit: &str) -> Result<(String, Vec<u8>), NoCommand> {
    let not = |fault: UnitFault, why: String| {
        let fault = Some(fault);
        Err(NoCommand { why, fault })
    };
    if unit.contains('/') {
        return not(UnitFault::Missing, format!("'{unit}' is no unit's name"));
    }
    for directory in SEARCH_PATH {
        let path = format!("{directory}/{unit}");
        if is_null(root, &path) {
            return not(UnitFault::Masked, format!("{unit} is masked ({path})"));
        }
        match tree::read(root, &path, MOST_BYTES) {
            Ok(bytes) if bytes.is_empty() => {
                return not(UnitFault::Masked, format!("{unit} is masked ({path} is empty)"));
            }
            Ok(bytes) => return Ok((path, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{path} cannot be read: {error}").into()),
        }
    }
    not(
        UnitFault::Missing,
        format!("there is no {unit} in {}", SEARCH_PATH.join(", ")),
    )
}

/// Whether this is a link to `/dev/null`, which the tree itself need not have.
fn is_null(root: &Path, path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let link = tree::resolve(root, directory).and_then(|directory| std::fs::read_link(directory.join(name)));
    link.is_ok_and(|target| target == Path::new("/dev/null"))
}

/// The name of the file that a unit's file is a link to: its drop-ins count too.
fn alias(root: &Path, path: &str) -> Option<String> {
    let place = tree::resolve(root, path).ok()?;
    let name = place.file_name()?.to_str()?;
    name.ends_with(".service").then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
