//! The daemon's whole command line as its flag parser takes it: which flags are given, and what it would refuse. Up to 1.12 that
//! is mflag (moby `pkg/mflag/flag.go`), from 1.13 on pflag.

use super::build::Build;
use super::flags::go_bool;
use super::known::{self, Flag, Kind};
use super::{Sourced, flag_values, size, values};

/// A flag that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub flag: &'static Flag,
    /// As it is written, `-g` or `--graph`, with where its value comes from.
    pub spelling: Sourced<String>,
    /// Its value; `true` for a switch without one.
    pub value: String,
}

/// What dockerd would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such flag.
    Unknown {
        /// The word up to its `=`.
        spelling: Sourced<String>,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The last word is a flag that needs a value.
    NoValue {
        /// As it is written.
        spelling: Sourced<String>,
    },
    /// A value that the flag does not take.
    BadValue {
        /// As it is written.
        spelling: Sourced<String>,
        /// Docker's words.
        why: String,
    },
    /// A word that is neither flag nor value.
    Stray {
        /// The word.
        word: Sourced<String>,
        /// Whether dockerd refuses it; 1.12 leaves it, and all that follows, unread.
        refused: bool,
    },
}

/// A command line, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The flags, in order.
    pub given: Vec<Given>,
    /// What dockerd would refuse. It stops at the first.
    pub problems: Vec<Problem>,
}

/// Reads the command line of `dockerd …` or `docker daemon …`; `None` for other forms, which are not looked into.
pub fn read(words: &[Sourced<String>], build: &Build) -> Option<Line> {
    let (program, rest) = words.split_first()?;
    let name = program.value.rsplit('/').next()?;
    let words = match rest.split_first() {
        _ if name.starts_with("dockerd") => rest,
        Some((command, words)) if name.starts_with("docker") && command.value == "daemon" => words,
        _ => return None,
    };
    let mut reader = Reader {
        line: Line::default(),
        words: words.iter(),
        origin: "",
        build,
        unsure: false,
    };
    match build.at_least(1, 13, 0) {
        Some(false) => reader.old(build.at_least(1, 12, 0) != Some(true)),
        _ => reader.new_style(),
    }
    Some(reader.line)
}

struct Reader<'a> {
    line: Line,
    words: std::slice::Iter<'a, Sourced<String>>,
    /// Where the present word comes from.
    origin: &'a str,
    build: &'a Build,
    /// A flag we do not know was met: what is value and what is stray is a guess from there on.
    unsure: bool,
}

