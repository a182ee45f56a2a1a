//! A service's unit file and drop-ins, of which only the start command and its environment count here. Pure.

mod lines;

use super::environment_file::is_forbidden;
use super::exec_line::{Line, is_name, parse_line};
use super::unit_name::specifiers;
use super::words::{take_raw_word, take_word, unescape_219};
use crate::model::UnitFault;
use lines::{Item, items};
use serde::{Deserialize, Serialize};

/// Directories with units, the first that has a file of a name wins (`lookup_paths_init` in `shared/path-lookup.c` of 219; the
/// later ones add directories for what systemctl and generators write).
pub const SEARCH_PATH: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A setting's value, and the file and line where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// `/usr/lib/systemd/system/docker.service:12`.
    pub place: String,
}

/// What a unit file and its drop-ins say of the start command, each applied in turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// `ExecStart=`, before variables are expanded.
    pub commands: Vec<Placed<Line>>,
    /// `Environment=`: name and value; the last assignment of a name counts.
    pub environment: Vec<Placed<(String, String)>>,
    /// `EnvironmentFile=`: path and whether a missing file is ignored (`-`), in order.
    pub environment_files: Vec<Placed<(String, bool)>>,
    /// `Type=oneshot`: the commands run one after another.
    pub is_oneshot: bool,
    /// Lines over which systemd does not load the unit.
    pub fatal: Vec<Placed<String>>,
    /// `ExecStart=` lines that systemd takes nothing from, or that are not understood here.
    pub faults: Vec<Placed<String>>,
    /// Lines that releases of this systemd read in different ways: nothing is certain then.
    pub doubts: Vec<Placed<String>>,
    /// Lines whose `Environment=` or `EnvironmentFile=` systemd ignores, or that end its reading of the file.
    pub warnings: Vec<Placed<String>>,
}

/// Why the command of a unit is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoCommand {
    /// For people.
    pub why: String,
    /// systemd does not start the unit at all.
    pub fault: Option<UnitFault>,
}

impl NoCommand {
    /// systemd refuses the unit.
    pub fn refused(why: String) -> NoCommand {
        let fault = Some(UnitFault::Refused);
        NoCommand { why, fault }
    }
}

impl From<String> for NoCommand {
    fn from(why: String) -> NoCommand {
        NoCommand { why, fault: None }
    }
}

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The unit's own file: what ends the reading there keeps the unit from being loaded.
    Fragment,
    /// A drop-in, or a file that `.include` names.
    Extra,
}

/// Reads the file that `.include` names, if there is one.
pub type Include<'a> = &'a mut dyn FnMut(&str) -> Option<Vec<u8>>;

impl Service {
    /// Applies the file `path` of the unit `unit` as systemd `version` does (`config_parse` in `shared/conf-parser.c`, and
    /// `config_parse_exec`, `config_parse_environ`, `config_parse_unit_env_file` in `core/load-fragment.c`): an empty value resets a list.
    /// `include` brings the text of files that a fragment includes, which systemd did up to 245.
    pub fn apply(&mut self, path: &str, bytes: &[u8], part: Part, (unit, version): (&str, u16), include: Include<'_>) {
        for (line, item) in items(bytes, version) {
            let place = format!("{path}:{line}");
            match item {
                Item::Setting { section, key, value } if section == "Service" => {
                    self.set(&key, &value, place, (unit, version));
                }
                Item::Setting { .. } => {}
                Item::Include(name) if part == Part::Fragment => {
                    let name = beside(path, &name);
                    match include(&name) {
                        Some(bytes) => self.apply(&name, &bytes, Part::Extra, (unit, version), &mut |_| None),
                        None => self.warn(place, format!("{name} is included and cannot be read")),
                    }
                }
                Item::Include(_) => self.warn(place, "systemd ignores '.include' here".into()),
                Item::End(why) if part == Part::Fragment => {
                    let value = format!("{why}: systemd does not load the unit");
                    self.fatal.push(Placed { value, place });
                }
                Item::End(why) => self.warn(place, format!("{why}: systemd reads nothing behind it")),
                Item::Doubt(value) => self.doubts.push(Placed { value, place }),
            }
        }
    }

    /// The one command that the service is started with.
    ///
    /// # Errors
    /// Why it is not known, and whether systemd refuses the unit for it: there is none or more than one, or systemd or this program do
    /// not understand it.
    pub fn command(&self) -> Result<&Placed<Line>, NoCommand> {
        let words = |fault: &Placed<String>| format!("{}: {}", fault.place, fault.value);
        if let Some(fault) = self.fatal.first() {
            return Err(NoCommand::refused(words(fault)));
        }
        if let Some(fault) = self.doubts.first().or(self.faults.first()) {
            return Err(words(fault).into());
        }
        match self.commands.as_slice() {
            [] => Err(NoCommand::refused("the unit has no ExecStart=".into())),
            [command] => Ok(command),
            [..] if self.is_oneshot => Err("a unit of Type=oneshot runs more than one ExecStart=".to_owned().into()),
            // `service_verify` in core/service.c.
            [first, second, ..] => Err(NoCommand::refused(format!(
                "the unit has more than one ExecStart= ({} and {}), which systemd refuses; an empty one before the second resets the \
                 list",
                first.place, second.place
            ))),
        }
    }

