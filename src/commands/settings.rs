//! Reading the settings: `/etc/thinguard.toml`, then `/etc/thinguard.d/*.toml` in byte order of their names; later keys win.
//!
//! Each key is tried by itself, so that one bad key costs that key and no other, and every complaint has a file and a line.

#[cfg(test)]
mod tests;
mod validate;

use crate::model::Settings;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// No settings file is larger; keeps a device or a log that was put there by mistake out of our memory.
const LARGEST_FILE: u64 = 1 << 20;

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
    match load_lenient(root) {
        (settings, problems) if problems.is_empty() => Ok(settings),
        (_, problems) => Err(SettingsError { problems }),
    }
}

/// Reads the settings below `root`, leaving out what is bad: a guard does not stay down for a typo. The second part says what.
pub fn load_lenient(root: &Path) -> (Settings, Vec<String>) {
    let mut kept = Kept::new();
    let mut problems = Vec::new();
    for file in files(root, &mut problems) {
        let text = match read(&file) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(error) => {
                problems.push(format!("{}: {error}", file.display()));
                continue;
            }
        };
        for problem in keep_good_keys(&text, &mut kept) {
            problems.push(match problem.line {
                Some(line) => format!("{}:{line}: {}", file.display(), problem.text),
                None => format!("{}: {}", file.display(), problem.text),
            });
        }
    }
    match toml::from_str(&document(&kept)) {
        Ok(settings) => (settings, problems),
        Err(error) => {
            // Each key was good by itself, so this is a fault of ours; the defaults still guard.
            problems.push(format!("the settings together: {}", error.message()));
            (Settings::default(), problems)
        }
    }
}

/// Good keys so far: table, then key, then its value as it stands in the file.
type Kept = BTreeMap<String, BTreeMap<String, String>>;

struct Problem {
    line: Option<usize>,
    text: String,
}

fn files(root: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files = vec![root.join("etc/thinguard.toml")];
    let dir = root.join("etc/thinguard.d");
    match std::fs::read_dir(&dir) {
        Ok(entries) => {
            let names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
            // As the shell's `*.toml`: an editor's `.x.toml.swp` and hidden files are not meant.
            let mut names: Vec<_> = names
                .filter(|n| n.as_bytes().ends_with(b".toml") && !n.as_bytes().starts_with(b"."))
                .collect();
            names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            files.extend(names.into_iter().map(|name| dir.join(name)));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => problems.push(format!("{}: {error}", dir.display())),
    }
    files
}

/// The file's text; `None` when it is not there, or is masked by a link to `/dev/null`.
fn read(path: &Path) -> io::Result<Option<String>> {
    let kind = match path.metadata() {
        Ok(metadata) => metadata.file_type(),
        // A broken link is someone's mistake, not an absence.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(None),
        Err(error) => return Err(error),
    };
    if !kind.is_file() {
        // Opening a FIFO would wait for its other end.
        let masked = path.canonicalize().is_ok_and(|target| target == Path::new("/dev/null"));
        return if masked {
            Ok(None)
        } else {
            Err(io::Error::other("is not a regular file"))
        };
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        return Err(io::Error::other("is larger than 1 MiB"));
    }
    Ok(Some(text))
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
