//! Docker's own files below its data root: the driver's JSON, the list of images, the volume store. Bounded in files and in time, however
//! many devices there are.

use crate::docker::device_json::{self, Device};
use crate::docker::state::RootState;
use crate::observe::tree;
use anyhow::Result;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A device's file has some 100 bytes.
const JSON_BYTES: u64 = 64 * 1024;

/// Of more devices than these none is read: dockerd will, and says so itself. Reading this many takes a few milliseconds.
pub(super) const MOST_DEVICES: u32 = 4096;

/// And for no longer than this: a start must not wait for a check that dockerd is about to make itself.
const LONGEST: Duration = Duration::from_millis(100);

/// So few are read even on a host that is too busy for that: an ordinary host has no more, and what is said of it must not hang on its load.
const FEW: u32 = 100;

/// Unreadable files that are told by name.
const TOLD: usize = 5;

/// One that cannot be read is there all the same.
pub(super) fn base(path: &Path) -> Option<Result<Device, String>> {
    match bounded(path) {
        Ok(text) => Some(device_json::device(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

/// A directory there, or a file above, ends dockerd as nonsense does; what we may not read, or a bad disk does not give, proves nothing
/// of dockerd.
pub(super) fn remembered<T>(path: &Path, read: impl Fn(&[u8]) -> Result<T, String>) -> Option<Result<T, String>> {
    match bounded(path) {
        Ok(text) => Some(read(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::NotADirectory) => {
            Some(Err(error.to_string()))
        }
        Err(_) => None,
    }
}

pub(super) fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    tree::plain(path, JSON_BYTES)
}

/// Reads the files of devices, as far as number and time allow.
pub(super) fn devices(metadata: &Path, state: &mut RootState) {
    let began = Instant::now();
    let Ok(entries) = fs::read_dir(metadata) else {
        state.all_devices_seen = true;
        return;
    };
    for entry in entries {
        let is_late = state.devices_seen >= FEW && began.elapsed() > LONGEST;
        if state.devices_seen >= MOST_DEVICES || is_late {
            return;
        }
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if !device_json::is_device_file(&name) || entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        state.devices_seen += 1;
        // Of one that went away meanwhile, or on a bad disk, nothing can be said.
        let why = bounded(&entry.path())
            .ok()
            .and_then(|text| device_json::device(&text).err());
        if let Some(why) = why.filter(|_| state.unreadable_devices.len() < TOLD) {
            state.unreadable_devices.push((name, why));
        }
    }
    state.all_devices_seen = true;
}

/// bolt's magic number, at this offset in each of the first two pages (etcd-io/bbolt `db.go`, `meta`). A page is as long as the
/// kernel's was where the file was made: 4 KiB on most processors, 64 KiB on others.
pub(super) const BOLT_MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();
const BOLT_MAGIC_AT: u64 = 16;
const BOLT_PAGES: [u64; 4] = [0, 4096, 16_384, 65_536];

/// A file with something in it and that number nowhere: "invalid database". bolt makes an empty one anew.
pub(super) fn no_bolt(path: &Path) -> bool {
    let Ok(file) = tree::open_plain(path) else { return false };
    let absent = |page: &u64| {
        let mut bytes = [0; 4];
        match file.read_exact_at(&mut bytes, page + BOLT_MAGIC_AT) {
            Ok(()) => bytes != BOLT_MAGIC,
            // The file ends before it; any other error says nothing.
            Err(error) => error.kind() == ErrorKind::UnexpectedEof,
        }
    };
    file.metadata().is_ok_and(|file| file.len() > 0) && BOLT_PAGES.iter().all(absent)
}

/// The list of images: a few hundred bytes an image.
const IMAGE_LIST_BYTES: u64 = 16 << 20;

/// What a crash leaves of the list: nothing, or the beginning (moby v20.10.27 `reference/store.go`, `reload`). Other faults of its
/// JSON are left to dockerd, whose parser is another.
pub(super) fn image_list(path: &Path) -> Option<String> {
    let text = tree::plain(path, IMAGE_LIST_BYTES).ok()?;
    if text.is_empty() {
        return Some("it is empty".into());
    }
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(&text).err()?;
    let sure = error.is_eof()
        || ["key must be a string", "expected value"]
            .iter()
            .any(|why| error.to_string().starts_with(why));
    sure.then(|| error.to_string())
}
