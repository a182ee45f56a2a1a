//! Loop devices: what file lies below one, and telling the kernel that this file has grown (drivers/block/loop.c).

pub mod attach;
#[cfg(test)]
mod tests;

use crate::model::Bytes;
use nix::libc;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Major number of all loop devices (Linux' Documentation/admin-guide/devices.txt).
const LOOP_MAJOR: u32 = 7;
/// `LOOP_GET_STATUS64`, `LOOP_SET_CAPACITY`: linux/loop.h.
const LOOP_GET_STATUS64: u16 = 0x4C05;
const LOOP_SET_CAPACITY: u16 = 0x4C07;
/// `LO_FLAGS_READ_ONLY`
const READ_ONLY: u32 = 1;

/// What sysfs tells of a loop device, without opening it. Each look reads it, so it is no more than is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopBacking {
    /// `loop0`: the name of the directory that its number links to.
    pub device: String,
    /// Path of the file as the kernel sees it, from the reader's root directory; not escaped in any way.
    pub file: String,
    /// The file has been unlinked: it still holds the data and is gone when the loop is detached.
    pub deleted: bool,
}

/// Looks in sysfs below `root` what file lies below the block device `major:minor`; `None` for a device that is no loop device,
/// or one with no file attached.
///
/// # Errors
/// Where there is no such device (`NotFound`), sysfs cannot be read, or a text in it makes no sense.
pub fn backing(root: &Path, major: u32, minor: u32) -> io::Result<Option<LoopBacking>> {
    let device = root.join(format!("sys/dev/block/{major}:{minor}"));
    // Asked first, so that a sysfs that is not mounted is not taken for a device that is no loop.
    std::fs::metadata(&device)?;
    let Some(file) = read_if_there(&device.join("loop/backing_file"))?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let (file, deleted) = match file.strip_suffix(" (deleted)") {
        Some(file) => (file.to_owned(), true),
        None => (file, false),
    };
    let linked = std::fs::read_link(&device)?;
    let name = linked.file_name().and_then(|name| name.to_str());
    let name = name.filter(|name| is_loop_name(name));
    Ok(Some(LoopBacking {
        device: name
            .ok_or_else(|| nonsense(&device, "no name of a loop device"))?
            .to_owned(),
        file,
        deleted,
    }))
}

/// The file below a device that a table names, `7:0`; `None` where there is none or that cannot be told.
pub fn below(device: &str) -> Option<LoopBacking> {
    let (major, minor) = device.split_once(':')?;
    backing(Path::new("/"), major.parse().ok()?, minor.parse().ok()?).ok()?
}

/// A sysfs attribute less the line feed at its end, since a path may end in other white space; `None` where there is none.
fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| nonsense(path, "not UTF-8"))?;
            Ok(Some(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn nonsense(path: &Path, what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{}: {}", path.display(), what.escape_debug()),
    )
}

/// `loop` and a number: a name that stays within the directory it is joined to.
fn is_loop_name(name: &str) -> bool {
    name.strip_prefix("loop")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Which file the kernel itself says lies below a loop device, and how (`LOOP_GET_STATUS64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// `st_dev` of the file.
    pub file_device: u64,
    /// `st_ino` of the file.
    pub file_inode: u64,
    /// Where in the file the device begins, in bytes. Docker's begin at 0.
    pub offset: u64,
    /// Bytes after which the device ends though the file goes on; 0 for none. Docker sets none.
    pub size_limit: u64,
    /// The device takes no writes.
    pub read_only: bool,
}

/// An opened loop device.
#[derive(Debug)]
pub struct LoopDevice {
    file: File,
    numbers: (u32, u32),
}

impl LoopDevice {
    /// Opens `name` (`loop0`) in the directory `dev` (`/dev`). Read-only, which changes nothing and wakes no udev rule.
    ///
    /// # Errors
    /// Where `name` is no loop device's name, or what lies there is no loop device, or it cannot be opened.
    pub fn open(dev: &Path, name: &str) -> io::Result<Self> {
        let path = dev.join(name);
        if !is_loop_name(name) {
            return Err(nonsense(&path, "no name of a loop device"));
        }
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
        let about = file.metadata()?;
        let numbers = (libc::major(about.rdev()) as u32, libc::minor(about.rdev()) as u32);
        if !about.file_type().is_block_device() || numbers.0 != LOOP_MAJOR {
            return Err(nonsense(&path, "not a loop device"));
        }
        Ok(LoopDevice { file, numbers })
    }

    /// Major and minor number.
    pub fn numbers(&self) -> (u32, u32) {
        self.numbers
    }

    /// What is attached.
    ///
    /// # Errors
    /// `ENXIO` where nothing is.
    pub fn attached(&self) -> io::Result<Attached> {
        let info = get_status(self.file.as_raw_fd())?;
        Ok(Attached {
            file_device: info.device,
            file_inode: info.inode,
            offset: info.offset,
            size_limit: info.size_limit,
            read_only: info.flags & READ_ONLY != 0,
        })
    }

    /// Makes the device as large as its file is now. Harmless where it is already.
    ///
    /// # Errors
    /// `ENXIO` where nothing is attached, `EPERM` without `CAP_SYS_ADMIN`.
    pub fn set_capacity(&self) -> io::Result<()> {
        set_capacity(self.file.as_raw_fd())
    }

    /// Size of the device.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn size(&self) -> io::Result<Bytes> {
        Ok(Bytes(size_in_bytes(self.file.as_raw_fd())?))
    }
}

/// `struct loop_info64` (linux/loop.h); what is not needed is left without a name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct LoopInfo64 {
    device: u64,
    inode: u64,
    _rdevice: u64,
    offset: u64,
    size_limit: u64,
    _number: u32,
    _encryption: [u32; 2],
    flags: u32,
    _names_and_keys: [u8; 64 + 64 + 32],
    _init: [u64; 2],
}

const _: () = assert!(size_of::<LoopInfo64>() == 232);

impl LoopInfo64 {
    const EMPTY: LoopInfo64 = LoopInfo64 {
        device: 0,
        inode: 0,
        _rdevice: 0,
        offset: 0,
        size_limit: 0,
        _number: 0,
        _encryption: [0; 2],
        flags: 0,
        _names_and_keys: [0; 64 + 64 + 32],
        _init: [0; 2],
    };
}

fn get_status(fd: RawFd) -> io::Result<LoopInfo64> {
    let mut info = std::mem::MaybeUninit::<LoopInfo64>::zeroed();
    // SAFETY: the descriptor is open for the call; the kernel writes one `struct loop_info64`, whose size is asserted above.
    let result = unsafe { libc::ioctl(fd, LOOP_GET_STATUS64.into(), info.as_mut_ptr()) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: zeroed before the call, and any bytes make a valid `LoopInfo64`: it is numbers only.
        _ => Ok(unsafe { info.assume_init() }),
    }
}

fn set_capacity(fd: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open for the call, which passes a number (ignored) and no pointer.
    match unsafe { libc::ioctl(fd, LOOP_SET_CAPACITY.into(), 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn size_in_bytes(fd: RawFd) -> io::Result<u64> {
    let mut bytes = 0u64;
    // The request's number is made with the size of a `size_t`, yet the kernel writes 64 bits everywhere (block/ioctl.c).
    let number = nix::request_code_read!(0x12, 114, size_of::<usize>());
    // SAFETY: the descriptor is open for the call; the kernel writes 8 bytes, and `bytes` has 8.
    match unsafe { libc::ioctl(fd, number as _, &raw mut bytes) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(bytes),
    }
}
