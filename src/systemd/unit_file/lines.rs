//! The lines of a unit file: sections, settings, comments, lines that go on (systemd.syntax(7)).

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// `key=value` in a section.
    Setting {
        section: String,
        key: String,
        value: String,
    },
    /// `.include FILE`, up to 245.
    Include(String),
    /// systemd stops reading the file here, and why.
    End(String),
    /// Releases of this version read the line in different ways.
    Doubt(String),
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Longest line that systemd reads as one up to 234, in bytes (`LINE_MAX` less the closing zero): `fgets` cuts longer ones.
const LINE_MAX: usize = 2047;

/// The lines that say something, each with the number, from 1, of the line on which it begins (`config_parse` and `parse_line` in
/// `shared/conf-parser.c`).
///
/// | since | |
/// |---|---|
/// | 230 | a byte-order mark is passed over |
/// | 235 | a line may be longer than 2047 bytes |
/// | 239 | a last line that ends in a backslash counts |
/// | 240 | comments between lines that go on are left out; a comment does not go on |
/// | 243 | a line without `=` is passed over; before, it ends the reading; one without a name before it is passed over too |
/// | 246 | no `.include` |
///
/// RHEL 7's 219 is two: from 7.5 on (redhat-plumbers/systemd-rhel7, beef227752) it passes over a byte-order mark, reads lines of any length,
/// and takes no carriage return for a line's end. Which one reads a file is not known here, so where they differ there is a doubt.
pub(super) fn items(bytes: &[u8], version: u16) -> Vec<(usize, Item)> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut reader = Reader {
        version,
        section: None,
        items: Vec::new(),
    };
    if version == 219
        && let Some((number, why)) = doubt(bytes)
    {
        let why = format!("{why}: RHEL 7.5's systemd 219 reads it otherwise than the one before");
        reader.items.push((number, Item::Doubt(why)));
    }
    let bytes = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) if version >= 230 => rest,
        _ => bytes,
    };
    let longest = if version < 235 { LINE_MAX } else { usize::MAX };
    let mut pending: Option<(usize, Vec<u8>)> = None;
    let numbered = bytes.split(|&byte| byte == b'\n').zip(1..);
    for (piece, number) in numbered.flat_map(|(line, number)| pieces(line, longest).map(move |piece| (piece, number))) {
        let piece = piece.split(|&byte| byte == b'\r').next().unwrap_or_default();
        if is_left_out(piece, version) {
            continue;
        }
        let (number, mut line) = pending.take().unwrap_or((number, Vec::new()));
        line.extend_from_slice(piece);
        // What was joined before ends in a blank, so the piece alone decides.
        if goes_on(piece) {
            line.pop();
            line.push(b' ');
            pending = Some((number, line));
        } else if !reader.line(number, &line) {
            return reader.items;
        }
    }
    if let Some((number, line)) = pending.filter(|_| version >= 239) {
        reader.line(number, &line);
    }
    reader.items
}

/// The first line that RHEL 7.5's 219 reads otherwise than the one before.
fn doubt(bytes: &[u8]) -> Option<(usize, &'static str)> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Some((1, "a byte-order mark"));
    }
    let mut lines = bytes.split(|&byte| byte == b'\n').zip(1..);
    lines.find_map(|(line, number)| {
        let cut = line.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let odd_return = cut.len() + 1 < line.len() || cut.len() < line.len() && goes_on(cut);
        if odd_return {
            return Some((number, "a carriage return"));
        }
        (line.len() > LINE_MAX).then_some((number, "more than 2047 bytes"))
    })
}

/// A line in pieces of at most so many bytes; an empty line is one piece.
fn pieces(line: &[u8], longest: usize) -> impl Iterator<Item = &[u8]> {
    let empty = line.is_empty().then_some(line);
    line.chunks(longest).chain(empty)
}

/// Whether a line is left out before lines are joined: a comment, and up to 242 an empty line too (`strchr` finds the zero behind
/// it). 240 does not see comments behind blanks, there or later.
fn is_left_out(line: &[u8], version: u16) -> bool {
    match version {
        ..240 => false,
        240 => matches!(line.first(), None | Some(b'#' | b';')),
        241..243 => line.trim_ascii().is_empty() || is_comment(line),
        _ => is_comment(line),
    }
}

fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'#' | b';'))
}

/// Whether a backslash that is not itself escaped ends the line.
fn goes_on(line: &[u8]) -> bool {
    line.iter().fold(false, |escaped, &byte| !escaped && byte == b'\\')
}

struct Reader {
    version: u16,
    /// The section, if it is one of ours to read; `None` before the first.
    section: Option<String>,
    items: Vec<(usize, Item)>,
}

impl Reader {
    /// Old systemd takes such a line as it is, newer ones pass over it; none stops for it. A description may be written in any letters, so
    /// only a line that bears on the start makes it uncertain.
    fn not_utf8(&mut self, number: usize, line: &[u8]) {
        let key = line.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
        let is_setting = key.len() < line.len();
        let bears_on_the_start = matches!(key, b"ExecStart" | b"Environment" | b"EnvironmentFile" | b"Type");
        if !is_setting || bears_on_the_start {
            let why = "a line that is not UTF-8: releases of systemd differ in what they make of it";
            self.items.push((number, Item::Doubt(why.to_owned())));
        }
    }

    /// Reads a whole line; `false` where systemd reads nothing behind it.
    fn line(&mut self, number: usize, line: &[u8]) -> bool {
        let line = line.trim_ascii();
        if line.is_empty() || self.version < 240 && is_comment(line) {
            return true;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            self.not_utf8(number, line);
            return true;
        };
        if let Some(name) = line.strip_prefix(".include ").filter(|_| self.version < 246) {
            self.items.push((number, Item::Include(name.trim().to_owned())));
            return true;
        }
        if let Some(name) = line.strip_prefix('[') {
            let Some(name) = name.strip_suffix(']') else {
                return self.end(number, "a section's name without ']'");
            };
            let known = matches!(name, "Unit" | "Service" | "Install");
            self.section = known.then(|| name.to_owned());
            return true;
        }
        let Some(section) = &self.section else { return true };
        match line.split_once('=') {
            Some(("", _)) if self.version >= 243 => true,
            Some((key, value)) => {
                let item = Item::Setting {
                    section: section.clone(),
                    key: key.trim_end().to_owned(),
                    value: value.trim().to_owned(),
                };
                self.items.push((number, item));
                true
            }
            None if self.version < 243 => self.end(number, "a line without '='"),
            None => true,
        }
    }

    fn end(&mut self, number: usize, why: &str) -> bool {
        self.items.push((number, Item::End(why.to_owned())));
        false
    }
}

#[cfg(test)]
mod tests;
