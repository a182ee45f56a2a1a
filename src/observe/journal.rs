//! What the guard has told the journal, read back by `journalctl`. Anyone may write lines that look like ours: only root's count.

use crate::kernel::program::{self, Heard};
use crate::model::{Answer, JournalEntry};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Time for `journalctl`; a journal of gigabytes on a busy disk takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most entries that are asked for, the newest of them.
pub const MOST_ENTRIES: usize = 2000;

/// Most bytes that are taken, which leaves room for the errand's own answer.
const MOST_BYTES: usize = 3 << 20;

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// As `journalctl --since=` takes it.
    pub since: Option<String>,
    pub message_ids: Vec<String>,
}

/// What `journalctl` left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The entries, one JSON object a line, oldest first.
    pub text: String,
    /// What it complained of.
    pub complaint: String,
    /// Whether it ended well.
    pub success: bool,
}

/// Runs `journalctl`, in the child.
///
/// # Errors
/// It is not there, takes too long or says too much.
pub(super) fn look(question: &Question) -> Result<Said> {
    let program = ["/usr/bin/journalctl", "/bin/journalctl"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .context("there is no journalctl on this host")?;
    let arguments = arguments(question);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match program::hear(Path::new(program), &arguments, PATIENCE, MOST_BYTES) {
        Ok(Heard {
            said,
            complaint,
            status,
        }) => Ok(Said {
            text: String::from_utf8_lossy(&said).into_owned(),
            complaint: String::from_utf8_lossy(&complaint).trim().to_owned(),
            success: status.success(),
        }),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            bail!(
                "journalctl was not done within {} s; try a later --since",
                PATIENCE.as_secs()
            )
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            bail!("the journal holds more than can be read at once; try a later --since")
        }
        Err(error) => Err(error).context(program),
    }
}

/// Only what journalctl of systemd 219 knows. Matches of one field are alternatives, those of different fields all hold.
fn arguments(question: &Question) -> Vec<String> {
    // Long fields too: without --all they come as null.
    let mut arguments: Vec<String> = ["--output=json", "--no-pager", "--all"].map(str::to_owned).into();
    // Backwards from the newest. Before systemd 245 --lines alone counts from --since on, and with --reverse goes that many back first
    // and reads on from there; an end that never comes makes every version begin at the newest (journalctl.c, `main`).
    arguments.extend(["--reverse", "--until=2200-01-01"].map(str::to_owned));
    arguments.push(format!("--lines={MOST_ENTRIES}"));
    // One word with its option, or a time such as -1h would be an option of its own.
    arguments.extend(question.since.iter().map(|since| format!("--since={since}")));
    arguments.extend(["_UID=0", "SYSLOG_IDENTIFIER=thinguard"].map(str::to_owned));
    arguments.extend(question.message_ids.iter().map(|id| format!("MESSAGE_ID={id}")));
    arguments
}

/// Reads the entries, the newest of which comes first, and gives the oldest first. What is no entry of ours is left out.
pub fn parse(text: &str) -> Vec<JournalEntry> {
    text.lines().rev().filter_map(entry).collect()
}

/// The journal itself writes fields that begin with an underscore (systemd.journal-fields(7)); all others are the sender's word.
fn entry(line: &str) -> Option<JournalEntry> {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(line) else {
        return None;
    };
    let field = |name: &str| fields.get(name).and_then(text);
    if field("_UID").as_deref() != Some("0") || field("SYSLOG_IDENTIFIER").as_deref() != Some("thinguard") {
        return None;
    }
    Some(JournalEntry {
        at_us: field("__REALTIME_TIMESTAMP")?.parse().ok()?,
        boot_id: field("_BOOT_ID"),
        message_id: field("MESSAGE_ID")?,
        priority: field("PRIORITY").and_then(|priority| priority.parse().ok()),
        message: field("MESSAGE")?,
        code: field("THINGUARD_CODE")?,
        subject: field("THINGUARD_SUBJECT"),
        remedy: field("THINGUARD_REMEDY"),
        deed: field("THINGUARD_DEED"),
        verdict: fields
            .get("THINGUARD_VERDICT")
            .and_then(|it| Answer::deserialize(it).ok()),
        evidence: field("THINGUARD_EVIDENCE").map(|text| text.lines().map(str::to_owned).collect()),
    })
}

