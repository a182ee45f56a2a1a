//! One file a verb, each a sentence of looks, thought, deeds and words.

pub(crate) mod drill;
mod errands;
pub(crate) mod explain;
pub(crate) mod grow;
pub(crate) mod history;
mod look;
pub(crate) mod output;
pub mod preflight;
mod reports;
pub(crate) mod settings;
pub(crate) mod status;
mod terminal;
pub(crate) mod watch;

use output::{complain, say, show};
