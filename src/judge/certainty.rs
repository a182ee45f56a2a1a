//! Law 9: what was guessed never refuses. The last step of every verdict about a start, whoever made its findings.

use super::Verdict;
use super::before::Before;
use crate::docker::drivers::Choice;
use crate::model::{Ground, Severity};

/// What of a start is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubts {
    /// The command line is not known, nor which file belongs to it.
    line: bool,
    /// Not all that the configuration says could be read.
    configuration: bool,
    /// The data root is another directory than the one that is set.
    root: bool,
    /// Which driver it will be; by chance devicemapper.
    driver: bool,
    /// Nothing is known of the driver at all.
    any_driver: bool,
    /// The driver was told by what lies in a data root that dockerd does not use.
    driver_of_other_root: bool,
}

impl Doubts {
    fn of(before: &Before) -> Doubts {
        let config = &before.config;
        Doubts {
            line: config.line_unknown.is_some(),
            configuration: config.uncertain().is_some(),
            root: config.userns_remap.is_some(),
            driver: before.choice.certain().is_none(),
            any_driver: before.may_be_any_driver(),
            driver_of_other_root: config.userns_remap.is_some() && matches!(before.choice, Choice::Prior(_)),
        }
    }

    /// Whether something that rests on this is a guess.
    fn about(self, ground: Ground) -> bool {
        let set = self.line || self.configuration;
        match ground {
            Ground::Unit => false,
            Ground::Line => self.line,
            Ground::Driver => set || self.driver_of_other_root,
            Ground::Options => set || self.any_driver || self.driver_of_other_root,
            Ground::DataRoot => set || self.root,
            Ground::Pool => set || self.root || self.driver,
            // dockerd starts on a pool in trouble, and the guard cures it.
            Ground::Running => true,
        }
    }
}

/// Makes refusals that rest on a guess mere warnings, and calls growth off where the files may be others.
pub(super) fn apply(before: &Before, pool_is_active: bool, verdict: &mut Verdict) {
    let doubts = Doubts::of(before);
    for finding in &mut verdict.findings {
        if finding.is_guess || doubts.about(finding.code.ground()) {
            finding.severity = finding.severity.min(Severity::Warn);
        }
    }
    if !pool_is_active && doubts.about(Ground::DataRoot) {
        verdict.deed = None;
    }
}
