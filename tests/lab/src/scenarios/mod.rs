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
    pub run: fn(&mut Host, &mut Figures) -> Result<()>,
}

/// Every scenario, in the order in which they run.
pub fn all() -> impl Iterator<Item = Scenario> {
    [
        lab_itself::SCENARIOS,
        cure::SCENARIOS,
        prevention::SCENARIOS,
        direct_lvm::SCENARIOS,
        restart::SCENARIOS,
        ladder::SCENARIOS,
        evidence::SCENARIOS,
        apart::SCENARIOS,
        preflight::SCENARIOS,
        fail_open::SCENARIOS,
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
