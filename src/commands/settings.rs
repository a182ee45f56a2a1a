//! Reading the settings: `/etc/thinguard.toml`, then `/etc/thinguard.d/*.toml` in byte order of their names; later keys win.
//!
//! Each key is tried by itself, so that one bad key costs that key and no other, and every complaint has a file and a line.

mod caution;
mod changes;
pub mod files;
mod keys;
pub mod show;
#[cfg(test)]
mod tests;
mod validate;

pub use changes::changes;
pub use keys::Kept;

use crate::model::Settings;
use caution::Caution;
use files::FileText;
use keys::keep_good_keys;
use std::fmt;
use std::path::Path;

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// One line each, led by file and, where known, line: `/etc/thinguard.toml:12: …`.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for SettingsError {}

/// Reads the settings below `root`. No file at all is fine: every key is optional.
///
/// # Errors
/// A file cannot be read, a key is unknown or a value is bad; tells all of them.
pub fn load(root: &Path) -> Result<Settings, SettingsError> {
    match parse(&files::read_all(root)) {
        Parsed { settings, problems, .. } if problems.is_empty() => Ok(settings),
        Parsed { problems, .. } => Err(SettingsError {
            problems: problems.into_iter().map(|problem| problem.text).collect(),
        }),
    }
}

/// What the files say.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The settings. What is bad is left out, and so is what a limit that was lost may have forbidden: a guard does not stay down for
    /// a typo, and does not do more for it either.
    pub settings: Settings,
    /// The good keys as they stand in the files, and those that stand for what is held back.
    pub keys: Kept,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Makes settings of the texts of the files, in their order.
pub fn parse(files: &[FileText]) -> Parsed {
    let mut keys = Kept::new();
    let mut problems = Vec::new();
    let unknown = |text| Problem {
        text,
        cautions: caution::OF_THE_UNKNOWN.to_vec(),
    };
    for FileText { path, text } in files {
        match text {
            Err(error) => problems.push(unknown(format!("{path}: {error}"))),
            Ok(text) => problems.extend(
                keep_good_keys(path, text, &mut keys)
                    .into_iter()
                    .map(|mistake| Problem {
                        text: match mistake.line {
                            Some(line) => format!("{path}:{line}: {}", mistake.text),
                            None => format!("{path}: {}", mistake.text),
                        },
                        cautions: mistake.cautions,
                    }),
            ),
        }
    }
    caution::settle(&mut problems, &mut keys);
    let settings = toml::from_str(&document(&keys)).unwrap_or_else(|error: toml::de::Error| {
        // Each key was good by itself, so this is a fault of ours; what is cautious and the defaults still guard.
        let mut fault = unknown(format!("the settings together: {}", error.message()));
        fault.cautions.push(Caution::DataCap);
        problems.push(fault);
        keys.clear();
        caution::settle(&mut problems, &mut keys);
        toml::from_str(&document(&keys)).unwrap_or_default()
    });
    Parsed {
        settings,
        keys,
        problems,
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One line, led by file and, where known, line.
    pub text: String,
    /// What a guard that starts all the same does not do meanwhile.
    cautions: Vec<Caution>,
}

impl Problem {
    /// The problem with what follows from it in a guard that starts all the same.
    pub fn and_what_follows(&self) -> String {
        format!("{}; {}", self.text, caution::words(&self.cautions))
    }
}

/// The good keys as one document.
fn document(kept: &Kept) -> String {
    let mut document = String::new();
    for (section, keys) in kept {
        document.push_str(&format!("[{section}]\n"));
        document.extend(keys.iter().map(|(key, said)| format!("{key} = {}\n", said.value)));
    }
    document
}
