//! The answer of `preflight` for people.

use super::json::{HeadroomReport, HostReport, PoolReport, PreflightReport, UsageReport};
use super::printable::printable;
use crate::model::{Answer, Bytes, Finding, Mode, Severity};
use std::fmt::Write;

/// `preflight` for people.
pub fn preflight(report: &PreflightReport<'_>) -> String {
    let headline = match report.verdict {
        Answer::Start => "Docker may start",
        Answer::Refuse => "Docker must not start",
        Answer::Unknown => "thinguard could not judge; Docker may start",
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

pub(super) fn row(page: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(page, "  {name:<10} {}", printable(value));
}

/// What the pool does with I/O, in words.
pub(super) fn mode_words(pool: &PoolReport) -> String {
    let mode = match pool.mode {
        Some(Mode::Rw) => "rw",
        Some(Mode::OutOfDataSpace) => "out of data space",
        Some(Mode::Ro) => "read-only",
        Some(Mode::Fail) => "failed",
        None => "not active",
    };
    let check = if pool.needs_check { ", needs check" } else { "" };
    let suspended = if pool.suspended { ", suspended" } else { "" };
    format!("{mode}{check}{suspended}")
}

fn pool_rows(page: &mut String, pool: &PoolReport) {
    let name = match pool.name.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    row(page, "pool", &format!("{name}{}", mode_words(pool)));
    row(page, "data", &usage(&pool.data));
    row(page, "metadata", &usage(&pool.metadata));
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
    format!("{percent}% of {total} used, {} free", total.saturating_sub(used))
}

fn room_rows(page: &mut String, room: &HeadroomReport) {
    if let Some(HostReport {
        path,
        free_bytes,
        reserve_bytes,
        ..
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

/// The word that opens a finding's line.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Refuse => "REFUSE",
        Severity::Warn => "WARN",
        Severity::Note => "NOTE",
    }
}

fn findings(page: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    for finding in findings {
        let severity = severity_word(finding.severity);
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
