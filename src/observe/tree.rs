//! Reading files below a root as a process with that root would: symbolic links, absolute ones too, never lead out of it.

use nix::libc::{O_CLOEXEC, O_NOCTTY, O_NONBLOCK};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// `path` inside the tree at `root`.
pub fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// As many links as the kernel follows (`MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// Where `path` of the tree at `root` is on this host, all its links followed within the tree. Of this host itself the kernel
/// follows the links.
///
/// # Errors
/// Something on the way is missing or cannot be read, or the links go in a circle.
pub fn resolve(root: &Path, path: &str) -> Result<PathBuf> {
    match root == Path::new("/") {
        true => Ok(PathBuf::from(path)),
        false => Ok(root.join(inside(root, path)?)),
    }
}

/// Where `path` is or would be: like [`resolve`], but what is missing is added as it is written.
pub fn place(root: &Path, path: &str) -> PathBuf {
    match root == Path::new("/") {
        true => PathBuf::from(path),
        false => root.join(walk(root, path, true).unwrap_or_else(|_| path.trim_start_matches('/').into())),
    }
}

/// The same as a path of the tree, without its leading slash and without links.
///
/// # Errors
/// As [`resolve`].
pub fn inside(root: &Path, path: &str) -> Result<PathBuf> {
    walk(root, path, false)
}

fn walk(root: &Path, path: &str, may_be_missing: bool) -> Result<PathBuf> {
    let mut todo: VecDeque<OsString> = VecDeque::new();
    put_before(&mut todo, Path::new(path));
    let mut inside = PathBuf::new();
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        if name == OsStr::new("..") {
            inside.pop();
            continue;
        }
        let here = root.join(&inside).join(&name);
        let is_link = match fs::symlink_metadata(&here) {
            Err(error) if may_be_missing && error.kind() == ErrorKind::NotFound => false,
            found => found?.is_symlink(),
        };
        if !is_link {
            inside.push(&name);
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Error::other("too many symbolic links"));
        }
        let target = fs::read_link(&here)?;
        if target.is_absolute() {
            inside = PathBuf::new();
        }
        put_before(&mut todo, &target);
    }
    Ok(inside)
}

/// The parts of `path`, to be walked before what is still to do.
fn put_before(todo: &mut VecDeque<OsString>, path: &Path) {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    for part in parts.collect::<Vec<_>>().into_iter().rev() {
        todo.push_front(part);
    }
}

/// The bytes of the plain file `path` in the tree at `root`.
///
/// # Errors
/// It is missing, is no plain file (a named pipe would be waited for), cannot be read, or has more than `most` bytes.
pub fn read(root: &Path, path: &str, most: u64) -> Result<Vec<u8>> {
    plain(&resolve(root, path)?, most)
}

/// The text of the plain file `path` in the tree; `None` where [`read`] fails.
pub fn text(root: &Path, path: &str, most: u64) -> Option<String> {
    Some(String::from_utf8_lossy(&read(root, path, most).ok()?).into_owned())
}

/// What is at `place` on this host, as a path of the tree at `root`.
pub fn shown(root: &Path, place: &Path) -> PathBuf {
    Path::new("/").join(place.strip_prefix(root).unwrap_or(place))
}

/// The bytes of the plain file at `place` on this host; errors as [`read`]'s, `IsADirectory` for a directory.
pub fn plain(place: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(place)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("it has more than {most} bytes"),
        )),
        false => Ok(bytes),
    }
}

/// Opens a plain file and nothing else: a pipe's other end, or a device, might never answer.
pub fn open_plain(place: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        .open(place)?;
    let kind = file.metadata()?;
    match kind.is_file() {
        true => Ok(file),
        false if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        false => Err(Error::new(ErrorKind::InvalidInput, "it is no plain file")),
    }
}

/// Names in the directory `path` of the tree, at most so many, in no order; none where there is no such directory.
pub fn names(root: &Path, path: &str, most: usize) -> Vec<String> {
    let Ok(entries) = resolve(root, path).and_then(fs::read_dir) else {
        return Vec::new();
    };
    entries
        .take(most)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// The files that `pattern` names: itself, or, where its last part has `*` or `?`, those in its directory that match, by name
/// (glob(7); systemd takes such patterns in `EnvironmentFile=`).
///
/// # Errors
/// Other patterns, which are not understood here.
pub fn matching(root: &Path, pattern: &str, most: usize) -> std::result::Result<Vec<String>, String> {
    let (directory, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let special = |text: &str, letters: &str| text.contains(|c| letters.contains(c));
    if special(directory, "*?[\\") || special(last, "[\\") {
        return Err("the pattern is not understood".into());
    }
    if !special(last, "*?") {
        return Ok(vec![pattern.to_owned()]);
    }
    let mut found: Vec<String> = names(root, if directory.is_empty() { "/" } else { directory }, most)
        .into_iter()
        .filter(|name| !name.starts_with('.') || last.starts_with('.'))
        .filter(|name| matches(name.as_bytes(), last.as_bytes()))
        .map(|name| format!("{directory}/{name}"))
        .collect();
    found.sort();
    Ok(found)
}

/// Whether `name` fits `pattern`, in which `*` stands for any bytes and `?` for one: at most name times pattern steps.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut want) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(at) {
        match pattern.get(want) {
            Some(b'*') => {
                star = Some((at, want));
                want += 1;
            }
            Some(&c) if c == b'?' || c == byte => {
                at += 1;
                want += 1;
            }
            _ => match &mut star {
                Some((from, back)) => {
                    *from += 1;
                    (at, want) = (*from, *back + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(want).all(|&c| c == b'*')
}

#[cfg(test)]
mod tests;
