//! The record: what dockerd made of each case, one JSON line a case, in `tests/corpus/dockerd-20.10.24.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What came of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// dockerd told systemd that it is ready.
    Started,
    /// It ended.
    Refused,
    /// systemd does not take the unit's line: neither dockerd nor the preflight in front of it is run.
    NotRun,
    /// Neither within a minute.
    Hangs,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub outcome: Outcome,
    /// The storage driver it started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Its last words, without numbers that differ from start to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where the record is.
pub fn path(root: &Path) -> PathBuf {
    root.join("tests/corpus/dockerd-20.10.24.jsonl")
}

/// Reads it; none yet is an empty one.
pub fn load(root: &Path) -> Result<Vec<Entry>> {
    let path = path(root);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Reads its text.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    text.lines()
        .enumerate()
        .map(|(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 1)))
        .collect()
}

/// Writes it, in the order given.
pub fn save(root: &Path, entries: &[Entry]) -> Result<()> {
    let lines = entries
        .iter()
        .map(|entry| Ok(serde_json::to_string(entry)? + "\n"))
        .collect::<Result<String>>()?;
    let path = path(root);
    let new = path.with_extension("new");
    fs::write(&new, lines)?;
    fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))
}
