//! The history of the fill rates, kept on tmpfs: the next life of the guard goes on with it, and `thinguard status` reads it.

use crate::act::RUN_DIR;
use crate::judge::rate::Fill;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Not written more often than this: the newest seconds may be lost.
const SELDOM: Duration = Duration::from_secs(10);

/// The file, and when it was last written.
#[derive(Debug, Default)]
pub struct RateFile {
    written: Option<Duration>,
}

fn path() -> PathBuf {
    PathBuf::from(RUN_DIR).join("rates.json")
}

impl RateFile {
    /// Writes it now and then, in one rename. Nothing depends on it, so a failure is no one's concern; it is tried again.
    pub fn keep(&mut self, fill: &Fill, now: Duration) {
        if self.written.is_some_and(|at| now.saturating_sub(at) < SELDOM) {
            return;
        }
        let draft = path().with_extension("new");
        let text = serde_json::to_vec(fill).unwrap_or_default();
        let _ = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path()));
        self.written = Some(now);
    }
}

/// What the guard last wrote; nothing where it cannot be read.
pub fn read() -> Fill {
    fs::read(path())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
