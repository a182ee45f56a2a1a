//! A throwaway pool on loop files of its own, small enough for `/run`: made, written to until it is full, looked at, removed.
//!
//! It is what Docker makes, a thousand times smaller: a thin pool on two sparse files, and a volume that promises more than the pool has.

mod remove;

pub use remove::{RemoveOrder, remove};

use super::dm::scratch::PREFIX;
use super::dm::{Control, TargetLine};
use super::grow::only_pool;
use super::loop_device::attach::{Attachment, attach};
use super::thin_pool::{self, Active, Status};
use crate::model::Bytes;
use anyhow::{Context, Result, bail, ensure};
use nix::libc;
use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Size of the data device at first.
pub const DATA: Bytes = Bytes::mib(16);
/// Size of the metadata device at first, the smallest that the kernel takes with room to spare.
pub const METADATA: Bytes = Bytes::mib(2);
/// What is written: more than the pool has, and less than it has once grown.
pub const WRITTEN: Bytes = Bytes::mib(20);
/// Room that the directory must have: what is written, the metadata, and as much again for others.
pub const ROOM: Bytes = Bytes::mib(64);

/// What the volume promises.
const VOLUME: Bytes = Bytes::mib(64);
/// 64 KiB, as Docker has it.
const BLOCK_SECTORS: u64 = 128;
/// A quarter of the pool: the kernel tells while there is time.
const LOW_WATER_BLOCKS: u64 = DATA.0 / (BLOCK_SECTORS * Bytes::SECTOR) / 4;
/// One write, and what direct I/O wants its memory to be a multiple of.
const CHUNK: usize = 64 << 10;
const ALIGNMENT: usize = 4096;
/// What is written.
const FILLING: u8 = 0xa5;

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeOrder {
    /// Name of the pool, with a drill's prefix; the volume's is made of it.
    pub pool: String,
    /// Where the directory of the files is to be made.
    pub below: PathBuf,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
    /// `/dev`
    pub dev: PathBuf,
}

impl MakeOrder {
    /// The directory of the files.
    pub fn directory(&self) -> PathBuf {
        self.below.join(&self.pool)
    }
}

/// The pool that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its table's parameters, as the kernel shows them.
    pub params: String,
    /// Its events so far.
    pub event_nr: u32,
    /// The data file and the loop device on it, `loop3`.
    pub data: (PathBuf, String),
    /// The metadata file, likewise.
    pub metadata: (PathBuf, String),
    /// The volume's block device, `/dev/dm-7`.
    pub volume: PathBuf,
}

/// Makes pool and volume. What is there after an error is for [`remove`].
///
/// # Errors
/// The step that failed.
pub fn make(order: &MakeOrder) -> Result<Made> {
    let directory = order.directory();
    let data = file(&directory.join("data"), DATA)?;
    let metadata = file(&directory.join("metadata"), METADATA)?;
    let data_loop = attach(&order.dev, &data).context("attach the data file")?;
    let metadata_loop = attach(&order.dev, &metadata).context("attach the metadata file")?;

    let control = Control::open(&order.dm_control)?;
    let numbers = |it: &Attachment| -> Result<String> {
        let number = it.device.metadata()?.rdev();
        Ok(format!("{}:{}", libc::major(number), libc::minor(number)))
    };
    let params = format!(
        "{} {} {BLOCK_SECTORS} {LOW_WATER_BLOCKS} 1 skip_block_zeroing",
        numbers(&metadata_loop)?,
        numbers(&data_loop)?
    );
    // A kernel that has no such target calls the table invalid, and says the rest in its log alone.
    device(&control, &order.pool, thin_pool::KIND, DATA, params)
        .context("modprobe dm_thin_pool, and see the kernel's log")?;
    control.scratch().message(&order.pool, "create_thin 0")?;
    let pool = control.info(&order.pool)?;
    let volume = volume_name(&order.pool);
    device(
        &control,
        &volume,
        "thin",
        VOLUME,
        format!("{}:{} 0", pool.major, pool.minor),
    )?;
    let (pool, lines) = control.table(&order.pool)?;
    Ok(Made {
        params: only_pool(&order.pool, &lines)?.params.clone(),
        event_nr: pool.event_nr,
        data: (directory.join("data"), data_loop.name),
        metadata: (directory.join("metadata"), metadata_loop.name),
        volume: order.dev.join(format!("dm-{}", control.info(&volume)?.minor)),
    })
}

/// Makes the directory that the files lie in, where there is room for them.
///
/// # Errors
/// There is one of this name, too little room, or the kernel refuses.
pub fn make_directory(order: &MakeOrder) -> Result<Bytes> {
    let told = || order.below.display().to_string();
    ensure!(order.pool.starts_with(PREFIX), "'{}' is no drill's name", order.pool);
    let room = statvfs(&order.below).with_context(told)?;
    let free = Bytes(room.blocks_available().saturating_mul(room.fragment_size()));
    ensure!(
        free >= ROOM,
        "{} has {free} free, and a drill needs {ROOM}; --dir chooses another place",
        told()
    );
    DirBuilder::new()
        .mode(0o700)
        .create(order.directory())
        .with_context(|| order.directory().display().to_string())?;
    Ok(free)
}

fn volume_name(pool: &str) -> String {
    format!("{pool}-volume")
}

/// A new sparse file.
fn file(path: &Path, size: Bytes) -> Result<File> {
    let told = || path.display().to_string();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(told)?;
    file.set_len(size.0).with_context(told)?;
    Ok(file)
}

/// A device with a table of one line, at work.
fn device(control: &Control, name: &str, kind: &str, size: Bytes, params: String) -> Result<()> {
    control.scratch().create(name)?;
    let line = TargetLine {
        start: 0,
        length: size.0 / Bytes::SECTOR,
        kind: kind.into(),
        params,
    };
    control.load(name, &[line])?;
    Ok(control.resume(name)?)
}

/// Writes more to the volume than its pool has, past the page cache, and reads it all again. Waits in D state while the pool is full.
///
/// # Errors
/// A write or read fails, or other bytes come back.
pub fn write(volume: &Path) -> Result<()> {
    let told = || volume.display().to_string();
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_CLOEXEC | libc::O_DIRECT)
        .open(volume)
        .with_context(told)?;
    ensure!(
        device.metadata()?.file_type().is_block_device(),
        "{} is no device",
        told()
    );
    let mut memory = vec![FILLING; CHUNK + ALIGNMENT];
    let at = memory.as_ptr().align_offset(ALIGNMENT);
    let chunk = memory.get_mut(at..at + CHUNK).context("no aligned memory")?;
    let places = || (0..WRITTEN.0).step_by(CHUNK);
    for place in places() {
        device
            .write_all_at(chunk, place)
            .with_context(|| format!("write to {} at {place}", told()))?;
    }
    for place in places() {
        chunk.fill(0);
        device
            .read_exact_at(chunk, place)
            .with_context(|| format!("read {} at {place}", told()))?;
        ensure!(
            chunk.iter().all(|byte| *byte == FILLING),
            "other bytes came back from {} at {place}",
            told()
        );
    }
    Ok(())
}

/// The pool's status, without a flush.
///
/// # Errors
/// It is not there, or has failed.
pub fn look(dm_control: &Path, pool: &str) -> Result<Active> {
    let (_, lines) = Control::open(dm_control)?.status(pool)?;
    match Status::parse(&only_pool(pool, &lines)?.params).map_err(anyhow::Error::msg)? {
        Status::Active(active) => Ok(active),
        Status::Fail | Status::Error => bail!("the pool has failed"),
    }
}
