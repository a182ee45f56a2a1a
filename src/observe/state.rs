//! Docker's data root before a start: which drivers have been at work there, Docker's own JSON, the pidfile, what the kernel
//! offers. Bounded in files and in time, however many devices there are.

use super::config::below;
use super::tree;
use crate::docker::device_json::Device;
use crate::docker::state::{NamedPool, PidfileProcess, RootState};
use crate::docker::{device_json, direct_lvm, drivers, names};
use crate::kernel::{attributes, dm, proc, thin_pool};
use anyhow::Result;
use nix::sys::stat;
use nix::sys::statfs::statfs;
use nix::sys::statvfs::{FsFlags, statvfs};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Root of the tree to read.
    pub root: String,
    /// Docker's data root.
    pub data_root: String,
    /// The daemon's pidfile.
    pub pidfile: String,
    /// `dm.thinpooldev`, or the pool's name where `dm.directlvm_device` is set.
    pub thin_pool_device: Option<String>,
    /// `dm.datadev`, `dm.metadatadev` and `dm.directlvm_device`
    pub devices: Vec<String>,
    /// The storage driver that is named.
    pub driver: Option<String>,
}

/// A device's file has some 100 bytes.
const JSON_BYTES: u64 = 64 * 1024;

/// Of more devices than these none is read: dockerd will, and says so itself. Reading this many takes a few milliseconds.
const MOST_DEVICES: u32 = 4096;

/// And for no longer than this.
const LONGEST: Duration = Duration::from_millis(250);

/// Unreadable files that are told by name.
const TOLD: usize = 5;

/// Looks, in the child.
pub fn look(question: &Question) -> Result<RootState> {
    let root = Path::new(&question.root);
    let live = root == Path::new("/");
    let data_root = below(root, &question.data_root);
    let driver_dir = names::driver_dir(&data_root);
    let metadata = driver_dir.join("metadata");
    let files = [names::data_file(&data_root), names::metadata_file(&data_root)];
    let mut state = RootState {
        drivers: prior_drivers(&data_root),
        not_a_directory: cannot_be_directory(&data_root, live),
        base: base(&metadata.join(device_json::BASE)),
        device_set: remembered(&metadata.join(device_json::DEVICE_SET), device_json::device_set),
        immutable_files: files
            .iter()
            .filter(|path| attributes::immutable(path) == Some(true))
            .map(|path| shown(path, root))
            .collect(),
        volume_store_broken: no_bolt(&data_root.join("volumes/metadata.db")),
        odd_files: files.iter().filter_map(|path| odd(path, root)).collect(),
        data_all_holes: all_holes(&names::data_file(&data_root)),
        image_list: image_list(
            &data_root
                .join("image")
                .join(names::DEVICEMAPPER)
                .join("repositories.json"),
        ),
        direct_lvm: remembered(&driver_dir.join(direct_lvm::FILE), direct_lvm::stored),
        driver_plugin: question.driver.as_deref().is_some_and(|driver| plugin(root, driver)),
        ..RootState::default()
    };
    if let Some(existing) = data_root.ancestors().find(|path| path.exists()) {
        let filesystem = statfs(existing).ok();
        state.filesystem = filesystem.map(|fs| fs.filesystem_type().0);
        // In a tree the room is another host's.
        state.free_blocks = filesystem
            .filter(|_| live && !has_leftovers(&data_root))
            .map(|fs| fs.blocks_free().saturating_sub(held_back(existing).unwrap_or(0)));
        state.read_only = statvfs(existing).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_RDONLY));
    }
    devices(&metadata, &mut state);
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
        state.kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
            .ok()
            .map(|release| release.trim().to_owned());
        let used = state.drivers.iter().flatten().any(|prior| prior.driver == AUFS);
        if used || question.driver.as_deref() == Some(AUFS) {
            state.aufs = kernel_has(AUFS);
        }
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

