//! The scenarios: each a fresh host, a fault, and what must then be true.

mod apart;
mod corpus;
mod cure;
mod direct_lvm;
mod drill;
mod evidence;
mod face;
mod fail_open;
mod faults;
mod files;
mod fleet;
mod growth_by_hand;
mod guard;
mod history;
mod kill_sweep;
mod lab_itself;
mod ladder;
mod no_data_lost;
mod preflight;
mod prevention;
mod readme;
mod restart;
mod rpm;
mod screens;
mod soak;
mod stock_units;
mod surroundings;

use anyhow::Result;

use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;

/// One test on a real host.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Kebab-case and self-explaining: it is what a FILTER selects by.
    pub name: &'static str,
    /// One sentence that the runner prints.
    pub about: &'static str,
    /// The state in which the host is handed over.
    pub snapshot: Snapshot,
    /// Why it takes more than a minute where it does: such a one runs before those that take less, so that all hosts end together.
    pub slow: Option<&'static str>,
    pub run: fn(&mut Host, &mut Figures) -> Result<()>,
}

/// Every scenario, in the order in which they run: the slow ones first.
pub fn all() -> impl Iterator<Item = Scenario> {
    let (slow, quick): (Vec<Scenario>, Vec<Scenario>) = by_room().partition(|scenario| scenario.slow.is_some());
    slow.into_iter().chain(quick)
}

fn by_room() -> impl Iterator<Item = Scenario> {
    [
        lab_itself::SCENARIOS,
        cure::SCENARIOS,
        prevention::SCENARIOS,
        files::SCENARIOS,
        direct_lvm::SCENARIOS,
        restart::SCENARIOS,
        ladder::SCENARIOS,
        evidence::SCENARIOS,
        apart::SCENARIOS,
        preflight::SCENARIOS,
        fail_open::SCENARIOS,
        surroundings::SCENARIOS,
        corpus::SCENARIOS,
        guard::SCENARIOS,
        faults::SCENARIOS,
        growth_by_hand::SCENARIOS,
        kill_sweep::SCENARIOS,
        no_data_lost::SCENARIOS,
        soak::SCENARIOS,
        face::SCENARIOS,
        screens::SCENARIOS,
        fleet::SCENARIOS,
        history::SCENARIOS,
        drill::SCENARIOS,
        stock_units::SCENARIOS,
        readme::SCENARIOS,
        rpm::SCENARIOS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CLAIMS: &str = include_str!("../../claims.tsv");

    #[test]
    fn every_claim_has_a_scenario_and_every_scenario_a_claim() {
        let rows: Vec<(&str, &str)> = CLAIMS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once('\t').unwrap_or_else(|| panic!("no tab in: {line}")))
            .collect();
        let claims: BTreeSet<&str> = rows.iter().map(|(claim, _)| *claim).collect();
        assert_eq!(claims.len(), rows.len(), "a claim stands there twice");
        let named: BTreeSet<&str> = rows.iter().map(|(_, scenario)| *scenario).collect();
        let there: BTreeSet<&str> = all().map(|scenario| scenario.name).collect();
        assert_eq!(named, there);
        assert_eq!(there.len(), all().count(), "two scenarios have one name");
    }
}
