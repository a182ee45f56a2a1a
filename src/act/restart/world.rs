//! What a restart touches.

use super::RestartOrder;
use crate::model::{Task, Unit};
use crate::systemd::bus::{Orders, Standing};
use std::time::Duration;

/// The outside world of a restart, so that its order can be tested without one.
pub trait World {
    /// The unit now.
    fn unit(&mut self) -> Result<Unit, String>;
    /// Whether preflight would let the start pass that follows a stop.
    fn could_start_again(&mut self) -> Result<(), String>;
    /// What others have ordered.
    fn orders(&mut self) -> Result<Orders, String>;
    /// The units that are up and that systemd would stop with this one.
    fn stopped_with(&mut self) -> Result<Vec<String>, String>;
    /// How one of those stands.
    fn standing(&mut self, unit: &str) -> Result<Standing, String>;
    /// Queues the stop.
    fn stop(&mut self) -> Ordered;
    /// Likewise, in the place of starts that are under way for what stops with it.
    fn stop_over_starts(&mut self) -> Ordered;
    /// Queues the start.
    fn start(&mut self) -> Result<(), String>;
    /// Queues the start of another unit.
    fn start_again(&mut self, unit: &str) -> Result<(), String>;
    /// Forgets a failure of this unit, so that it may be started again.
    fn reset_failed(&mut self, unit: &str) -> Result<(), String>;
    /// Tasks of all processes in the control group.
    fn group(&mut self, control_group: &str) -> Result<Vec<Task>, String>;
    /// Tasks of one process; none when it has ended.
    fn process(&mut self, pid: u32) -> Result<Vec<Task>, String>;
    /// Writes down or forgets that a stop has been ordered by us.
    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String>;
    /// Whether that is still written down.
    fn intended(&mut self) -> bool;
    /// Time passes. `false` when the limit for this step is over.
    fn rest(&mut self, step: &mut Duration) -> bool;
}

/// What is known of the order to stop.
#[derive(Debug)]
pub enum Ordered {
    /// It is a job of this number.
    Queued(Option<u32>),
    /// It contradicts a job that the unit, or one that requires it, has now: somebody else's.
    Refused(String),
    /// It may have been queued all the same.
    NotAnswered(String),
}
