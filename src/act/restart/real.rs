//! systemd, `/proc` and the clock.

use super::{Ordered, RestartOrder, World, intent, preflight};
use crate::kernel::proc;
use crate::model::{Task, Unit, socket_of};
use crate::systemd::bus::{Manager, Orders, Standing, is_contradicted};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Rest between two looks at the unit.
const REST: Duration = Duration::from_millis(250);

/// The world as it is. The connection to systemd is made anew after each failure.
pub(super) struct Real {
    manager: Option<Manager>,
    unit: String,
}

impl Real {
    pub fn new(order: &RestartOrder) -> Real {
        Real {
            manager: None,
            unit: order.unit.clone(),
        }
    }

    fn try_ask<T>(&mut self, call: impl FnOnce(&mut Manager, &str) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut manager = match self.manager.take() {
            Some(manager) => manager,
            None => Manager::connect()?,
        };
        let answer = call(&mut manager, &self.unit)?;
        self.manager = Some(manager);
        Ok(answer)
    }

    fn ask<T>(&mut self, call: impl FnOnce(&mut Manager, &str) -> anyhow::Result<T>) -> Result<T, String> {
        self.try_ask(call).map_err(|error| format!("{error:#}"))
    }

    fn order(&mut self, stop: impl FnOnce(&mut Manager, &str) -> anyhow::Result<Option<u32>>) -> Ordered {
        match self.try_ask(stop) {
            Ok(job) => Ordered::Queued(job),
            Err(error) if is_contradicted(&error) => Ordered::Refused(format!("{error:#}")),
            Err(error) => Ordered::NotAnswered(format!("{error:#}")),
        }
    }
}

impl World for Real {
    fn unit(&mut self) -> Result<Unit, String> {
        self.ask(Manager::unit)
    }

    fn could_start_again(&mut self) -> Result<(), String> {
        preflight::allows(&self.unit)
    }

    fn orders(&mut self) -> Result<Orders, String> {
        let socket = socket_of(&self.unit);
        self.ask(|manager, unit| manager.orders(unit, &socket))
    }

    fn stopped_with(&mut self) -> Result<Vec<String>, String> {
        let socket = socket_of(&self.unit);
        self.ask(|manager, unit| manager.stopped_with(unit, &socket))
    }

    fn standing(&mut self, unit: &str) -> Result<Standing, String> {
        self.ask(|manager, _| manager.standing(unit))
    }

    fn stop(&mut self) -> Ordered {
        self.order(Manager::stop)
    }

    fn stop_over_starts(&mut self) -> Ordered {
        self.order(Manager::stop_over_starts)
    }

    fn start(&mut self) -> Result<(), String> {
        self.ask(Manager::start)
    }

    fn start_again(&mut self, unit: &str) -> Result<(), String> {
        self.ask(|manager, _| manager.start_again(unit))
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), String> {
        self.ask(|manager, _| manager.reset_failed(unit))
    }

    fn group(&mut self, control_group: &str) -> Result<Vec<Task>, String> {
        let pids = proc::processes_of_group(Path::new("/"), control_group)
            .ok_or_else(|| format!("control group '{control_group}' cannot be read"))?;
        let mut tasks = Vec::new();
        for pid in pids {
            tasks.extend(self.process(pid)?);
        }
        Ok(tasks)
    }

    fn process(&mut self, pid: u32) -> Result<Vec<Task>, String> {
        proc::tasks_of(Path::new("/"), pid).map_err(|error| format!("/proc/{pid}: {error}"))
    }

    fn intend(&mut self, order: Option<&RestartOrder>) -> Result<(), String> {
        intent::keep(order)
    }

    fn intended(&mut self) -> bool {
        intent::is_there()
    }

    fn rest(&mut self, step: &mut Duration) -> bool {
        let before = Instant::now();
        sleep(REST);
        *step = step.saturating_sub(before.elapsed());
        *step > Duration::ZERO
    }
}
