//! The answers of `preflight` and `status` for people, and the one helper that makes hostile text fit for a terminal.

use super::json::{
    Answers, HeadroomReport, Health, HostReport, PoolReport, PreflightReport, StatusReport, UsageReport,
};
use crate::model::{Bytes, Finding, Mode, Outcome, Severity};
use std::borrow::Cow;
use std::fmt::Write;

/// `text` with everything escaped that could steer a terminal, forge a line or turn the writing direction: names of
/// processes and files are chosen by strangers.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_hostile(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

fn is_hostile(c: char) -> bool {
    // Besides control characters: line separators, bidirectional controls, zero-width ones, the byte order mark.
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `preflight` for people.
pub fn preflight(report: &PreflightReport<'_>) -> String {
    let headline = match report.verdict {
        "start" => "Docker may start",
        "refuse" => "Docker must not start",
        _ => "thinguard could not judge; Docker may start",
    };
    let mut page = format!("thinguard preflight: {headline} ({} ms)\n", report.elapsed_ms);
    if let Some(docker) = &report.docker {
        row(&mut page, "docker", &docker.words());
    }
    let found = if report.driver_found { ", as used before" } else { "" };
    let driver = report.driver.unwrap_or("Docker's own choice");
    row(&mut page, "driver", &format!("{driver}{found}"));
    if let Some(data_root) = report.data_root {
        row(&mut page, "data root", data_root);
    }
    match &report.pool {
        Some(pool) => pool_rows(&mut page, pool),
        None => row(&mut page, "pool", "none active"),
    }
    // The pool tells its own room, where it knows it.
    if let Some(room) = report
        .headroom
        .as_ref()
        .filter(|_| report.pool.as_ref().is_none_or(|p| p.headroom_bytes.is_none()))
    {
        room_rows(&mut page, room);
    }
    findings(&mut page, report.findings);
    if let Some(command) = &report.overrule {
        // Writing to a String does not fail.
        let _ = writeln!(
            page,
            "To overrule this refusal, and all to come until the link is removed: {command}"
        );
    }
    page
}

/// `status` for people.
pub fn status(report: &StatusReport<'_>) -> String {
    let headline = match report.health() {
        Health::Healthy => "OK",
        Health::Warning => "WARNING",
        Health::Critical => "CRITICAL",
        Health::Unknown => "UNKNOWN",
    };
    // The first line alone must say it: monitoring plugins show no more.
    let codes: Vec<_> = report
        .findings
        .iter()
        .filter(|f| f.severity > Severity::Note)
        .map(|f| f.code)
        .collect();
    let mut page = match codes.as_slice() {
        [] => format!("thinguard {headline}\n"),
        codes => format!("thinguard {headline}: {}\n", codes.join(", ")),
    };
    match (&report.pool, &report.pool_unknown) {
        (Some(pool), _) => pool_rows(&mut page, pool),
        (None, Some(why)) => row(&mut page, "pool", &format!("unknown: {why}")),
        (None, None) => row(&mut page, "pool", "none active"),
    }
    let daemon = &report.daemon;
    let state = daemon
        .active_state
        .map_or_else(|| "state unknown".to_owned(), |s| format!("{s:?}").to_lowercase());
    let pid = daemon
        .main_pid
        .map(|pid| format!(", process {pid}"))
        .unwrap_or_default();
    let answers = match daemon.answers {
        Answers::Yes => "answers",
        Answers::No => "does not answer",
        Answers::Unknown => "not known whether it answers",
    };
    row(&mut page, "daemon", &format!("{} {state}{pid}, {answers}", daemon.unit));
    for task in &daemon.stuck_tasks {
        let place = if matches!(task.wchan.as_str(), "" | "0") {
            "unknown"
        } else {
            &task.wchan
        };
        let line = format!(
            "task {} ({}) in D state for {} s in {place}",
            task.tid, task.comm, task.state_since_s
        );
        row(&mut page, "", &line);
    }
    let guard = &report.guard;
    let left = guard
        .restarts_left
        .map(|left| format!(", {left} restarts left"))
        .unwrap_or_default();
    row(
        &mut page,
        "guard",
        &format!("{}{left}", if guard.running { "running" } else { "not running" }),
    );
    if let Some(last) = &guard.last_deed {
        let outcome = match &last.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(why) => format!("failed: {why}"),
            Outcome::Stuck(why) => format!("stuck: {why}"),
            Outcome::NotBegun(why) => format!("not begun: {}", why.trim_start_matches("not begun: ")),
        };
        row(
            &mut page,
            "last deed",
            &format!("{}: {outcome}, {} s ago", last.deed, last.seconds_ago),
        );
    }
    findings(&mut page, report.findings);
    page
}

