//! `thinguard history`: incidents and deeds, as the journal has them.

use super::errands::Errands;
use crate::kernel::errand::{Kind, Request};
use crate::model::JournalEntry;
use crate::observe::Ask;
use crate::observe::journal::{self, MOST_ENTRIES, Question, Said};
use crate::report::history;
use crate::report::printable::printable;
use anyhow::{Result, bail};
use nix::unistd::Uid;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time for each look; `journalctl` itself has a little less.
const DEADLINE: Duration = Duration::from_secs(35);

/// Wrong usage, as everywhere.
const USAGE: u8 = 64;

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// As `journalctl --since` takes it.
    pub since: Option<String>,
    /// With the bundles of evidence.
    pub evidence: bool,
    /// One JSON object a line.
    pub json: bool,
}

/// Prints what the guard has told, newest last.
///
/// # Errors
/// The journal cannot be read.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut errands = Errands::start()?;
    let mut ask = |since| {
        let question = Question {
            since,
            message_ids: history::kinds(args.evidence)
                .filter_map(|kind| kind.message_id())
                .map(str::to_owned)
                .collect(),
        };
        let request = Request::new(Kind::Look, &Ask::Journal(question));
        errands.ask::<Said>(&request, DEADLINE)
    };
    let said = ask(args.since.clone())?;
    // Every failure of journalctl has the same exit code; without --since it fails again, unless that was at fault.
    if !said.success && args.since.is_some() && ask(None).is_ok_and(|said| said.success) {
        super::complain(&format!(
            "thinguard: journalctl does not take this --since: {}\n",
            printable(&said.complaint)
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let entries = journal::parse(&said.text);
    let all_came = entries.len() < MOST_ENTRIES;
    let entries = history::eventful(entries);
    if let Some(why) = unread(&said, &entries, Uid::effective().is_root()) {
        bail!("{why}");
    }
    match args.json {
        true => {
            super::say(&history::json(&entries));
        }
        false => {
            let times = entries.iter().map(|entry| (entry.at_us / 1_000_000) as i64).collect();
            // Without the time zone the times are UTC, which is better than none.
            let ask = Request::new(Kind::Look, &Ask::LocalTime(times));
            let offsets: Vec<i32> = errands.ask(&ask, DEADLINE).unwrap_or_default();
            super::say(&history::text(&entries, &offsets));
        }
    }
    if entries.is_empty() {
        super::complain("thinguard: the journal has no incident and no deed of this time\n");
    }
    // journald's default where nobody made the directory, as on EL7.
    if !Path::new("/var/log/journal").is_dir() {
        super::complain(
            "thinguard: this host keeps its journal until it boots again (there is no /var/log/journal); older lines: grep thinguard \
             /var/log/messages\n",
        );
    }
    if !all_came {
        super::complain(&format!(
            "thinguard: only the newest {MOST_ENTRIES} lines were read; --since chooses another time\n"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Why nothing came although there may be something.
fn unread(said: &Said, entries: &[JournalEntry], is_root: bool) -> Option<String> {
    let complaint = printable(said.complaint.lines().next().unwrap_or_default()).into_owned();
    // Others than root, and the members of one group, see their own lines at the most.
    let advice = "run it as root, or as a member of the group systemd-journal";
    match (said.success, entries.is_empty()) {
        (false, _) if !is_root => Some(format!("the journal cannot be read; {advice}. {complaint}")),
        (false, _) => Some(format!("journalctl failed: {complaint}")),
        (true, true) if !is_root => Some(format!(
            "no line of the journal may be read, or there is none; {advice}. {complaint}"
        )),
        // A host that keeps no journal says so, as one does whose files cannot be read, and exits with 0.
        (true, true) if !complaint.is_empty() => Some(format!("journalctl finds nothing: {complaint}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_from_blindness() {
        let entry = [JournalEntry::default()];
        for (success, complaint, entries, is_root, wanted) in [
            (true, "", &[][..], true, None),
            (true, "", &entry, false, None),
            (
                true,
                "No journal files were found.",
                &[],
                true,
                Some("journalctl finds nothing: No journal"),
            ),
            (
                true,
                "Hint: You are currently not seeing messages from other users",
                &[],
                false,
                Some("run it as root"),
            ),
            (
                false,
                "No journal files were opened due to insufficient permissions.",
                &[],
                false,
                Some("run it as root"),
            ),
            (
                false,
                "Failed to open\x1b[31m\nmore",
                &[],
                true,
                Some("journalctl failed: Failed to open\\u{1b}[31m"),
            ),
        ] {
            let said = Said {
                text: String::new(),
                complaint: complaint.into(),
                success,
            };
            let why = unread(&said, entries, is_root);
            let told = match wanted {
                None => why.is_none(),
                Some(wanted) => why.as_ref().is_some_and(|why| why.contains(wanted)),
            };
            assert!(told, "{complaint}: {why:?}");
        }
    }
}
