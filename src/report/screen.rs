//! `thinguard status` on one screen: what is in a report, laid out for a terminal. Pure: a report goes in and text comes out.

mod bar;
mod consumers;
mod daemon;
mod in_place;
mod pool;
mod summary;
#[cfg(test)]
mod tests;

pub use in_place::in_place;

use super::colour;
use super::fit::{shortened, wrapped_behind};
use super::json::{CannotSee, Health, Part, StatusReport};
use super::printable::printable;
use super::text::severity_word;
use crate::model::{Finding, Severity};

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns of a line.
    pub width: usize,
    /// Colours are wanted.
    pub colour: bool,
    /// It shows UTF-8; else nothing but ASCII is used.
    pub utf8: bool,
}

impl Terminal {
    /// Where nothing is known of it: a pipe, a file, a plugin's log.
    pub const PLAIN: Terminal = Terminal {
        width: 80,
        colour: false,
        utf8: false,
    };

    /// Narrower than this nothing can be laid out; lines are then as long as for this.
    const NARROWEST: usize = 40;
}

/// Columns before the value of a row: two blanks, a label of ten, one blank.
const INDENT: usize = 13;

/// The lines so far.
struct Page {
    text: String,
    terminal: Terminal,
}

impl Page {
    /// Columns for the value of a row.
    fn room(&self) -> usize {
        self.terminal.width - INDENT
    }

    /// A line as it is.
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// `label` and a sentence, which goes on below itself where it is long.
    fn row(&mut self, label: &str, value: &str) {
        self.hanging(&format!("  {label:<10} "), value, INDENT);
    }

    /// `label` and a name or path that takes no more than one line: its middle is left out before anything else is.
    fn row_of_name(&mut self, label: &str, name: &str, rest: &str) {
        let name = self.shown(name);
        let name = shortened(&name, self.room().saturating_sub(rest.chars().count()));
        self.row(label, &format!("{name}{rest}"));
    }

    /// `lead` and a sentence, whose further lines are indented.
    fn hanging(&mut self, lead: &str, value: &str, indent: usize) {
        let value = self.shown(value);
        let taken = lead.chars().count().saturating_sub(indent);
        let mut lead = lead.to_owned();
        for line in wrapped_behind(&value, taken, self.terminal.width - indent) {
            self.line(format!("{lead}{line}").trim_end());
            lead = " ".repeat(indent);
        }
    }

    /// Text from outside as this terminal may see it.
    fn shown(&self, text: &str) -> String {
        let text = printable(text);
        match self.terminal.utf8 {
            true => text.into_owned(),
            false => text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect(),
        }
    }
}

/// The screen.
pub fn status(report: &StatusReport, terminal: &Terminal) -> String {
    let mut page = Page {
        text: String::new(),
        terminal: Terminal {
            width: terminal.width.max(Terminal::NARROWEST),
            ..*terminal
        },
    };
    page.line(&headline(report));
    page.hanging("  ", &summary::sentences(report), 2);
    daemon::daemon(&mut page, &report.daemon);
    pool::pool(&mut page, report);
    daemon::guard(&mut page, &report.guard);
    for unseen in report.cannot_see.iter().filter(|it| it.what != Part::Pool) {
        page.row("not seen", &format!("{}: {}", unseen.what, why_unseen(unseen)));
    }
    report.findings.iter().for_each(|it| finding(&mut page, it));
    if !report.findings.is_empty() {
        page.line("More of each: thinguard explain CODE");
    }
    match terminal.colour {
        true => colour::paint(&page.text),
        false => page.text,
    }
}

/// The first line alone must say it: monitoring plugins show no more. It is never broken.
fn headline(report: &StatusReport) -> String {
    let health = match report.health() {
        Health::Healthy => "OK",
        Health::Warning => "WARNING",
        Health::Critical => "CRITICAL",
        Health::Unknown => "UNKNOWN",
    };
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

fn finding(page: &mut Page, finding: &Finding) {
    let lead = format!("{} {}: ", severity_word(finding.severity), finding.code);
    page.hanging(&lead, &super::event::sentence(finding), 2);
    for (name, value) in [("where", &finding.place), ("next", &finding.remedy)] {
        if !value.is_empty() {
            let name = format!("{name}:");
            page.hanging(&format!("  {name:<6} "), value, 9);
        }
    }
}