    fn set(&mut self, key: &str, value: &str, place: String, (unit, version): (&str, u16)) {
        match key {
            "Type" => self.is_oneshot = value == "oneshot",
            "ExecStart" if value.is_empty() => {
                self.commands.clear();
                self.faults.clear();
            }
            "ExecStart" => match parse_line(value, unit, version) {
                Ok(lines) => self.commands.extend(lines.into_iter().map(|value| Placed {
                    value,
                    place: place.clone(),
                })),
                Err(why) => self.faults.push(Placed { value: why, place }),
            },
            "Environment" if value.is_empty() => self.environment.clear(),
            "Environment" => {
                if let Err(why) = self.assign(value, &place, unit, version) {
                    self.warn(place, format!("Environment= is ignored from there on: {why}"));
                }
            }
            "EnvironmentFile" if value.is_empty() => self.environment_files.clear(),
            "EnvironmentFile" => match specifiers(value, unit, version) {
                Ok(path) => {
                    let (path, may_be_missing) = path.strip_prefix('-').map_or((&*path, false), |path| (path, true));
                    if !path.starts_with('/') {
                        return self.warn(place, format!("'{path}' is no absolute path: systemd ignores it"));
                    }
                    self.environment_files.push(Placed {
                        value: (path.to_owned(), may_be_missing),
                        place,
                    });
                }
                Err(why) => self.warn(place, format!("EnvironmentFile={value} is not understood: {why}")),
            },
            _ => {}
        }
    }

    /// Takes the assignments of an `Environment=`.
    fn assign(&mut self, value: &str, place: &str, unit: &str, version: u16) -> Result<(), String> {
        let text = match version {
            ..221 => specifiers(value, unit, version)?,
            _ => value.to_owned(),
        };
        let mut rest = text.as_bytes();
        loop {
            let word = match version {
                ..221 => take_raw_word(&mut rest)?.map(unescape_219),
                _ => take_word(&mut rest, true)?,
            };
            let Some(word) = word else { return Ok(()) };
            let word = String::from_utf8(word).map_err(|_| "it is not UTF-8".to_owned())?;
            let word = match version {
                ..221 => word,
                _ => specifiers(&word, unit, version)?,
            };
            match word.split_once('=') {
                Some((name, value)) if is_name(name) && !value.contains(|c| is_forbidden(c, version)) => {
                    self.environment.push(Placed {
                        value: (name.to_owned(), value.to_owned()),
                        place: place.to_owned(),
                    });
                }
                _ => self.warn(
                    place.to_owned(),
                    format!("'{word}' is no assignment: systemd ignores it"),
                ),
            }
        }
    }

    fn warn(&mut self, place: String, value: String) {
        self.warnings.push(Placed { value, place });
    }
}

/// `name`, which may be relative to the directory of `path`.
fn beside(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) if !name.starts_with('/') => format!("{directory}/{name}"),
        _ => name.to_owned(),
    }
}

/// The directories of drop-ins of a unit under its names, the first first, below each of the search path (`load_dropin` in
/// `core/load-dropin.c`, `unit_file_find_dropin_paths` in `shared/dropin.c`): `docker-latest.service.d`, `docker-.service.d` (since
/// 239) and `service.d` (since 244; RHEL 8.8's 239 has it too, and no other 239 is in use).
pub fn drop_in_directories(names: &[&str], version: u16) -> Vec<String> {
    let mut suffixes: Vec<String> = names.iter().map(|name| format!("{name}.d")).collect();
    for name in names {
        let (stem, kind) = name.rsplit_once('.').unwrap_or((name, "service"));
        if let Some((template, _)) = stem.split_once('@') {
            suffixes.push(format!("{template}@.{kind}.d"));
        }
        let dashes = stem
            .char_indices()
            .rev()
            .filter(|&(at, c)| c == '-' && at + 1 < stem.len());
        if version >= 239 {
            suffixes.extend(dashes.map(|(at, _)| format!("{}.{kind}.d", stem.get(..=at).unwrap_or(stem))));
        }
    }
    if version >= 244 || version == 239 {
        suffixes.push("service.d".into());
    }
    suffixes
        .iter()
        .flat_map(|suffix| SEARCH_PATH.map(|directory| format!("{directory}/{suffix}")))
        .collect()
}

/// The drop-ins that count, in their order, of the files in each directory (`conf_files_list_strv` in `basic/conf-files.c`): by name
/// across directories; of one name the first directory's masks the others'. `found` has each directory with its files' names.
pub fn drop_ins(found: &[(String, Vec<String>)]) -> Vec<String> {
    let mut by_name = std::collections::BTreeMap::new();
    for (directory, names) in found {
        for name in names
            .iter()
            .filter(|name| name.ends_with(".conf") && !name.starts_with('.'))
        {
            by_name
                .entry(name.as_str())
                .or_insert_with(|| format!("{directory}/{name}"));
        }
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests;
