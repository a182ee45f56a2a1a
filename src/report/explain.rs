//! The long texts behind the codes: what each means, why it happens, what to do now and for good, and what never to do.
//!
//! The texts lie in `codes/*.txt`, one file a theme. `== CODE` opens a text, and the next line is its meaning in a few words. Then come
//! its parts, each opened by one of [`HEADS`] and a colon. A line that begins with a blank is a command and is kept as it stands; each
//! other one is a paragraph, to be wrapped.

use super::fit::wrapped_behind;
use std::fmt::Write;

/// Themes in the order in which they are listed, each with its texts.
const FILES: [(&str, &str); 6] = [
    ("The pool and the filesystem below it", include_str!("codes/pool.txt")),
    ("The daemon", include_str!("codes/daemon.txt")),
    ("What lies on the disk before a start", include_str!("codes/disk.txt")),
    ("Storage options and drivers", include_str!("codes/options.txt")),
    ("Docker's configuration", include_str!("codes/configuration.txt")),
    ("thinguard itself, and what it tells", include_str!("codes/guard.txt")),
];

/// What a part answers, in their order: what it means; how it comes about; the next step; what keeps it from coming again; what would
/// make it worse, and what that destroys.
pub const HEADS: [&str; 5] = ["what", "why", "now", "for good", "never"];

/// No line is longer, in characters.
pub const WIDTH: usize = 80;

/// All that is said of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The code of a finding or of an event.
    pub code: &'static str,
    /// Its meaning in a few words.
    pub meaning: &'static str,
    body: &'static str,
}

impl Text {
    /// Paragraphs, and commands with a blank before them; each with the head of the part that it opens, or with none.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.body.lines().filter(|line| !line.is_empty()).map(|line| {
            let opened = |head| Some((head, line.strip_prefix(head)?.strip_prefix(": ")?));
            HEADS.into_iter().find_map(opened).unwrap_or(("", line))
        })
    }
}

/// The titles of all themes, each with its texts.
pub fn themes() -> impl Iterator<Item = (&'static str, Vec<Text>)> {
    FILES.into_iter().map(|(title, file)| (title, texts(file).collect()))
}

/// The text of a code.
pub fn find(code: &str) -> Option<Text> {
    all().find(|text| text.code == code)
}

fn all() -> impl Iterator<Item = Text> {
    FILES.into_iter().flat_map(|(_, file)| texts(file))
}

fn texts(file: &'static str) -> impl Iterator<Item = Text> {
    file.split("== ").filter_map(|text| {
        let (code, rest) = text.split_once('\n')?;
        let (meaning, body) = rest.split_once('\n')?;
        Some(Text { code, meaning, body })
    })
}

/// The list of all codes, for people.
pub fn list() -> String {
    let mut page = String::new();
    for (title, texts) in themes() {
        // Writing to a String does not fail.
        let _ = writeln!(page, "{title}:");
        for text in texts {
            let _ = writeln!(page, "  {:<32} {}", text.code, text.meaning);
        }
        page.push('\n');
    }
    page.push_str("thinguard explain CODE tells what to do.\n");
    page
}

/// One text, for people.
pub fn page(text: &Text) -> String {
    const INDENT: usize = 12;
    let mut page = format!("{}: {}\n", text.code, text.meaning);
    for (mut head, line) in text.lines() {
        page.push_str(if head.is_empty() { "" } else { "\n" });
        let lines = match line.starts_with(' ') {
            true => vec![format!("  {}", line.trim())],
            false => wrapped_behind(line, 0, WIDTH - INDENT),
        };
        for line in lines {
            let _ = writeln!(page, "  {head:<10}{line}");
            head = "";
        }
    }
    page
}

/// The code that was most likely meant: one that holds what was written, or is a few letters away from it.
pub fn nearest(written: &str) -> Option<&'static str> {
    // A word of hostile length is nobody's slip of the pen.
    if written.is_empty() || written.len() > 64 {
        return None;
    }
    let (distance, code) = all()
        .map(|Text { code, .. }| {
            let part_of_it = written.len() >= 4 && code.contains(written);
            (if part_of_it { 0 } else { distance(written, code) }, code)
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 2.max(written.chars().count() / 3)).then_some(code)
}

/// Levenshtein's: the fewest letters to insert, leave out or change that make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut above_left = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (its, above) in other.chars().zip(row.iter().skip(1)) {
            left = (above + 1).min(left + 1).min(above_left + usize::from(letter != its));
            next.push(left);
            above_left = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
