//! What the helper's children do: the one place that joins looks and deeds into a single worker.

use super::settings::files as settings;
use super::watch::metrics;
use crate::kernel::errand::Porter;
use crate::kernel::process;
use crate::{act, observe};
use anyhow::{Context, Result};

/// Starts the helper, `locked` in memory or not. To be called before anything else: it must be forked while all is well and no thread runs.
///
/// # Errors
/// When the kernel refuses a process.
pub fn start(locked: bool) -> Result<Porter> {
    Porter::start(work, locked).context("cannot start the helper process")
}

fn work(request: &[u8]) -> Vec<u8> {
    match request.split_first() {
        Some((&observe::REQUEST_TAG, look)) => {
            // Nobody waits for a look whose guard has gone; a deed goes on, it must not be cut short.
            process::end_with_parent();
            observe::answer(look)
        }
        Some((&act::REQUEST_TAG, deed)) => act::perform(deed),
        Some((&settings::REQUEST_TAG, _)) => {
            process::end_with_parent();
            settings::answer()
        }
        Some((&metrics::REQUEST_TAG, order)) => {
            process::end_with_parent();
            metrics::answer(order)
        }
        _ => Vec::new(),
    }
}