impl Reader<'_> {
    /// mflag: the first word that is no flag ends the flags; `docker daemon` takes no such word, `dockerd` of 1.12 leaves it.
    fn old(&mut self, refused: bool) {
        while let Some(word) = self.words.next() {
            self.origin = &word.place;
            let body = match word.value.strip_prefix('-') {
                Some("-") => {
                    let word = self.words.next().cloned();
                    return word.into_iter().for_each(|word| self.stray(word, refused));
                }
                Some(body) if !body.is_empty() => body,
                _ => return self.stray(word.clone(), refused),
            };
            let (name, value) = split(body);
            let value = value.map(trim_quotes);
            let found = match name.strip_prefix('-') {
                Some(long) => known::flag_long(long, self.build),
                None => known::flag_bare(name, self.build).or_else(|| letter(name, self.build)),
            };
            match found {
                Some(flag) => self.take(flag, format!("-{name}"), value),
                None if name.starts_with('-') => self.unknown(&word.value),
                None => self.letters(name, &word.value),
            }
        }
    }

    /// Letters in one word, for mflag: each is read as a word of its own, and its value is the next word.
    fn letters(&mut self, name: &str, word: &str) {
        for c in name.chars() {
            match known::flag_short(c, self.build) {
                Some(flag) => self.take(flag, format!("-{c}"), None),
                None => return self.unknown(word),
            }
        }
    }

    fn new_style(&mut self) {
        while let Some(word) = self.words.next() {
            self.origin = &word.place;
            match word.value.strip_prefix("--") {
                Some("") => {
                    let rest: Vec<_> = self.words.by_ref().cloned().collect();
                    return rest.into_iter().for_each(|word| self.stray(word, true));
                }
                Some(body) => {
                    let (name, value) = split(body);
                    match known::flag_long(name, self.build) {
                        Some(flag) => self.take(flag, format!("--{name}"), value.map(str::to_owned)),
                        None => self.unknown(&word.value),
                    }
                }
                None => match word.value.strip_prefix('-') {
                    Some(body) if !body.is_empty() => self.cluster(body, &word.value),
                    _ => self.stray(word.clone(), true),
                },
            }
        }
    }

    /// `-Ds x`, `-sx`, `-s=x`, for pflag.
    fn cluster(&mut self, body: &str, word: &str) {
        for (at, c) in body.char_indices() {
            let rest = body.get(at + c.len_utf8()..).unwrap_or_default();
            let Some(flag) = known::flag_short(c, self.build) else {
                return self.unknown(word);
            };
            let value = match rest.strip_prefix('=') {
                Some(value) if !value.is_empty() => Some(value),
                _ if flag.is_switch() || rest.is_empty() => None,
                _ => Some(rest),
            };
            self.take(flag, format!("-{c}"), value.map(str::to_owned));
            if value.is_some() || !flag.is_switch() {
                return;
            }
        }
    }

    fn take(&mut self, flag: &'static Flag, spelling: String, value: Option<String>) {
        let here = |value| Sourced::new(value, self.origin);
        let own = value.or_else(|| flag.is_switch().then(|| "true".to_owned())).map(here);
        // A flag that needs a value eats the next word whatever it looks like.
        let Some(value) = own.or_else(|| self.words.next().cloned()) else {
            let spelling = Sourced::new(spelling, self.origin);
            return self.line.problems.push(Problem::NoValue { spelling });
        };
        let spelling = value.with(spelling);
        if let Some(why) = refusal(flag, &value.value, self.build) {
            let spelling = spelling.clone();
            self.line.problems.push(Problem::BadValue { spelling, why });
        }
        let value = value.value;
        self.line.given.push(Given { flag, spelling, value });
    }

    fn unknown(&mut self, word: &str) {
        let (name, value) = split(word);
        self.line.problems.push(Problem::Unknown {
            spelling: Sourced::new(name.to_owned(), self.origin),
            meant: known::nearest_flag(name, self.build).map(|flag| format!("--{flag}")),
        });
        self.unsure = true;
        if value.is_none()
            && self
                .words
                .as_slice()
                .first()
                .is_some_and(|word| !word.value.starts_with('-'))
        {
            // Probably its value.
            self.words.next();
        }
    }

    fn stray(&mut self, word: Sourced<String>, refused: bool) {
        if !self.unsure {
            self.line.problems.push(Problem::Stray { word, refused });
        }
    }
}

fn letter(name: &str, build: &Build) -> Option<&'static Flag> {
    let mut letters = name.chars();
    let only = letters.next().filter(|_| letters.next().is_none())?;
    known::flag_short(only, build)
}

fn split(body: &str) -> (&str, Option<&str>) {
    match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    }
}

/// mflag takes one pair of quotes off a value behind `=`.
fn trim_quotes(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned()
}

/// Why the flag's `Set` refuses the value, in Docker's words where it has any.
fn refusal(flag: &Flag, value: &str, build: &Build) -> Option<String> {
    let fits = match (flag.long, flag.kind) {
        ("dns", _) if flag.kind == Kind::List => return values::address(value),
        ("dns-search", _) => return values::domain(value),
        ("label", _) => return values::label(value, build),
        ("host", _) => return flag_values::host(value),
        (_, Kind::Ulimits) => return flag_values::ulimit(value),
        (_, Kind::Pools) => return flag_values::address_pool(value),
        (_, Kind::Bool) => go_bool(value).is_some(),
        (_, Kind::Int | Kind::Uint) => known::go_int(value),
        // An empty address: newer flag parsers take it.
        (_, Kind::Ip) => value.trim().is_empty() || known::go_ip(value.trim()),
        (_, Kind::Size) => size::ram_in_bytes(value, build).is_ok(),
        (_, Kind::Runtimes) => return values::runtime(value),
        _ => true,
    };
    let kind = match flag.kind {
        Kind::Bool => "true or false",
        Kind::Ip => "an IP address",
        Kind::Size => "a size",
        _ => "a whole number",
    };
    (!fits).then(|| format!("{value:?} is not {kind}"))
}

#[cfg(test)]
mod tests;
