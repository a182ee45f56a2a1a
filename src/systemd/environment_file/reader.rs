//! The state machine that reads an environment file, byte by byte, in the states of systemd's own (`parse_env_file_internal`).

use super::{Assignment, EnvironmentFile, Warning, is_forbidden};
use crate::systemd::exec_line::is_name;

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    BeforeKey,
    Key,
    /// Behind `=`, or behind a closing quote: blanks are passed over, and another quote may open.
    BeforeValue,
    Value,
    ValueEscape,
    Quoted(u8),
    QuotedEscape(u8),
    Comment,
    CommentEscape,
}

#[derive(Default)]
pub(super) struct Reader {
    version: u16,
    state: State,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Length of `value` less its trailing blanks, where they stand outside quotes and escapes.
    value_end: Option<usize>,
    /// Quoted parts so far.
    quotes: usize,
    /// Lines (from 0) read so far, and where the present key stands.
    line: usize,
    key_line: usize,
    not_utf8: Option<String>,
    /// The file ends within quotes, and nobody has said so yet.
    unclosed: bool,
    file: EnvironmentFile,
}

impl Reader {
    pub(super) fn new(version: u16) -> Self {
        Reader {
            version,
            ..Reader::default()
        }
    }

    /// Reads all of a file's text.
    ///
    /// # Errors
    /// Why systemd takes nothing from the file.
    pub(super) fn read(mut self, text: &[u8]) -> Result<EnvironmentFile, String> {
        for &byte in text {
            self.step(byte);
            self.line += usize::from(byte == b'\n');
        }
        self.end();
        match self.not_utf8 {
            Some(why) => Err(why),
            None => Ok(self.file),
        }
    }

