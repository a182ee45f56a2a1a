//! The `log` crate's records into the same journal, and onto the terminal when someone runs us by hand.

use super::event::{Event, Priority};
use super::journal::Journal;
use super::printable::printable;
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use std::io::{IsTerminal, Write};

/// Sends records to a journal.
#[derive(Debug)]
pub(super) struct LogSink {
    pub(super) journal: Journal,
    /// Standard error is a terminal. Under systemd it is a stream to journald, which blocks when journald does: never written to.
    pub(super) terminal: bool,
}

/// Makes `journal` the place where `log::info!` and its kin go; debug records go nowhere.
///
/// # Errors
/// A logger was installed before.
pub fn install(journal: Journal) -> Result<(), SetLoggerError> {
    let terminal = std::io::stderr().is_terminal();
    log::set_boxed_logger(Box::new(LogSink { journal, terminal }))?;
    log::set_max_level(LevelFilter::Info);
    Ok(())
}

impl Log for LogSink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let priority = match record.level() {
            Level::Error => Priority::Error,
            Level::Warn => Priority::Warning,
            Level::Info | Level::Debug | Level::Trace => Priority::Info,
        };
        let message = record.args().to_string();
        if self.terminal {
            // A closed terminal is no reason to stop.
            let _ = writeln!(std::io::stderr(), "<{}>{}", priority as u8, printable(&message));
        }
        self.journal.tell(&Event::plain(priority, &message));
    }

    fn flush(&self) {
        self.journal.flush();
    }
}
