//! What outlives the guard within one boot: small files on tmpfs, and the lock that lets one guard run at a time.

use crate::act::RUN_DIR;
use crate::judge::memory::Persistent;
use crate::judge::rate::Fill;
use crate::kernel::lock;
use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The restarts, the incident under way and the newest deeds.
const STATE: &str = "watch.json";

/// The history of the fill rates, which `thinguard status` reads too.
const RATES: &str = "rates.json";

/// Rates are not written more often than this: the newest seconds may be lost.
const RATES_SELDOM: Duration = Duration::from_secs(10);

/// What came of taking the lock.
#[derive(Debug)]
pub enum Opened {
    /// It is ours.
    Ours(StateFile),
    /// Another guard holds it: its process, where it wrote that down.
    Held(Option<u32>),
}

/// The lock, with what was last written.
#[derive(Debug)]
pub struct StateFile {
    written: Option<Box<Persistent>>,
    /// The newest write failed: that has been told.
    failing: bool,
    rates_written: Option<Duration>,
    _lock: File,
}

fn place(name: &str) -> PathBuf {
    Path::new(RUN_DIR).join(name)
}

fn lock_path() -> PathBuf {
    place("watch.lock")
}

impl StateFile {
    /// Takes the lock; fails where `/run` cannot be written.
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
                    written: None,
                    failing: false,
                    rates_written: None,
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

    /// Writes what has changed; a failure is told and the guard goes on.
    pub fn keep(&mut self, kept: &Persistent) {
        if self.written.as_deref() == Some(kept) {
            return;
        }
        match write(STATE, kept) {
            Ok(()) => {
                self.written = Some(Box::new(kept.clone()));
                self.failing = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let path = place(STATE);
                    log::warn!(
                        "{}: {error}; the restart budget would not survive the guard",
                        path.display()
                    );
                }
            }
        }
    }

    /// Writes the rates now and then. Nothing depends on them, so a failure is no one's concern; it is tried again.
    pub fn keep_rates(&mut self, fill: &Fill, now: Duration) {
        if self
            .rates_written
            .is_none_or(|at| now.saturating_sub(at) >= RATES_SELDOM)
        {
            let _ = write(RATES, fill);
            self.rates_written = Some(now);
        }
    }
}

/// In one rename. On tmpfs this cannot hang.
fn write(name: &str, what: &impl Serialize) -> io::Result<()> {
    let (path, draft) = (place(name), place(name).with_extension("new"));
    fs::write(&draft, serde_json::to_vec(what)?).and_then(|()| fs::rename(&draft, &path))
}

fn recall<T: DeserializeOwned + Default>(name: &str) -> T {
    let bytes = fs::read(place(name)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// What the guard last wrote. A file that cannot be read is as good as none: the whole budget and the cool-down are forgotten then. It is
/// written in one rename, so that only somebody else's hand can make it so.
pub fn read() -> Persistent {
    recall(STATE)
}

/// The rates that the guard last wrote.
pub fn read_rates() -> Fill {
    recall(RATES)
}

/// Whether a guard is running: it holds its lock for as long as it lives.
pub fn is_running() -> bool {
    lock::is_held(&lock_path())
}
