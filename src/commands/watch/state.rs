//! What outlives the guard within one boot: a small file on tmpfs, and the lock that lets one guard run at a time.

use crate::act::RUN_DIR;
use crate::judge::memory::Persistent;
use crate::kernel::lock;
use anyhow::{Context, Result};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

/// What came of taking the lock.
#[derive(Debug)]
pub enum Opened {
    /// It is ours.
    Ours(StateFile),
    /// Another guard holds it: its process, where it wrote that down.
    Held(Option<u32>),
}

/// The file, with what was last written to it.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    written: Option<Box<Persistent>>,
    /// The newest write failed: that has been told.
    failing: bool,
    _lock: File,
}

fn lock_path() -> PathBuf {
    PathBuf::from(RUN_DIR).join("watch.lock")
}

fn state_path() -> PathBuf {
    PathBuf::from(RUN_DIR).join("watch.json")
}

impl StateFile {
    /// Takes the lock.
    ///
    /// # Errors
    /// When `/run` cannot be written.
    pub fn open() -> Result<Opened> {
        let mut lock = lock::open(&lock_path()).with_context(|| lock_path().display().to_string())?;
        // A guard that is being replaced needs a moment to end.
        let mut tries = 0..10;
        let taken = loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) if tries.next().is_some() => {
                    std::thread::sleep(Duration::from_millis(50))
                }
                other => break other,
            }
        };
        match taken {
            Ok(()) => {
                // For people and for a second guard; on a full `/run` they only learn less.
                let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
                Ok(Opened::Ours(StateFile {
                    path: state_path(),
                    written: None,
                    failing: false,
                    _lock: lock,
                }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = lock.take(32).read_to_string(&mut text);
                Ok(Opened::Held(text.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| lock_path().display().to_string()),
        }
    }

    /// What the last guard left. A file that cannot be read is as good as none: the whole budget and the cool-down are forgotten then.
    /// It is written in one rename, so that only somebody else's hand can make it so.
    pub fn recall(&self) -> Persistent {
        read()
    }

    /// Writes what has changed, in one rename. On tmpfs this cannot hang; a failure is told and the guard goes on.
    pub fn keep(&mut self, kept: &Persistent) {
        if self.written.as_deref() == Some(kept) {
            return;
        }
        let draft = self.path.with_extension("new");
        let text = serde_json::to_vec(kept).unwrap_or_default();
        match fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path)) {
            Ok(()) => {
                self.written = Some(Box::new(kept.clone()));
                self.failing = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    log::warn!(
                        "{}: {error}; the restart budget would not survive the guard",
                        self.path.display()
                    );
                }
            }
        }
    }
}

/// What the guard last wrote.
pub fn read() -> Persistent {
    fs::read(state_path())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Whether a guard is running: it holds its lock for as long as it lives.
pub fn is_running() -> bool {
    lock::is_held(&lock_path())
}
