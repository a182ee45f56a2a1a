//! The kernel's log from `/dev/kmsg`: records as they come, and a count of those that were overwritten first.
//!
//! It may be read in the main process. `devkmsg_read` (kernel/printk/printk.c, 3.5 and later) with `O_NONBLOCK` waits for nothing
//! but a lock of this very file, which nobody else has; the records lie in memory.

pub mod wording;

use nix::errno::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// The device.
pub const KMSG: &str = "/dev/kmsg";

/// A record and its fields never take more (`CONSOLE_EXT_LOG_MAX`); into less than a record the kernel does not write.
const LONGEST_RECORD: usize = 8192;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who said it, 0 for the kernel itself. No program can claim 0: `devkmsg_write` makes it 1.
    pub facility: u32,
    /// Its number; the next record has the next one.
    pub sequence: u64,
    /// When, on a clock that starts at boot and does not count suspended time (`local_clock`).
    pub when: Duration,
    /// The text, without escapes: it may hold anything.
    pub text: String,
}

/// Reads what one `read` of the device gave: `prefix,sequence,microseconds,flags[,more];text`, then lines of fields that begin
/// with a blank (Documentation/ABI/testing/dev-kmsg). `None` for anything else.
pub fn parse(record: &[u8]) -> Option<Record> {
    let line = record.split(|byte| *byte == b'\n').next()?;
    let semicolon = line.iter().position(|byte| *byte == b';')?;
    let (header, text) = (line.get(..semicolon)?, line.get(semicolon + 1..)?);
    let mut numbers = std::str::from_utf8(header).ok()?.split(',');
    let prefix: u32 = numbers.next()?.parse().ok()?;
    Some(Record {
        facility: prefix >> 3,
        sequence: numbers.next()?.parse().ok()?,
        when: Duration::from_micros(numbers.next()?.parse().ok()?),
        text: unescaped(text),
    })
}

/// The kernel writes control characters, the backslash and what is not ASCII as `\xNN` (`append_char`, `msg_print_ext_body`).
fn unescaped(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, more)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', b'x', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The open log, at the next record to be read.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
    buffer: Vec<u8>,
    next: Option<u64>,
    /// Records that were overwritten before they were read.
    pub lost: u64,
}

impl KernelLog {
    /// Opens the log at its oldest record.
    ///
    /// # Errors
    /// When there is none, or it may not be read (`kernel.dmesg_restrict` without CAP_SYSLOG).
    pub fn open(path: &Path) -> io::Result<KernelLog> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC)
            .open(path)?;
        Ok(KernelLog::from(file))
    }

    /// The next record that can be read; `None` when there is none for now. Never blocks.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn read_next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let length = match self.file.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(error) => match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
                    // EPIPE: records were overwritten, and the next read gives the oldest that is left.
                    Errno::EPIPE | Errno::EINTR => continue,
                    Errno::EAGAIN => return Ok(None),
                    _ => return Err(error),
                },
            };
            let Some(record) = parse(self.buffer.get(..length).unwrap_or_default()) else {
                continue;
            };
            let expected = self.next.unwrap_or(record.sequence);
            self.lost = self.lost.saturating_add(record.sequence.saturating_sub(expected));
            self.next = Some(record.sequence.saturating_add(1));
            return Ok(Some(record));
        }
    }
}

impl From<File> for KernelLog {
    fn from(file: File) -> Self {
        KernelLog {
            file,
            buffer: vec![0; LONGEST_RECORD],
            next: None,
            lost: 0,
        }
    }
}

#[cfg(test)]
mod tests;
