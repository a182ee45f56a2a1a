//! What a host's time is spent on, for the table of a run's times.

use std::thread;
use std::time::{Duration, Instant};

use super::Host;
use crate::times::{self, Purpose, Spent};

impl Host {
    /// Counts the time of `work` for this purpose, unless it is part of another one's.
    pub fn spending<T>(&mut self, purpose: Purpose, work: impl FnOnce(&mut Host) -> T) -> T {
        if self.purpose.is_some() {
            return work(self);
        }
        self.purpose = Some(purpose);
        let begun = Instant::now();
        let done = work(self);
        self.spent.add(purpose, begun.elapsed());
        self.purpose = None;
        done
    }

    /// Counts time anew; a scenario that panicked has left a purpose behind.
    pub fn count_anew(&mut self) {
        self.machine = None;
        self.spent = Spent::default();
        self.purpose = None;
    }

    /// What the time since then was spent on.
    pub fn spent(&self) -> Spent {
        let mut spent = self.spent.clone();
        if let Some(machine) = &self.machine {
            spent.add_processor(machine.processor_time());
        }
        spent
    }

    /// Lets time pass in which nothing must happen.
    pub fn pass(&mut self, time: Duration) {
        self.told(Purpose::Passing, "time that must pass", |_| thread::sleep(time));
    }

    /// Counts time, and with `LAB_TRACE` tells it.
    pub(super) fn told<T>(&mut self, purpose: Purpose, what: &str, work: impl FnOnce(&mut Host) -> T) -> T {
        let begun = Instant::now();
        let done = self.spending(purpose, work);
        times::trace(self.number, begun.elapsed(), what);
        done
    }
}