fn row(page: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(page, "  {name:<10} {}", printable(value));
}

fn pool_rows(page: &mut String, pool: &PoolReport) {
    let mode = match pool.mode {
        Some(Mode::Rw) => "rw",
        Some(Mode::OutOfDataSpace) => "out of data space",
        Some(Mode::Ro) => "read-only",
        Some(Mode::Fail) => "failed",
        None => "not active",
    };
    let check = if pool.needs_check { ", needs check" } else { "" };
    let suspended = if pool.suspended { ", suspended" } else { "" };
    let name = match pool.name.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    row(page, "pool", &format!("{name}{mode}{check}{suspended}"));
    row(page, "data", &usage(&pool.data));
    row(page, "metadata", &usage(&pool.metadata));
    if let Some(forecast) = &pool.forecast {
        row(page, "forecast", &forecast.text);
    }
    for file in &pool.files {
        let line = format!(
            "{} ({}, {} allocated)",
            file.path, file.size_bytes, file.allocated_bytes
        );
        row(page, "file", &line);
    }
    if let (Some(headroom_bytes), Some(overcommit_bytes)) = (pool.headroom_bytes, pool.overcommit_bytes) {
        room_rows(
            page,
            &HeadroomReport {
                headroom_bytes,
                overcommit_bytes,
                host: pool.host.clone(),
            },
        );
    }
}

fn usage(usage: &UsageReport) -> String {
    let (used, total) = (usage.used_bytes, usage.total_bytes);
    let percent = (u128::from(used.0) * 100)
        .checked_div(u128::from(total.0))
        .unwrap_or(100);
    let rate = match usage.fill_bytes_per_s {
        Some(rate) if rate > Bytes(0) => format!(", fills at {rate}/s"),
        _ => String::new(),
    };
    format!("{percent}% of {total} used, {} free{rate}", total.saturating_sub(used))
}

fn room_rows(page: &mut String, room: &HeadroomReport) {
    if let Some(HostReport {
        path,
        free_bytes,
        reserve_bytes,
    }) = &room.host
    {
        row(
            page,
            "host",
            &format!("{path}: {free_bytes} free, {reserve_bytes} of it reserved"),
        );
    }
    let over = match room.overcommit_bytes {
        Bytes(0) => String::new(),
        over => format!("; the pool promises {over} more than the host has"),
    };
    row(page, "headroom", &format!("{}{over}", room.headroom_bytes));
}

fn findings(page: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    for finding in findings {
        let severity = match finding.severity {
            Severity::Refuse => "REFUSE",
            Severity::Warn => "WARN",
            Severity::Note => "NOTE",
        };
        let _ = writeln!(
            page,
            "{severity} {}: {}",
            finding.code,
            printable(&super::event::sentence(finding))
        );
        for (name, value) in [("where", &finding.place), ("next", &finding.remedy)] {
            if !value.is_empty() {
                let _ = writeln!(page, "  {:<6} {}", format!("{name}:"), printable(value));
            }
        }
    }
    page.push_str("More of each: thinguard explain CODE\n");
}
