//! Plain files of a tree, read up to a bound: links are followed inside the tree, and what is no plain file is not opened for
//! long, for a pipe or a device may never answer.

use super::super::tree;
use super::super::tree::below;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// Longest text that is read: dpkg's status of a full desktop has 4 MiB.
const MOST_TEXT: u64 = 32 << 20;

/// Most names of one directory that are looked at.
const MOST_NAMES: usize = 20_000;

/// The path of a file without links in it, as seen in the tree. `None` where nothing is there.
pub fn resolve(root: &Path, path: &str) -> Option<String> {
    Some(format!("/{}", tree::inside(root, path).ok()?.to_str()?))
}

/// Opens a plain file.
pub fn open(root: &Path, path: &str) -> Option<File> {
    tree::open_plain(&below(root, path)).ok()
}

/// A text file's text; a longer one is cut.
pub fn text(root: &Path, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    open(root, path)?.take(MOST_TEXT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The names in a directory; none where there is no such directory.
pub fn names(root: &Path, path: &str) -> Vec<String> {
    let entries = fs::read_dir(below(root, path)).into_iter().flatten().take(MOST_NAMES);
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// When a file or directory was last changed, its attributes too, in seconds since 1970: no one can set that back.
pub fn changed(root: &Path, path: &str) -> Option<i64> {
    Some(fs::metadata(below(root, path)).ok()?.ctime())
}

/// Whether it is a script for an interpreter.
pub fn is_script(root: &Path, path: &str) -> bool {
    starts_with(root, path, b"#!")
}

/// Whether it is a program of the machine's own.
pub fn is_elf(root: &Path, path: &str) -> bool {
    starts_with(root, path, b"\x7fELF")
}

fn starts_with<const N: usize>(root: &Path, path: &str, magic: &[u8; N]) -> bool {
    let mut bytes = [0; N];
    open(root, path).is_some_and(|file| file.read_exact_at(&mut bytes, 0).is_ok()) && bytes == *magic
}
