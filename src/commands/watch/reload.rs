//! Reading the settings again: asked for by SIGHUP, done by a child, in force as a whole or not at all.

use super::{Guard, now};
use crate::commands::settings::{self, Kept, files::FileText};
use crate::kernel::errand::{Kind, Porter, Request, Slot, Undone, decode};
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
    /// The child that reads.
    out: Slot,
    /// The operator has been told that this child is stuck: what it brings later is not put in force behind his back.
    given_up: bool,
    answer: Option<Result<Vec<FileText>, Undone>>,
}

impl Reload {
    /// Nothing is under way; `keys` are those of the settings in force.
    pub fn new(keys: Kept) -> Reload {
        Reload {
            keys,
            wanted: false,
            out: Slot::default(),
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
        self.answer.is_some() || self.wanted && (!self.out.is_out() || self.given_up)
    }

    /// Readable when the child has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.out.fd()
    }

    /// Takes in what the child has said.
    pub fn collect(&mut self) {
        let Some((answer, _)) = self.out.collect() else { return };
        if !std::mem::take(&mut self.given_up) {
            self.answer = Some(answer.and_then(|bytes| decode(&bytes)));
        }
    }

    /// Sends a child out if one is wanted; gives what came of the last one.
    fn step(&mut self, porter: &Porter, now: Duration, deadline: Duration) -> Option<Reloaded> {
        if let Some(answer) = self.answer.take() {
            return Some(self.judge(answer));
        }
        match self.out.out_for(now) {
            None if self.wanted => {
                self.wanted = false;
                let sent = self.out.send(porter, &Request::new(Kind::Settings, &()), now);
                sent.err().map(|why| kept(why.to_string()))
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

    fn judge(&mut self, answer: Result<Vec<FileText>, Undone>) -> Reloaded {
        let files = match answer {
            Ok(files) => files,
            Err(why) => return kept(why.to_string()),
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
