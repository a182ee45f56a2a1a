//! Last words: a line in the kernel's log, which needs no journald, no syslogd and no disk, and reaches the console.

use super::event::Event;
use super::native::cut;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The kernel cuts a record at about 1000 bytes.
const LONGEST: usize = 900;

/// The kernel's log, opened early: at the worst moment there may be no memory or descriptor for it.
#[derive(Debug, Default)]
pub(super) struct KernelLog(Option<File>);

impl KernelLog {
    /// `/dev/kmsg`; never fails, but may say nothing.
    pub(super) fn open(path: &Path) -> Self {
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(path);
        KernelLog(file.ok())
    }

    /// The same for another thread.
    pub(super) fn share(&self) -> Self {
        KernelLog(self.0.as_ref().and_then(|file| file.try_clone().ok()))
    }

    /// One record a write; a refusal leaves nowhere else to complain.
    pub(super) fn write(&mut self, event: &Event) {
        if let Some(file) = &mut self.0 {
            let mut line = format!("<{}>thinguard: {}", event.priority as u8, event.message);
            cut(&mut line, LONGEST);
            // Since Linux 5.10 nobody sees a line without an end until the next line comes (kernel/printk/printk.c, `vprintk_store`).
            line.push('\n');
            let _ = file.write_all(line.as_bytes());
        }
    }
}
