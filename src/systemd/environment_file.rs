//! The grammar of `EnvironmentFile=` as systemd 219 reads it, with warnings for what people write for a shell. Pure.

use super::exec_line::is_name;
use std::collections::BTreeMap;

/// One assignment that systemd takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable's name.
    pub key: String,
    /// Its value, quotes removed. No `$X` in it is expanded: systemd does not.
    pub value: String,
    /// The line, from 1, on which the name stands.
    pub line: usize,
}

/// Something that does not mean what it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// What systemd makes of it.
    pub why: String,
}

/// What systemd reads from an environment file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The assignments in order; of a repeated key the last one counts.
    pub assignments: Vec<Assignment>,
    /// Lines that do not mean what they seem to.
    pub warnings: Vec<Warning>,
}

impl EnvironmentFile {
    /// The variables the file sets, the last assignment of each.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.assignments
            .iter()
            .map(|set| (set.key.clone(), set.value.clone()))
            .collect()
    }
}

/// Reads the text of an environment file (systemd.exec(5); v219 `shared/fileio.c`, `parse_env_file_internal`). Where
/// versions differ it follows 219, EL7's: a backslash goes even within quotes, an escaped line end continues a comment, and
/// a value with a control character is dropped.
pub fn parse(text: &str) -> EnvironmentFile {
    let mut reader = Reader::default();
    let mut text = text;
    if let Some(at) = text.find('\0') {
        text = &text[..at];
        let line = text.matches('\n').count() + 1;
        reader.warn(line, "a zero byte: systemd reads nothing behind it".into());
    }
    for c in text.chars() {
        reader.step(c);
        reader.line += usize::from(c == '\n');
    }
    reader.end();
    reader.file.warnings.sort_by_key(|warning| warning.line);
    reader.file
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    BeforeKey,
    Key,
    /// Behind `=`, or behind a closing quote: blanks are passed over, and another quote may open.
    BeforeValue,
    Value,
    ValueEscape,
    Quoted(char),
    QuotedEscape(char),
    Comment,
    CommentEscape,
}

#[derive(Default)]
struct Reader {
    state: State,
    key: String,
    value: String,
    /// Length of `value` less its trailing blanks, where they stand outside quotes and escapes.
    value_end: Option<usize>,
    /// Quoted parts so far.
    quotes: usize,
    /// Lines (from 0) read so far, and where the present key stands.
    line: usize,
    key_line: usize,
    file: EnvironmentFile,
}

impl Reader {
    fn step(&mut self, c: char) {
        let newline = matches!(c, '\n' | '\r');
        let blank = matches!(c, ' ' | '\t') || newline;
        self.state = match self.state {
            State::BeforeKey if c == '#' || c == ';' => State::Comment,
            State::BeforeKey if blank => State::BeforeKey,
            State::BeforeKey => {
                (self.key, self.key_line) = (c.to_string(), self.line);
                State::Key
            }
            State::Key if newline => {
                self.no_assignment();
                State::BeforeKey
            }
            State::Key if c == '=' => State::BeforeValue,
            State::Key => {
                self.key.push(c);
                State::Key
            }
            State::BeforeValue | State::Value if newline => {
                self.assign();
                State::BeforeKey
            }
            State::BeforeValue if c == '\'' || c == '"' => {
                self.quotes += 1;
                State::Quoted(c)
            }
            State::BeforeValue | State::Value if c == '\\' => {
                self.value_end = None;
                State::ValueEscape
            }
            State::BeforeValue if blank => State::BeforeValue,
            State::BeforeValue | State::Value => {
                match blank {
                    true => self.value_end = self.value_end.or(Some(self.value.len())),
                    false => self.value_end = None,
                }
                self.value.push(c);
                State::Value
            }
            State::ValueEscape => {
                self.escaped(c, newline);
                State::Value
            }
            State::Quoted(quote) if c == quote => State::BeforeValue,
            State::Quoted(quote) if c == '\\' => State::QuotedEscape(quote),
            State::Quoted(_) => {
                self.value.push(c);
                self.state
            }
            State::QuotedEscape(quote) => {
                self.escaped(c, newline);
                State::Quoted(quote)
            }
            State::Comment if c == '\\' => State::CommentEscape,
            State::Comment if newline => State::BeforeKey,
            State::Comment => State::Comment,
            State::CommentEscape => {
                if newline {
                    let why =
                        "a comment that ends in a backslash: systemd before 254 takes the next line for comment too";
                    self.warn(self.line + 1, why.into());
                }
                State::Comment
            }
        };
    }

