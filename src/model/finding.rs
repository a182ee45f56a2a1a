//! Findings: what is wrong, where, and the next step, each under a stable code.

use super::Code;
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

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its kind.
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
    /// It rests on a rule that is not known for this build of Docker: it refuses nothing (law 9).
    #[serde(skip)]
    pub is_guess: bool,
}

impl Finding {
    /// A finding without words yet.
    pub fn new(severity: Severity, code: Code, subject: impl Into<String>) -> Finding {
        Finding {
            code,
            severity,
            subject: subject.into(),
            message: String::new(),
            place: String::new(),
            remedy: String::new(),
            is_guess: false,
        }
    }

    /// Docker must not start, or the host is in trouble.
    pub fn refuse(code: Code, subject: impl Into<String>) -> Finding {
        Finding::new(Severity::Refuse, code, subject)
    }

    /// Will hurt.
    pub fn warn(code: Code, subject: impl Into<String>) -> Finding {
        Finding::new(Severity::Warn, code, subject)
    }

    /// Worth knowing.
    pub fn note(code: Code, subject: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, code, subject)
    }

    /// Sets the sentence with the figures.
    pub fn says(self, message: impl Into<String>) -> Finding {
        let message = message.into();
        Finding { message, ..self }
    }

    /// Sets the place of the cause.
    pub fn at(self, place: impl Into<String>) -> Finding {
        let place = place.into();
        Finding { place, ..self }
    }

    /// Sets the next step.
    pub fn next(self, remedy: impl Into<String>) -> Finding {
        let remedy = remedy.into();
        Finding { remedy, ..self }
    }

    /// Docker must not start, or the host is in trouble now.
    pub fn is_refusal(&self) -> bool {
        self.severity == Severity::Refuse
    }

    /// Will hurt soon.
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warn
    }

    /// Marks it as a guess where the rule behind it is not known for certain.
    pub fn if_certain(self, certain: bool) -> Finding {
        let is_guess = !certain;
        Finding { is_guess, ..self }
    }
}
