//! The text behind `ExecStart=` as each version of systemd reads it: prefixes, quotes, escapes, `;`, specifiers. Pure.

use crate::systemd::unit_name;
use crate::systemd::words::{is_blank, skip_blanks, take_raw_word, take_word, unescape_219};

/// One command of an Exec line, before variables are expanded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The program, a path; a bare name is looked up by systemd 239 and newer.
    pub path: String,
    /// Its words; the first is the program's path, or another name behind `@`.
    pub argv: Vec<String>,
    /// `-`: the program may fail, or be missing.
    pub may_fail: bool,
    /// `:`: `$X` and `${X}` are not expanded.
    pub literal: bool,
}

/// Reads the text of an Exec line as systemd `version` does in the unit `unit` (`config_parse_exec` in `core/load-fragment.c`).
/// Its lines are joined already. More than one command may stand in it, with ` ; ` between them.
///
/// | since | |
/// |---|---|
/// | 219 | prefixes `-`, `@`; quotes only around whole words |
/// | 221 | quotes within words |
/// | 231 | prefix `+` |
/// | 235 | prefixes `!`, `!!`; a `%` at a word's end stays |
/// | 236 | an unknown specifier is an error |
/// | 239 | a bare name of a program |
/// | 242 | prefix `:` |
///
/// # Errors
/// Why systemd takes nothing from the line, or what of it is not known here; the commands are then not known.
pub fn parse_line(text: &str, unit: &str, version: u16) -> Result<Vec<Line>, String> {
    let mut rest = text.as_bytes();
    let mut lines = Vec::new();
    loop {
        skip_blanks(&mut rest);
        if rest.is_empty() {
            return Ok(lines);
        }
        let words = match version {
            ..221 => raw_words(&mut rest)?,
            _ => words(&mut rest)?,
        };
        if !words.is_empty() {
            lines.push(line(words, unit, version)?);
        }
    }
}

/// The words of one command up to 220. A separator is a word `;`, quoted or not.
fn raw_words(rest: &mut &[u8]) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    while let Some(raw) = take_raw_word(rest)? {
        match raw {
            b";" if !words.is_empty() => break,
            b"\\;" if !words.is_empty() => words.push(";".into()),
            raw => words.push(utf8(unescape_219(raw))?),
        }
    }
    Ok(words)
}

/// The words of one command since 221. A separator is an unquoted `;`, and `\;` is the word `;`.
fn words(rest: &mut &[u8]) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    loop {
        let ends = |at: usize| rest.get(at).is_none_or(|&byte| is_blank(byte));
        if rest.starts_with(b";") && ends(1) {
            *rest = rest.get(1..).unwrap_or_default();
            return Ok(words);
        }
        if rest.starts_with(b"\\;") && ends(2) && !words.is_empty() {
            *rest = rest.get(2..).unwrap_or_default();
            skip_blanks(rest);
            words.push(";".into());
            continue;
        }
        match take_word(rest, false)? {
            Some(word) => words.push(utf8(word)?),
            None => return Ok(words),
        }
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// A command of its words: prefixes off, specifiers replaced, the program's path checked.
fn line(words: Vec<String>, unit: &str, version: u16) -> Result<Line, String> {
    let mut words = words.into_iter();
    let first = words.next().unwrap_or_default();
    let mut line = Line::default();
    let mut separate_name = false;
    let mut privileges = String::new();
    let mut path = first.as_str();
    while let Some(prefix) = path.chars().next() {
        // Each may stand once; `!!` is one of its own.
        match prefix {
            '-' if !line.may_fail => line.may_fail = true,
            '@' if !separate_name => separate_name = true,
            ':' if version >= 242 && !line.literal => line.literal = true,
            '+' if version >= 231 && privileges.is_empty() => privileges.push('+'),
            '!' if version >= 235 && matches!(privileges.as_str(), "" | "!") => privileges.push('!'),
            _ => break,
        }
        path = path.get(1..).unwrap_or_default();
    }
    line.path = unit_name::specifiers(path, unit, version)?;
    check_path(&line.path, version)?;
    if !separate_name {
        line.argv.push(line.path.clone());
    }
    for word in words {
        line.argv.push(unit_name::specifiers(&word, unit, version)?);
    }
    match line.argv.is_empty() {
        true => Err("it has no name for the program".into()),
        false => Ok(line),
    }
}

fn check_path(path: &str, version: u16) -> Result<(), String> {
    let why = if path.is_empty() {
        "it has no program"
    } else if path.chars().any(|c| c.is_ascii_control() || "\\\"'".contains(c)) {
        "the program's path has special characters"
    } else if path.ends_with('/') {
        "the program's path is a directory"
    } else if !path.starts_with('/') && (version < 239 || path.contains('/')) {
        "the program's path is not absolute"
    } else {
        return Ok(());
    };
    Err(format!("{why}: '{path}'"))
}

#[cfg(test)]
mod tests;
