//! Law 9: what was guessed never refuses. The last step of every verdict about a start, whoever made its findings.

use super::Verdict;
use super::before::Before;
use crate::docker::drivers::Choice;
use crate::model::{Ground, Severity};

/// Whether something of what this rests on is a guess.
fn is_guess(before: &Before, ground: Ground) -> bool {
    let config = &before.config;
    // The command line is not known, nor which file belongs to it; or not all that the configuration says could be read.
    let line = config.line_unknown.is_some();
    let set = line || config.uncertain().is_some();
    // The data root is another directory than the one that is set; and it was what lies there that told the driver.
    let root = config.userns_remap.is_some();
    let driver_of_other_root = root && matches!(before.choice, Choice::Prior(_));
    match ground {
        Ground::Unit => false,
        Ground::Line => line,
        Ground::Driver => set || driver_of_other_root,
        Ground::Options => set || before.may_be_any_driver() || driver_of_other_root,
        Ground::DataRoot => set || root,
        Ground::Pool => set || root || before.choice.certain().is_none(),
        // dockerd starts on a pool in trouble, and the guard cures it.
        Ground::Running => true,
    }
}

/// Makes refusals that rest on a guess mere warnings, and calls growth off where the files may be others.
pub(super) fn apply(before: &Before, pool_is_active: bool, verdict: &mut Verdict) {
    for finding in &mut verdict.findings {
        if finding.is_guess || is_guess(before, finding.code.ground()) {
            finding.severity = finding.severity.min(Severity::Warn);
        }
    }
    if !pool_is_active && is_guess(before, Ground::DataRoot) {
        verdict.deed = None;
    }
}