    /// An escaped line end goes, any other escaped character stays without its backslash.
    fn escaped(&mut self, c: char, newline: bool) {
        if !newline {
            self.value.push(c);
        }
    }

    fn end(&mut self) {
        match self.state {
            State::Quoted(_) | State::QuotedEscape(_) => {
                let why =
                    "a quote that is not closed: systemd takes all lines up to the end of the file for this value";
                self.warn(self.key_line + 1, why.into());
                self.assign();
            }
            State::BeforeValue | State::Value | State::ValueEscape => self.assign(),
            State::Key => self.no_assignment(),
            State::BeforeKey | State::Comment | State::CommentEscape => {}
        }
    }

    /// A line without `=`, which systemd passes over in silence. Shell code is common there; options are a mistake.
    fn no_assignment(&mut self) {
        if self.key.starts_with('-') {
            let why = format!(
                "'{}' belongs to no variable: systemd passes it over",
                self.key.trim_end()
            );
            self.warn(self.key_line + 1, why);
        }
    }

    fn assign(&mut self) {
        let line = self.key_line + 1;
        let key = std::mem::take(&mut self.key).trim_end_matches([' ', '\t']).to_owned();
        let mut value = std::mem::take(&mut self.value);
        if let Some(end) = self.value_end.take() {
            value.truncate(end);
        }
        let quotes = std::mem::take(&mut self.quotes);
        if !is_name(&key) {
            let why = match key.strip_prefix("export").filter(|name| name.starts_with([' ', '\t'])) {
                Some(name) => format!(
                    "'export' is shell: systemd drops the line, and {} stays unset",
                    name.trim()
                ),
                None if key.starts_with('\u{feff}') => {
                    format!(
                        "a byte-order mark before '{}': systemd drops the line",
                        key.trim_start_matches('\u{feff}')
                    )
                }
                None => format!("'{}' is no variable's name: systemd drops the line", key.escape_debug()),
            };
            return self.warn(line, why);
        }
        if value.contains(|c: char| (c < ' ' && c != '\t') || c == '\x7f') {
            let why = match value.contains('\n') {
                true => {
                    format!("the quoted value of {key} spans lines: systemd before 239 drops it, {key} stays unset")
                }
                false => format!("the value of {key} has a control character: systemd drops it"),
            };
            return self.warn(line, why);
        }
        if quotes > 1 {
            self.warn(
                line,
                format!("several quoted parts: systemd joins them without a space, {key} is '{value}'"),
            );
        }
        if value.contains(" #") && quotes == 0 {
            self.warn(
                line,
                format!("'#' after a value begins no comment: systemd makes it part of {key}"),
            );
        }
        if has_variable(&value) {
            self.warn(
                line,
                format!("systemd expands no variables in this file: {key} holds the text '{value}'"),
            );
        }
        self.file.assignments.push(Assignment { key, value, line });
    }

    fn warn(&mut self, line: usize, why: String) {
        self.file.warnings.push(Warning { line, why });
    }
}

/// Whether a shell would see `$X` or `${X}` in this value.
fn has_variable(value: &str) -> bool {
    let starts_name = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '{';
    value.split('$').skip(1).any(|behind| behind.starts_with(starts_name))
}

#[cfg(test)]
mod tests;
