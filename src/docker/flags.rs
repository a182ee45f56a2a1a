//! The flags of the daemon's command line that this program needs, each with its place.

use super::Sourced;
use super::build::Build;
use super::command_line::{self, Given, Line, Problem};
use super::go::go_bool;

/// What the command line of a daemon says. Lists keep their order; of a repeated single value the last one wins, as in
/// pflag (Docker ≥1.13) and mflag (before).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-s`, `--storage-driver`
    pub storage_driver: Option<Sourced<String>>,
    /// `--storage-opt`, in order: Docker applies them in order.
    pub storage_opts: Vec<Sourced<String>>,
    /// `-g`, `--graph`: the data root until 17.05, deprecated after, fatal from 23.0.
    pub graph: Option<Sourced<String>>,
    /// `--data-root`, from 17.05.
    pub data_root: Option<Sourced<String>>,
    /// `--config-file`
    pub config_file: Option<Sourced<String>>,
    /// `-H`, `--host`, in order.
    pub hosts: Vec<Sourced<String>>,
    /// `-p`, `--pidfile`
    pub pidfile: Option<Sourced<String>>,
    /// `--live-restore`
    pub live_restore: Option<Sourced<bool>>,
    /// `--userns-remap`
    pub userns_remap: Option<Sourced<String>>,
    /// `--exec-root`
    pub exec_root: Option<Sourced<String>>,
    /// The whole line.
    pub line: Line,
}

/// Whether this command line starts a daemon: `dockerd …` in any of its names, or `docker …` with the command `daemon`
/// (1.8 to 17.05) or the flag `-d` (before), and not `docker run -d …`.
pub fn is_daemon(argv: &[String]) -> bool {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    command_line::form(&words).is_some()
}

/// Reads the command line of a daemon whose words come from different places: of the unit, of files with variables. `None` where it
/// starts none. A flag's place is that of its value, where this is a word of its own.
pub fn parse(words: &[Sourced<String>], build: &Build) -> Option<Flags> {
    let line = command_line::read(words, build)?;
    let mut flags = Flags::default();
    for given in &line.given {
        flags.take(given);
    }
    flags.line = line;
    Some(flags)
}

impl Flags {
    fn take(&mut self, given: &Given) {
        let place = format!("flag {} of {}", given.spelling.value, given.spelling.place);
        let value = Sourced::new(given.value.clone(), place);
        match given.flag.long {
            "storage-opt" => self.storage_opts.push(value),
            "host" => self.hosts.push(value),
            "storage-driver" => self.storage_driver = Some(value),
            "graph" => self.graph = Some(value),
            "data-root" => self.data_root = Some(value),
            "config-file" => self.config_file = Some(value),
            "pidfile" => self.pidfile = Some(value),
            "userns-remap" => self.userns_remap = Some(value),
            "exec-root" => self.exec_root = Some(value),
            "live-restore" => {
                let on = go_bool(&value.value);
                self.live_restore = on.map(|on| value.with(on)).or_else(|| self.live_restore.take());
            }
            _ => {}
        }
    }

    /// Why what the line says is not certain, where dockerd may read it otherwise or not at all.
    pub fn uncertain(&self) -> Option<String> {
        self.line.problems.iter().find_map(|problem| match problem {
            Problem::NoValue { spelling } => {
                Some(format!("flag {} of {} has no value", spelling.value, spelling.place))
            }
            Problem::BadValue { spelling, why } => {
                Some(format!("flag {} of {}: {why}", spelling.value, spelling.place))
            }
            Problem::Stray { word } => Some(format!("word {:?} of {} is no flag", word.value, word.place)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
