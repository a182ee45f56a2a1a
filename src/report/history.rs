//! What the guard has told, a line each: for people, and as JSON for programs.

use super::event::Kind;
use super::printable::printable;
use crate::model::{Answer, JournalEntry, date_and_time};
use serde::Serialize;
use std::fmt::Write;

/// Kinds of event that are incidents and deeds, and, where it is asked for, evidence: each is a page of its own.
pub fn kinds(evidence: bool) -> impl Iterator<Item = Kind> {
    KINDS.into_iter().chain(evidence.then_some(Kind::Evidence))
}

const KINDS: [Kind; 8] = [
    Kind::FindingRaised,
    Kind::FindingCleared,
    Kind::DeedBegun,
    Kind::DeedDone,
    Kind::DeedFailed,
    Kind::PreflightVerdict,
    Kind::LookStuck,
    Kind::RestartBudgetSpent,
];

/// Codes are padded to no more than this.
const WIDEST_CODE: usize = 30;

/// An entry as one of our kinds; `None` where it is none, or tells that all was well.
fn kind(entry: &JournalEntry) -> Option<Kind> {
    let kind = kinds(true).find(|kind| kind.message_id() == Some(entry.message_id.as_str()))?;
    let uneventful = kind == Kind::PreflightVerdict && entry.verdict == Some(Answer::Start);
    (!uneventful).then_some(kind)
}

/// Those that belong into the history.
pub fn eventful(entries: Vec<JournalEntry>) -> Vec<JournalEntry> {
    entries.into_iter().filter(|entry| kind(entry).is_some()).collect()
}

/// `time  code  subject  what`, newest last. `offsets` has the seconds that local time was ahead of UTC at each entry.
pub fn text(entries: &[JournalEntry], offsets: &[i32]) -> String {
    let widths = entries.iter().map(|entry| entry.code.chars().count());
    let width = widths.max().unwrap_or(0).min(WIDEST_CODE);
    let mut text = String::new();
    for (at, entry) in entries.iter().enumerate() {
        let offset = offsets.get(at).copied().unwrap_or(0);
        let time = date_and_time(seconds(entry).saturating_add(offset.into()));
        let what = match subject(entry) {
            "" => what(entry),
            subject => format!("{subject}  {}", what(entry)),
        };
        let line = format!("{time}  {:width$}  {what}", entry.code);
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", printable(&line));
        for line in entry.evidence.iter().flatten() {
            let _ = writeln!(text, "    {}", printable(line));
        }
    }
    text
}

fn seconds(entry: &JournalEntry) -> i64 {
    i64::try_from(entry.at_us / 1_000_000).unwrap_or(i64::MAX)
}

fn subject(entry: &JournalEntry) -> &str {
    entry.subject.as_deref().unwrap_or_default()
}

/// The message without what stands in columns of its own, and without the next step, which is long since done or out of date.
fn what(entry: &JournalEntry) -> String {
    let mut what = entry.message.as_str();
    for lead in [entry.code.as_str(), subject(entry)] {
        what = match what.strip_prefix(lead).and_then(|rest| rest.strip_prefix(": ")) {
            Some(rest) if !lead.is_empty() => rest,
            _ => what,
        };
    }
    let remedy = entry.remedy.as_deref().unwrap_or_default();
    let next = format!(" Next: {remedy}");
    match what.strip_suffix(next.as_str()) {
        Some(rest) if !remedy.is_empty() => rest.trim_end_matches('.').to_owned(),
        _ => what.to_owned(),
    }
}

/// One entry for programs. Names are a contract: add, never rename or remove.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// In UTC, as in RFC 3339.
    time: String,
    /// `finding-raised`, `deed-done`, …
    event: &'a str,
    #[serde(flatten)]
    entry: &'a JournalEntry,
}

