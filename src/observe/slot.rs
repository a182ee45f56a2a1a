//! One place for one kind of look: the errand that is out, and what the last one brought back.

use super::ask::{Ask, request};
use crate::kernel::errand::{Errand, Porter, Progress};
use crate::model::Seen;
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
    pub result: Result<Vec<u8>, String>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    out: Option<(Errand, Duration)>,
    last: Option<Answer>,
    /// What the errand that is out will bring is no longer asked for.
    disowned: bool,
}

impl Slot {
    /// One whose last errand has brought this.
    #[cfg(test)]
    pub fn answered(answer: Answer) -> Slot {
        Slot {
            last: Some(answer),
            ..Slot::default()
        }
    }

    /// Sends the errand out, unless the last one has not come back: a second one would hang beside it.
    /// Whether it went out.
    pub fn ask(&mut self, porter: &Porter, ask: &Ask, now: Duration) -> bool {
        if self.out.is_some() {
            return false;
        }
        match porter.send(&request(ask)) {
            Ok(errand) => self.out = Some((errand, now)),
            Err(error) => {
                let why = format!("no errand could be sent: {error}");
                self.last = Some(Answer {
                    asked: now,
                    came: now,
                    result: Err(why),
                });
            }
        }
        self.out.is_some()
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
        self.disowned = self.out.is_some();
    }

    /// Takes what has come back; whether there is something new.
    pub fn collect(&mut self, now: Duration) -> bool {
        let Some((errand, asked)) = &mut self.out else {
            return false;
        };
        let result = match errand.progress() {
            Progress::Pending => return false,
            Progress::Answered(bytes) => Ok(bytes),
            Progress::Lost => Err("the errand ended without an answer".to_owned()),
        };
        let answer = Answer {
            asked: *asked,
            came: now,
            result,
        };
        self.out = None;
        let wanted = !std::mem::take(&mut self.disowned);
        self.last = wanted.then_some(answer);
        wanted
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.out.as_ref().map(|(errand, _)| errand.as_fd())
    }

    /// How long the errand has been out.
    pub fn out_for(&self, now: Duration) -> Option<Duration> {
        self.out.as_ref().map(|(_, asked)| now.saturating_sub(*asked))
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
        self.out.is_none()
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
            None => Seen::unknown("not seen yet"),
        }
    }
}

/// Why nothing is known while a look is stuck.
pub(super) fn stuck(waited: Duration) -> String {
    format!("the look has been stuck for {} s", waited.as_secs())
}

/// Reads the child's `Result`.
fn parse<T: DeserializeOwned>(answer: &Answer) -> Seen<T> {
    match &answer.result {
        Err(why) => Seen::unknown(why),
        Ok(bytes) => match serde_json::from_slice::<Result<T, String>>(bytes) {
            Ok(Ok(value)) => Seen::Known(value),
            Ok(Err(why)) => Seen::Unknown(why),
            Err(error) => Seen::unknown(format!("the errand's answer cannot be read: {error}")),
        },
    }
}
