//! The device-mapper ioctls, spoken directly: list, look, load, resume (linux/dm-ioctl.h, drivers/md/dm-ioctl.c).

mod error;
pub mod scratch;
#[cfg(test)]
mod tests;
mod wire;

pub use error::Error;

use nix::errno::Errno;
use nix::libc;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use wire::Reply;

/// Path of the control device.
pub const CONTROL: &str = "/dev/mapper/control";

/// Room for a reply at first; doubled while the kernel says that it was too small …
const REPLY_BYTES: usize = 16 << 10;
/// … but no further than this: thousands of devices, far more than a host has.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// The commands that thinguard needs. There is none that suspends or renames a device, and those that make, remove and message one are
/// for devices of a drill alone ([`scratch`]): see laws 4 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Command {
    Version = 0,
    List = 2,
    Create = 3,
    Remove = 4,
    Resume = 6,
    Info = 7,
    Wait = 8,
    Load = 9,
    Clear = 10,
    Status = 12,
    Message = 14,
}

impl Command {
    /// What the command does, to follow "cannot".
    fn purpose(self) -> &'static str {
        match self {
            Command::Version => "ask device-mapper for its version",
            Command::List => "list the devices of device-mapper",
            Command::Create => "make",
            Command::Remove => "remove",
            Command::Resume => "resume",
            Command::Info => "look at",
            Command::Wait => "wait for an event of",
            Command::Load => "load a new table into",
            Command::Clear => "drop the inactive table of",
            Command::Status => "read the status or table of",
            Command::Message => "send a message to",
        }
    }

    fn failed(self, name: &str, errno: Errno) -> Error {
        match errno {
            Errno::ENXIO => Error::NoSuchDevice(name.to_owned()),
            errno => Error::Refused {
                purpose: self.purpose(),
                name: name.to_owned(),
                errno,
            },
        }
    }

    /// Whether the kernel answers with more than the header. Those that do not get the smallest buffer: the kernel allocates as
    /// much as we offer, and a resume must succeed when memory is short.
    fn answers_with_data(self) -> bool {
        matches!(self, Command::List | Command::Wait | Command::Status)
    }
}

/// One device in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// State of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its UUID; empty where it has none.
    pub uuid: String,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// All I/O waits until someone resumes it.
    pub suspended: bool,
    /// Events so far.
    pub event_nr: u32,
    /// How often it is open.
    pub open_count: u32,
    /// It takes no writes.
    pub read_only: bool,
    /// It has a table in use.
    pub has_live_table: bool,
    /// A table was loaded that the next resume will put to use.
    pub has_inactive_table: bool,
}

/// One line of a device's table or status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLine {
    /// First sector (512 bytes each).
    pub start: u64,
    /// Length in sectors.
    pub length: u64,
    /// Target type, `thin-pool`.
    pub kind: String,
    /// The target's own text, verbatim; kernels end it with a space.
    pub params: String,
}

/// The open control device of device-mapper.
#[derive(Debug)]
pub struct Control {
    device: OwnedFd,
    /// [`ioctl`], except in tests.
    door: Door,
}

/// Sends one request and puts the reply in its place.
type Door = fn(RawFd, Command, &mut [u8]) -> Result<(), Errno>;

