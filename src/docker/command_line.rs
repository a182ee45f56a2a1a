//! The daemon's whole command line as its flag parser takes it: which flags are given, and what it would refuse.
//!
//! Up to 1.12 the parser is mflag (moby `pkg/mflag/flag.go`), from 1.13 on pflag.

mod form;
mod problem;

use super::Sourced;
use super::build::Build;
use super::go::go_bool;
use super::known::{self, Flag, Kind};

pub use form::{Form, form};
pub use problem::Problem;
use problem::{no_start, one_dash};

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

/// A command line, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// How the daemon is called.
    pub form: Form,
    /// The flags, in order.
    pub given: Vec<Given>,
    /// What dockerd would refuse. It stops at the first.
    pub problems: Vec<Problem>,
}

/// Reads the command line of a daemon; `None` where it starts none.
pub fn read(words: &[Sourced<String>], build: &Build) -> Option<Line> {
    let texts: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
    let form = form(&texts)?;
    let mut rest: Vec<Sourced<String>> = words.get(1..)?.to_vec();
    // CoreOS' wrapper takes the command and starts the daemon that its version has.
    let wrapped = texts
        .first()
        .is_some_and(|program| program.starts_with("/usr/lib/coreos/"));
    if form == Form::Dockerd && wrapped && texts.get(1) == Some(&"daemon") {
        rest.remove(0);
    }
    if form == Form::DockerDaemon {
        // The first `daemon` that is no flag's value is the command.
        let command = texts.iter().skip(1).position(|word| *word == "daemon")?;
        rest.remove(command);
    }
    let mut reader = Reader {
        line: Line {
            form,
            ..Line::default()
        },
        words: rest.iter(),
        origin: "",
        build,
        unsure: false,
    };
    if form.is_gone(build) {
        let word = words.get(1)?.clone();
        reader.line.problems.push(Problem::NoSuchCommand { word });
    }
    match build.at_least(1, 13, 0) {
        Some(true) => reader.new_style(),
        None if form == Form::Dockerd => reader.new_style(),
        _ => reader.old(),
    }
    let mut line = reader.line;
    if let Some(version) = known::exact(build) {
        let dashes = |it: &Given| one_dash(it.flag, &it.spelling, &it.value, version, build);
        let ends = |it: &Given| no_start(it.flag, &it.spelling, &it.value);
        let given = line.given.iter();
        let found: Vec<_> = given.clone().filter_map(dashes).chain(given.filter_map(ends)).collect();
        line.problems.extend(found);
    }
    Some(line)
}

impl Given {
    /// Where the flag stands.
    pub fn place(&self) -> String {
        format!("flag {} of {}", self.spelling.value, self.spelling.place)
    }

    fn sourced(&self) -> Sourced<String> {
        Sourced::new(self.value.clone(), self.place())
    }
}

impl Line {
    /// The value of the last flag of this name, which wins.
    pub fn last(&self, long: &str) -> Option<Sourced<String>> {
        self.given
            .iter()
            .rev()
            .find(|given| given.flag.long == long)
            .map(Given::sourced)
    }

    /// The values of all flags of this name, in order.
    pub fn all(&self, long: &str) -> Vec<Sourced<String>> {
        let all = self.given.iter().filter(|given| given.flag.long == long);
        all.map(Given::sourced).collect()
    }
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
    /// mflag: the first word that is no flag ends the flags, and the daemon takes no such word (moby v1.12.6 `cmd/dockerd/daemon.go`,
    /// `Require(flag.Exact, 0)`).
    fn old(&mut self) {
        while let Some(word) = self.words.next() {
            self.origin = &word.place;
            let body = match word.value.strip_prefix('-') {
                Some("-") => {
                    let word = self.words.next().cloned();
                    return word.into_iter().for_each(|word| self.stray(word));
                }
                Some(body) if !body.is_empty() => body,
                _ => return self.stray(word.clone()),
            };
            let (name, value) = split(body);
            let value = value.map(trim_quotes);
            let found = match name.strip_prefix('-') {
                Some(long) => known::flag_long(long, self.build),
                // `docker daemon -h` is seen to before letters are looked at (mflag's `parseOne`).
                None if matches!(name, "h" | "help") => known::flag_long("help", self.build),
                None => known::flag_bare(name, self.build)
                    .or_else(|| letter(name, self.build))
                    .or_else(|| self.any_dashes(name)),
            };
            match found {
                Some(flag) => self.take(flag, format!("-{name}"), value),
                None if name.is_empty() || name.starts_with('-') => self.unknown(&word.value),
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
                    return rest.into_iter().for_each(|word| self.stray(word));
                }
                Some(body) => {
                    let (name, value) = split(body);
                    match known::flag_long(name, self.build) {
                        Some(flag) => self.take(flag, format!("--{name}"), value.map(str::to_owned)),
                        None => self.unknown(&word.value),
                    }
                }
                None => match word.value.strip_prefix('-') {
                    Some(body) if !body.is_empty() => self.one_dash(body, &word.value),
                    _ => self.stray(word.clone()),
                },
            }
        }
    }

    fn one_dash(&mut self, body: &str, word: &str) {
        let (name, value) = split(body);
        match self.any_dashes(name) {
            Some(flag) => self.take(flag, format!("-{name}"), value.map(str::to_owned)),
            None => self.cluster(body, word),
        }
    }

    /// Where the version is not known, `-storage-opt x` is probably meant for the long flag, and for old versions it may be that.
    fn any_dashes(&self, name: &str) -> Option<&'static Flag> {
        let may_be = self.build.version.is_none() && name.len() > 1;
        known::flag_long(name, self.build).filter(|_| may_be)
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
        if let Some(why) = refusal(flag, &value.value) {
            let spelling = spelling.clone();
            self.line.problems.push(Problem::BadValue { spelling, why });
        }
        if flag.is_doubtful(self.build) {
            let spelling = spelling.clone();
            self.line.problems.push(Problem::Doubtful { spelling });
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

    fn stray(&mut self, word: Sourced<String>) {
        if !self.unsure {
            self.line.problems.push(Problem::Stray { word });
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

/// Why dockerd refuses the value of this flag. Only boolean values are checked: dockerd itself reports the others, which do not concern storage.
fn refusal(flag: &Flag, value: &str) -> Option<String> {
    (flag.kind == Kind::Bool && go_bool(value).is_none()).then(|| format!("{value:?} is not true or false"))
}

#[cfg(test)]
mod flags_tests;
#[cfg(test)]
mod tests;
