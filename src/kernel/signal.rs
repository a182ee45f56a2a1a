//! A signal to one certain process: by a handle on it where the kernel has such a thing, so that no other can get its number.

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// A process that was there when the handle was taken.
#[derive(Debug)]
pub struct Handle {
    pid: i32,
    /// `None` on kernels before 5.3, which have no `pidfd_open`.
    pidfd: Option<OwnedFd>,
}

impl Handle {
    /// Takes a handle. Who has one then makes sure that it is the process that is meant.
    ///
    /// # Errors
    /// There is no such process, or the kernel has no descriptor for it.
    pub fn take(pid: u32) -> io::Result<Handle> {
        let pid = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: pidfd_open takes two integers and no pointer.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        match i32::try_from(fd) {
            Ok(fd) if fd >= 0 => Ok(Handle {
                pid,
                // SAFETY: the kernel has just made this descriptor for us and nobody else knows of it.
                pidfd: Some(unsafe { OwnedFd::from_raw_fd(fd) }),
            }),
            _ => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(Handle { pid, pidfd: None }),
                error => Err(error),
            },
        }
    }

    /// Sends SIGUSR1. Without CAP_KILL this reaches processes of the same user alone (kernel/signal.c, `kill_ok_by_cred`).
    ///
    /// # Errors
    /// The process has gone, or is not ours to signal.
    pub fn user_signal(&self) -> io::Result<()> {
        let Some(pidfd) = &self.pidfd else {
            return kill(Pid::from_raw(self.pid), Signal::SIGUSR1).map_err(io::Error::from);
        };
        let none = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: a null siginfo is allowed, the kernel then makes one up; the descriptor is open.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGUSR1, none, 0) };
        match sent {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Whether the process has a handler for SIGUSR1, by `/proc/PID/status`: without one the signal would end it.
///
/// # Errors
/// When that cannot be read.
pub fn catches_user_signal(root: &Path, pid: u32) -> io::Result<bool> {
    let status = std::fs::read_to_string(root.join(format!("proc/{pid}/status")))?;
    Ok(is_caught(&status, Signal::SIGUSR1))
}

/// The line `SigCgt:` is a mask in hexadecimal digits, the lowest bit for signal 1 (proc(5)).
fn is_caught(status: &str, signal: Signal) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal as u32 - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read() {
        for (status, wanted) in [
            ("Name:\tx\nSigCgt:\tfffffffc7fc1feff\n", true),
            ("SigCgt:\t0000000000000200\n", true),
            ("SigCgt:\t0000000000000100\n", false),
            ("SigIgn:\t0000000000000200\n", false),
            ("SigCgt:\tx\n", false),
            ("", false),
        ] {
            assert_eq!(is_caught(status, Signal::SIGUSR1), wanted, "{status}");
        }
    }

    #[test]
    fn a_shell_dies_of_it_and_is_told_apart() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        assert!(!catches_user_signal(Path::new("/"), child.id()).unwrap());
        Handle::take(child.id()).unwrap().user_signal().unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(Handle::take(u32::MAX).is_err());
    }
}
