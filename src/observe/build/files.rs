//! Plain files of a tree, read up to a bound: links are followed inside the tree, and what is no plain file is not opened for
//! long, for a pipe or a device may never answer.

use super::super::config::below;
use nix::libc::{O_CLOEXEC, O_NOCTTY, O_NONBLOCK};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// Longest text that is read: dpkg's status of a full desktop has 4 MiB.
const MOST_TEXT: u64 = 32 << 20;

/// Most names of one directory that are looked at.
const MOST_NAMES: usize = 20_000;

/// Links after which a path is taken for a ring; the kernel's own bound is 40.
const MOST_LINKS: usize = 40;

/// The path of a file without links in it, as seen in the tree: an absolute link leads to the tree's own root. `None` where
/// nothing is there.
pub fn resolve(root: &Path, path: &str) -> Option<String> {
    let mut done = PathBuf::from("/");
    let mut rest: Vec<_> = parts(Path::new(path)).collect();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        let here = done.join(&part);
        let place = below(root, here.to_str()?);
        match fs::symlink_metadata(&place).ok()?.is_symlink() {
            false => done = here,
            true => {
                links += 1;
                let target = fs::read_link(&place).ok().filter(|_| links <= MOST_LINKS)?;
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                rest.extend(parts(&target));
            }
        }
    }
    done.to_str().map(str::to_owned)
}

/// A path's parts, the last one first.
fn parts(path: &Path) -> impl Iterator<Item = String> {
    path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Opens a plain file.
pub fn open(root: &Path, path: &str) -> Option<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        .open(below(root, path))
        .ok()?;
    file.metadata().ok()?.is_file().then_some(file)
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
