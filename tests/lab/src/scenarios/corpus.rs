//! Agreement with the real dockerd: preflight against the whole record, and the record against the live daemon.

use anyhow::{Result, ensure};

use super::Scenario;
use crate::corpus::cases::Case;
use crate::corpus::{batch, cases, check, record};
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::paths::Paths;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "preflight-agrees-with-dockerd",
        about: "preflight refuses nothing that dockerd was seen to start with, and what dockerd was seen to refuse, for the same cause",
        snapshot: Snapshot::Stopped,
        slow: Some("some 160 configurations are laid out and judged, each by a process of its own"),
        run: preflight_agrees,
    },
    Scenario {
        name: "dockerd-still-does-as-recorded",
        about: "a sample of the recorded cases, started again with the live dockerd",
        snapshot: Snapshot::Stopped,
        slow: Some("dockerd is started on a dozen configurations"),
        run: still_as_recorded,
    },
];

fn preflight_agrees(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let root = Paths::find()?.root;
    let entries = record::load(&root)?;
    let (here, on_paper) = split(cases::load(&root)?);
    let mut summary = check(host, &here, &entries)?;
    summary.add_on_paper(&on_paper, &entries);
    figures.add("cases judged here", here.len(), "");
    figures.add("cases that dockerd starts", summary.started, "");
    figures.add("cases that dockerd refuses", summary.refused, "");
    figures.add("of these left to dockerd", summary.left, "");
    figures.add("of the others missed for a known reason", summary.missed, "");
    figures.add("one preflight, median", summary.median_ms, "ms");
    ensure!(summary.holds(), "{}", summary.text());
    Ok(())
}

/// Of the cases that are texts alone one in so many is judged on the host; all of them are by the workspace's test `recorded`.
const ONE_IN: usize = 8;

/// The cases for the host, and those that are left to that test.
fn split(cases: Vec<Case>) -> (Vec<Case>, Vec<Case>) {
    let mut texts = 0;
    cases.into_iter().partition(|case| {
        let is_text = case.state.is_none() && !case.on_host;
        texts += usize::from(is_text);
        !is_text || texts % ONE_IN == 0
    })
}

fn still_as_recorded(host: &mut Host, _: &mut Figures) -> Result<()> {
    let root = Paths::find()?.root;
    let entries = record::load(&root)?;
    let sample: Vec<_> = cases::load(&root)?.into_iter().filter(|case| case.live).collect();
    ensure!(sample.len() >= 10, "only {} cases are in the sample", sample.len());
    let mut untouched = false;
    for case in sample {
        let recorded = entries.iter().find(|entry| entry.name == case.name);
        let seen = batch::start(host, &case, &mut untouched)?;
        ensure!(Some(&seen) == recorded, "recorded was {recorded:?}, seen was {seen:?}");
    }
    Ok(())
}
