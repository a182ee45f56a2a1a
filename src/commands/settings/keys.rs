//! The keys of one file, each tried by itself.

use super::caution::{self, Caution};
use super::validate;
use crate::docker::Sourced;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Good keys: table, then key, then its value as it stands in the file, with file and line.
pub type Kept = BTreeMap<String, BTreeMap<String, Sourced<String>>>;

/// Something wrong in one file.
#[derive(Debug)]
pub struct Mistake {
    pub line: Option<usize>,
    pub text: String,
    pub cautions: Vec<Caution>,
}

/// Puts the good keys of the file `path` into `kept`; returns what is wrong with the others.
pub fn keep_good_keys(path: &str, text: &str, kept: &mut Kept) -> Vec<Mistake> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(path, text, kept);
    for error in errors {
        reader.damage(error.span().map(|span| reader.line_of(span.start)), error.message());
    }
    reader.doubtful = doubtful_lines(text, &reader.bad_lines);
    for (section, value) in table.get_ref() {
        let name = quoted(section.get_ref());
        match value.get_ref() {
            DeValue::Table(keys) => reader.table(&name, section.span(), keys),
            _ => reader.key("", &name, reader.source(value), section.span(), Vec::new()),
        }
    }
    reader.mistakes()
}

/// One file on its way into the settings.
struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    kept: &'a mut Kept,
    /// Tables and keys that were good, without quotes.
    taken: BTreeSet<(String, String)>,
    mistakes: Vec<Mistake>,
    /// Those for which the file is no TOML.
    damages: Vec<(Option<usize>, String)>,
    /// Their lines.
    bad_lines: Vec<usize>,
    /// Of each line, whether it may not be trusted.
    doubtful: Vec<bool>,
}

impl<'a> Reader<'a> {
    fn new(path: &'a str, text: &'a str, kept: &'a mut Kept) -> Reader<'a> {
        Reader {
            path,
            text,
            kept,
            taken: BTreeSet::new(),
            mistakes: Vec::new(),
            damages: Vec::new(),
            bad_lines: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count()
    }

    fn lines_of(&self, span: &Range<usize>) -> RangeInclusive<usize> {
        self.line_of(span.start)..=self.line_of(span.end.max(span.start))
    }

    /// A value as it stands in the file. No setting is a table, so which it is makes no difference.
    fn source(&self, value: &Spanned<DeValue<'_>>) -> &'a str {
        match value.get_ref() {
            DeValue::Table(_) => "{}",
            _ => self.text.get(value.span()).unwrap_or("[]"),
        }
    }

    /// Many complaints about one line are one mistake.
    fn damage(&mut self, line: Option<usize>, message: &str) {
        if line.is_none_or(|line| !self.bad_lines.contains(&line)) {
            self.bad_lines.extend(line);
            self.damages.push((line, one_line(message)));
        }
    }

    fn mistake(&mut self, line: Option<usize>, text: String, cautions: Vec<Caution>) {
        self.mistakes.push(Mistake { line, text, cautions });
    }

    fn is_doubtful(&self, lines: &RangeInclusive<usize>) -> bool {
        let doubtful = |line: usize| self.doubtful.get(line - 1).is_none_or(|&doubtful| doubtful);
        lines.clone().any(doubtful)
    }

    fn table(&mut self, name: &str, span: Range<usize>, keys: &DeTable<'_>) {
        let lines = self.lines_of(&span);
        if self.is_doubtful(&lines) {
            return;
        }
        // An unknown table is one mistake, not one a key; but each key in it may have been meant for a known one.
        if let Err(text) = check(name, "", "") {
            let cautions = self.may_have_meant(name, keys);
            return self.mistake(Some(*lines.start()), text, cautions);
        }
        for (key, value) in keys {
            let span = match value.get_ref() {
                DeValue::Table(_) => key.span(),
                _ => key.span().start..value.span().end,
            };
            let within = match value.get_ref() {
                DeValue::Table(inner) => self.may_have_meant(key.get_ref(), inner),
                _ => Vec::new(),
            };
            self.key(name, &quoted(key.get_ref()), self.source(value), span, within);
        }
    }

    /// A table within it too, as of whoever writes `[thinguard.restart]`.
    fn may_have_meant(&self, name: &str, keys: &DeTable<'_>) -> Vec<Caution> {
        let of_one = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let mut cautions = caution::of_key(name, key.get_ref(), self.source(value)).to_vec();
            if let DeValue::Table(inner) = value.get_ref() {
                cautions.extend(self.may_have_meant(key.get_ref(), inner));
            }
            cautions
        };
        keys.iter().flat_map(of_one).collect()
    }

    /// `within`: what follows from a table that stands in the key's place.
    fn key(&mut self, section: &str, key: &str, value: &str, span: Range<usize>, within: Vec<Caution>) {
        let lines = self.lines_of(&span);
        if self.is_doubtful(&lines) {
            return;
        }
        match check(section, key, value) {
            Ok(()) => {
                let table = self.kept.entry(section.to_owned()).or_default();
                let place = format!("{}:{}", self.path, lines.start());
                table.insert(key.to_owned(), Sourced::new(value.to_owned(), place));
                self.taken.insert((caution::bare(section), caution::bare(key)));
            }
            Err(text) => {
                let mut cautions = caution::of_key(section, key, value).to_vec();
                cautions.extend(within);
                self.mistake(Some(*lines.start()), text, cautions);
            }
        }
    }

    fn has_taken(&self, section: &str, key: &str) -> bool {
        // A table in one line stands there as a key without a section.
        let whole = || section.is_empty() && self.taken.iter().any(|(section, _)| section == key);
        self.taken.contains(&(section.to_owned(), key.to_owned())) || whole()
    }

    fn mistakes(mut self) -> Vec<Mistake> {
        if !self.damages.is_empty() {
            let cautions = caution::of_damaged(self.text, |section, key| self.has_taken(section, key));
            for (line, text) in std::mem::take(&mut self.damages) {
                self.mistake(line, text, cautions.clone());
            }
        }
        self.mistakes.sort_by_key(|mistake| mistake.line);
        self.mistakes
    }
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
