//! Errands of a command: what children do for each kind of request, and the one wait for their answers.

use super::settings::files as settings;
use super::watch::metrics;
use crate::kernel::errand::{self, Errand, Kind, Porter, Progress, Request, Undone, answer, decode, encode};
use crate::kernel::process;
use crate::{act, observe};
use anyhow::{Context, Result};
use nix::sys::signalfd::SignalFd;
use serde::de::DeserializeOwned;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Longest single wait: limits that pass without any answer are noticed this fast.
pub const TICK: Duration = Duration::from_millis(100);

/// The helper of a command, with the signals that end its waiting.
pub struct Errands {
    pub porter: Porter,
    /// A signal has ended all waiting.
    pub interrupted: bool,
    /// These end all waiting when one comes.
    pub signals: Option<SignalFd>,
    /// Told each second while a child is waited for, and once more with nothing when that is over.
    pub waiting: Option<fn(Option<Duration>)>,
}

/// Starts the helper, `locked` in memory or not. To be called before anything else: it must be forked while all is well and no thread runs.
///
/// # Errors
/// When the kernel refuses a process.
pub fn start(locked: bool) -> Result<Porter> {
    Porter::start(work, locked).context("cannot start the helper process")
}

impl Errands {
    /// Starts the helper, as [`start`].
    pub fn start() -> Result<Errands> {
        Ok(Errands {
            porter: start(false)?,
            interrupted: false,
            signals: None,
            waiting: None,
        })
    }

    /// Sends a child out and waits for its answer, for no longer than `limit`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask<T: DeserializeOwned>(&mut self, request: &Request, limit: Duration) -> Result<T, Undone> {
        if self.interrupted {
            return Err(Undone::Interrupted);
        }
        let mut errand = self.porter.send(request)?;
        self.answer(&mut errand, limit)
    }

    /// Waits for the answer of a child that is out, for no longer than `limit`; then it is left alone.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn answer<T: DeserializeOwned>(&mut self, errand: &mut Errand, limit: Duration) -> Result<T, Undone> {
        let began = process::since_boot();
        let mut told = 0;
        let answer = loop {
            let waited = process::since_boot().saturating_sub(began);
            match errand.progress() {
                Progress::Answered(bytes) => break decode(&bytes),
                Progress::Lost => break Err(Undone::Lost),
                Progress::Pending if self.interrupted => break Err(Undone::Interrupted),
                Progress::Pending if waited >= limit => break Err(Undone::Late(waited)),
                Progress::Pending => self.rest([errand.as_fd()], limit.saturating_sub(waited).min(TICK)),
            }
            if let Some(tell) = self.waiting.filter(|_| waited.as_secs() > told) {
                told = waited.as_secs();
                tell(Some(waited));
            }
        };
        if let Some(tell) = self.waiting.filter(|_| told > 0) {
            tell(None);
        }
        answer
    }

    /// Rests until one of these is readable, a signal comes or the time is over.
    pub fn rest<'a>(&mut self, fds: impl IntoIterator<Item = BorrowedFd<'a>>, longest: Duration) {
        let signals = self.signals.as_ref().map(AsFd::as_fd);
        let mut all: Vec<BorrowedFd<'_>> = signals.into_iter().collect();
        for fd in fds {
            all.push(fd);
        }
        // A failed wait is a short rest like any other; the caller's limit still ends it.
        let _ = errand::wait(all, longest);
        let signal = self.signals.as_ref().map(SignalFd::read_signal);
        self.interrupted |= matches!(signal, Some(Ok(Some(_))));
    }
}

fn work(kind: Kind, request: &[u8]) -> Vec<u8> {
    if kind != Kind::Deed {
        // Nobody waits for a look whose guard has gone; a deed goes on, it must not be cut short.
        process::end_with_parent();
    }
    match kind {
        Kind::Look => answer(request, observe::answer),
        Kind::Deed => answer(request, |order| encode(act::perform(order))),
        Kind::Drill => answer(request, act::drill::answer),
        Kind::Settings => answer(request, |()| encode(Ok::<_, Undone>(settings::read_all("/".as_ref())))),
        Kind::Metrics => answer(request, |(path, text): (PathBuf, String)| {
            encode(metrics::write(&path, &text).map_err(|error| error.to_string()))
        }),
    }
}
