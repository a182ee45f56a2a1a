//! Agreement with the real dockerd: cases, what dockerd made of each of them, and what preflight says.

pub mod batch;
pub mod cases;
pub mod compare;
pub mod normal;
pub mod record;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::host::Host;
use crate::paths::Paths;
use crate::{progress, snapshots};
use cases::Case;
use compare::Agreement;
use record::Entry;

/// The filter that chooses the cases without a line in the record.
const UNRECORDED: &str = "unrecorded";

/// `cargo lab corpus`: starts dockerd on each case whose name or group contains `filter`, records what came of it, and compares.
pub fn corpus(filter: Option<&str>) -> Result<ExitCode> {
    let root = Paths::find()?.root;
    let all = cases::load(&root)?;
    let mut entries = record::load(&root)?;
    let wanted = |case: &&Case| match filter {
        None => true,
        Some(UNRECORDED) => entries.iter().all(|entry| entry.name != case.name),
        Some(part) => case.name.contains(part) || case.group.contains(part),
    };
    let chosen: Vec<Case> = all.iter().filter(wanted).cloned().collect();
    let mut host = snapshots::prepare()?;
    progress::step("builds thinguard as it is released", || host.build_guard())?;
    let mut untouched = false;
    for (index, case) in chosen.iter().enumerate() {
        let begun = Instant::now();
        let entry = match batch::start(&mut host, case, &mut untouched) {
            Ok(entry) => entry,
            Err(error) => {
                println!("{:3}/{} {error:#}", index + 1, chosen.len());
                continue;
            }
        };
        println!(
            "{:3}/{} {} ({:.1} s): {:?} {}",
            index + 1,
            chosen.len(),
            case.name,
            begun.elapsed().as_secs_f32(),
            entry.outcome,
            entry.reason.as_deref().or(entry.driver.as_deref()).unwrap_or_default()
        );
        entries.retain(|old| old.name != case.name);
        entries.push(entry);
        // After each, so that a run that is cut off has not been in vain.
        record::save(&root, &in_order(&all, &entries))?;
    }
    let summary = check(&mut host, &chosen, &entries)?;
    println!("{}", summary.text());
    Ok(if summary.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The record in the order of the cases, without those that are gone.
fn in_order(cases: &[Case], entries: &[Entry]) -> Vec<Entry> {
    cases
        .iter()
        .filter_map(|case| entries.iter().find(|entry| entry.name == case.name).cloned())
        .collect()
}

/// Whether so many missed of so many refusals leave 95 of 100 that are foreseen.
fn enough(missed: usize, refused: usize) -> bool {
    missed * 20 <= refused
}

/// How all verdicts stand to the record.
#[derive(Debug, Default)]
pub struct Summary {
    pub started: usize,
    pub refused: usize,
    pub missed: usize,
    /// Of the refused those that are none of preflight's business.
    pub left: usize,
    pub wrong: Vec<String>,
    /// What one preflight took, half of them less.
    pub median_ms: u64,
}

impl Summary {
    /// Nothing is wrong, and of the refusals that are preflight's business at least 95 of 100 are foreseen.
    pub fn holds(&self) -> bool {
        self.wrong.is_empty() && enough(self.missed, self.refused - self.left)
    }

    /// Adds cases that are not judged here. The workspace's test `recorded` judges them, and fails if one is not as the case says.
    pub fn add_on_paper(&mut self, cases: &[Case], entries: &[Entry]) {
        let refused = |case: &&Case| {
            let entry = entries.iter().find(|entry| entry.name == case.name);
            entry.is_some_and(|entry| entry.outcome == record::Outcome::Refused)
        };
        let (refused, started): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(refused);
        self.started += started.len();
        self.refused += refused.len();
        self.left += refused.iter().filter(|case| case.left_to_dockerd).count();
        self.missed += refused.iter().filter(|case| case.missed_because.is_some()).count();
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} started or were not refused, {} refused, {} of them for what is left to dockerd; {} of the others missed for a known \
             reason, {} disagreements",
            self.started,
            self.refused,
            self.left,
            self.missed,
            self.wrong.len()
        );
        for wrong in &self.wrong {
            text.push_str("\n    ");
            text.push_str(wrong);
        }
        text
    }
}

/// Has preflight judge the cases and compares with the record.
pub fn check(host: &mut Host, cases: &[Case], entries: &[Entry]) -> Result<Summary> {
    let judged = batch::judge(host, cases)?;
    let mut took: Vec<u64> = judged
        .iter()
        .filter_map(|judged| judged.report["elapsed_ms"].as_u64())
        .collect();
    took.sort_unstable();
    let mut summary = Summary {
        median_ms: took.get(took.len() / 2).copied().unwrap_or_default(),
        ..Summary::default()
    };
    for case in cases {
        let Some(entry) = entries.iter().find(|entry| entry.name == case.name) else {
            summary
                .wrong
                .push(format!("{}: not recorded; cargo lab corpus {}", case.name, case.name));
            continue;
        };
        match entry.outcome {
            record::Outcome::Refused => summary.refused += 1,
            _ => summary.started += 1,
        }
        let Some(verdict) = judged.iter().find(|judged| judged.name == case.name) else {
            summary.wrong.push(format!("{}: was not judged", case.name));
            continue;
        };
        match compare::compare(case, entry, verdict) {
            Agreement::Agrees => {}
            Agreement::Missed => summary.missed += 1,
            Agreement::LeftToDockerd => summary.left += 1,
            Agreement::Wrong(what) => summary.wrong.push(what),
        }
    }
    Ok(summary)
}
