//! `/etc/docker/daemon.json`: what it says, each value with file and line, and what dockerd would refuse of it.

mod check;

use super::build::Build;
use super::{Sourced, json_lines};
use json_lines::{KeyLines, Top};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a daemon.json says (moby `daemon/config`, struct `Config`; keys are matched case-sensitively).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DaemonJson {
    /// The file's name as given to [`parse`]; empty when there is no file.
    pub path: String,
    /// All that the file says; of repeated keys the last value.
    pub object: Map<String, Value>,
    /// The same in order, with every value of repeated keys: Go decodes them one after the other.
    pub entries: Vec<(String, Value)>,
    lines: BTreeMap<String, KeyLines>,
    /// Why nothing could be read from the file. The configuration is then not known, rather than empty.
    pub unreadable: Option<String>,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File and line.
    pub place: String,
    /// What it is.
    pub what: Fault,
    /// Whether this build refuses the file for it; `None` where that is not known.
    pub refused: Option<bool>,
}

/// What may be wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read, and why.
    Unreadable(String),
    /// It begins with a byte-order mark, which dockerd before 23.0 refuses.
    ByteOrderMark,
    /// There is nothing in it, which dockerd before 23.0 refuses.
    Empty,
    /// Text follows the object: dockerd before 23.0 does not read it, later ones refuse the file.
    TextBehind,
    /// The top level is not an object.
    NoObject,
    /// It is not JSON; the parser's words.
    Syntax(String),
    /// A key stands there more than once.
    Repeated {
        /// The key.
        key: String,
        /// How often.
        times: usize,
    },
    /// No flag bears this name.
    UnknownKey {
        /// The name.
        name: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// The name of a flag that no key bears: let through and not read.
    FlagName {
        /// The name.
        name: String,
        /// The key of that flag.
        key: Option<&'static str>,
    },
    /// A proxy at the top level, and not inside `proxies`, where it is read.
    Proxy(String),
    /// A key that stands inside another one's object, where it is not read.
    Inside {
        /// The key.
        name: String,
        /// The key of the object.
        top: String,
    },
    /// The value does not decode.
    WrongType {
        /// The key.
        key: String,
        /// What it takes.
        wanted: &'static str,
    },
}

/// Reads the text of the file at `path` as dockerd of this build does: up to 20.10 the first JSON value counts and what follows it
/// is not read (`json.Decoder`), an empty file and a byte-order mark are refused; from 23.0 it is the other way round
/// (`json.Unmarshal`).
pub fn parse(text: &str, path: &str, build: &Build) -> DaemonJson {
    let mut file = DaemonJson {
        path: path.to_owned(),
        ..DaemonJson::default()
    };
    let before_23 = build.at_least(23, 0, 0).map(|later| !later);
    let without_mark = text.strip_prefix('\u{feff}');
    if without_mark.is_some() {
        file.push(1, Fault::ByteOrderMark, before_23);
    }
    let text = without_mark.unwrap_or(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Top>();
    file.entries = match values.next() {
        Some(Ok(Top::Object(entries))) => entries,
        // Go decodes `null` into a struct as nothing at all.
        Some(Ok(Top::Null)) => Vec::new(),
        Some(Ok(Top::Other)) => return file.broken(1, Fault::NoObject, "the top level is not an object", true),
        Some(Err(error)) => {
            let why = format!("column {}: {}", error.column(), without_place(&error));
            let certain = !go_may_take(text, &error);
            return file.broken(error.line().max(1), Fault::Syntax(why.clone()), &why, certain);
        }
        None => {
            file.push(1, Fault::Empty, before_23);
            Vec::new()
        }
    };
    let end = values.byte_offset();
    if let Some(rest) = text.get(end..).filter(|rest| !rest.trim().is_empty() && end > 0) {
        let garbage = end + (rest.len() - rest.trim_start().len());
        let line = text[..garbage].matches('\n').count() + 1;
        file.push(line, Fault::TextBehind, before_23.map(|before| !before));
    }
    file.object = file.entries.iter().cloned().collect();
    file.lines = json_lines::lines(text);
    file.check_repeated();
    file.check_names(build);
    file.check_types(build);
    file
}

impl DaemonJson {
    /// One that cannot be read. What only we may not read (SELinux), or will not (a device, a pipe), may be good for dockerd.
    pub fn unreadable(path: &str, why: &str, for_dockerd_too: bool) -> DaemonJson {
        DaemonJson {
            path: path.to_owned(),
            unreadable: Some(format!("{path}: {why}")),
            problems: vec![Problem {
                place: path.to_owned(),
                what: Fault::Unreadable(why.to_owned()),
                refused: for_dockerd_too.then_some(true),
            }],
            ..DaemonJson::default()
        }
    }

    /// The string under this key.
    pub fn text(&self, key: &str) -> Option<Sourced<String>> {
        let text = self.object.get(key)?.as_str()?;
        Some(Sourced::new(text.to_owned(), self.place_of(key)))
    }

    /// The boolean under this key.
    pub fn switch(&self, key: &str) -> Option<Sourced<bool>> {
        let on = self.object.get(key)?.as_bool()?;
        Some(Sourced::new(on, self.place_of(key)))
    }

    /// The strings under this key, each with its own line.
    pub fn list(&self, key: &str) -> Option<Vec<Sourced<String>>> {
        let at = self.lines.get(key)?;
        let items = self.object.get(key)?.as_array()?.iter().enumerate();
        let list = items.map(|(index, item)| {
            let line = at.items.get(index).copied().unwrap_or(at.line);
            // Go leaves a string empty for null.
            let text = item.as_str().or(item.as_null().map(|()| ""))?;
            Some(Sourced::new(text.to_owned(), self.place(line)))
        });
        list.collect()
    }

    /// File and line of a key of the top level.
    pub fn place_of(&self, key: &str) -> String {
        self.place(self.lines.get(key).map_or(1, |found| found.line))
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line.max(1))
    }

    fn push(&mut self, line: usize, what: Fault, refused: Option<bool>) {
        let place = self.place(line);
        self.problems.push(Problem { place, what, refused });
    }

    fn broken(mut self, line: usize, what: Fault, why: &str, certain: bool) -> Self {
        self.unreadable = Some(format!("{}: {why}", self.place(line)));
        self.push(line, what, certain.then_some(true));
        self
    }
}

/// Whether Go may read on where serde_json stopped: it replaces half a surrogate pair and nests deeper.
fn go_may_take(text: &str, error: &serde_json::Error) -> bool {
    const DEEPEST: usize = 127;
    const ESCAPES: usize = 12;
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let read = text
        .as_bytes()
        .get(..before + error.column())
        .unwrap_or(text.as_bytes());
    let newest = read.get(read.len().saturating_sub(ESCAPES)..).unwrap_or_default();
    newest.windows(2).any(|two| two == b"\\u") || json_lines::depth(read) >= DEEPEST
}

/// serde_json's message without its own ` at line L column C`.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
