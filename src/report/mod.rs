//! Words: events for the journal, answers for people and as JSON. Nothing here waits for anyone, and nothing here judges.

pub mod drill;
pub mod event;
pub mod evidence;
pub mod explain;
pub mod fit;
pub mod growth;
pub mod history;
pub mod journal;
#[cfg(test)]
mod journal_tests;
pub mod json;
mod kernel_log;
pub mod log_sink;
pub mod metrics;
mod native;
pub mod overrule;
mod page;
pub mod printable;
pub mod screen;
pub mod sight;
mod syslog_thread;
#[cfg(test)]
mod tests;
pub mod text;

pub use event::{Event, Kind, Priority};
pub use journal::Journal;
