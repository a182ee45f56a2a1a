//! `thinguard status` on one screen: what is in a report, laid out for a terminal. Pure: a report goes in and text comes out.

pub(super) mod bar;
mod consumers;
mod daemon;
mod in_place;
pub(super) mod pool;
mod summary;
#[cfg(test)]
mod tests;

pub use super::page::Terminal;
pub use in_place::in_place;

use super::json::{CannotSee, Health, Part, StatusReport};
use super::page::{Colour, Page};
use crate::model::Severity;

/// The screen.
pub fn status(report: &StatusReport, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    page.line(&headline(report, terminal));
    page.hanging("  ", &summary::sentences(report), 2);
    daemon::daemon(&mut page, &report.daemon);
    pool::pool(&mut page, report);
    daemon::guard(&mut page, &report.guard);
    for unseen in report.cannot_see.iter().filter(|it| it.what != Part::Pool) {
        page.row("not seen", &format!("{}: {}", unseen.what, why_unseen(unseen)));
    }
    page.findings(&report.findings);
    page.text
}

/// The first line alone must say it: monitoring plugins show no more. It is never broken.
fn headline(report: &StatusReport, terminal: &Terminal) -> String {
    let (health, colour) = match report.health() {
        Health::Healthy => ("OK", Colour::Green),
        Health::Warning => ("WARNING", Colour::Yellow),
        Health::Critical => ("CRITICAL", Colour::Red),
        Health::Unknown => ("UNKNOWN", Colour::Yellow),
    };
    let health = terminal.painted(health, colour);
    let findings = report.findings.iter().filter(|it| it.severity > Severity::Note);
    let codes: Vec<_> = findings.map(|it| it.code.as_str()).collect();
    match codes.as_slice() {
        [] => format!("thinguard {health}"),
        codes => format!("thinguard {health}: {}", codes.join(", ")),
    }
}

/// Why something was not seen, and what would help.
fn why_unseen(unseen: &CannotSee) -> String {
    match unseen.needs_root {
        true => format!("{}; run as root to see it", unseen.why),
        false => unseen.why.clone(),
    }
}
