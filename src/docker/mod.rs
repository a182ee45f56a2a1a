//! What Docker means by its configuration, names and replies. Pure: text in, values out; no IO, no clock, no log; of the
//! house it uses only `crate::model`. It yields facts and typed problems; only `judge` makes findings of them.

pub mod build;
pub mod command_line;
pub mod configuration;
pub mod containers;
pub mod daemon_json;
pub mod device_json;
pub mod direct_lvm;
pub mod drivers;
pub mod elsewhere;
pub mod go;
mod json_lines;
pub mod known;
pub mod names;
pub mod options;
pub mod overlay;
pub mod remap;
pub mod reply;
pub mod size;
mod sourced;
pub mod state;
pub mod values;

pub use sourced::Sourced;
