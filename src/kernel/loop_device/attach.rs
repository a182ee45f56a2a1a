//! Attaching a file to a free loop device, for a drill. The kernel detaches it by itself once nobody has the device open.

use super::{LoopInfo64, nonsense};
use nix::errno::Errno;
use nix::libc;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// linux/loop.h
const LOOP_SET_FD: u16 = 0x4C00;
const LOOP_CLR_FD: u16 = 0x4C01;
const LOOP_SET_STATUS64: u16 = 0x4C04;
const LOOP_CTL_GET_FREE: u16 = 0x4C82;
/// `LO_FLAGS_AUTOCLEAR`
const AUTOCLEAR: u32 = 4;

/// Others attach too, and may be faster.
const TRIES: usize = 16;

/// A loop device that is attached for as long as somebody has it open.
#[derive(Debug)]
pub struct Attachment {
    /// `loop3`
    pub name: String,
    /// The device.
    pub device: File,
}

/// Opens the control device in `dev`, which has the kernel load the loop module.
///
/// # Errors
/// What the kernel says.
pub fn control(dev: &Path) -> io::Result<File> {
    open(&dev.join("loop-control"))
}

/// Attaches `file` to a free device in `dev` (`/dev`).
///
/// # Errors
/// No device is free, or the kernel refuses; nothing is attached then.
pub fn attach(dev: &Path, file: &File) -> io::Result<Attachment> {
    let control = control(dev)?;
    for _ in 0..TRIES {
        let number = call(control.as_raw_fd(), LOOP_CTL_GET_FREE, 0)?;
        let name = format!("loop{number}");
        let device = open(&dev.join(&name))?;
        match call(device.as_raw_fd(), LOOP_SET_FD, file.as_raw_fd().into()) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => continue,
            other => other?,
        };
        if let Err(error) = set_autoclear(device.as_raw_fd()) {
            let _ = call(device.as_raw_fd(), LOOP_CLR_FD, 0);
            return Err(error);
        }
        return Ok(Attachment { name, device });
    }
    Err(nonsense(
        &dev.join("loop-control"),
        "others take every free loop device",
    ))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_CLOEXEC)
        .open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// An ioctl whose argument is a number.
fn call(fd: RawFd, number: u16, argument: libc::c_long) -> io::Result<i32> {
    // SAFETY: the descriptor is open for the call; these three requests take a number and no pointer.
    let result = unsafe { libc::ioctl(fd, number.into(), argument) };
    Errno::result(result).map_err(io::Error::from)
}

fn set_autoclear(fd: RawFd) -> io::Result<()> {
    let info = LoopInfo64 {
        flags: AUTOCLEAR,
        ..LoopInfo64::EMPTY
    };
    // A device that is busy with its first sync says EAGAIN for a moment (drivers/block/loop.c, loop_set_status).
    for _ in 0..TRIES {
        // SAFETY: the descriptor is open for the call; the kernel reads one `struct loop_info64`, whose size is asserted beside it.
        let result = unsafe { libc::ioctl(fd, LOOP_SET_STATUS64.into(), &raw const info) };
        match Errno::result(result) {
            Err(Errno::EAGAIN) => std::thread::sleep(std::time::Duration::from_millis(50)),
            result => return result.map(drop).map_err(io::Error::from),
        }
    }
    Err(Errno::EAGAIN.into())
}
