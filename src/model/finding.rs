//! Findings: what is wrong, where, and the next step, each under a stable code.

use serde::{Deserialize, Serialize};

/// How bad a finding is for the start of Docker or for the running host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Will hurt soon, or hurts a little.
    Warn,
    /// Docker must not start (preflight), or the host is in trouble now (watch, status).
    Refuse,
}

/// Stable name of a kind of finding, in kebab-case that explains itself. Other programs rely on it.
pub type Code = &'static str;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable kebab-case name, `host-filesystem-overcommitted`.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What it is about: a pool's name, a path, a unit.
    pub subject: String,
    /// One sentence with the figures.
    pub message: String,
    /// File and line, flag, or device that is the cause.
    #[serde(rename = "where")]
    pub place: String,
    /// The exact next step for the operator; empty when nothing is to be done.
    pub remedy: String,
}
