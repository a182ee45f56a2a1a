//! The rows of the daemon and of the guard.

use super::Page;
use crate::model::{Outcome, StuckTask, time_words};
use crate::report::json::{Answers, DaemonReport, GuardReport, LastDeed};
use std::time::Duration;

/// Tasks in D state that are told one by one; with more, their number says enough.
const TASKS: usize = 3;

/// Deeds that are told besides the last one.
const DEEDS: usize = 2;

/// The daemon, and its tasks in D state.
pub(super) fn daemon(page: &mut Page, daemon: &DaemonReport) {
    let state = daemon
        .active_state
        .map_or_else(|| "state unknown".to_owned(), |s| s.to_string());
    let pid = daemon
        .main_pid
        .map(|pid| format!(", process {pid}"))
        .unwrap_or_default();
    page.row("daemon", &format!("{} {state}{pid}, {}", daemon.unit, answers(daemon)));
    for task in daemon.stuck_tasks.iter().take(TASKS) {
        page.row("", &stuck(task));
    }
    if let Some(more) = daemon.stuck_tasks.len().checked_sub(TASKS).filter(|more| *more > 0) {
        page.row("", &format!("and {more} more tasks in D state"));
    }
}

fn answers(daemon: &DaemonReport) -> String {
    match (daemon.answers, daemon.silent_for_s) {
        (Answers::Yes, _) => "answers".into(),
        (Answers::No, None) => "does not answer".into(),
        (Answers::No, Some(waited)) => format!("does not answer (asked {waited} s ago)"),
        (Answers::Unknown, Some(waited @ 1..)) => format!("has not answered for {waited} s"),
        (Answers::Unknown, _) => "not known whether it answers".into(),
    }
}

fn stuck(task: &StuckTask) -> String {
    let place = match task.wchan.as_str() {
        "" | "0" => "unknown",
        place => place,
    };
    format!(
        "task {} ({}) in D state for {} s in {place}",
        task.tid, task.comm, task.state_since_s
    )
}

/// The guard, and what it did last.
pub(super) fn guard(page: &mut Page, guard: &GuardReport) {
    let left = guard
        .restarts_left
        .map(|left| format!(", {left} restarts left"))
        .unwrap_or_default();
    let running = if guard.running { "running" } else { "not running" };
    page.row("guard", &format!("{running}{left}"));
    if let Some(last) = &guard.last_deed {
        page.row("last deed", &deed(last));
    }
    for (index, earlier) in guard.deeds.iter().skip(1).take(DEEDS).enumerate() {
        page.row(if index == 0 { "before it" } else { "" }, &deed(earlier));
    }
}

fn deed(last: &LastDeed) -> String {
    let outcome = match &last.outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Failed(why) => format!("failed: {why}"),
        Outcome::Stuck(why) => format!("stuck: {why}"),
        Outcome::NotBegun(why) => format!("not begun: {}", why.trim_start_matches("not begun: ")),
    };
    let ago = time_words(Duration::from_secs(last.seconds_ago));
    format!("{}: {outcome}, {ago} ago", last.deed)
}
