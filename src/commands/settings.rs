//! Reading the settings: `/etc/thinguard.toml`, then `/etc/thinguard.d/*.toml` in byte order of their names; later keys win.
//!
//! Each key is tried by itself, so that one bad key costs that key and no other, and every complaint has a file and a line.

mod changes;
pub mod files;
#[cfg(test)]
mod tests;
mod validate;

pub use changes::changes;

use crate::model::Settings;
use files::FileText;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// One line each, led by file and, where known, line: `/etc/thinguard.toml:12: …`.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for SettingsError {}

/// Reads the settings below `root`. No file at all is fine: every key is optional.
///
/// # Errors
/// A file cannot be read, a key is unknown or a value is bad; tells all of them.
pub fn load(root: &Path) -> Result<Settings, SettingsError> {
    match parse(&files::read_all(root)) {
        Parsed { settings, problems, .. } if problems.is_empty() => Ok(settings),
        Parsed { problems, .. } => Err(SettingsError { problems }),
    }
}

/// What the files say.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The settings. What is bad is left out: a guard does not stay down for a typo.
    pub settings: Settings,
    /// The good keys as they stand in the files.
    pub keys: Kept,
    /// What is wrong, one line each, led by file and, where known, line.
    pub problems: Vec<String>,
}

/// Makes settings of the texts of the files, in their order.
pub fn parse(files: &[FileText]) -> Parsed {
    let mut keys = Kept::new();
    let mut problems = Vec::new();
    for FileText { path, text } in files {
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                problems.push(format!("{path}: {error}"));
                continue;
            }
        };
        for problem in keep_good_keys(text, &mut keys) {
            problems.push(match problem.line {
                Some(line) => format!("{path}:{line}: {}", problem.text),
                None => format!("{path}: {}", problem.text),
            });
        }
    }
    let settings = toml::from_str(&document(&keys)).unwrap_or_else(|error: toml::de::Error| {
        // Each key was good by itself, so this is a fault of ours; the defaults still guard.
        problems.push(format!("the settings together: {}", error.message()));
        Settings::default()
    });
    Parsed {
        settings,
        keys,
        problems,
    }
}

/// Good keys: table, then key, then its value as it stands in the file.
pub type Kept = BTreeMap<String, BTreeMap<String, String>>;

struct Problem {
    line: Option<usize>,
    text: String,
}

/// Puts the good keys of one file into `kept`; returns what is wrong with the others.
fn keep_good_keys(text: &str, kept: &mut Kept) -> Vec<Problem> {
    let line_of = |at: usize| 1 + text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut bad_lines = Vec::new();
    let mut problems = Vec::new();
    for error in errors {
        let line = error.span().map(|span| line_of(span.start));
        // Many complaints about one line are one mistake.
        if line.is_none_or(|line| !bad_lines.contains(&line)) {
            bad_lines.extend(line);
            problems.push(Problem {
                line,
                text: one_line(error.message()),
            });
        }
    }
    let doubtful = doubtful_lines(text, &bad_lines);
    let mut keep = |section: &str, key: &str, value: &str, span: Range<usize>| {
        let lines = line_of(span.start)..=line_of(span.end.max(span.start));
        if lines
            .clone()
            .any(|line| doubtful.get(line - 1).is_none_or(|&doubtful| doubtful))
        {
            return false;
        }
        match check(section, key, value) {
            Ok(()) if key.is_empty() => true,
            Ok(()) => {
                kept.entry(section.to_owned())
                    .or_default()
                    .insert(key.to_owned(), value.to_owned());
                true
            }
            Err(text) => {
                problems.push(Problem {
                    line: Some(*lines.start()),
                    text,
                });
                false
            }
        }
    };
    for (section, value) in table.get_ref() {
        let name = quoted(section.get_ref());
        let DeValue::Table(keys) = value.get_ref() else {
            keep("", &name, text.get(value.span()).unwrap_or("[]"), section.span());
            continue;
        };
        // An unknown table is one mistake, not one a key.
        if !keep(&name, "", "", section.span()) {
            continue;
        }
        for (key, value) in keys {
            let span = key.span().start..value.span().end;
            // No setting is a table, so which it is makes no difference.
            let source = if value.get_ref().is_table() {
                "{}"
            } else {
                text.get(value.span()).unwrap_or("[]")
            };
            keep(
                &name,
                &quoted(key.get_ref()),
                source,
                if source == "{}" { key.span() } else { span },
            );
        }
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// For each line whether it may not be trusted: it is bad, or it stands below a broken table header and so may belong elsewhere.
fn doubtful_lines(text: &str, bad_lines: &[usize]) -> Vec<bool> {
    let mut astray = false;
    let lines = text.split('\n').enumerate().map(|(index, line)| {
        let bad = bad_lines.contains(&(index + 1));
        if line.trim_start().starts_with('[') {
            astray = bad;
        }
        bad || astray
    });
    lines.collect()
}

/// Tries one key alone, all else at its default.
fn check(section: &str, key: &str, value: &str) -> Result<(), String> {
    let header = if section.is_empty() {
        String::new()
    } else {
        format!("[{section}]\n")
    };
    let line = if key.is_empty() {
        String::new()
    } else {
        format!("{key} = {value}\n")
    };
    let named = [section, key]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(".");
    toml::from_str(&format!("{header}{line}"))
        .map_err(|error| format!("{named}: {}", one_line(error.message())))
        .and_then(|settings| validate::validate(&settings))
}

/// The good keys as one document.
fn document(kept: &Kept) -> String {
    let mut document = String::new();
    for (section, keys) in kept {
        document.push_str(&format!("[{section}]\n"));
        document.extend(keys.iter().map(|(key, value)| format!("{key} = {value}\n")));
    }
    document
}

/// A key as TOML takes it, whatever is in it.
fn quoted(key: &str) -> String {
    match !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    {
        true => key.to_owned(),
        false => format!("\"{}\"", key.chars().flat_map(escape).collect::<String>()),
    }
}

fn escape(c: char) -> Vec<char> {
    match c {
        '"' | '\\' => vec!['\\', c],
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)).chars().collect(),
        c => vec![c],
    }
}

fn one_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
