//! The bundle: all that is known at the moment of a deed or of a hang, in one entry of the journal for those who look later.

use super::printable::printable;
use super::text::{mode_marks, mode_word};
use crate::model::{Bytes, KernelLine, Mode, Pool, Seen, Snapshot, Stack, TaskState, Whose, Witness};
use std::time::Duration;

/// Bytes for the tasks; the whole must fit into one field of the journal.
const MOST_FOR_TASKS: usize = 4000;
/// Bytes for the kernel's lines.
const MOST_FOR_KERNEL: usize = 2000;
/// Moments of the pool's history.
const MOST_MOMENTS: usize = 12;

/// What a bundle is made of.
#[derive(Debug)]
pub struct Bundle<'a> {
    /// What it is kept for: a deed or a finding.
    pub occasion: &'a str,
    /// The newest look.
    pub seen: &'a Snapshot,
    /// How the pool has been since boot, oldest first.
    pub history: &'a [(Duration, Pool)],
    /// What is to stay free on the host filesystem.
    pub reserve: Bytes,
    /// Tasks in D state, and for how long: `tid`, `start_ticks`, time.
    pub stuck_for: &'a [(u32, u64, Duration)],
    /// Time since boot.
    pub now: Duration,
}

/// What the bundle is about in a line that sums up, and the lines of its sections, the weightiest first.
pub fn lines(bundle: &Bundle<'_>) -> (String, Vec<String>) {
    let tasks = tasks(bundle.seen);
    let stuck = tasks
        .iter()
        .filter(|witness| witness.task.state == TaskState::Uninterruptible)
        .count();
    let daemon = &bundle.seen.daemon;
    let summary = format!(
        "{}: /_ping {}, /info {}, {stuck} tasks in D state, {}",
        bundle.occasion,
        daemon.ping,
        daemon.info,
        pool_now(bundle)
    );
    let unit = match &daemon.unit {
        Seen::Known(unit) => format!(
            "unit: {} {} ({}), process {}{}",
            unit.name,
            unit.active_state,
            unit.sub_state,
            unit.main_pid,
            if unit.job_pending { ", a job is pending" } else { "" }
        ),
        Seen::Unknown(why) => format!("unit: not known: {why}"),
    };
    let host = match &bundle.seen.host {
        Seen::Known(host) => format!(
            "host: {} has {} free of {}, {} of it kept in reserve",
            host.path, host.free_bytes, host.total_bytes, bundle.reserve
        ),
        Seen::Unknown(why) => format!("host: not known: {why}"),
    };
    let sections = [
        vec![unit, host],
        history(bundle),
        witnesses(bundle, &tasks),
        kernel(bundle),
    ];
    let lines = sections.iter().flatten();
    (summary, lines.map(|line| printable(line).into_owned()).collect())
}

fn pool_now(bundle: &Bundle<'_>) -> String {
    match &bundle.seen.pool {
        Seen::Known(Some(pool)) => format!("pool {} {}", pool.name, figures(pool)),
        Seen::Known(None) => "no active pool".into(),
        Seen::Unknown(why) => format!("pool not known: {why}"),
    }
}

fn figures(pool: &Pool) -> String {
    let writes = match (pool.mode, pool.queue_if_no_space) {
        (Mode::OutOfDataSpace, true) => " (holds writes)",
        (Mode::OutOfDataSpace, false) => " (fails writes)",
        _ => "",
    };
    format!(
        "{}{writes}{}: data {} of {}, metadata {}% of {}",
        mode_word(pool.mode),
        mode_marks(pool.needs_check, pool.suspended),
        pool.data.used(),
        pool.data.total(),
        pool.metadata.used_percent(),
        pool.metadata.total()
    )
}

fn history(bundle: &Bundle<'_>) -> Vec<String> {
    let skipped = bundle.history.len().saturating_sub(MOST_MOMENTS);
    let moments = bundle.history.iter().skip(skipped);
    let lines = moments.map(|(at, pool)| format!("  {} s ago: {}", ago(bundle.now, *at), figures(pool)));
    std::iter::once("pool history:".to_owned()).chain(lines).collect()
}

fn ago(now: Duration, when: Duration) -> u64 {
    now.saturating_sub(when).as_secs()
}

