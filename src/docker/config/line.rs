//! What dockerd makes of its whole command line: flags it does not know, words it does not take, and flags whose key is in the
//! file too.

use super::{DaemonJson, Merger};
use crate::docker::build::{Build, Version};
use crate::docker::command_line::{Given, Line, Problem};
use crate::docker::go::go_bool;
use crate::docker::values::{Both, Breach};
use crate::docker::{Sourced, known};
use crate::model::{Code, Finding, Severity};
use serde_json::Value;
use std::collections::BTreeMap;

impl Merger<'_> {
    /// Adds what is to be told of the line.
    pub(super) fn whole_line(&mut self, line: &Line, file: &DaemonJson) {
        for problem in &line.problems {
            let finding = self.problem(problem);
            self.findings.push(finding);
        }
        for given in &line.given {
            self.findings.extend(one_dash(given, self.build));
            self.findings.extend(no_start(given, self.build));
        }
        self.both(&line.given, file);
    }

    fn problem(&self, problem: &Problem) -> Finding {
        let certain = match known::exact(self.build) {
            Some(_) => Severity::Refuse,
            None => Severity::Warn,
        };
        let flag = |spelling: &Sourced<String>| format!("flag {} of {}", spelling.value, spelling.place);
        let (code, about) = match problem {
            Problem::Unknown { spelling, .. } => (Code::FlagUnknown, spelling),
            Problem::NoValue { spelling } => (Code::FlagRejected, spelling),
            Problem::BadValue { spelling, .. } => (Code::FlagValueInvalid, spelling),
            Problem::Stray { word } => (Code::CommandLineStrayWord, word),
            Problem::NoSuchCommand { word } => (Code::CommandLineStrayWord, word),
            Problem::Doubtful { spelling } => (Code::FlagUnknown, spelling),
        };
        let severity = match problem {
            Problem::Doubtful { .. } => Severity::Warn,
            Problem::NoSuchCommand { .. } => Severity::Refuse,
            _ => certain,
        };
        Finding::new(severity, code, &about.value)
            .says(self.message(problem))
            .at(match problem {
                Problem::Stray { word } | Problem::NoSuchCommand { word } => {
                    format!("word {:?} of {}", word.value, word.place)
                }
                _ => flag(about),
            })
            .next(remedy(problem, &about.value, &about.place))
    }

    fn message(&self, problem: &Problem) -> String {
        const REFUSED: &str = "dockerd would refuse its command line";
        match (problem, known::exact(self.build)) {
            (Problem::Unknown { spelling, .. }, Some(version)) => {
                format!(
                    "dockerd {version} would refuse its command line: unknown flag: {}",
                    spelling.value
                )
            }
            (Problem::Unknown { spelling, .. }, None) => format!(
                "no dockerd that is known here has the flag {}, and dockerd refuses flags that it does not know",
                spelling.value
            ),
            (Problem::NoValue { spelling }, _) => format!("{REFUSED}: flag needs an argument: {}", spelling.value),
            (Problem::BadValue { spelling, why }, _) => {
                format!("{REFUSED}: invalid argument for {}: {why}", spelling.value)
            }
            (Problem::Stray { word }, _) => format!(
                "{REFUSED}: it accepts no arguments, and {:?} is neither a flag nor a flag's value",
                word.value
            ),
            (Problem::NoSuchCommand { word }, _) => format!(
                "this version's docker starts no daemon: {} is unknown to it, and dockerd is a program of its own",
                word.value
            ),
            (Problem::Doubtful { spelling }, _) => format!(
                "some releases of this Docker know the flag {}, others refuse it",
                spelling.value
            ),
        }
    }

    /// What line and file set besides storage, and dockerd refuses.
    pub(super) fn values(&mut self, line: &Line, file: &DaemonJson) {
        let Some(version) = known::exact(self.build) else {
            return;
        };
        let both = Both {
            entries: &file.entries,
            given: &line.given,
            version,
        };
        for Breach { name, flag, why } in both.breaches() {
            let (code, place) = match flag {
                Some(flag) => (Code::FlagValueInvalid, format!("flag {} of {}", flag.value, flag.place)),
                None => {
                    let line = file.lines.get(name).copied().unwrap_or(1);
                    (Code::DaemonJsonInvalidValue, file.place(line))
                }
            };
            let message = format!("{place}: dockerd would refuse the value of {name}: {why}");
            let remedy = format!("correct the value ({place})");
            self.refuse(code, name, &place, message, remedy);
        }
    }

    /// A flag and its key in the file, set both (`findConfigurationConflicts`): fatal even where they agree.
    fn both(&mut self, given: &[Given], file: &DaemonJson) {
        let keys = known::flattened(&file.object, self.build);
        let mut flags: BTreeMap<&str, Vec<&Given>> = BTreeMap::new();
        for one in given {
            flags.entry(one.flag.long).or_default().push(one);
        }
        for given in flags.values() {
            let Some(Given { flag, spelling, .. }) = given.first() else {
                continue;
            };
            let found = keys.get_key_value(flag.key);
            let Some((key, (top, value))) = found.filter(|_| !known::may_be_doubled(flag, self.build)) else {
                continue;
            };
            let told = |finding: &Finding| finding.code == Code::OptionSetTwice && finding.subject == *key;
            if self.findings.iter().any(told) {
                continue;
            }
            let values: Vec<&str> = given.iter().map(|given| given.value.as_str()).collect();
            let place = file.place(file.lines.get(*top).copied().unwrap_or(1));
            let message = format!(
                "unable to configure the Docker daemon with file {}: the following directives are specified both as a flag and in \
                 the configuration file: {key}: (from flag: {}, from file: {})",
                self.path,
                shown_list(&values),
                shown(value)
            );
            let flag = format!("flag {} of {}", spelling.value, spelling.place);
            let remedy = format!("remove \"{key}\" from {place}, or remove the {flag}");
            let places = format!("{flag}; {place}");
            self.refuse(Code::OptionSetTwice, key, &places, message, remedy);
        }
    }
}

