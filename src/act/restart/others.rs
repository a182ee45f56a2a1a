//! The units that systemd has stopped with ours, for they require it: `systemctl restart` would bring them back, a stop and a start do
//! not. They are started once ours is active again.

use super::{Ordered, RestartOrder, World, called_off, free_to_stop, has_stopped, may_be_stopped};
use crate::model::Unit;
use crate::systemd::bus::Standing;
use std::time::Duration;

/// How long they may still be stopping, all together: a little longer than systemd's own `DefaultTimeoutStopSec=`. A start is refused
/// meanwhile. Those that are ordered after ours have stopped before it.
const STILL_STOPPING: Duration = Duration::from_secs(100);

/// A start that fails at once has done so after this.
const MOMENT: Duration = Duration::from_secs(2);

/// Orders the stop. What requires ours may hang in its own start, since it asks the daemon that hangs (`ExecStartPre=docker stop`): its
/// job contradicts our stop for ever. It is replaced, and the start ordered anew once ours is active.
pub(super) fn stop(world: &mut dyn World, order: &mut RestartOrder) -> Ordered {
    match world.stop() {
        Ordered::Refused(why) => match may_replace(world, order, why) {
            Ok(()) => world.stop_over_starts(),
            Err(why) => Ordered::Refused(why),
        },
        ordered => ordered,
    }
}

/// Whether a stop may take the place of what made systemd refuse one.
fn may_replace(world: &mut dyn World, order: &mut RestartOrder, refused: String) -> Result<(), String> {
    let names = world.stopped_with()?;
    if names.is_empty() {
        return Err(refused);
    }
    // What was seen before is old by now.
    may_be_stopped(world, order)?;
    free_to_stop(world)?;
    // With those that somebody has begun to start meanwhile.
    let new = names.into_iter().filter(|name| !order.stopped_with_it.contains(name));
    order.stopped_with_it.extend(new.collect::<Vec<_>>());
    world.intend(Some(order))
}

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

/// Sockets whose service is ours are refused once it is active, and ours is about to be started anyway. What fails here is tried again
/// after it.
pub(super) fn start_sockets(world: &mut dyn World, order: &RestartOrder) {
    for name in order.stopped_with_it.iter().filter(|name| is_socket(name)) {
        if matches!(world.standing(name), Ok(Standing::Down)) {
            let _ = world.start_again(name);
        }
    }
}

fn is_socket(name: &str) -> bool {
    name.ends_with(".socket")
}

/// Starts them, and says which came up.
fn start(world: &mut dyn World, order: &RestartOrder) -> String {
    let mut limit = STILL_STOPPING;
    let mut started = Vec::new();
    let mut failed = Vec::new();
    // A socket is refused once its own service is active.
    let mut names: Vec<String> = order.stopped_with_it.clone();
    names.sort_by_key(|name| !is_socket(name));
    // Twice: one that requires another which still stops is refused until that has stopped.
    for _ in 0..2 {
        failed.clear();
        for (done, name) in names.iter().enumerate() {
            match start_one(world, order, name, &mut limit) {
                Ok(true) => started.push(name.clone()),
                Ok(false) => {}
                Err(Stop::ThisOne(why)) => failed.push((name.clone(), why)),
                Err(Stop::All(why)) => {
                    let left = format!("left as it is, for {why}");
                    return told("started again with it", &started) + &told(&left, &names[done..]);
                }
            }
        }
        names = failed.iter().map(|(name, _)| name.clone()).collect();
    }
    let failed: Vec<String> = failed
        .into_iter()
        .map(|(name, why)| format!("{name} ({why})"))
        .collect();
    if !started.is_empty() {
        let mut moment = MOMENT;
        while world.rest(&mut moment) {}
    }
    // The order alone says nothing (law 6). A unit that only does something and ends may have done it.
    let (ended, started): (Vec<_>, Vec<_>) = started
        .into_iter()
        .partition(|name| matches!(world.standing(name), Ok(Standing::Down)));
    let ended: Vec<_> = ended
        .iter()
        .map(|name| format!("{name} (journalctl -u {name})"))
        .collect();
    told("started again with it", &started)
        + &told("started again and ended since", &ended)
        + &told("stopped with it and not started again", &failed)
}

fn told(what: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; {what}: {}", names.join(", ")),
    }
}

/// Why there was no start.
enum Stop {
    ThisOne(String),
    All(String),
}

/// Whether there was a start to be ordered.
fn start_one(world: &mut dyn World, order: &RestartOrder, name: &str, limit: &mut Duration) -> Result<bool, Stop> {
    loop {
        let standing = world.standing(name);
        match standing {
            Ok(Standing::Up) => return Ok(false),
            Ok(Standing::Stopping) | Err(_) if world.rest(limit) => {}
            Ok(Standing::Down | Standing::Stopping) => {
                // It would pull up ours, which somebody may have stopped while this one was waited for.
                still_wanted(world, order).map_err(Stop::All)?;
                return world.start_again(name).map(|()| true).map_err(Stop::ThisOne);
            }
            Err(why) => return Err(Stop::ThisOne(why)),
        }
    }
}

fn still_wanted(world: &mut dyn World, order: &RestartOrder) -> Result<(), String> {
    if let Some(why) = called_off(world, order, true) {
        return Err(why);
    }
    // Not to be able to look is no order; and a reload or a restart of somebody's is no wish to have it down.
    match world.unit() {
        Ok(unit) if has_stopped(&unit) => Err(format!("{} is {} again", order.unit, unit.sub_state)),
        _ => Ok(()),
    }
}

/// The command that starts ours and them.
pub(super) fn by_hand(order: &RestartOrder) -> String {
    let mut command = format!("systemctl start {}", order.unit);
    for name in &order.stopped_with_it {
        // A shell takes the backslash of an escaped name for its own.
        command = match name.contains('\\') {
            true => format!("{command} '{name}'"),
            false => format!("{command} {name}"),
        };
    }
    command
}
