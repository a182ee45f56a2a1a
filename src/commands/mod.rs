//! One file a verb, each a sentence of looks, thought, deeds and words.

pub mod drill;
mod errands;
pub mod explain;
pub mod grow;
pub mod history;
mod look;
pub mod output;
pub mod preflight;
mod reports;
pub mod settings;
pub mod status;
mod terminal;
pub mod watch;

use output::{complain, say, show};
