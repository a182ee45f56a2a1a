//! The intent: written down before the stop is ordered, forgotten once nothing is to follow it. On tmpfs, so that it ends with the boot.

use super::{RUN_DIR, RestartOrder, START_LIMIT, stop_limit};
use crate::kernel::lock;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// An intent older than this was left by a guard whose end nobody followed up; the operator has long decided otherwise.
const HOLDS: Duration = Duration::from_secs(30 * 60);

/// Where it is written down.
pub fn path() -> String {
    format!("{RUN_DIR}/restart-intent.json")
}

/// How long an intent holds from the order on. A stop that may take longer is not too old while it is under way.
pub(super) fn holds(order: &RestartOrder) -> Duration {
    HOLDS.max(stop_limit(order) + START_LIMIT)
}

/// The restart that was ordered by us or an earlier life of the guard and not seen completed, if that was not long ago. Only a look:
/// one that is too old may still be at work, and its removal would call that off; whoever holds the lock may forget it.
pub fn unfinished(now: Duration) -> Option<RestartOrder> {
    unfinished_at(&path(), now)
}

pub(super) fn unfinished_at(path: &str, now: Duration) -> Option<RestartOrder> {
    let order: RestartOrder = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (now.saturating_sub(order.ordered_at) < holds(&order)).then_some(order)
}

/// Whether it is there; where that cannot be told, it is.
pub(super) fn is_there() -> bool {
    !matches!(fs::metadata(path()), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Writes it down, or forgets it.
pub(super) fn keep(order: Option<&RestartOrder>) -> Result<(), String> {
    let path = path();
    match order {
        // In one rename, for there may be one already that must not be lost.
        Some(order) => {
            let draft = format!("{path}.new");
            fs::write(&draft, serde_json::to_vec(order).unwrap_or_default()).and_then(|()| fs::rename(&draft, &path))
        }
        None => match fs::remove_file(&path) {
            // Whoever called the start off may have removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    }
    .map_err(|error| format!("{path}: {error}"))
}

/// Who may not get the lock at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// A new restart is not begun beside another.
    None,
    /// Who is to finish one waits for the child that may still be at it: it outlives the guard that sent it, and keeps its lock.
    ForEver,
}

/// One restart at a time, across lives of the guard.
pub(super) fn lock(patience: Patience) -> Result<File, String> {
    take(&format!("{RUN_DIR}/restart.lock"), patience)
}

pub(super) fn take(path: &str, patience: Patience) -> Result<File, String> {
    let told = |error: io::Error| format!("{path}: {error}");
    let file = lock::open(Path::new(path)).map_err(told)?;
    match patience {
        Patience::ForEver => file.lock().map_err(told)?,
        Patience::None => match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err("another restart is under way".into()),
            Err(TryLockError::Error(error)) => return Err(told(error)),
        },
    }
    Ok(file)
}
