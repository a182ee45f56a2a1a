//! Whether preflight's verdict agrees with what dockerd did.

use serde_json::Value;

use super::batch::Judged;
use super::cases::Case;
use super::record::{Entry, Outcome};

/// How a verdict stands to the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// Both start it, or both refuse it and preflight blames what is to blame.
    Agrees,
    /// dockerd refuses it, preflight does not, and the case says why not.
    Missed,
    /// dockerd refuses it for something that is none of preflight's business.
    LeftToDockerd,
    /// Something is wrong; the text says what.
    Wrong(String),
}

/// Compares one verdict with the record.
pub fn compare(case: &Case, entry: &Entry, judged: &Judged) -> Agreement {
    let refuses = judged.report["verdict"] == "refuse";
    let wrong = |what: &str| {
        Agreement::Wrong(format!(
            "{}: {what}\n      dockerd: {:?} {}\n      preflight: {}",
            case.name,
            entry.outcome,
            entry.reason.as_deref().or(entry.driver.as_deref()).unwrap_or_default(),
            told(&judged.report)
        ))
    };
    match (entry.outcome, refuses) {
        (Outcome::Started, true) => wrong("FALSE REFUSAL"),
        (Outcome::Started, false) | (Outcome::NotRun, _) => Agreement::Agrees,
        (Outcome::Refused | Outcome::Hangs, true) if case.missed_because.is_some() => {
            wrong("is listed as missed, and yet refused: remove missed_because")
        }
        (Outcome::Refused | Outcome::Hangs, true) if case.left_to_dockerd => {
            wrong("is left to dockerd, and yet refused: remove left_to_dockerd")
        }
        (Outcome::Refused, false) if case.left_to_dockerd => Agreement::LeftToDockerd,
        (Outcome::Refused | Outcome::Hangs, true) if !blames(case, &judged.report) => wrong("refused on other ground"),
        (Outcome::Refused | Outcome::Hangs, true) => Agreement::Agrees,
        (Outcome::Refused, false) if case.missed_because.is_some() => Agreement::Missed,
        (Outcome::Refused, false) => wrong("MISSED"),
        (Outcome::Hangs, false) => Agreement::Agrees,
    }
}

/// Whether one of the refusing findings has a code and a subject of those that the case expects.
fn blames(case: &Case, report: &Value) -> bool {
    refusing(report).any(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        case.blames.iter().any(|code| code == text("code"))
            && ["subject", "where", "message"]
                .iter()
                .any(|key| text(key).contains(&case.subject))
    })
}

fn refusing(report: &Value) -> impl Iterator<Item = &Value> {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    findings.iter().filter(|finding| finding["severity"] == "refuse")
}

/// The verdict and its findings in a line.
fn told(report: &Value) -> String {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] != "note")
        .map(|finding| {
            format!(
                "{} {} [{}] {}",
                finding["severity"], finding["code"], finding["subject"], finding["message"]
            )
        })
        .collect();
    format!("{} {}", report["verdict"], shown.join("; "))
}
