//! The texts of the settings files. Reading may wait for a disk, so a running guard has a child do it (law 10).

use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// No settings file is larger; keeps a device or a log that was put there by mistake out of our memory.
const LARGEST_FILE: u64 = 1 << 20;

/// One file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileText {
    /// Its path, for people.
    pub path: String,
    /// Its text, or why there is none.
    pub text: Result<String, String>,
}

/// Reads the files below `root` in the order in which they count. One that is not there, or is masked, is left out.
pub fn read_all(root: &Path) -> Vec<FileText> {
    let told = |path: &Path, text: io::Result<String>| FileText {
        path: path.display().to_string(),
        text: text.map_err(|error| error.to_string()),
    };
    let dir = root.join("etc/thinguard.d");
    let mut paths = vec![root.join("etc/thinguard.toml")];
    let mut texts = Vec::new();
    match names(&dir) {
        Ok((names, error)) => {
            paths.extend(names);
            texts.extend(error.map(|error| told(&dir, Err(error))));
        }
        Err(error) => texts.push(told(&dir, Err(error))),
    }
    texts.extend(
        paths
            .iter()
            .filter_map(|path| Some(told(path, read(path).transpose()?))),
    );
    texts
}

/// The directory's files as the shell's `*.toml`: an editor's `.x.toml.swp` and hidden files are not meant. With an error there are
/// more than these, which cannot be told.
fn names(dir: &Path) -> io::Result<(Vec<PathBuf>, Option<io::Error>)> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    let mut broken = None;
    for entry in entries {
        match entry.map(|entry| entry.file_name()) {
            Ok(name) if name.as_bytes().ends_with(b".toml") && !name.as_bytes().starts_with(b".") => names.push(name),
            Ok(_) => {}
            Err(error) => broken = Some(error),
        }
    }
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok((names.into_iter().map(|name| dir.join(name)).collect(), broken))
}

/// The file's text; `None` when it is not there, or is masked by a link to `/dev/null`.
fn read(path: &Path) -> io::Result<Option<String>> {
    let kind = match path.metadata() {
        Ok(metadata) => metadata.file_type(),
        // A broken link is someone's mistake, not an absence.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(None),
        Err(error) => return Err(error),
    };
    if !kind.is_file() {
        // Opening a FIFO would wait for its other end.
        let masked = path.canonicalize().is_ok_and(|target| target == Path::new("/dev/null"));
        return if masked {
            Ok(None)
        } else {
            Err(io::Error::other("is not a regular file"))
        };
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        return Err(io::Error::other("is larger than 1 MiB"));
    }
    Ok(Some(text))
}
