//! The page that answers for people are written on: rows with labels, sentences that go on below themselves, colours.

use super::event::sentence;
use super::fit::{columns, shortened, wrapped_behind};
use super::printable::printable;
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

    /// A text of ours in a colour, where colours are wanted (ECMA-48, SGR).
    pub(super) fn painted(&self, text: &str, colour: Colour) -> String {
        match self.colour {
            true => format!("\u{1b}[1;{}m{text}\u{1b}[0m", colour as u8),
            false => text.to_owned(),
        }
    }
}

/// How bad a thing is, by its number in ECMA-48.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Now.
    Red = 31,
    /// Soon.
    Yellow = 33,
    /// Not at all.
    Green = 32,
    /// Only worth knowing.
    Cyan = 36,
}

/// Columns before the value of a row: two blanks, a label of ten, one blank.
const INDENT: usize = 13;

/// The lines so far.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) terminal: Terminal,
}

impl Page {
    /// A page for this terminal.
    pub(super) fn new(terminal: &Terminal) -> Page {
        Page {
            text: String::new(),
            terminal: Terminal {
                width: terminal.width.max(Terminal::NARROWEST),
                ..*terminal
            },
        }
    }

    /// A page whose lines are as long as what they tell.
    pub(super) fn unbroken(colour: bool) -> Page {
        Page::new(&Terminal {
            width: usize::MAX,
            colour,
            utf8: true,
        })
    }

    /// Columns for the value of a row.
    pub(super) fn room(&self) -> usize {
        self.terminal.width - INDENT
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// `label` and a sentence, which goes on below itself where it is long.
    pub(super) fn row(&mut self, label: &str, value: &str) {
        self.hanging(&format!("  {label:<10} "), value, INDENT);
    }

    /// `label` and a name or path that takes no more than one line: its middle is left out before anything else is.
    pub(super) fn row_of_name(&mut self, label: &str, name: &str, rest: &str) {
        let name = self.shown(name);
        let name = shortened(&name, self.room().saturating_sub(rest.chars().count()));
        self.row(label, &format!("{name}{rest}"));
    }

    /// `lead` and a sentence, whose further lines are indented.
    pub(super) fn hanging(&mut self, lead: &str, value: &str, indent: usize) {
        let value = self.shown(value);
        if columns(lead) + columns(&value) <= self.terminal.width {
            return self.line(format!("{lead}{value}").trim_end());
        }
        let taken = lead.chars().count().saturating_sub(indent);
        let mut lead = lead.to_owned();
        for line in wrapped_behind(&value, taken, self.terminal.width - indent) {
            self.line(format!("{lead}{line}").trim_end());
            lead = " ".repeat(indent);
        }
    }

    /// Text from outside as this terminal may see it.
    pub(super) fn shown(&self, text: &str) -> String {
        let text = printable(text);
        match self.terminal.utf8 {
            true => text.into_owned(),
            false => text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect(),
        }
    }

    /// What is wrong, where, and the next step.
    pub(super) fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            let (word, colour) = match finding.severity {
                Severity::Refuse => ("REFUSE", Colour::Red),
                Severity::Warn => ("WARN", Colour::Yellow),
                Severity::Note => ("NOTE", Colour::Cyan),
            };
            let begin = self.text.len();
            self.hanging(&format!("{word} {}: ", finding.code), &sentence(finding), 2);
            // Only now: colours take no columns.
            let painted = self.terminal.painted(word, colour);
            self.text.replace_range(begin..begin + word.len(), &painted);
            for (name, value) in [("where:", &finding.place), ("next:", &finding.remedy)] {
                if !value.is_empty() {
                    self.hanging(&format!("  {name:<6} "), value, 9);
                }
            }
        }
        if !findings.is_empty() {
            self.line("More of each: thinguard explain CODE");
        }
    }
}
