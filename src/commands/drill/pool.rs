//! The heart of a drill: a pool runs full under a writer, the kernel tells, it is grown, and the writer goes on.

use super::{Drill, PATIENCE};
use crate::act::drill::{Step, growth};
use crate::kernel::drill::{self, Made};
use crate::kernel::errand::{Kind, Request, Undone};
use crate::kernel::process;
use crate::kernel::thin_pool::Active;
use crate::model::{Bytes, Mode, Target};
use crate::observe::Ask;
use serde::de::IgnoredAny;
use std::time::Duration;

/// The checks of this page, in their order.
const NAMES: [&str; 8] = [
    "room",
    "throwaway pool",
    "kernel event",
    "exhaustion",
    "growth of data",
    "held writes",
    "growth of metadata",
    "status",
];

/// Rest between two looks at a pool that fills.
const REST: Duration = Duration::from_millis(50);

impl Drill {
    /// Goes through the checks until one is in the way of the others.
    pub(super) fn pool(&mut self, in_the_way: Option<&'static str>) {
        let first = self.checks.len();
        let done = match in_the_way {
            Some(name) => Err(format!("no pool can be made: {name}")),
            None => self.try_pool(),
        };
        if let Err(why) = done {
            let tried = self.checks.len() - first;
            for name in &NAMES[tried..] {
                self.skip(name, &why);
            }
        }
    }

    /// The error is why the rest makes no sense.
    fn try_pool(&mut self) -> Result<(), String> {
        let order = self.order.clone();
        let said = self.step::<String>(&Step::Directory(order.clone()));
        let has_room = said.is_ok();
        self.note("room", said);
        if !has_room {
            return Err("no pool without room".into());
        }
        let made = self.step::<Made>(&Step::Make(order));
        let said = made
            .clone()
            .map(|made| format!("{} on {} and {}", self.order.pool, made.data.1, made.metadata.1));
        self.note("throwaway pool", said);
        let made = made.map_err(|_| "there is no pool".to_owned())?;
        self.run_full(&made)
    }

    /// The child that waits for the event and the one that writes are out at the same time, as Docker's containers and the guard are.
    fn run_full(&mut self, made: &Made) -> Result<(), String> {
        let ask = Ask::Event {
            pool: self.order.pool.clone(),
            event_nr: made.event_nr,
        };
        let unsent = |why: Undone| why.to_string();
        let porter = &self.errands.porter;
        let mut event = porter.send(&Request::new(Kind::Look, &ask)).map_err(unsent)?;
        let write = Step::Write {
            volume: made.volume.clone(),
        };
        let began = process::since_boot();
        let mut writer = self.begin_step(&write).map_err(unsent)?;

        let told = self.errands.answer::<IgnoredAny>(&mut event, PATIENCE);
        let took = process::since_boot().saturating_sub(began).as_millis();
        self.note(
            "kernel event",
            told.map(|_| format!("the kernel told that the pool runs low, after {took} ms")),
        );
        let full = self.await_exhaustion();
        let is_full = full.is_ok();
        self.note("exhaustion", full);
        if !is_full {
            return Err("the pool was not exhausted".into());
        }
        let to = Bytes(drill::DATA.0 * 2);
        let grown = self.grow(made, Target::Data, to);
        let is_grown = grown.is_ok();
        self.note("growth of data", grown);
        if !is_grown {
            return Err("the pool was not grown".into());
        }
        let written = self.errands.answer::<String>(&mut writer, PATIENCE);
        self.note("held writes", written);
        let grown = self.grow(made, Target::Metadata, Bytes(drill::METADATA.0 * 2));
        self.note("growth of metadata", grown);
        let shown = self
            .look()
            .and_then(|seen| Ok(verify(&seen, to, Bytes(drill::METADATA.0 * 2))?));
        self.note("status", shown);
        Ok(())
    }

    fn await_exhaustion(&mut self) -> Result<String, Undone> {
        let until = process::since_boot() + PATIENCE;
        loop {
            let seen = self.look()?;
            if seen.mode == Mode::OutOfDataSpace {
                return Ok(format!("{} were written, and more are held", drill::DATA));
            }
            if process::since_boot() >= until {
                return Err(format!("the pool is not full after {} s", PATIENCE.as_secs()).into());
            }
            self.errands.rest([], REST);
        }
    }

    fn look(&mut self) -> Result<Active, Undone> {
        let pool = self.order.pool.clone();
        self.step(&Step::Look { pool })
    }

    fn grow(&mut self, made: &Made, target: Target, to: Bytes) -> Result<String, Undone> {
        let began = process::since_boot();
        let order = growth(&self.order, made, target, to);
        self.errands
            .ask::<String>(&Request::new(Kind::Deed, &order), PATIENCE)?;
        let took = process::since_boot().saturating_sub(began).as_millis();
        Ok(format!("to {to} on line, in {took} ms"))
    }
}

/// What counts is what a fresh look shows (law 6).
fn verify(seen: &Active, data: Bytes, metadata: Bytes) -> Result<String, String> {
    let block_sectors = 128;
    let (has_data, has_metadata) = (seen.data(block_sectors).total(), seen.metadata().total());
    let words = format!("{has_data} data, {has_metadata} metadata, mode {}", seen.mode);
    let is_well = seen.mode == Mode::Rw && !seen.needs_check && has_data >= data && has_metadata >= metadata;
    match is_well {
        true => Ok(words),
        false => Err(format!("not as it was grown: {words}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::thin_pool::Status;

    #[test]
    fn a_status_bears_out_or_not() {
        for (status, is_well) in [
            ("0 30/1024 320/512 - rw discard_passdown queue_if_no_space - 1024", true),
            ("0 30/512 320/512 - rw discard_passdown queue_if_no_space - 1024", false),
            (
                "0 30/1024 256/256 - rw discard_passdown queue_if_no_space - 1024",
                false,
            ),
            (
                "0 30/1024 512/512 - out_of_data_space discard_passdown queue_if_no_space - 1024",
                false,
            ),
            (
                "0 30/1024 320/512 - rw discard_passdown queue_if_no_space needs_check 1024",
                false,
            ),
        ] {
            let Status::Active(seen) = Status::parse(status).unwrap() else {
                panic!("{status}")
            };
            let shown = verify(&seen, Bytes::mib(32), Bytes::mib(4));
            assert_eq!(shown.is_ok(), is_well, "{status}: {shown:?}");
        }
    }
}
