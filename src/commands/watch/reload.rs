//! Reading the settings again: asked for by SIGHUP, done by a child, in force as a whole or not at all.

use super::{Guard, now};
use crate::commands::settings::{self, Kept, files};
use crate::kernel::errand::{Errand, Porter, Progress};
use crate::model::Settings;
use std::os::fd::BorrowedFd;
use std::time::Duration;

impl Guard {
    /// Takes up settings that were read again. Between rounds only: one round has one set of them.
    pub(super) fn reload(&mut self) {
        let deadline = self.settings.watch.look_deadline;
        match self.reload.step(&self.porter, now(), deadline) {
            None => return,
            Some(Reloaded::Kept(problems)) => self.teller.settings_kept(&problems),
            Some(Reloaded::New(settings, changes)) => {
                if self.observer.take_settings((*settings).clone()) {
                    self.configured_for = None;
                    self.configured_at = None;
                }
                self.settings = *settings;
                self.teller.settings_reloaded(&changes, &self.settings);
            }
        }
        self.notifier.ready();
    }
}

/// What came of a reload.
#[derive(Debug)]
enum Reloaded {
    /// These settings are to be in force; each line is a key that has changed.
    New(Box<Settings>, Vec<String>),
    /// Those of before stay, for these reasons.
    Kept(Vec<String>),
}

/// Where a reload stands.
#[derive(Debug)]
pub(super) struct Reload {
    /// The keys of the settings in force.
    keys: Kept,
    wanted: bool,
    /// The child that reads, and since when.
    out: Option<(Errand, Duration)>,
    /// The operator has been told that this child is stuck: what it brings later is not put in force behind his back.
    given_up: bool,
    answer: Option<Result<Vec<u8>, String>>,
}

impl Reload {
    /// Nothing is under way; `keys` are those of the settings in force.
    pub fn new(keys: Kept) -> Reload {
        Reload {
            keys,
            wanted: false,
            out: None,
            given_up: false,
            answer: None,
        }
    }

    /// The settings are to be read again.
    pub fn ask(&mut self) {
        self.wanted = true;
    }

    /// Whether [`Self::step`] has something to do.
    pub fn is_due(&self) -> bool {
        self.answer.is_some() || self.wanted && (self.out.is_none() || self.given_up)
    }

    /// Readable when the child has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.out.as_ref().map(|(errand, _)| errand.as_fd())
    }

    /// Takes in what the child has said.
    pub fn collect(&mut self) {
        let Some((errand, _)) = &mut self.out else { return };
        let answer = match errand.progress() {
            Progress::Pending => return,
            Progress::Answered(bytes) => Ok(bytes),
            Progress::Lost => Err("the child ended without an answer".into()),
        };
        self.out = None;
        if !std::mem::take(&mut self.given_up) {
            self.answer = Some(answer);
        }
    }

    /// Sends a child out if one is wanted; gives what came of the last one.
    fn step(&mut self, porter: &Porter, now: Duration, deadline: Duration) -> Option<Reloaded> {
        if let Some(answer) = self.answer.take() {
            return Some(self.judge(answer));
        }
        let waited = self.out.as_ref().map(|(_, since)| now.saturating_sub(*since));
        match waited {
            None if self.wanted => {
                self.wanted = false;
                match porter.send(&[files::REQUEST_TAG]) {
                    Ok(errand) => self.out = Some((errand, now)),
                    Err(error) => return Some(kept(format!("no errand could be sent: {error}"))),
                }
                None
            }
            Some(waited) if (self.given_up && self.wanted) || (!self.given_up && waited > deadline) => {
                self.wanted = false;
                self.given_up = true;
                Some(kept(format!(
                    "the files cannot be read: stuck for {} s",
                    waited.as_secs()
                )))
            }
            _ => None,
        }
    }

    fn judge(&mut self, answer: Result<Vec<u8>, String>) -> Reloaded {
        let files = match answer.and_then(|bytes| files::parse_answer(&bytes)) {
            Ok(files) => files,
            Err(why) => return kept(why),
        };
        let parsed = settings::parse(&files);
        if !parsed.problems.is_empty() {
            return Reloaded::Kept(parsed.problems.into_iter().map(|problem| problem.text).collect());
        }
        let changes = settings::changes(&self.keys, &parsed.keys);
        self.keys = parsed.keys;
        Reloaded::New(Box::new(parsed.settings), changes)
    }
}

fn kept(why: String) -> Reloaded {
    Reloaded::Kept(vec![why])
}
