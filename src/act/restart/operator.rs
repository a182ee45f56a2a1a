//! Giving way: once we have ordered the stop, an operator may want Docker to stay down, to repair what is below it.
//!
//! Our stop is of the service alone. Another `systemctl stop` of it merges into ours or, on a unit that is down already, does nothing:
//! systemd shows neither. What it does show is a mask, a stop that is not ours, and the end of the socket, unless the socket is
//! `PartOf=` the service and has stopped with it.

use super::{RestartOrder, World, intent, others};
use crate::model::socket_of;
use crate::systemd::bus::Orders;

/// Why the unit is not to be started any more. With `starting` our own stop is over, and any other is somebody else's.
pub(super) fn called_off(world: &mut dyn World, order: &RestartOrder, starting: bool) -> Option<String> {
    if !world.intended() {
        return Some(format!("{} was removed", intent::path()));
    }
    // Not to be able to look is no order.
    let orders = world.orders().ok()?;
    if orders.masked {
        let unit = &order.unit;
        // The first does not lift a mask that ends with the boot.
        return Some(format!(
            "it is masked (systemctl unmask {unit}; systemctl unmask --runtime {unit})"
        ));
    }
    let is_ours = |job: u32| !starting && order.stop_job.is_none_or(|ours| ours == job);
    if orders.job.is_some_and(|(job, kind)| kind == "stop" && !is_ours(job)) {
        return Some("somebody else stops it".into());
    }
    let stopped = order.socket_stays && orders.socket_listens == Some(false);
    stopped.then(|| format!("{} was stopped too", socket_of(&order.unit)))
}

/// A last look right before the stop: ours would merge into one that somebody else has just ordered, and Docker would be started against
/// him.
pub(super) fn free_to_stop(world: &mut dyn World) -> Result<Orders, String> {
    let orders = world.orders()?;
    match &orders.job {
        Some((_, kind)) => Err(format!("somebody else has just ordered a {kind} of it")),
        None if orders.masked => Err("it is masked, so it could not be started again".into()),
        None => Ok(orders),
    }
}

/// Lets it stay down.
pub(super) fn give_way(world: &mut dyn World, order: &RestartOrder, why: &str) -> Result<String, String> {
    world.intend(None)?;
    Err(format!(
        "{} is not started again, for {why}; when it is wanted: {}",
        order.unit,
        others::by_hand(order)
    ))
}

/// How to call off a start that is still to come. Not by a mask: one for this boot has no effect on a unit in `/etc/systemd/system`, and
/// either makes systemd read its units anew: a stop that runs then ends by `KillMode=control-group`, the default, whatever the unit
/// said, and takes along the shims of live-restored containers.
pub fn how_to_call_off(order: &RestartOrder) -> String {
    format!("to have {} stay down instead: rm {}", order.unit, intent::path())
}
