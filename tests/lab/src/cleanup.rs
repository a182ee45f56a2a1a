//! What must not outlive the lab: its QEMU processes, its scratch directories, and a terminal left in raw mode.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::termios::{SetArg, Termios, tcsetattr};
use nix::unistd::Pid;

struct Leftovers {
    children: Vec<(Pid, Signal)>,
    directories: Vec<PathBuf>,
    terminal: Option<Termios>,
}

static LEFTOVERS: Mutex<Leftovers> = Mutex::new(Leftovers {
    children: Vec::new(),
    directories: Vec::new(),
    terminal: None,
});

fn leftovers() -> MutexGuard<'static, Leftovers> {
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes SIGINT, SIGTERM and SIGHUP clean up before they end the lab. Call before any thread or child exists, since the
/// signals are blocked here and waited for in a thread of their own.
pub fn on_signals() -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().context("cannot block signals")?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Ok(signal) = signals.wait() {
            eprintln!("\nlab: {signal}: cleaning up");
            clean_up();
            std::process::exit(128 + signal as i32);
        }
    })?;
    Ok(())
}

fn clean_up() {
    let mut left = leftovers();
    for (pid, signal) in left.children.drain(..) {
        let _ = kill(pid, signal);
    }
    for directory in left.directories.drain(..) {
        let _ = std::fs::remove_dir_all(directory);
    }
    if let Some(settings) = left.terminal.take() {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &settings);
    }
}

/// Starts a child that gets `signal` when the lab ends, however it ends.
pub fn spawn_tied(command: &mut Command, signal: Signal) -> Result<Child> {
    // SAFETY: between fork and exec this makes one async-signal-safe system call and touches no memory of the parent.
    unsafe {
        command.pre_exec(move || prctl::set_pdeathsig(signal).map_err(std::io::Error::from));
    }
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    leftovers().children.push((pid_of(&child), signal));
    Ok(child)
}

/// To be called once the child has been waited for, so that a reused pid is never signalled.
pub fn forget_child(child: &Child) {
    let pid = pid_of(child);
    leftovers().children.retain(|(known, _)| *known != pid);
}

/// The child's pid in the type that `kill` takes.
pub fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a Linux pid fits in i32"))
}

/// Remembers how the terminal was, in case the lab ends while QEMU holds it raw.
pub fn remember_terminal(settings: Termios) {
    leftovers().terminal = Some(settings);
}

/// A directory that is removed when dropped, or when a signal ends the lab.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Takes charge of `path`, which the caller has created.
    pub fn adopt(path: PathBuf) -> Scratch {
        leftovers().directories.push(path.clone());
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps the content under a new name: for what was built here and is now whole.
    pub fn keep_as(self, path: &Path) -> Result<()> {
        std::fs::rename(&self.0, path).with_context(|| format!("cannot rename to {}", path.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        leftovers().directories.retain(|known| *known != self.0);
    }
}
