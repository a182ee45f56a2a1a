//! The files of the pool and the filesystem that holds them.

use super::tree;
use crate::docker::names;
use crate::kernel::superblock::{self, SUPERBLOCK_BYTES, Superblock};
use crate::model::{BackingFile, Bytes, Disk, Host};
use anyhow::{Context, Result, ensure};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Looks, in the child. `tree` is the root that all paths hang from; what is told is named as seen from there.
pub fn look(tree: &Path, data_root: &str, files: &[String]) -> Result<Disk> {
    let at = |path: &str| tree::place(tree, path);
    let root = resolved(tree, data_root)?;
    let driver = fs::metadata(at(&names::driver_dir(&root).to_string_lossy()));
    let pool_name = driver
        .ok()
        .map(|dir| names::Prefix::from_stat(dir.dev(), dir.ino()).pool());
    let usual = [names::data_file(&root), names::metadata_file(&root)].map(|path| path.to_string_lossy().into_owned());
    let gone = |path: &&String| fs::metadata(at(path)).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let missing = usual.iter().filter(gone).cloned().collect();
    let [data_path, metadata_path] = match files {
        [data, metadata] => [data.clone(), metadata.clone()],
        _ => usual,
    };
    let mut found = Vec::new();
    for path in [&data_path, &metadata_path] {
        match fs::metadata(at(path)) {
            Ok(file) => found.push((
                file.dev(),
                BackingFile {
                    size_bytes: Bytes(file.len()),
                    allocated_bytes: Bytes(file.blocks() * Bytes::SECTOR),
                    path: path.clone(),
                },
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(path.clone()),
        }
    }
    // The files may lie on another filesystem than the data root (symbolic links, mounts below it).
    let below = |file: &BackingFile| {
        let place = resolved(tree, &file.path)?;
        room(tree, place.parent().unwrap_or(Path::new("/")))
    };
    let exists = |path: &&Path| at(&path.to_string_lossy()).exists();
    let host = match found.first() {
        Some((_, file)) => below(file)?,
        None => room(tree, root.ancestors().find(exists).unwrap_or(Path::new("/")))?,
    };
    let metadata_host = match found.as_slice() {
        [(data, _), (metadata, file)] if data != metadata => Some(below(file)?),
        _ => None,
    };
    Ok(Disk {
        pool_name,
        data_path,
        metadata_path,
        files: found.into_iter().map(|(_, file)| file).collect(),
        missing,
        host,
        metadata_host,
    })
}

/// A path of the tree with its links followed, as Docker does with its data root before it forms the pool's name
/// (`ReadSymlinkedDirectory`, daemon.go). What is not there yet is Docker's to make.
fn resolved(tree: &Path, path: &str) -> Result<PathBuf> {
    if tree != Path::new("/") {
        return Ok(tree::shown(tree, &tree::place(tree, path)));
    }
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PathBuf::from(path)),
        Err(error) => Err(error).with_context(|| path.to_owned()),
    }
}

fn room(tree: &Path, path: &Path) -> Result<Host> {
    let path = &*path.to_string_lossy();
    let fs = statvfs(&tree::place(tree, path)).with_context(|| format!("statvfs {path}"))?;
    let unit = fs.fragment_size();
    Ok(Host {
        path: path.to_owned(),
        free_bytes: Bytes(fs.blocks_available().saturating_mul(unit)),
        total_bytes: Bytes(fs.blocks().saturating_mul(unit)),
        read_only: fs.flags().contains(FsFlags::ST_RDONLY),
    })
}

/// Reads a metadata file's superblock, in the child; only sound while the pool is not active.
pub fn read_superblock(tree: &Path, path: &str) -> Result<Result<Superblock, superblock::Error>> {
    let mut bytes = Vec::with_capacity(SUPERBLOCK_BYTES);
    let place = tree::place(tree, path);
    // A pipe would be waited for without end.
    let kind = fs::metadata(&place)
        .with_context(|| format!("cannot read {path}"))?
        .file_type();
    ensure!(
        kind.is_file() || kind.is_block_device(),
        "{path} is neither a file nor a disk"
    );
    File::open(place)
        .and_then(|file| file.take(SUPERBLOCK_BYTES as u64).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {path}"))?;
    Ok(superblock::parse(&bytes))
}
