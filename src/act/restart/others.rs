//! The units that systemd has stopped with ours, for they require it: `systemctl restart` would bring them back, a stop and a start do
//! not. They are started once ours is active again.

use super::{RestartOrder, World, intent};
use crate::model::Unit;
use crate::systemd::bus::Standing;
use std::time::Duration;

/// How long they may still be stopping, all together: a little longer than systemd's own `DefaultTimeoutStopSec=`. A start is refused
/// meanwhile. Those that are ordered after ours have stopped before it.
const STILL_STOPPING: Duration = Duration::from_secs(100);

/// The end of a restart.
pub(super) fn active_again(world: &mut dyn World, order: &RestartOrder, unit: &Unit) -> Result<String, String> {
    // Before the intent is forgotten: a later life of the guard completes this too.
    let others = start(world, order);
    world.intend(None)?;
    Ok(format!(
        "{} is active again, process {}{others}",
        order.unit, unit.main_pid
    ))
}

/// Starts them, and says which.
fn start(world: &mut dyn World, order: &RestartOrder) -> String {
    let names = &order.stopped_with_it;
    if !names.is_empty() && !world.intended() {
        return format!("; left as it is, for {} was removed: {}", intent::path(), list(names));
    }
    let mut limit = STILL_STOPPING;
    let (mut started, mut failed) = (Vec::new(), Vec::new());
    for name in names {
        match start_one(world, name, &mut limit) {
            Ok(true) => started.push(name.clone()),
            Ok(false) => {}
            Err(why) => failed.push(format!("{name} ({why})")),
        }
    }
    let told = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("; {what}: {}", list(names)),
    };
    told("started again with it", &started) + &told("stopped with it and not started again", &failed)
}

/// Whether there was a start to be ordered.
fn start_one(world: &mut dyn World, name: &str, limit: &mut Duration) -> Result<bool, String> {
    loop {
        let standing = world.standing(name);
        match standing {
            Ok(Standing::Up) => return Ok(false),
            Ok(Standing::Stopping) | Err(_) if world.rest(limit) => {}
            Ok(Standing::Down | Standing::Stopping) => return world.start_again(name).map(|()| true),
            Err(why) => return Err(why),
        }
    }
}

/// The command that starts ours and them.
pub(super) fn by_hand(order: &RestartOrder) -> String {
    let mut command = format!("systemctl start {}", order.unit);
    for name in &order.stopped_with_it {
        command = command + " " + name;
    }
    command
}

fn list(names: &[String]) -> String {
    names.join(", ")
}
