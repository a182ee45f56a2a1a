//! A short soak.

use super::Scenario;
use crate::machine::Snapshot;
use crate::soak::{self, Length, SHORT_SEED, SHORT_STEPS};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "soak-for-a-minute",
    about: "writes, deletions, kills, freezes, a suspended pool and a full host in an order that a seed decides: all stays well",
    snapshot: Snapshot::Running,
    slow: Some("twelve faults, and after each the host must be well again"),
    run: |host, figures| soak::run(host, figures, Length::Steps(SHORT_STEPS), SHORT_SEED),
}];
