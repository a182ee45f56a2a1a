//! What the helper's children do: the one place that joins looks and deeds into a single worker.

use super::settings::files as settings;
use super::watch::metrics;
use crate::kernel::errand::{Porter, Progress};
use crate::kernel::process;
use crate::{act, observe};
use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::time::Duration;

/// Starts the helper, `locked` in memory or not. To be called before anything else: it must be forked while all is well and no thread runs.
///
/// # Errors
/// When the kernel refuses a process.
pub fn start(locked: bool) -> Result<Porter> {
    Porter::start(work, locked).context("cannot start the helper process")
}

/// Sends one child out and waits for its answer, for no longer than `limit`. For commands that have nothing else to do.
///
/// # Errors
/// It cannot be sent, ends without an answer, or is not back in time; it is left alone then.
pub fn fetch(porter: &Porter, request: &[u8], limit: Duration) -> Result<Vec<u8>> {
    let until = process::since_boot() + limit;
    let mut errand = porter.send(request).context("no errand could be sent")?;
    loop {
        match errand.progress() {
            Progress::Answered(answer) => return Ok(answer),
            Progress::Lost => bail!("the errand ended without an answer"),
            Progress::Pending => {}
        }
        let left = until.saturating_sub(process::since_boot());
        if left.is_zero() {
            bail!("the errand is not back after {} s", limit.as_secs());
        }
        let timeout = PollTimeout::try_from(left.as_millis().max(1)).unwrap_or(PollTimeout::MAX);
        // A failed poll is a short rest like any other; the limit still ends it.
        let _ = poll(&mut [PollFd::new(errand.as_fd(), PollFlags::POLLIN)], timeout);
    }
}

fn work(request: &[u8]) -> Vec<u8> {
    match request.split_first() {
        Some((&observe::REQUEST_TAG, look)) => {
            // Nobody waits for a look whose guard has gone; a deed goes on, it must not be cut short.
            process::end_with_parent();
            observe::answer(look)
        }
        Some((&act::REQUEST_TAG, deed)) => act::perform(deed),
        Some((&act::drill::REQUEST_TAG, step)) => {
            process::end_with_parent();
            act::drill::answer(step)
        }
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