impl Control {
    /// Opens the control device, [`CONTROL`].
    ///
    /// # Errors
    /// [`Error::NotAvailable`], with the reason.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_CLOEXEC)
            .open(path);
        file.map(|file| Control {
            device: file.into(),
            door: ioctl,
        })
        .map_err(|why| Error::NotAvailable(format!("{}: {why}", path.display())))
    }

    /// Version of the kernel's interface: major, minor, patch level.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn version(&self) -> Result<(u32, u32, u32), Error> {
        Reply(&self.call(Command::Version, "", 0, 0, &[])?).version()
    }

    /// All devices, in the kernel's order.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::BadReply`], [`Error::TooLarge`].
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        Reply(&self.call(Command::List, "", 0, 0, &[])?).names()
    }

    /// State of the device `name`.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`] and the rest of [`Error`].
    pub fn info(&self, name: &str) -> Result<Info, Error> {
        Reply(&self.call(Command::Info, name, 0, 0, &[])?).info()
    }

    /// State and status lines of `name`. Always without a flush (law 8): a flush makes a pool commit its metadata, which hangs
    /// or fails just when the pool is in trouble.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`] and the rest of [`Error`].
    pub fn status(&self, name: &str) -> Result<(Info, Vec<TargetLine>), Error> {
        self.lines(name, wire::NOFLUSH)
    }

    /// State and live table of `name`, without a flush.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`] and the rest of [`Error`].
    pub fn table(&self, name: &str) -> Result<(Info, Vec<TargetLine>), Error> {
        self.lines(name, wire::NOFLUSH | wire::STATUS_TABLE)
    }

    /// Loads `table` into the inactive slot of `name`, in place of what was there. The live table stays in use until a resume.
    ///
    /// # Errors
    /// [`Error::BadTable`], or [`Error::Refused`] where the kernel finds the table wrong; nothing has changed then.
    pub fn load(&self, name: &str, table: &[TargetLine]) -> Result<(), Error> {
        self.call(Command::Load, name, 0, 0, table).map(drop)
    }

    /// Resumes `name`. With a table in the inactive slot the kernel suspends the device, swaps the tables and resumes it, all in
    /// this one call (`do_resume`), so the caller's death cannot fall in between. Without a flush: held I/O is queued again, not
    /// waited for. On a device that runs and has no inactive table it does nothing.
    ///
    /// # Errors
    /// [`Error::Refused`]. The device may be suspended then, if the target refused the new table after the swap: look with `info`.
    pub fn resume(&self, name: &str) -> Result<(), Error> {
        self.call(Command::Resume, name, wire::NOFLUSH, 0, &[]).map(drop)
    }

    /// Drops the table in the inactive slot of `name`, if there is one.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`] and the rest of [`Error`].
    pub fn clear(&self, name: &str) -> Result<(), Error> {
        self.call(Command::Clear, name, 0, 0, &[]).map(drop)
    }

    /// Blocks until the event counter of `name` is no longer `event_nr`. A signal ends the wait: [`Error::is_interrupted`].
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`] and the rest of [`Error`].
    pub fn wait(&self, name: &str, event_nr: u32) -> Result<Info, Error> {
        Reply(&self.call(Command::Wait, name, wire::NOFLUSH, event_nr, &[])?).info()
    }

    fn lines(&self, name: &str, flags: u32) -> Result<(Info, Vec<TargetLine>), Error> {
        let bytes = self.call(Command::Status, name, flags, 0, &[])?;
        Ok((Reply(&bytes).info()?, Reply(&bytes).targets()?))
    }

    /// Sends one command and returns the reply's bytes, with as much room as the reply needs.
    fn call(
        &self,
        command: Command,
        name: &str,
        flags: u32,
        event_nr: u32,
        table: &[TargetLine],
    ) -> Result<Vec<u8>, Error> {
        let mut capacity = if command.answers_with_data() {
            REPLY_BYTES
        } else {
            wire::HEADER
        };
        loop {
            let mut buffer = wire::request(name, flags, event_nr, table, capacity)?;
            (self.door)(self.device.as_raw_fd(), command, &mut buffer).map_err(|errno| command.failed(name, errno))?;
            // Only reading commands come here a second time, and a wait then returns at once: its event has happened.
            if !command.answers_with_data() || !Reply(&buffer).is_full() {
                return Ok(buffer);
            }
            if capacity >= REPLY_BYTES_MAX {
                return Err(Error::TooLarge);
            }
            capacity *= 2;
        }
    }
}

/// The one door to device-mapper. `buffer` begins with a `struct dm_ioctl` and is replaced by the kernel's reply.
fn ioctl(control: RawFd, command: Command, buffer: &mut [u8]) -> Result<(), Errno> {
    let number = nix::request_code_readwrite!(0xfd, command as u8, wire::HEADER);
    // The kernel reads and writes as many bytes as `data_size` says, and `wire::request` sets it to the buffer's length.
    debug_assert!(buffer.len() >= wire::HEADER);
    // SAFETY: the descriptor is open for the call; the buffer is ours alone, initialised, at least a `dm_ioctl` long, and its
    // `data_size` is its true length, past which the kernel never goes (`copy_params`, `ctl_ioctl`). It keeps no pointer.
    Errno::result(unsafe { libc::ioctl(control, number as _, buffer.as_mut_ptr()) }).map(drop)
}
