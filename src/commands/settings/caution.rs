//! What a mistake holds back in a guard that starts all the same: it may not do more than somebody has written.
//!
//! A step or a time that is lost takes its default, and where it delays a restart there is none. A limit that is lost must not become none: what it limited is not done at all
//! until the mistake is put right, except where the default is a limit itself.

use super::{Kept, Problem};
use crate::docker::Sourced;

/// The place of a value that a mistake has put there.
const HELD_BACK: &str = "held back until the mistake is put right";

/// Something that is not done meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caution {
    /// No restart.
    Restarts,
    /// No growth of the data device, unless a cap of it is known all the same.
    DataCap,
    /// No growth of the data device.
    DataGrowth,
    /// No growth of the metadata device.
    MetadataGrowth,
    /// No `lvextend`.
    LvmGrowth,
    /// XFS does not give up.
    XfsGiveUp,
    /// No signal for dockerd's goroutines.
    Goroutines,
}

use Caution::{DataCap, DataGrowth, Goroutines, LvmGrowth, MetadataGrowth, Restarts, XfsGiveUp};

/// Of a file that says nobody knows what. Growth goes on, within the host's room: a pool that runs full is the very failure that the
/// guard is there for, and most files say nothing against growth.
pub const OF_THE_UNKNOWN: [Caution; 3] = [Restarts, XfsGiveUp, Goroutines];

impl Caution {
    /// The key that says the same, so that a good reload tells what is different from then on.
    const fn key(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Restarts => ("restart", "allow", "\"never\""),
            // The device is still told to be low.
            DataCap => ("data", "cap", "0"),
            DataGrowth => ("data", "below_free_percent", "0"),
            MetadataGrowth => ("metadata", "below_free_percent", "0"),
            LvmGrowth => ("lvm", "grow", "false"),
            XfsGiveUp => ("cure", "xfs_give_up", "false"),
            Goroutines => ("evidence", "goroutine_dump", "\"never\""),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Restarts => "restarts are off",
            DataCap => "the data device, whose cap is not known, is not grown",
            DataGrowth => "the data device is not grown",
            MetadataGrowth => "the metadata device is not grown",
            LvmGrowth => "pools of LVM's are not extended",
            XfsGiveUp => "XFS does not give up",
            Goroutines => "dockerd is not asked for its goroutines",
        }
    }
}

/// What follows from a key that cannot be used. Names need not be known: a section or key that is mistyped may have meant what it
/// resembles.
pub fn of_key(section: &str, key: &str, value: &str) -> &'static [Caution] {
    const SECTIONS: [&str; 6] = ["restart", "docker", "cure", "evidence", "lvm", "data"];
    let (section, key) = match (bare(section), bare(key)) {
        // A whole section that is none.
        (none, name) if none.is_empty() && SECTIONS.contains(&name.as_str()) => (name, String::new()),
        named => named,
    };
    match (section.as_str(), key.as_str()) {
        ("restart", _) | (_, "allow" | "when" | "after_silence" | "cool_down" | "budget" | "window") => &[Restarts],
        // Nobody knows whom to restart.
        ("docker", _) => &[Restarts],
        // How long a daemon is silent, and a pool well, before it is.
        (_, "silent_after" | "settle") => &[Restarts],
        ("cure", _) | (_, "xfs_give_up") => &[XfsGiveUp],
        ("evidence", _) | (_, "goroutine_dump") => &[Goroutines],
        ("preflight", _) => &[],
        ("lvm", _) | (_, "grow") => &[LvmGrowth],
        (section, key) if key.starts_with("below") && switches_off(value) => match section {
            "data" => &[DataGrowth],
            "metadata" => &[MetadataGrowth],
            _ => &[DataGrowth, MetadataGrowth],
        },
        // The kernel's own limit is a cap as well, and metadata that run out end in an off-line repair: their growth goes on.
        ("metadata", _) => &[],
        ("data", key) if key.starts_with("below") || key.starts_with("step") => &[],
        ("data", _) | (_, "cap") => &[DataCap],
        _ => &[],
    }
}

/// Whether a threshold that cannot be read was to switch growth off: `"0"`, `off`, `false`. A figure is one that went wrong.
fn switches_off(value: &str) -> bool {
    let value = value.split('#').next().unwrap_or_default();
    !value.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

/// What follows from a file that is no TOML throughout. What the parser has made of the rest cannot be trusted to be all of it, so each
/// line that looks like a key and was not taken counts as one that cannot be used.
pub fn of_damaged(text: &str, taken: impl Fn(&str, &str) -> bool) -> Vec<Caution> {
    let mut cautions = OF_THE_UNKNOWN.to_vec();
    let mut header = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            header = bare(name.split([']', '#']).next().unwrap_or_default());
        } else if let (Some((path, value)), false) = (line.split_once('='), line.starts_with('#')) {
            let path = match header.is_empty() {
                true => path.to_owned(),
                false => format!("{header}.{path}"),
            };
            let (section, key) = path.split_once('.').unwrap_or(("", &path));
            let (section, key) = (bare(section), bare(key));
            if !taken(&section, &key) {
                cautions.extend(of_key(&section, &key, value));
            }
        }
    }
    cautions
}

/// A name without what may stand around it.
pub fn bare(name: &str) -> String {
    let around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '[' | ']');
    name.trim_matches(around).to_ascii_lowercase()
}

/// Leaves to each problem what follows from it once all files have been read, and puts it in force.
pub fn settle(problems: &mut [Problem], keys: &mut Kept) {
    let says = |table: &str, key: &str| keys.get(table).and_then(|keys| keys.get(key));
    let capped = says("data", "cap").is_some();
    let gives_up = says("cure", "xfs_give_up").is_some_and(|said| said.value == "true");
    for problem in &mut *problems {
        let cautions = &mut problem.cautions;
        let needless = capped || cautions.contains(&DataGrowth);
        cautions.retain(|caution| *caution != DataCap || !needless);
        // That a device cannot grow is a reason to give up writes, but not where it could if the settings were right.
        let growth = [DataCap, DataGrowth, MetadataGrowth, LvmGrowth];
        if gives_up && cautions.iter().any(|caution| growth.contains(caution)) {
            cautions.push(XfsGiveUp);
        }
        cautions.sort();
        cautions.dedup();
    }
    for (table, key, value) in problems.iter().flat_map(|it| &it.cautions).map(|it| it.key()) {
        keys.entry(table.to_owned())
            .or_default()
            .insert(key.to_owned(), Sourced::new(value.to_owned(), HELD_BACK));
    }
}

/// What follows, for people.
pub fn words(cautions: &[Caution]) -> String {
    match cautions {
        [] => "the guard goes on without it".into(),
        cautions => {
            let words: Vec<_> = cautions.iter().map(|caution| caution.words()).collect();
            format!("{} until this is put right", words.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
