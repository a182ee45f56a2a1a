//! How Docker will be started: the unit's command and its environment, from systemd itself or from a tree's files, as that
//! systemd reads them; or, where its version is not known, as each generation would.

mod variables;

use super::{tree, units};
use crate::docker::Sourced;
use crate::docker::configuration::Odd;
use crate::systemd::bus::ExecStart;
use crate::systemd::exec_line::{self, Line, Word};
use crate::systemd::unit_file::{NoCommand, Placed, Service};
use crate::systemd::unit_name;
use crate::systemd::version::Version;
use serde::{Deserialize, Serialize};
use std::path::Path;
use variables::Variables;

/// Most files that one `EnvironmentFile=` with a pattern may name.
const MOST_FILES: usize = 64;

/// Where the words of an ExecStart= are known from.
#[derive(Debug)]
pub(super) enum Source {
    /// systemd's own word, or why it did not tell.
    Manager(Result<ExecStart, String>),
    /// The unit's files.
    Tree,
}

/// What to read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    /// Root of the tree.
    pub root: String,
    pub unit: String,
    /// This process' own environment is the unit's (`ExecStartPre=`).
    pub inside_unit: bool,
    /// Stands for the unit's `ExecStart=`, in its grammar.
    pub exec_line: Option<String>,
}

/// The start as one systemd reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The command's words, each with its place: the file and line of a variable, or the unit's own line. Or why they are not known.
    pub command: Result<Vec<Sourced<String>>, NoCommand>,
    /// `DOCKER_DRIVER` as the daemon will have it.
    pub driver: Option<Sourced<String>>,
    /// What does not mean what it seems to.
    pub odd: Vec<Odd>,
}

/// The readings of the start, all different; the first is the oldest systemd's. More than one only where `version` is unknown.
pub(super) fn look(question: &Question, source: &Source, version: Version) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    for version in version.readings() {
        let reading = read(question, source, version);
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// The unit, before its environment files are read.
struct Start {
    /// Words before variables are expanded.
    words: Result<Vec<String>, NoCommand>,
    place: String,
    variables: Variables,
    /// Path or pattern, whether a missing file is ignored.
    files: Vec<(String, bool)>,
}

fn read(question: &Question, source: &Source, version: u16) -> Reading {
    let root = Path::new(&question.root);
    let mut start = match source {
        Source::Manager(exec) => told(exec, &question.unit, version),
        Source::Tree => in_tree(root, &question.unit, version),
    };
    if let Some(text) = &question.exec_line {
        start.words = given(text, &question.unit, version).map_err(Into::into);
        start.place = "--exec-line".into();
    }
    let mut variables = start.variables;
    for (pattern, may_be_missing) in start.files {
        match tree::matching(root, &pattern, MOST_FILES) {
            Ok(paths) => {
                for path in paths {
                    variables.read_file(root, &path, may_be_missing, version);
                }
            }
            Err(why) => {
                let why = format!("EnvironmentFile={pattern}: {why}");
                variables.tell(pattern, why, false, "name the files one by one");
            }
        }
    }
    if question.inside_unit {
        variables.take(variables::own());
    }
    let words = start.words;
    let command = words.and_then(|words| Ok(exec_line::command(&words, &variables.values, version)?));
    let place = |variable: Option<String>| match variable {
        None => start.place.clone(),
        Some(name) => match variables.places.get(&name) {
            Some(place) => place.clone(),
            None => format!("the environment variable {name}"),
        },
    };
    let sourced = |word: Word| Sourced::new(word.text, place(word.variable));
    Reading {
        driver: variables.driver(command.as_ref().ok()),
        // systemd is at this very start: what it thinks of the unit by now, edited or masked meanwhile, does not undo that.
        command: command
            .map_err(|no| NoCommand {
                fault: no.fault.filter(|_| !question.inside_unit),
                ..no
            })
            .map(|command| command.words.into_iter().map(sourced).collect()),
        odd: variables.odd,
    }
}

/// The start as the manager tells it. Up to 232 it shows words with their specifiers.
fn told(exec: &Result<ExecStart, String>, unit: &str, version: u16) -> Start {
    let unread = exec.as_ref().err();
    let exec = exec.as_ref().cloned().unwrap_or_default();
    let words = exec.argv.iter().map(|word| match version {
        ..233 => unit_name::specifiers(word, unit, version),
        _ => Ok(word.clone()),
    });
    let mut variables = Variables::default();
    for (name, value) in exec.environment.iter().filter_map(|line| line.split_once('=')) {
        variables.set(name.into(), value.into(), format!("Environment= of {unit}"));
    }
    Start {
        words: match (unread, exec.fault) {
            (Some(why), _) => Err(why.clone().into()),
            (None, None) => words.collect::<Result<_, _>>().map_err(Into::into),
            (None, fault) => Err(NoCommand {
                why: format!("systemd does not load {unit}"),
                fault,
            }),
        },
        files: exec.environment_files,
        place: format!("{unit}'s ExecStart"),
        variables,
    }
}

/// The start as the unit's files in the tree tell it.
fn in_tree(root: &Path, unit: &str, version: u16) -> Start {
    let (service, unread) = match units::service(root, unit, version) {
        Ok(service) => (service, None),
        Err(why) => (Service::default(), Some(why)),
    };
    let (words, place) = match unread.map_or_else(|| service.command(), Err) {
        Ok(command) => (Ok(words(&command.value)), command.place.clone()),
        Err(why) => (Err(why), format!("{unit}'s ExecStart")),
    };
    let mut variables = Variables::default();
    for Placed { value, place } in service.environment {
        variables.set(value.0, value.1, place);
    }
    for Placed { value, place } in service.warnings {
        variables.tell(place, value, true, "correct the line in the unit");
    }
    Start {
        words,
        place,
        variables,
        files: service.environment_files.into_iter().map(|file| file.value).collect(),
    }
}

/// The words of a line that is given by hand, of more than one command the first. The program's bare name will do, though systemd
/// before 239 would not take it in a unit.
fn given(text: &str, unit: &str, version: u16) -> Result<Vec<String>, String> {
    let text = text.trim_start();
    let directory = match text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => "/",
        false => "",
    };
    let lines = exec_line::parse_line(&format!("{directory}{text}"), unit, version);
    let lines = lines.map_err(|why| format!("--exec-line: {why}"))?;
    let mut words = lines
        .first()
        .map(words)
        .ok_or_else(|| "--exec-line is empty".to_owned())?;
    if let Some(program) = words.first_mut() {
        *program = program.split_off(directory.len());
    }
    Ok(words)
}

/// A line's words, the program's path first. Where its variables are not expanded (`:`, since 242) each `$` is written so that
/// expansion brings it back.
fn words(line: &Line) -> Vec<String> {
    let words = std::iter::once(&line.path).chain(line.argv.iter().skip(1));
    match line.literal {
        true => words.map(|word| word.replace('$', "$$")).collect(),
        false => words.cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