/// One JSON object a line, newest last.
pub fn json(entries: &[JournalEntry]) -> String {
    let lines = entries.iter().filter_map(|entry| {
        let time = date_and_time(seconds(entry)).replace(' ', "T");
        let line = Line {
            time: format!("{time}.{:06}Z", entry.at_us % 1_000_000),
            event: kind(entry)?.code(),
            entry,
        };
        serde_json::to_string(&line).ok()
    });
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, message: &str) -> JournalEntry {
        JournalEntry {
            at_us: 1_764_000_000_000_250,
            message_id: kind.message_id().unwrap_or_default().into(),
            code: kind.code().into(),
            priority: Some(2),
            message: message.into(),
            ..JournalEntry::default()
        }
    }

    fn raised() -> JournalEntry {
        JournalEntry {
            code: "pool-low".into(),
            subject: Some("docker-8:1-2-pool".into()),
            remedy: Some("thinguard grows it to 2 GiB".into()),
            ..entry(
                Kind::FindingRaised,
                "pool-low: docker-8:1-2-pool: 90% used (data). Next: thinguard grows it to 2 GiB",
            )
        }
    }

    fn done() -> JournalEntry {
        JournalEntry {
            deed: Some("grow the data device from 1 GiB to 2 GiB".into()),
            ..entry(
                Kind::DeedDone,
                "deed-done: grow the data device from 1 GiB to 2 GiB: done in 0.5 s; now 1 GiB of 2 GiB data used",
            )
        }
    }

    #[test]
    fn people_get_a_line_each_in_their_own_time() {
        assert_eq!(
            text(&[raised(), done()], &[3600, 3600]),
            "2025-11-24 17:00:00  pool-low   docker-8:1-2-pool  90% used (data)\n\
             2025-11-24 17:00:00  deed-done  grow the data device from 1 GiB to 2 GiB: done in 0.5 s; now 1 GiB of 2 GiB data used\n"
        );
        assert!(text(&[raised()], &[]).starts_with("2025-11-24 16:00:00  pool-low  "));
        assert_eq!(text(&[], &[]), "");
    }

    #[test]
    fn hostile_texts_stay_on_their_lines() {
        let mut hostile = raised();
        hostile.subject = Some("a\nb\u{1b}[31m".into());
        hostile.message = "pool-low: \u{202e}\r\n2025-11-24 00:00:00  deed-done".into();
        let text = text(&[hostile], &[0]);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            !text.trim_end().contains(char::is_control) && !text.contains('\u{202e}'),
            "{text}"
        );
    }

    #[test]
    fn what_went_well_is_no_incident() {
        let verdict = |verdict| JournalEntry {
            verdict: Some(verdict),
            ..entry(Kind::PreflightVerdict, "preflight-verdict: …")
        };
        let entries = vec![
            verdict(Answer::Start),
            verdict(Answer::Refuse),
            verdict(Answer::Unknown),
            entry(Kind::GuardStarted, "guard-started"),
            done(),
        ];
        let verdicts: Vec<_> = eventful(entries).into_iter().map(|entry| entry.verdict).collect();
        assert_eq!(verdicts, [Some(Answer::Refuse), Some(Answer::Unknown), None]);
    }

    #[test]
    fn evidence_stands_below_its_line() {
        let bundle = JournalEntry {
            evidence: Some(vec!["unit: docker.service".into(), "  5 s ago: \u{1b}[31m".into()]),
            ..entry(Kind::Evidence, "evidence-kept: before 'x'")
        };
        assert_eq!(
            text(std::slice::from_ref(&bundle), &[0]),
            "2025-11-24 16:00:00  evidence-kept  before 'x'\n    unit: docker.service\n      5 s ago: \\u{1b}[31m\n"
        );
        let line: serde_json::Value = serde_json::from_str(&json(&[bundle])).unwrap();
        assert_eq!(line["evidence"][0], "unit: docker.service");
    }

    #[test]
    fn programs_get_an_object_a_line() {
        let said = json(&[raised(), done()]);
        let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            serde_json::json!({
                "time": "2025-11-24T16:00:00.000250Z", "event": "finding-raised", "code": "pool-low",
                "subject": "docker-8:1-2-pool", "deed": null, "priority": 2,
                "message": "pool-low: docker-8:1-2-pool: 90% used (data). Next: thinguard grows it to 2 GiB",
                "remedy": "thinguard grows it to 2 GiB", "boot_id": null
            })
        );
        assert_eq!(
            (lines[1]["event"].as_str(), lines[1]["code"].as_str()),
            (Some("deed-done"), Some("deed-done"))
        );
    }
}
