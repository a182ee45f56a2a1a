//! One file a verb, each a sentence of looks, thought, deeds and words.

mod errands;
pub mod explain;
pub mod grow;
mod look;
pub mod preflight;
mod reports;
pub mod settings;
pub mod status;
pub mod watch;

/// Prints an answer. A reader that has gone away has seen enough; that is no failure of ours.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
