//! Docker's data root before a start: which drivers have been at work there, Docker's own JSON, the pidfile, what the kernel
//! offers. Bounded in files and in time, however many devices there are.

mod live;
mod of_tree;
mod own;
mod semaphores;

use super::tree::{self, below};
use crate::docker::state::{Odd, OddFile, RootState};
use crate::docker::{device_json, direct_lvm, drivers, names};
use crate::kernel::attributes;
use anyhow::Result;
use live::{AUFS, has_filesystem, has_thin_pools, held_back, kernel, named_pool, pidfile, what_is_on, xfs_knob};
use nix::sys::statfs::statfs;
use nix::sys::statvfs::FsFlags;
use own::{base, devices, image_list, no_bolt, remembered};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// That of the tree to read.
    pub root: String,
    pub data_root: String,
    pub pidfile: String,
    /// `dm.thinpooldev`, or the pool's name where `dm.directlvm_device` is set.
    pub thin_pool_device: Option<String>,
    /// `dm.datadev`, `dm.metadatadev` and `dm.directlvm_device`
    pub devices: Vec<String>,
    /// The storage driver that is named.
    pub driver: Option<String>,
    /// `docker.service`
    pub unit: String,
}

/// Looks, in the child.
pub fn look(question: &Question) -> Result<RootState> {
    let root = Path::new(&question.root);
    let live = root == Path::new("/");
    let data_root = tree::place(root, &question.data_root);
    let named = |path: PathBuf| tree::place(root, &path.to_string_lossy());
    let driver_dir = named(names::driver_dir(question.data_root.as_ref()));
    let metadata = driver_dir.join("metadata");
    let wanted = [
        names::data_file(question.data_root.as_ref()),
        names::metadata_file(question.data_root.as_ref()),
    ];
    let files = wanted.clone().map(named);
    let unmounted = of_tree::unmounted(root, &question.data_root);
    let mut state = RootState {
        drivers: prior_drivers(&data_root),
        not_a_directory: cannot_be_directory(&data_root, live),
        base: base(&metadata.join(device_json::BASE)),
        device_set: remembered(&metadata.join(device_json::DEVICE_SET), device_json::device_set),
        immutable_files: files
            .iter()
            .filter(|path| attributes::immutable(path) == Some(true))
            .map(|path| tree::shown(root, path).to_string_lossy().into_owned())
            .collect(),
        volume_store_broken: no_bolt(&data_root.join("volumes/metadata.db")),
        odd_files: wanted
            .iter()
            .zip(&files)
            .filter_map(|(name, place)| odd(root, name, place))
            .collect(),
        data_all_holes: all_holes(&files[0]),
        metadata_all_holes: all_holes(&files[1]),
        image_list: image_list(
            &data_root
                .join("image")
                .join(names::DEVICEMAPPER)
                .join("repositories.json"),
        ),
        direct_lvm: remembered(&driver_dir.join(direct_lvm::FILE), direct_lvm::stored),
        options_elsewhere: of_tree::options_elsewhere(root, &question.unit),
        in_swarm: data_root.join("swarm/docker-state.json").exists(),
        driver_plugin: question.driver.as_deref().is_some_and(|driver| plugin(root, driver)),
        ..RootState::default()
    };
    if let Some(existing) = data_root.ancestors().find(|path| path.exists()) {
        let filesystem = statfs(existing).ok();
        // Where its own filesystem is not mounted, this is another one's.
        state.filesystem = filesystem
            .filter(|_| unmounted.is_none())
            .map(|fs| fs.filesystem_type().0);
        // In a tree the room is another host's.
        state.free_blocks = filesystem
            .filter(|_| live && !has_leftovers(&data_root))
            .map(|fs| fs.blocks_free().saturating_sub(held_back(existing).unwrap_or(0)));
        // A tree may be mounted read-only to be looked at.
        state.read_only = live && filesystem.is_some_and(|fs| fs.flags().contains(FsFlags::ST_RDONLY));
    }
    if unmounted.is_some() {
        state.drivers = None;
    }
    state.unmounted = unmounted;
    devices(&metadata, &mut state);
    let asked = question.driver.as_deref();
    let used = state.drivers.iter().flatten().any(|prior| prior.driver == AUFS);
    if used || asked.is_none_or(|driver| driver == AUFS) {
        state.aufs = match live {
            true => has_filesystem(AUFS),
            false => of_tree::never_has_aufs(root).then_some(false),
        };
    }
    if live {
        // Only here: a tree has no devices of its own.
        state.missing_devices = question
            .devices
            .iter()
            .filter(|path| is_missing(path))
            .cloned()
            .collect();
        state.pidfile_is_directory = Some(question.pidfile.clone()).filter(|path| Path::new(path).is_dir());
        state.pidfile_process = pidfile(&question.pidfile);
        state.xfs_knob = xfs_knob();
        state.kernel = kernel();
        state.thin_pools = has_thin_pools();
        state.semaphores = semaphores::reached();
        state.used_devices = question
            .devices
            .iter()
            .filter_map(|path| Some((path.clone(), what_is_on(path)?)))
            .collect();
        state.loop_devices = Some(Path::new("/dev/loop-control").exists() || Path::new("/dev/loop0").exists());
        state.thin_pool_device = question.thin_pool_device.as_deref().map(named_pool);
    }
    Ok(state)
}

