//! `thinguard explain`: what a code means, why it comes, what to do and what never to do.

use crate::report::explain;
use crate::report::printable::printable;
use std::process::ExitCode;

/// What was asked for: one code, which [`known`] has seen, or the list of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    pub code: Option<String>,
}

/// The code as the texts have it. One that was copied out of a line of the journal ends in a colon.
///
/// # Errors
/// That there is none such, with the one that was most likely meant.
pub fn known(written: &str) -> Result<String, String> {
    let code = written.trim().trim_end_matches(':').to_ascii_lowercase();
    if explain::find(&code).is_some() {
        return Ok(code);
    }
    let meant = match explain::nearest(&code) {
        Some(nearest) => format!("did you mean '{nearest}'? "),
        None => String::new(),
    };
    Err(format!(
        "there is no code '{}'; {meant}'thinguard explain' lists all",
        printable(written)
    ))
}

/// Prints the text, or the list.
pub fn run(args: &Args) -> ExitCode {
    let page = match args.code.as_deref().and_then(explain::find) {
        Some(text) => explain::page(&text),
        None => explain::list(),
    };
    super::say(&page);
    ExitCode::SUCCESS
}
