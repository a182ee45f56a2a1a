//! The long texts behind the codes: what each means, why it happens, what to do now and for good, and what never to do.
//!
//! The texts lie in `codes/*.txt`, one file a theme. `== CODE` opens a text, and the next line is its meaning in a few words. Then come
//! its parts, each opened by one of the words of [`Head`] and a colon. A line that begins with a blank is a command and is kept as it
//! stands; all else is prose and is wrapped anew.

use super::fit::wrapped;
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

/// No line is longer, in characters.
pub const WIDTH: usize = 80;

/// Texts of one theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// For people.
    pub title: &'static str,
    /// In the order of the file.
    pub texts: Vec<Text>,
}

/// All that is said of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The code of a finding or of an event.
    pub code: &'static str,
    /// Its meaning in a few words.
    pub meaning: &'static str,
    /// In the order of the file.
    pub parts: Vec<Part>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The question.
    pub head: Head,
    /// Prose and commands.
    pub pieces: Vec<Piece>,
}

/// Prose, to be wrapped, or one line that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words with single blanks between them.
    Prose(String),
    /// A command, or what a file is to hold.
    Command(&'static str),
}

/// What a part answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Head {
    /// What it means.
    What,
    /// How it comes about.
    Why,
    /// The next step.
    Now,
    /// What keeps it from coming again.
    ForGood,
    /// What would make it worse, and what that destroys.
    Never,
}

impl Head {
    /// In their order.
    pub const ALL: [Head; 5] = [Head::What, Head::Why, Head::Now, Head::ForGood, Head::Never];

    /// The word that opens such a part, in the files and for people.
    pub const fn word(self) -> &'static str {
        match self {
            Head::What => "what",
            Head::Why => "why",
            Head::Now => "now",
            Head::ForGood => "for good",
            Head::Never => "never",
        }
    }
}

/// All texts. A theme that cannot be read, which a test rules out, has none.
pub fn themes() -> Vec<Theme> {
    FILES
        .iter()
        .map(|(title, file)| Theme {
            title,
            texts: parse(file).unwrap_or_default(),
        })
        .collect()
}

/// The text of a code.
pub fn find(code: &str) -> Option<Text> {
    themes()
        .into_iter()
        .flat_map(|theme| theme.texts)
        .find(|text| text.code == code)
}

/// Reads one file.
///
/// # Errors
/// The number of the first line that has no place, and why.
pub fn parse(file: &'static str) -> Result<Vec<Text>, String> {
    let mut texts: Vec<Text> = Vec::new();
    for (index, line) in file.lines().enumerate() {
        read_line(line, &mut texts).map_err(|why| format!("line {}: {why}", index + 1))?;
    }
    Ok(texts)
}

fn read_line(line: &'static str, texts: &mut Vec<Text>) -> Result<(), &'static str> {
    if let Some(code) = line.strip_prefix("== ") {
        texts.push(Text {
            code,
            meaning: "",
            parts: Vec::new(),
        });
        return Ok(());
    }
    if line.is_empty() {
        return Ok(());
    }
    let text = texts.last_mut().ok_or("no text is open")?;
    if text.meaning.is_empty() {
        text.meaning = line;
        return Ok(());
    }
    let opened = Head::ALL
        .into_iter()
        .find_map(|head| Some((head, line.strip_prefix(head.word())?.strip_prefix(": ")?)));
    if let Some((head, prose)) = opened {
        text.parts.push(Part {
            head,
            pieces: vec![Piece::Prose(prose.to_owned())],
        });
        return Ok(());
    }
    let part = text.parts.last_mut().ok_or("no part is open")?;
    match part.pieces.last_mut() {
        _ if line.starts_with(' ') => part.pieces.push(Piece::Command(line.trim())),
        Some(Piece::Prose(prose)) => {
            prose.push(' ');
            prose.push_str(line);
        }
        _ => part.pieces.push(Piece::Prose(line.to_owned())),
    }
    Ok(())
}

/// The list of all codes, for people.
pub fn list() -> String {
    let mut page = String::new();
    for theme in themes() {
        // Writing to a String does not fail.
        let _ = writeln!(page, "{}:", theme.title);
        for text in theme.texts {
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
    for part in &text.parts {
        page.push('\n');
        let mut label = part.head.word();
        for piece in &part.pieces {
            let lines = match piece {
                Piece::Prose(prose) => wrapped(prose, WIDTH - INDENT),
                Piece::Command(command) => vec![format!("  {command}")],
            };
            for line in lines {
                let _ = writeln!(page, "  {label:<10}{line}");
                label = "";
            }
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
    let codes = themes().into_iter().flat_map(|theme| theme.texts).map(|text| text.code);
    let (distance, code) = codes
        .map(|code| {
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
