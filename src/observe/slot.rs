//! One place for one kind of look: the errand that is out, and what the last one brought back.

use super::ask::Ask;
use crate::kernel::errand::{self, Kind, Porter, Request, Undone, decode};
use crate::model::{Probe, Seen};
use serde::de::DeserializeOwned;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// An answer with its times.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// When it was asked for.
    pub asked: Duration,
    /// When it came.
    pub came: Duration,
    /// Bytes from the child, or why there are none.
    pub result: Result<Vec<u8>, Undone>,
}

impl Answer {
    /// The same as the daemon's answer to a request.
    pub fn answered(&self, now: Duration) -> Probe {
        Probe::Answered {
            took: self.came.saturating_sub(self.asked),
            asked_ago: now.saturating_sub(self.asked),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    errand: errand::Slot,
    last: Option<Answer>,
    /// What the errand that is out will bring is no longer asked for.
    disowned: bool,
}

impl Slot {
    /// Sends the errand out, unless the last one has not come back. Whether it went out.
    pub fn ask(&mut self, porter: &Porter, ask: &Ask, now: Duration) -> bool {
        match self.errand.send(porter, &Request::new(Kind::Look, ask), now) {
            Ok(()) => return true,
            Err(Undone::StillOut) => {}
            Err(why) => {
                self.last = Some(Answer {
                    asked: now,
                    came: now,
                    result: Err(why),
                });
            }
        }
        false
    }

    /// Takes over what another kind of errand has brought.
    pub fn take_over(&mut self, answer: Answer) {
        self.last = Some(answer);
    }

    /// Gives up what was seen, but not the errand that is out.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// Gives up what was seen and what is on its way, but lets the errand that is out come back before another one goes.
    pub fn disown(&mut self) {
        self.last = None;
        self.disowned = self.errand.is_out();
    }

    /// Takes what has come back; whether there is something new.
    pub fn collect(&mut self, now: Duration) -> bool {
        let Some((result, asked)) = self.errand.collect() else {
            return false;
        };
        let answer = Answer {
            asked,
            came: now,
            result,
        };
        let wanted = !std::mem::take(&mut self.disowned);
        self.last = wanted.then_some(answer);
        wanted
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.errand.fd()
    }

    /// The errand is out, and has not been for this long.
    pub fn is_awaited(&self, patience: Duration, now: Duration) -> bool {
        self.out_for(now).is_some_and(|waited| waited < patience)
    }

    /// How long the errand has been out.
    pub fn out_for(&self, now: Duration) -> Option<Duration> {
        self.errand.out_for(now)
    }

    pub fn last(&self) -> Option<&Answer> {
        self.last.as_ref()
    }

    /// The last answer, however old.
    pub fn last_value<T: DeserializeOwned>(&self) -> Option<T> {
        self.last.as_ref().and_then(|answer| parse(answer).known_or_none())
    }

    /// No errand is out, and the last answer is older than `fresh`.
    pub fn is_due(&self, now: Duration, fresh: Duration) -> bool {
        !self.errand.is_out()
            && self
                .last
                .as_ref()
                .is_none_or(|answer| now.saturating_sub(answer.came) >= fresh)
    }

    /// For how long the errand that is out has been so beyond its deadline.
    pub fn stuck_for(&self, now: Duration, deadline: Duration) -> Option<Duration> {
        self.out_for(now).filter(|waited| *waited > deadline)
    }

    /// The last answer, unless the next has been out for longer than the deadline: then the old one says nothing any more.
    pub fn seen<T: DeserializeOwned>(&self, now: Duration, deadline: Duration) -> Seen<T> {
        match self.stuck_for(now, deadline) {
            Some(waited) => Seen::unknown(stuck(waited)),
            None => self.last_seen(),
        }
    }

    /// The last answer, whatever is out.
    pub fn last_seen<T: DeserializeOwned>(&self) -> Seen<T> {
        match &self.last {
            Some(answer) => parse(answer),
            None => Seen::default(),
        }
    }
}

/// Why nothing is known while a look is stuck.
pub(super) fn stuck(waited: Duration) -> String {
    format!("the look has been stuck for {} s", waited.as_secs())
}

/// Reads the child's `Result`.
fn parse<T: DeserializeOwned>(answer: &Answer) -> Seen<T> {
    let read = answer.result.as_deref().map_err(Clone::clone).and_then(decode);
    match read {
        Ok(value) => Seen::Known(value),
        Err(why) => Seen::unknown(why.to_string()),
    }
}
