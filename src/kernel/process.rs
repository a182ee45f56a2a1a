//! What the guard does to its own process: clock read, signals taken as a descriptor.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::time::{ClockId, clock_gettime};
use std::io;
use std::time::Duration;

/// Time since boot, suspended time included. It never jumps and means the same to the next life of the guard.
pub fn since_boot() -> Duration {
    // The clock exists since Linux 2.6.39, so the fallback is unreachable; zero would only make everything look recent.
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default()
}

/// Time since boot without the time that the host was suspended: what the kernel's log counts in, but for some drift.
pub fn awake() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map(Duration::from)
        .unwrap_or_default()
}

/// Whether this process may do what root may.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Has the kernel end this process when its parent ends, as far as a process in D state can be ended.
pub fn end_with_parent() {
    // On a kernel that refuses, the process only lives longer than it is needed.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
}

/// Nothing that this process may execute can gain privileges.
///
/// # Errors
/// On kernels before 3.5.
pub fn no_new_privileges() -> io::Result<()> {
    nix::sys::prctl::set_no_new_privs().map_err(io::Error::from)
}

/// Blocks SIGTERM, SIGINT and SIGHUP and gives a descriptor that becomes readable when one arrives.
///
/// # Errors
/// When the kernel refuses the descriptor.
pub fn signals() -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block()?;
    Ok(SignalFd::with_flags(
        &set,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

/// This boot's id, so that what an earlier boot left is not mistaken for ours. Empty where `/proc` does not tell.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// By how many seconds the host's local time was ahead of UTC at this time, in seconds since 1970. Reads `/etc/localtime`.
pub fn offset_of_local_time(at: i64) -> i32 {
    let mut local = std::mem::MaybeUninit::<nix::libc::tm>::zeroed();
    // SAFETY: both pointers are to live values of the types that localtime_r takes, and it keeps neither.
    let done = unsafe { nix::libc::localtime_r(&at, local.as_mut_ptr()) };
    if done.is_null() {
        return 0;
    }
    // SAFETY: it was zeroed, which is a valid tm, and localtime_r has filled it in.
    let offset = unsafe { local.assume_init() }.tm_gmtoff;
    i32::try_from(offset).unwrap_or(0)
}