/// `-storage-driver=devicemapper`: from 1.13 on that is `-s` with the value `torage-driver=devicemapper`.
fn one_dash(given: &Given, build: &Build) -> Option<Finding> {
    let letter = given
        .spelling
        .value
        .strip_prefix('-')
        .filter(|letter| letter.len() == 1)?;
    let meant = format!("{letter}{}", given.value.split('=').next()?);
    let since_pflag = known::exact(build)? >= Version::new(1, 13, 0);
    known::flag_long(&meant, build).filter(|_| since_pflag)?;
    // No driver has such a name. What becomes of the others depends on their values.
    let severity = match given.flag.long {
        "storage-driver" => Severity::Refuse,
        _ => Severity::Warn,
    };
    let (word, place) = (format!("-{letter}{}", given.value), &given.spelling.place);
    Some(
        Finding::new(severity, Code::FlagOneDash, &word)
            .says(format!(
                "dockerd takes {word} for the flag -{letter} with the value {:?}",
                given.value
            ))
            .at(format!("flag -{letter} of {place}"))
            .next(format!("write it with two dashes, --{meant}, in {place}")),
    )
}

/// dockerd prints what is asked for and ends well: Docker does not run then, but nothing is refused.
fn no_start(given: &Given, build: &Build) -> Option<Finding> {
    let asks = matches!(given.flag.long, "version" | "help" | "validate") && go_bool(&given.value) == Some(true);
    known::exact(build).filter(|_| asks)?;
    let (spelling, place) = (&given.spelling.value, &given.spelling.place);
    let says = match given.flag.long {
        "validate" => format!("with {spelling} dockerd checks its configuration and ends"),
        what => format!("with {spelling} dockerd prints its {what} and ends"),
    };
    Some(
        Finding::warn(Code::FlagNotAStart, spelling)
            .says(says)
            .at(format!("flag {spelling} of {place}"))
            .next(format!("remove {spelling} from {place}")),
    )
}

fn remedy(problem: &Problem, about: &str, origin: &str) -> String {
    match problem {
        Problem::Unknown { meant: Some(meant), .. } => {
            format!("did you mean {meant}? otherwise remove {about} from {origin}")
        }
        Problem::Unknown { meant: None, .. } => format!("remove {about} from {origin}"),
        Problem::Doubtful { .. } => format!("remove {about} from {origin}"),
        Problem::NoSuchCommand { .. } => format!("start dockerd in {origin}, without {about}"),
        Problem::NoValue { .. } | Problem::BadValue { .. } => format!("correct the flag {about} of {origin}"),
        Problem::Stray { .. } if about.is_empty() => {
            format!("write $NAME in place of ${{NAME}} in {origin}: an empty variable is then no word at all")
        }
        Problem::Stray { .. } => format!("remove {about:?} from {origin}, or write it as --flag={about}"),
    }
}

fn shown_list(values: &[&str]) -> String {
    match values {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(" ")),
    }
}

/// As Go prints a decoded value with `%v`, nearly.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The order in which dockerd meets what it refuses, and so the order in which to mend it: command line, syntax, keys, keys against
/// flags, types, values.
pub(super) fn stage(code: Code) -> u8 {
    match code {
        Code::FlagUnknown | Code::FlagRejected | Code::FlagValueInvalid | Code::CommandLineStrayWord => 0,
        Code::DaemonJsonMalformed | Code::DaemonJsonKeyRepeated => 1,
        Code::DaemonJsonKeyUnknown | Code::DaemonJsonKeyWithoutEffect => 2,
        Code::OptionSetTwice => 3,
        Code::DaemonJsonWrongType => 4,
        Code::GraphIsGone => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests;
