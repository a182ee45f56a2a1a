//! `thinguard status --watch`: the same again and again, in place on a terminal.

use super::{Looker, told};
use crate::commands::{say, terminal};
use crate::kernel::process;
use crate::report::json::{Health, StatusReport};
use crate::report::screen;
use anyhow::{Context, Result};
use std::process::ExitCode;
use std::time::Duration;

/// Looks again once a look has ended and `pause` has passed, until SIGINT, SIGTERM or SIGHUP comes, or nobody reads any more. Exits
/// with the state that was shown last.
///
/// # Errors
/// When signals cannot be waited for.
pub fn run(json: bool, pause: Duration, mut looker: Looker) -> Result<ExitCode> {
    // The helper was forked before, so its children take signals as ever.
    let signals = process::signals().context("signals cannot be waited for")?;
    looker.once.errands.signals = Some(signals);
    let mut shown: Option<Health> = None;
    loop {
        let report = looker.report();
        // A look that was cut short knows less than there is to know.
        if looker.once.errands.interrupted {
            break;
        }
        let page = match json {
            true => told(&report, true)?,
            false => page(&report, shown.is_none()),
        };
        shown = Some(report.health());
        if !say(&page) || looker.once.rest(pause) {
            break;
        }
    }
    Ok(ExitCode::from(shown.unwrap_or(Health::Unknown) as u8))
}

/// A screen: on a terminal in place of the one before, else below it with an empty line between.
fn page(report: &StatusReport, first: bool) -> String {
    let page = screen::status(report, &terminal::of_stdout());
    match (terminal::lines(), first) {
        (Some(lines), _) => screen::in_place(&page, lines, first),
        (None, true) => page,
        (None, false) => format!("\n{page}"),
    }
}
