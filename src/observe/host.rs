//! The files of the pool and the filesystem that holds them.

use super::tree::below;
use crate::docker::names;
use crate::kernel::superblock::{self, SUPERBLOCK_BYTES, Superblock};
use crate::model::{BackingFile, Bytes, Disk, Host};
use anyhow::{Context, Result};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Looks, in the child. `tree` is the root that all paths hang from; what is told is named as seen from there.
pub fn look(tree: &Path, data_root: &str, files: &[String]) -> Result<Disk> {
    // Docker resolves the root's symbolic links before it forms the pool's name (ReadSymlinkedDirectory, daemon.go). A data root
    // that is not there yet is Docker's to make.
    let wanted = below(tree, data_root);
    let root = match fs::canonicalize(&wanted) {
        Ok(root) => root,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => wanted,
        Err(error) => return Err(error).with_context(|| format!("data root {data_root}")),
    };
    let driver = fs::metadata(names::driver_dir(&root));
    let pool_name = driver
        .ok()
        .map(|dir| names::Prefix::from_stat(dir.dev(), dir.ino()).pool());
    let usual = [names::data_file(&root), names::metadata_file(&root)].map(|path| path.to_string_lossy().into_owned());
    let gone = |path: &&String| fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let missing = usual.iter().filter(gone).cloned().collect();
    let [data_path, metadata_path] = match files {
        [data, metadata] => [data.clone(), metadata.clone()],
        _ => usual,
    };
    let existing = root.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let mut disk = Disk {
        pool_name,
        data_path,
        metadata_path,
        files: Vec::new(),
        missing,
        host: room(&existing.to_string_lossy())?,
    };
    for path in [disk.data_path.clone(), disk.metadata_path.clone()] {
        match fs::metadata(&path) {
            Ok(file) => disk.files.push(BackingFile {
                size_bytes: Bytes(file.len()),
                allocated_bytes: Bytes(file.blocks() * Bytes::SECTOR),
                path,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(path),
        }
    }
    // The files may lie on another filesystem than the data root (symbolic links, mounts below it).
    if let Some(data) = disk.files.first() {
        let place = fs::canonicalize(&data.path).with_context(|| data.path.clone())?;
        let directory = place.parent().unwrap_or(Path::new("/"));
        disk.host = room(&directory.to_string_lossy())?;
    }
    if tree != Path::new("/") {
        as_seen_from(tree, &mut disk);
    }
    Ok(disk)
}

/// Names paths as they are called inside the tree.
fn as_seen_from(tree: &Path, disk: &mut Disk) {
    let tree = fs::canonicalize(tree).unwrap_or(tree.to_owned());
    let rename = |path: &mut String| {
        if let Ok(inside) = Path::new(path.as_str()).strip_prefix(&tree) {
            *path = Path::new("/").join(inside).to_string_lossy().into_owned();
        }
    };
    for path in [&mut disk.data_path, &mut disk.metadata_path, &mut disk.host.path] {
        rename(path);
    }
    disk.files.iter_mut().for_each(|file| rename(&mut file.path));
    disk.missing.iter_mut().for_each(rename);
}

fn room(path: &str) -> Result<Host> {
    let fs = statvfs(path).with_context(|| format!("statvfs {path}"))?;
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
    File::open(below(tree, path))
        .and_then(|file| file.take(SUPERBLOCK_BYTES as u64).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {path}"))?;
    Ok(superblock::parse(&bytes))
}