/// Clusters that ext4 gives to nobody, root included (fs/ext4/balloc.c, `ext4_has_free_clusters`); statfs(2) counts them as free.
fn held_back(path: &Path) -> Option<u64> {
    let device = fs::metadata(path).ok()?.dev();
    let block = format!("/sys/dev/block/{}:{}", stat::major(device), stat::minor(device));
    let name = fs::read_link(block).ok()?.file_name()?.to_owned();
    let reserved = Path::new("/sys/fs/ext4").join(name).join("reserved_clusters");
    fs::read_to_string(reserved).ok()?.trim().parse().ok()
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

/// One that cannot be read is there all the same.
fn base(path: &Path) -> Option<Result<Device, String>> {
    match bounded(path) {
        Ok(text) => Some(device_json::device(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

/// A directory there, or a file above, ends dockerd as nonsense does; what we may not read, or a bad disk does not give, proves nothing
/// of dockerd.
fn remembered<T>(path: &Path, read: impl Fn(&[u8]) -> Result<T, String>) -> Option<Result<T, String>> {
    match bounded(path) {
        Ok(text) => Some(read(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::NotADirectory) => {
            Some(Err(error.to_string()))
        }
        Err(_) => None,
    }
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    tree::plain(path, JSON_BYTES)
}

fn devices(metadata: &Path, state: &mut RootState) {
    let began = Instant::now();
    let Ok(entries) = fs::read_dir(metadata) else {
        state.all_devices_seen = true;
        return;
    };
    for entry in entries {
        if state.devices_seen >= MOST_DEVICES || began.elapsed() > LONGEST {
            return;
        }
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if !device_json::is_device_file(&name) || entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        state.devices_seen += 1;
        let why = match bounded(&entry.path()) {
            Ok(text) => device_json::device(&text).err(),
            // It went away meanwhile, or the disk is bad: nothing that can be said of its contents.
            Err(_) => None,
        };
        if let Some(why) = why.filter(|_| state.unreadable_devices.len() < TOLD) {
            state.unreadable_devices.push((name, why));
        }
    }
    state.all_devices_seen = true;
}

/// The path as it is in the tree.
fn shown(path: &Path, root: &Path) -> String {
    let path = Path::new("/").join(path.strip_prefix(root).unwrap_or(path));
    path.to_string_lossy().into_owned()
}

/// bolt's magic number, at this offset in each of the first two pages (etcd-io/bbolt `db.go`, `meta`). A page is as long as the
/// kernel's was where the file was made: 4 KiB on most processors, 64 KiB on others.
const BOLT_MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();
const BOLT_MAGIC_AT: u64 = 16;
const BOLT_PAGES: [u64; 4] = [0, 4096, 16_384, 65_536];

/// A file with something in it and that number nowhere: "invalid database". bolt makes an empty one anew.
fn no_bolt(path: &Path) -> bool {
    let plain = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0);
    // A pipe in its place is not opened: that would wait for a writer.
    let Some(file) = plain.then(|| File::open(path).ok()).flatten() else {
        return false;
    };
    let absent = |page: &u64| {
        let mut bytes = [0; 4];
        match file.read_exact_at(&mut bytes, page + BOLT_MAGIC_AT) {
            Ok(()) => bytes != BOLT_MAGIC,
            // The file ends before it; any other error says nothing.
            Err(error) => error.kind() == ErrorKind::UnexpectedEof,
        }
    };
    BOLT_PAGES.iter().all(absent)
}

/// A name where the pool's file should be, with something else behind it.
fn odd(path: &Path, root: &Path) -> Option<(String, String)> {
    let told = |why: String| Some((shown(path, root), why));
    let link = fs::symlink_metadata(path).ok()?;
    match fs::metadata(path) {
        Err(error) if link.is_symlink() && error.kind() == ErrorKind::NotFound => {
            let target = fs::read_link(path).unwrap_or_default();
            told(format!(
                "is a symbolic link to {}, which is not there",
                target.display()
            ))
        }
        Ok(file) if file.is_dir() => told("is a directory".into()),
        Ok(file) if std::os::unix::fs::FileTypeExt::is_block_device(&file.file_type()) => {
            told("leads to a block device, which Docker from 1.9 on tries to lengthen as a file and fails".into())
        }
        Ok(file) if !file.is_file() => told("is no plain file, and Docker cannot lengthen it".into()),
        _ => None,
    }
}

/// `SEEK_DATA` finds none. Filesystems that do not know their holes say that all is data.
fn all_holes(path: &Path) -> bool {
    let plain = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0);
    let seek = |file: File| nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekData);
    plain && File::open(path).is_ok_and(|file| seek(file) == Err(nix::errno::Errno::ENXIO))
}

/// The list of images: a few hundred bytes an image.
const IMAGE_LIST_BYTES: u64 = 16 << 20;

/// What a crash leaves of the list: nothing, or the beginning (moby v20.10.27 `reference/store.go`, `reload`). Other faults of its
/// JSON are left to dockerd, whose parser is another.
fn image_list(path: &Path) -> Option<String> {
    let plain = fs::metadata(path)
        .ok()
        .filter(|file| file.is_file() && file.len() < IMAGE_LIST_BYTES)?;
    if plain.len() == 0 {
        return Some("it is empty".into());
    }
    let mut text = Vec::new();
    File::open(path)
        .ok()?
        .take(IMAGE_LIST_BYTES)
        .read_to_end(&mut text)
        .ok()?;
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(&text).err()?;
    let sure = error.is_eof()
        || ["key must be a string", "expected value"]
            .iter()
            .any(|why| error.to_string().starts_with(why));
    sure.then(|| error.to_string())
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
    let at = |directory: &str, suffix: &str| -> PathBuf { below(root, &format!("{directory}/{driver}{suffix}")) };
    ["/etc/docker/plugins", "/usr/lib/docker/plugins", "/run/docker/plugins"]
        .iter()
        .any(|directory| {
            [".sock", ".spec", ".json"]
                .iter()
                .any(|suffix| at(directory, suffix).exists())
        })
}

/// The process that the pidfile names, if there is one (moby `pkg/pidfile/pidfile.go`: `/proc/<pid>` exists).
fn pidfile(path: &str) -> Option<PidfileProcess> {
    let text = bounded(Path::new(path)).ok()?;
    let pid: u32 = String::from_utf8_lossy(&text).trim().parse().ok()?;
    let main = proc::tasks_of(Path::new("/"), pid)
        .ok()?
        .into_iter()
        .find(|task| task.tid == pid)?;
    Some(PidfileProcess {
        path: path.to_owned(),
        pid,
        comm: main.comm,
        zombie: main.state == crate::model::TaskState::Dead,
    })
}

/// Whether XFS here has the knob that `dm.xfs_nospace_max_retries` writes; only a mounted XFS shows it, never the kernel's number.
fn xfs_knob() -> Option<bool> {
    let mounted: Vec<_> = fs::read_dir("/sys/fs/xfs")
        .ok()?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .collect();
    let filesystems: Vec<_> = mounted.iter().filter(|entry| entry.file_name() != "stats").collect();
    match filesystems.is_empty() {
        true => None,
        false => Some(
            filesystems
                .iter()
                .any(|entry| entry.path().join("error/metadata/ENOSPC/max_retries").exists()),
        ),
    }
}

const AUFS: &str = "aufs";

/// A distribution's list of modules has some 500 KiB.
const MODULES_BYTES: u64 = 16 << 20;

/// Whether the kernel knows a filesystem, or modprobe would find a module of that name, which is what dockerd tries first. Anything
/// that cannot be read is unknown.
fn kernel_has(filesystem: &str) -> Option<bool> {
    let text = |path: &Path| -> Option<String> {
        let mut text = String::new();
        File::open(path)
            .ok()?
            .take(MODULES_BYTES)
            .read_to_string(&mut text)
            .ok()?;
        Some(text)
    };
    let known = text(Path::new("/proc/filesystems"))?;
    if known
        .lines()
        .any(|line| line.split_whitespace().next_back() == Some(filesystem))
    {
        return Some(true);
    }
    let release = text(Path::new("/proc/sys/kernel/osrelease"))?;
    let modules = Path::new("/lib/modules").join(release.trim()).join("modules.dep");
    let module = format!("/{filesystem}.ko");
    Some(
        text(&modules)?
            .lines()
            .any(|line| line.split(':').next().is_some_and(|path| path.contains(&module))),
    )
}

fn named_pool(name: &str) -> NamedPool {
    let look = || -> Result<NamedPool> {
        let control = dm::Control::open(Path::new(dm::CONTROL))?;
        match control.status(name) {
            Err(dm::Error::NoSuchDevice(_)) => Ok(NamedPool::Missing),
            Err(error) => Err(error.into()),
            Ok((_, lines)) => match lines.first() {
                Some(line) if line.kind == thin_pool::KIND => match thin_pool::Status::parse(&line.params) {
                    Ok(thin_pool::Status::Active(status)) => Ok(NamedPool::Pool {
                        transaction_id: status.transaction_id,
                        data_used: status.data_used,
                    }),
                    other => Ok(NamedPool::Unknown(format!("{other:?}"))),
                },
                Some(line) => Ok(NamedPool::Other(line.kind.clone())),
                None => Ok(NamedPool::Unknown("it has no table".into())),
            },
        }
    };
    look().unwrap_or_else(|error| NamedPool::Unknown(format!("{error:#}")))
}

#[cfg(test)]
mod tests;
