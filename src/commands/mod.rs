//! One file a verb, each a sentence of looks, thought, deeds and words.

mod errands;
pub mod grow;
mod look;
pub mod preflight;
mod reports;
pub mod settings;
pub mod status;
pub mod watch;
