//! `/etc/docker/daemon.json`: the keys this program needs, each with file and line.

mod check;

use super::build::Build;
use super::{Sourced, json_lines};
use crate::model::{Code, Finding, Severity};
use json_lines::{KeyLines, Top};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a daemon.json says (moby `daemon/config`, struct `Config`; keys are matched case-sensitively).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonJson {
    /// The file's name as given to [`parse`]; empty when there is no file.
    pub path: String,
    /// `storage-driver`
    pub storage_driver: Option<Sourced<String>>,
    /// `storage-opts`; `None` without the key.
    pub storage_opts: Option<Vec<Sourced<String>>>,
    /// `data-root`, from 17.05.
    pub data_root: Option<Sourced<String>>,
    /// `graph`: deprecated from 17.05, fatal from 23.0.
    pub graph: Option<Sourced<String>>,
    /// `hosts`; `None` without the key.
    pub hosts: Option<Vec<Sourced<String>>>,
    /// `live-restore`
    pub live_restore: Option<Sourced<bool>>,
    /// `userns-remap`
    pub userns_remap: Option<Sourced<String>>,
    /// `pidfile`
    pub pidfile: Option<Sourced<String>>,
    /// `exec-root`
    pub exec_root: Option<Sourced<String>>,
    /// All that the file says; of repeated keys the last value.
    pub object: Map<String, Value>,
    /// The same in order, with every value of repeated keys: Go decodes them one after the other.
    pub entries: Vec<(String, Value)>,
    /// Line of every key of the file, for messages about keys we do not read.
    pub lines: BTreeMap<String, usize>,
    /// Why nothing could be read from the file. The configuration is then not known, rather than empty.
    pub unreadable: Option<String>,
    /// What is wrong with the file.
    pub findings: Vec<Finding>,
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
    let (text, bom) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if bom {
        let why = "begins with a byte-order mark, which dockerd before 23.0 refuses: invalid character 'ï' looking for beginning of value";
        file.told(before_23, MALFORMED, 1, why, "remove it");
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Top>();
    file.entries = match values.next() {
        Some(Ok(Top::Object(entries))) => entries,
        // Go decodes `null` into a struct as nothing at all.
        Some(Ok(Top::Null)) => Vec::new(),
        Some(Ok(Top::Other)) => return file.broken(1, "the top level is not an object { … }", true),
        Some(Err(error)) => {
            let why = format!("column {}: {}", error.column(), without_place(&error));
            return file.broken(error.line().max(1), &why, !only_serde_refuses(&why));
        }
        None => {
            let why = "is empty, which dockerd before 23.0 refuses: EOF";
            file.told(before_23, MALFORMED, 1, why, "write {} into it, or remove the file");
            Vec::new()
        }
    };
    let end = values.byte_offset();
    if let Some(rest) = text.get(end..).filter(|rest| !rest.trim().is_empty() && end > 0) {
        let garbage = end + (rest.len() - rest.trim_start().len());
        let line = text[..garbage].matches('\n').count() + 1;
        let why = "has text after the JSON object: dockerd before 23.0 does not read it, later ones refuse the file";
        file.told(
            before_23.map(|before| !before),
            MALFORMED,
            line,
            why,
            "remove what follows the closing brace",
        );
    }
    file.object = file.entries.iter().cloned().collect();
    let lines = json_lines::lines(text);
    file.fill(&lines);
    file.check_names(build);
    file.check_types(&lines, build);
    file
}

const MALFORMED: Code = Code::DaemonJsonMalformed;

/// Go replaces half a surrogate pair and nests deeper than serde_json does.
fn only_serde_refuses(why: &str) -> bool {
    ["surrogate", "hex escape", "recursion limit"]
        .iter()
        .any(|part| why.contains(part))
}

impl DaemonJson {
    fn fill(&mut self, lines: &BTreeMap<String, KeyLines>) {
        self.lines = lines.iter().map(|(key, found)| (key.clone(), found.line)).collect();
        for (key, found) in lines.iter().filter(|(_, found)| found.all.len() > 1) {
            let times = found.all.len();
            let why = format!("has the key \"{key}\" {times} times; this last one counts, and objects are merged");
            self.push(
                Severity::Warn,
                Code::DaemonJsonKeyRepeated,
                found.line,
                &why,
                "keep one of them",
            );
        }
        let line = |key: &str| lines.get(key).cloned().unwrap_or_default();
        self.storage_driver = self.text("storage-driver", &line("storage-driver"));
        self.storage_opts = self.list("storage-opts", &line("storage-opts"));
        self.data_root = self.text("data-root", &line("data-root"));
        self.graph = self.text("graph", &line("graph"));
        self.hosts = self.list("hosts", &line("hosts"));
        self.live_restore = self.switch("live-restore", &line("live-restore"));
        self.userns_remap = self.text("userns-remap", &line("userns-remap"));
        self.pidfile = self.text("pidfile", &line("pidfile"));
        self.exec_root = self.text("exec-root", &line("exec-root"));
    }

    fn text(&self, key: &str, at: &KeyLines) -> Option<Sourced<String>> {
        let text = self.object.get(key)?.as_str()?;
        Some(Sourced::new(text.to_owned(), self.place(at.line)))
    }

    fn switch(&self, key: &str, at: &KeyLines) -> Option<Sourced<bool>> {
        let on = self.object.get(key)?.as_bool()?;
        Some(Sourced::new(on, self.place(at.line)))
    }

    fn list(&self, key: &str, at: &KeyLines) -> Option<Vec<Sourced<String>>> {
        let items = self.object.get(key)?.as_array()?.iter().enumerate();
        let list = items.map(|(index, item)| {
            let line = at.items.get(index).copied().unwrap_or(at.line);
            // Go leaves a string empty for null.
            let text = item.as_str().or(item.as_null().map(|()| ""))?;
            Some(Sourced::new(text.to_owned(), self.place(line)))
        });
        list.collect()
    }

    pub(super) fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line.max(1))
    }

    /// `json: cannot unmarshal … into Go struct field Config.… of type …`.
    fn mistyped(&mut self, severity: Severity, key: &str, line: usize, wanted: &str) {
        let why = format!("dockerd would refuse the file: the value of \"{key}\" is not {wanted}");
        self.push(severity, Code::DaemonJsonWrongType, line, &why, "correct the value");
    }

    fn broken(mut self, line: usize, why: &str, certain: bool) -> Self {
        let severity = if certain { Severity::Refuse } else { Severity::Warn };
        let message = format!("is not JSON that dockerd reads: {why}");
        self.push(severity, MALFORMED, line, &message, "correct the file");
        self.unreadable = Some(format!("{}: {why}", self.place(line)));
        self
    }

    /// A refusal where this build is one that refuses it, nothing where it is not, a warning where that is not known.
    fn told(&mut self, refused: Option<bool>, code: Code, line: usize, why: &str, remedy: &str) {
        let severity = match refused {
            Some(true) => Severity::Refuse,
            None => Severity::Warn,
            Some(false) => Severity::Note,
        };
        self.push(severity, code, line, why, remedy);
    }

    fn push(&mut self, severity: Severity, code: Code, line: usize, why: &str, remedy: &str) {
        let place = self.place(line);
        self.findings.push(
            Finding::new(severity, code, &self.path)
                .says(format!("{place}: {why}"))
                .at(&place)
                .next(format!("{remedy} ({place})")),
        );
    }
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