    fn step(&mut self, c: u8) {
        let newline = matches!(c, b'\n' | b'\r');
        let blank = matches!(c, b' ' | b'\t') || newline;
        self.state = match self.state {
            State::BeforeKey if c == b'#' || c == b';' => State::Comment,
            State::BeforeKey if blank => State::BeforeKey,
            State::BeforeKey => {
                (self.key, self.key_line) = (vec![c], self.line);
                State::Key
            }
            State::Key if newline => {
                self.no_assignment();
                State::BeforeKey
            }
            State::Key if c == b'=' => State::BeforeValue,
            State::Key => {
                self.key.push(c);
                State::Key
            }
            State::BeforeValue | State::Value if newline => {
                self.assign();
                State::BeforeKey
            }
            State::BeforeValue if c == b'\'' || c == b'"' => {
                self.quotes += 1;
                State::Quoted(c)
            }
            State::BeforeValue | State::Value if c == b'\\' => {
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
            // An escaped line end goes, any other escaped character stays without its backslash.
            State::ValueEscape => {
                if !newline {
                    self.value.push(c);
                }
                State::Value
            }
            State::Quoted(quote) if c == quote => State::BeforeValue,
            State::Quoted(quote) if c == b'\\' && (quote == b'"' || self.version < 241) => State::QuotedEscape(quote),
            State::Quoted(_) => {
                self.value.push(c);
                self.state
            }
            State::QuotedEscape(quote) => {
                self.quoted_escape(c, newline);
                State::Quoted(quote)
            }
            State::Comment if c == b'\\' => State::CommentEscape,
            State::Comment if newline => State::BeforeKey,
            State::Comment => State::Comment,
            State::CommentEscape if newline && self.version >= 254 => State::BeforeKey,
            State::CommentEscape => {
                if newline {
                    let why =
                        "a comment that ends in a backslash: systemd before 254 takes the next line for comment too";
                    self.drop_line(self.line + 1, why.into(), "remove the backslash at the comment's end");
                }
                State::Comment
            }
        };
    }

    fn quoted_escape(&mut self, c: u8, newline: bool) {
        let (goes, keeps_backslash) = match self.version {
            ..241 => (newline, false),
            241..247 => (newline, c != b'"'),
            _ => (c == b'\n', !matches!(c, b'"' | b'\\' | b'`' | b'$')),
        };
        if goes {
            return;
        }
        if keeps_backslash {
            self.value.push(b'\\');
        }
        self.value.push(c);
    }

    fn end(&mut self) {
        match self.state {
            State::Quoted(_) | State::QuotedEscape(_) => {
                self.unclosed = true;
                self.assign();
                if self.unclosed {
                    let why =
                        "a quote that is not closed: systemd takes all lines up to the end of the file for this value";
                    self.drop_line(self.key_line + 1, why.into(), "close the quote");
                }
            }
            State::BeforeValue | State::Value | State::ValueEscape => self.assign(),
            State::Key => self.no_assignment(),
            State::BeforeKey | State::Comment | State::CommentEscape => {}
        }
    }

    /// A line without `=`, which systemd passes over in silence. Shell code is common there; options are a mistake.
    fn no_assignment(&mut self) {
        if self.key.starts_with(b"-") {
            let line = String::from_utf8_lossy(&self.key);
            let why = format!("'{}' belongs to no variable: systemd passes it over", line.trim_end());
            let remedy =
                "write it behind the variable's other options, on one line or with a backslash at each line's end";
            self.drop_line(self.key_line + 1, why, remedy);
        }
    }

    fn assign(&mut self) {
        let key = std::mem::take(&mut self.key);
        let mut value = std::mem::take(&mut self.value);
        if let Some(end) = self.value_end.take() {
            value.truncate(end);
        }
        let quotes = std::mem::take(&mut self.quotes);
        match (utf8(key), utf8(value)) {
            (Some(key), Some(value)) => self.assign_text(key.trim_end_matches([' ', '\t']), value, quotes),
            // One such value and systemd gives up the whole file (`check_utf8ness_and_warn`).
            _ => {
                let why = format!("line {} is not UTF-8", self.key_line + 1);
                self.not_utf8.get_or_insert(why);
            }
        }
    }

    fn assign_text(&mut self, key: &str, value: String, quotes: usize) {
        let line = self.key_line + 1;
        if !is_name(key) {
            let (why, remedy) = no_name(key);
            return self.drop_line(line, why, remedy);
        }
        if value.contains(|c: char| is_forbidden(c, self.version)) {
            let (why, remedy) = match (value.contains('\n'), std::mem::take(&mut self.unclosed)) {
                (true, true) => (
                    format!(
                        "a quote that is not closed: systemd takes all lines up to the end of the file for the value of {key}, and before \
                         239 drops it; Docker starts without what {key} says"
                    ),
                    "close the quote",
                ),
                (true, false) => (
                    format!(
                        "the quoted value of {key} spans lines: systemd before 239 drops it, and Docker starts without what {key} says"
                    ),
                    "write the value on one line, with its quotes closed",
                ),
                (false, unclosed) => {
                    self.unclosed = unclosed;
                    let why = format!("the value of {key} has a control character: systemd before 248 drops it");
                    (why, "write the value in printable characters")
                }
            };
            // Earlier ones are dropped as repeated before this one is as invalid (`strv_env_clean_with_callback`).
            self.file.assignments.retain(|set| set.key != key);
            return self.drop_line(line, why, remedy);
        }
        if quotes > 1 {
            let why = format!("several quoted parts: systemd joins them without a space, {key} is '{value}'");
            self.warn(line, why, "put the whole value into one pair of quotes");
        }
        if value.contains(" #") && quotes == 0 {
            let why = format!("'#' after a value begins no comment: systemd makes it part of {key}");
            self.warn(line, why, "write the comment on a line of its own");
        }
        if has_variable(&value) {
            let why = format!("systemd expands no variables in this file: {key} holds the text '{value}'");
            self.warn(line, why, "write the variable's value in its place");
        }
        self.file.assignments.push(Assignment {
            key: key.to_owned(),
            value,
            line,
        });
    }

    pub(super) fn drop_line(&mut self, line: usize, why: String, remedy: &'static str) {
        self.file.warnings.push(Warning {
            line,
            why,
            dropped: true,
            remedy,
        });
    }

    fn warn(&mut self, line: usize, why: String, remedy: &'static str) {
        self.file.warnings.push(Warning {
            line,
            why,
            dropped: false,
            remedy,
        });
    }
}

/// What is wrong with a key that is no variable's name, and what to do.
fn no_name(key: &str) -> (String, &'static str) {
    match key.strip_prefix("export").filter(|name| name.starts_with([' ', '\t'])) {
        Some(name) => (
            format!(
                "'export' is shell: systemd drops the line, and {} stays unset",
                name.trim()
            ),
            "remove the word 'export'",
        ),
        None if key.starts_with('\u{feff}') => (
            format!(
                "a byte-order mark before '{}': systemd drops the line",
                key.trim_start_matches('\u{feff}')
            ),
            "save the file without a byte-order mark",
        ),
        None => (
            format!("'{}' is no variable's name: systemd drops the line", key.escape_debug()),
            "correct the name: letters, digits and _, no digit first; or remove the line",
        ),
    }
}

/// Text, if it is what systemd takes for UTF-8 (`basic/utf8.c`, `utf8_is_valid`: no noncharacters either).
fn utf8(bytes: Vec<u8>) -> Option<String> {
    let noncharacter = |c: char| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe;
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(noncharacter))
}

/// Whether a shell would see `$X` or `${X}` in this value.
fn has_variable(value: &str) -> bool {
    let starts_name = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '{';
    value.split('$').skip(1).any(|behind| behind.starts_with(starts_name))
}
