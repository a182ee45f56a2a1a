//! Removing all that drills have made, whole or half, in the order in which they hold each other.

use crate::kernel::dm::scratch::PREFIX;
use crate::kernel::dm::{Control, Error, TargetLine};
use crate::kernel::loop_device;
use crate::kernel::thin_pool::{self, Table};
use anyhow::{Result, bail};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a device may be busy: udev and blkid look at each that comes.
const BUSY: Duration = Duration::from_secs(5);
/// Rest between two tries.
const REST: Duration = Duration::from_millis(50);

/// What to remove besides the devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveOrder {
    /// Directories of files, whose own names must be a drill's.
    pub directories: Vec<PathBuf>,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
}

/// Removes every device with a drill's name, and the files below. Gives the names of what was there.
///
/// # Errors
/// Names what is left, and why.
pub fn remove(order: &RemoveOrder) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    let mut left = Vec::new();
    let mut directories: BTreeSet<PathBuf> = order.directories.iter().cloned().collect();
    // Who cannot speak to device-mapper has made nothing there.
    if let Ok(control) = Control::open(&order.dm_control)
        && let Ok(devices) = control.list()
    {
        let names = devices
            .into_iter()
            .map(|it| it.name)
            .filter(|name| name.starts_with(PREFIX));
        let (pools, volumes): (Vec<_>, Vec<_>) = names.partition(|name| pool_line(&control, name).is_some());
        directories.extend(pools.iter().flat_map(|pool| directories_below(&control, pool)));
        for name in volumes.iter().chain(&pools) {
            match remove_device(&control, name, &pools) {
                Ok(()) => removed.push(name.clone()),
                Err(error) => left.push(error.to_string()),
            }
        }
    }
    for directory in directories {
        match remove_files(&directory) {
            Ok(true) => removed.push(directory.display().to_string()),
            Ok(false) => {}
            Err(error) => left.push(format!("{}: {error}", directory.display())),
        }
    }
    match left.is_empty() {
        true => Ok(removed),
        false => bail!("{}", left.join("; ")),
    }
}

fn pool_line(control: &Control, name: &str) -> Option<TargetLine> {
    let (_, lines) = control.table(name).ok()?;
    lines.into_iter().next().filter(|line| line.kind == thin_pool::KIND)
}

/// Where the files of a pool lie, by what the kernel has attached.
fn directories_below(control: &Control, pool: &str) -> Vec<PathBuf> {
    let Some(table) = pool_line(control, pool).and_then(|line| Table::parse(&line.params).ok()) else {
        return Vec::new();
    };
    [table.data_device, table.metadata_device]
        .iter()
        .filter_map(|device| Some(Path::new(&loop_device::below(device)?.file).parent()?.to_owned()))
        .filter(|directory| is_ours(directory))
        .collect()
}

fn is_ours(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(PREFIX))
}

/// A volume whose writer waits for a full pool is held open until the pool fails what it holds.
fn remove_device(control: &Control, name: &str, pools: &[String]) -> Result<(), Error> {
    match remove_patiently(control, name) {
        Err(error) if is_busy(&error) => {
            for pool in pools {
                fail_writes(control, pool);
            }
            remove_patiently(control, name)
        }
        done => done,
    }
}

fn remove_patiently(control: &Control, name: &str) -> Result<(), Error> {
    let until = Instant::now() + BUSY;
    loop {
        match control.scratch().remove(name) {
            Err(error) if is_busy(&error) && Instant::now() < until => sleep(REST),
            Err(Error::NoSuchDevice(_)) => return Ok(()),
            done => return done,
        }
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            errno: Errno::EBUSY,
            ..
        }
    )
}

/// The pool fails writes that it has no room for, those it holds too, instead of waiting.
fn fail_writes(control: &Control, pool: &str) {
    let Some(line) = pool_line(control, pool) else { return };
    let Ok(mut table) = Table::parse(&line.params) else {
        return;
    };
    let word = "error_if_no_space";
    if !table.features.iter().any(|feature| feature == word) {
        table.features.push(word.into());
    }
    let failing = TargetLine {
        params: table.params(),
        ..line
    };
    // What comes of it shows at the next try.
    let _ = control.load(pool, &[failing]).and_then(|()| control.resume(pool));
}

/// Whether there was such a directory. Nothing but what a drill puts there is removed.
fn remove_files(directory: &Path) -> io::Result<bool> {
    if !is_ours(directory) {
        return Err(io::Error::other("not a drill's directory"));
    }
    for name in ["data", "metadata", "deed.lock"] {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match fs::remove_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::test_dir::TestDir;

    #[test]
    fn only_a_drills_files_are_removed() {
        let dir = TestDir::new();
        let other = dir.path().join("docker");
        let ours = dir.path().join("thinguard-drill-1");
        for directory in [&other, &ours] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("data"), "precious").unwrap();
        }
        let order = |directories: &[&PathBuf]| RemoveOrder {
            directories: directories.iter().map(|it| (*it).clone()).collect(),
            dm_control: dir.path().join("no-control"),
        };
        assert!(
            remove(&order(&[&other]))
                .unwrap_err()
                .to_string()
                .contains("not a drill's")
        );
        assert!(other.join("data").exists());
        assert_eq!(remove(&order(&[&ours])).unwrap(), [ours.display().to_string()]);
        assert!(!ours.exists());
        assert_eq!(remove(&order(&[&ours])).unwrap(), Vec::<String>::new());
        // What somebody else has put there stays, and is told.
        fs::create_dir(&ours).unwrap();
        fs::write(ours.join("other"), "precious").unwrap();
        assert!(remove(&order(&[&ours])).is_err());
        assert!(ours.join("other").exists());
    }
}