/// Whether dockerd will delete something here before it writes: what interrupted pulls have left may be gigabytes (moby v20.10.24
/// `daemon/daemon.go`, `prepareTempDir`; `daemon/runtime_unix.go`, `initRuntimes`).
fn has_leftovers(data_root: &Path) -> bool {
    let something = |name: &str| fs::read_dir(data_root.join(name)).is_ok_and(|mut names| names.next().is_some());
    ["tmp", "tmp-old", "runtimes-old"].into_iter().any(something)
}

fn prior_drivers(data_root: &Path) -> Option<Vec<drivers::Prior>> {
    match fs::metadata(data_root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Vec::new()),
        Err(_) => return None,
        Ok(_) => {}
    }
    let found = drivers::WITH_STATE.iter().filter_map(|driver| {
        let path = data_root.join(driver);
        fs::metadata(&path).ok()?;
        // As moby's isEmptyDir: what cannot be read is not empty.
        let empty = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        Some(drivers::Prior {
            driver: (*driver).to_owned(),
            empty,
        })
    });
    Some(found.collect())
}

/// `name`, where the pool's file should be, with something else behind it at `place`. In a tree nothing is said of a link that leads
/// below a filesystem that is not mounted there.
fn odd(root: &Path, name: &Path, place: &Path) -> Option<OddFile> {
    let told = |what| {
        Some(OddFile {
            path: name.to_string_lossy().into_owned(),
            what,
        })
    };
    match fs::metadata(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let directory = tree::resolve(root, &name.parent()?.to_string_lossy()).ok()?;
            let target = fs::read_link(directory.join(name.file_name()?)).ok()?;
            let inside = tree::shown(root, place);
            // The devices of a tree are made when it boots.
            if root != Path::new("/") && inside.starts_with("/dev") {
                return told(Odd::BlockDevice);
            }
            match of_tree::unmounted(root, &inside.to_string_lossy()) {
                Some(_) => None,
                None => told(Odd::LinkToNothing(target.to_string_lossy().into_owned())),
            }
        }
        Ok(file) if file.is_dir() => told(Odd::Directory),
        Ok(file) if std::os::unix::fs::FileTypeExt::is_block_device(&file.file_type()) => told(Odd::BlockDevice),
        Ok(file) if !file.is_file() => told(Odd::NoFile),
        _ => None,
    }
}

/// `SEEK_DATA` finds none. Filesystems that do not know their holes say that all is data.
fn all_holes(path: &Path) -> bool {
    let plain = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0);
    let seek = |file: File| nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekData);
    plain && File::open(path).is_ok_and(|file| seek(file) == Err(nix::errno::Errno::ENXIO))
}

/// The data root is something else, lies below something else, or is a link to nothing, over which mkdir fails. In a tree an absolute
/// link leads out of it and tells nothing.
fn cannot_be_directory(data_root: &Path, live: bool) -> bool {
    match fs::metadata(data_root) {
        Ok(there) => !there.is_dir(),
        Err(error) if error.kind() == ErrorKind::NotFound => live && fs::symlink_metadata(data_root).is_ok(),
        Err(error) => error.kind() == ErrorKind::NotADirectory,
    }
}

/// Nothing has this name; any other error says nothing.
fn is_missing(path: &str) -> bool {
    path.starts_with('/') && fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Where plugins announce themselves (docs.docker.com, "Docker Plugin API").
fn plugin(root: &Path, driver: &str) -> bool {
    if driver.is_empty() || driver.contains(['/', '\0']) {
        return true;
    }
    let there = |directory, suffix| below(root, &format!("{directory}/{driver}{suffix}")).exists();
    ["/etc/docker/plugins", "/usr/lib/docker/plugins", "/run/docker/plugins"]
        .iter()
        .any(|directory| {
            [".sock", ".spec", ".json"]
                .iter()
                .any(|suffix| there(directory, suffix))
        })
}

#[cfg(test)]
mod tests;