/// The witnesses, and tasks of the daemon in D state that the look at the unit found besides.
fn tasks(seen: &Snapshot) -> Vec<Witness> {
    let mut tasks = seen.evidence.witnesses.known().cloned().unwrap_or_default().tasks;
    for task in seen.daemon.tasks.all() {
        let is_new = !tasks.iter().any(|known| known.task.tid == task.tid);
        if is_new && task.state == TaskState::Uninterruptible {
            tasks.push(Witness {
                whose: Whose::Daemon,
                task: task.clone(),
            });
        }
    }
    tasks.sort_by_key(|witness| witness.whose);
    tasks
}

fn witnesses(bundle: &Bundle<'_>, tasks: &[Witness]) -> Vec<String> {
    let evidence = &bundle.seen.evidence;
    let mut lines = vec!["tasks, innermost function first:".to_owned()];
    for (what, why) in [
        ("tasks besides the daemon's", evidence.witnesses.why_unknown()),
        ("where they stand", evidence.stacks.why_unknown()),
    ] {
        lines.extend(why.map(|why| format!("  {what}: {why}")));
    }
    let stacks = evidence.stacks.all();
    let mut left_out = evidence.witnesses.known().map_or(0, |witnesses| witnesses.left_out);
    let mut size = 0;
    let mut told: Vec<(&Stack, u32)> = Vec::new();
    for witness in tasks {
        let task = &witness.task;
        let stack = stacks
            .iter()
            .find(|stack| (stack.tid, stack.start_ticks) == (task.tid, task.start_ticks) && !stack.frames.is_empty());
        let mut line = format!("  {}", one(bundle, witness));
        if let Some(stack) = stack {
            // A dozen containers that wait in the same place need one stack.
            match told.iter().find(|(known, _)| known.frames == stack.frames) {
                Some((_, tid)) => line = format!("{line}: as {tid}"),
                None => {
                    line = format!("{line}: {}", stack.frames.join(" < "));
                    told.push((stack, task.tid));
                }
            }
        }
        if size + line.len() > MOST_FOR_TASKS {
            left_out += 1;
            continue;
        }
        size += line.len();
        lines.push(line);
    }
    if left_out > 0 {
        lines.push(format!("  and {left_out} more"));
    }
    lines
}

fn one(bundle: &Bundle<'_>, witness: &Witness) -> String {
    let task = &witness.task;
    let whose = match witness.whose {
        Whose::Daemon => "daemon",
        Whose::Containerd => "containerd",
        Whose::Container => "container",
        Whose::Kernel => "kernel",
    };
    let stuck_for = bundle
        .stuck_for
        .iter()
        .find(|(tid, start_ticks, _)| (*tid, *start_ticks) == (task.tid, task.start_ticks))
        .map(|(_, _, time)| *time);
    let state = match (task.state, stuck_for) {
        (TaskState::Uninterruptible, Some(time)) => format!("D for {} s", time.as_secs()),
        (TaskState::Uninterruptible, None) => "D".into(),
        (TaskState::Stopped, _) => "stopped".into(),
        (TaskState::Dead, _) => "dead".into(),
        (TaskState::Alive, _) => "alive".into(),
    };
    let place = match task.wchan.as_str() {
        "" | "0" => String::new(),
        place => format!(" in {place}"),
    };
    format!("{whose} {}[{}/{}] {state}{place}", task.comm, task.pid, task.tid)
}

fn kernel(bundle: &Bundle<'_>) -> Vec<String> {
    let evidence = &bundle.seen.evidence;
    let mut lines = vec!["kernel's log:".to_owned()];
    lines.extend(evidence.kernel.why_unknown().map(|why| format!("  not known: {why}")));
    let said = evidence.kernel.all().iter().rev();
    let mut size = 0;
    let newest = said.map(|line| kernel_line(bundle.now, line)).take_while(|line| {
        size += line.len();
        size <= MOST_FOR_KERNEL
    });
    let newest: Vec<String> = newest.collect();
    lines.extend(newest.into_iter().rev());
    if evidence.kernel_lost > 0 {
        lines.push(format!("  {} records were overwritten unread", evidence.kernel_lost));
    }
    lines
}

fn kernel_line(now: Duration, line: &KernelLine) -> String {
    let times = match line.times {
        1 => String::new(),
        times => format!(" ({times} times)"),
    };
    format!("  {} s ago{times}: {}", ago(now, line.when), line.text)
}

#[cfg(test)]
mod tests;
