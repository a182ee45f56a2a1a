//! One file a verb, each a sentence of looks, thought, deeds and words.

pub mod drill;
mod errands;
pub mod explain;
pub mod grow;
pub mod history;
mod look;
pub mod preflight;
mod reports;
pub mod settings;
pub mod status;
mod terminal;
pub mod watch;

use crate::report::colour;

/// Prints an answer for people, with colours where they will be seen and are not declined.
fn show(page: &str) {
    match terminal::of_stdout().colour {
        true => say(&colour::paint(page)),
        false => say(page),
    }
}

/// Prints an answer. A reader that has gone away has seen enough; that is no failure of ours.
fn say(text: &str) {
    let _ = was_said(text);
}

/// Prints an answer; whether anyone reads it.
fn was_said(text: &str) -> bool {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}