/// A field's text (systemd: docs/JOURNAL_EXPORT_FORMATS.md): a string; an array of bytes where it is not fit to be one; null where
/// it is too long; an array of these where an entry has it more than once, of which the first counts.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let bytes: Option<Vec<u8>> = parts
                .iter()
                .map(|part| part.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect();
            match bytes {
                Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                // No deeper: nothing that journald writes is.
                None => parts.first().filter(|part| part.is_string()).and_then(text),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(fields: &str) -> Vec<JournalEntry> {
        parse(&format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1764000000000001\",\"MESSAGE_ID\":\"aa\",\"THINGUARD_CODE\":\"c\",\"SYSLOG_IDENTIFIER\":\"thinguard\",{fields}}}\n"
        ))
    }

    #[test]
    fn entries_are_read() {
        let entries = parsed(
            r#""_UID":"0","PRIORITY":"2","_BOOT_ID":"b","MESSAGE":"pool-low: x","THINGUARD_CODE":"pool-low","THINGUARD_SUBJECT":"x","THINGUARD_VERDICT":"refuse""#,
        );
        let wanted = JournalEntry {
            at_us: 1_764_000_000_000_001,
            boot_id: Some("b".into()),
            message_id: "aa".into(),
            priority: Some(2),
            message: "pool-low: x".into(),
            code: "pool-low".into(),
            subject: Some("x".into()),
            verdict: Some(Answer::Refuse),
            ..JournalEntry::default()
        };
        assert_eq!(entries, [wanted]);
    }

    #[test]
    fn only_roots_lines_count() {
        for foreign in [
            r#""MESSAGE":"deed-done""#,
            r#""MESSAGE":"deed-done","_UID":"1000""#,
            r#""MESSAGE":"deed-done","_UID":["1000","0"]"#,
            r#""MESSAGE":"deed-done","_UID":null"#,
            r#""MESSAGE":"deed-done","_UID":0"#,
            r#""MESSAGE":"deed-done","_UID":"0","SYSLOG_IDENTIFIER":"other""#,
        ] {
            assert_eq!(parsed(foreign), [], "{foreign}");
        }
    }

    #[test]
    fn fields_have_many_forms() {
        for (message, read) in [
            ("\"a\"", Some("a")),
            ("[97,10,98]", Some("a\nb")),
            ("[255,97]", Some("\u{fffd}a")),
            ("[\"first\",\"second\"]", Some("first")),
            ("[]", Some("")),
            ("null", None),
            ("[256]", None),
            ("[[97]]", None),
            ("[{\"a\":1}]", None),
            ("7", None),
            ("{\"a\":\"b\"}", None),
        ] {
            let entries = parsed(&format!("\"_UID\":\"0\",\"MESSAGE\":{message}"));
            let told = entries.first().map(|entry| entry.message.as_str());
            assert_eq!(told, read, "{message}");
        }
    }

    #[test]
    fn what_is_no_entry_is_left_out() {
        for line in [
            "",
            "-- No entries --",
            "{",
            "[]",
            "null",
            "{}",
            "\u{0}",
            "{\"_UID\":\"0\"}",
        ] {
            assert_eq!(parse(&format!("{line}\n{line}")), [], "{line}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parsed(&format!("\"_UID\":\"0\",\"MESSAGE\":{deep}")), []);
        for time in ["\"x\"", "\"-1\"", "\"99999999999999999999999\"", "null"] {
            assert_eq!(
                parsed(&format!(
                    "\"_UID\":\"0\",\"MESSAGE\":\"a\",\"__REALTIME_TIMESTAMP\":{time}"
                )),
                []
            );
        }
    }

    #[test]
    fn every_journalctl_begins_at_the_newest() {
        for since in [None, Some("-1h".to_owned())] {
            let given = arguments(&Question {
                since,
                message_ids: Vec::new(),
            });
            let has = |option: &str| given.iter().any(|word| word.starts_with(option));
            // The branches of its `main` in the order of 219 to 244, and from 245 on; the first that holds decides where it begins.
            let (since, until) = (has("--since") && !has("--reverse"), has("--until") && has("--reverse"));
            let (lines, reverse) = (has("--lines"), has("--reverse"));
            let of =
                |branches: [(bool, &'static str); 4]| branches.into_iter().find(|(holds, _)| *holds).map(|(_, at)| at);
            let (since, until) = ((since, "oldest"), (until, "newest"));
            let (lines, reverse) = ((lines, "so many back"), (reverse, "newest"));
            assert_eq!(of([since, until, lines, reverse]), Some("newest"));
            assert_eq!(of([since, until, reverse, lines]), Some("newest"));
        }
    }

    #[test]
    fn a_time_is_no_option() {
        let question = Question {
            since: Some("-1h --vacuum-size=1".into()),
            message_ids: vec!["aa".into(), "bb".into()],
        };
        let arguments = arguments(&question);
        assert!(
            arguments.contains(&"--since=-1h --vacuum-size=1".to_owned()),
            "{arguments:?}"
        );
        assert!(arguments.ends_with(&["MESSAGE_ID=aa".to_owned(), "MESSAGE_ID=bb".to_owned()]));
    }
}
