//! `thinguard settings`: checks the files and shows the values in force after a reload, each with the place it comes from.

use super::{Parsed, files, parse};
use crate::report::printable::printable;
use anyhow::Result;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// A mistake is somewhere in the files.
const MISTAKES: u8 = 1;

/// The shipped file shows each key with its default; `tests/papers.rs` holds it against the program.
const SHIPPED: &str = include_str!("../../../packaging/thinguard.toml");

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// Print mistakes alone.
    pub check: bool,
    /// Print one JSON object.
    pub json: bool,
}

/// The answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    /// Of this format.
    version: u32,
    settings: Vec<Row>,
    mistakes: Vec<String>,
}

/// A key.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    /// `data.cap`
    key: String,
    /// As TOML writes it.
    value: String,
    /// File and line, or `default`.
    #[serde(rename = "where")]
    place: String,
}

/// Does it.
///
/// # Errors
/// The answer cannot be made into JSON.
pub fn run(args: &Args) -> Result<ExitCode> {
    let report = report(&parse(&files::read_all(Path::new("/"))));
    if args.json {
        crate::commands::say(&format!("{}\n", serde_json::to_string(&report)?));
    } else {
        if !args.check {
            crate::commands::say(&page(&report.settings));
        }
        for mistake in &report.mistakes {
            crate::commands::complain(&format!("thinguard: {mistake}\n"));
        }
    }
    Ok(ExitCode::from(if report.mistakes.is_empty() { 0 } else { MISTAKES }))
}

fn report(parsed: &Parsed) -> Report {
    let rows = defaults().map(|(table, key, default)| {
        let said = parsed.keys.get(table).and_then(|keys| keys.get(key));
        Row {
            key: format!("{table}.{key}"),
            value: said.map_or(default, |said| &said.value).to_owned(),
            place: said.map_or("default", |said| &said.place).to_owned(),
        }
    });
    Report {
        version: 1,
        settings: rows.collect(),
        mistakes: parsed.problems.iter().map(super::Problem::and_what_follows).collect(),
    }
}

/// Table, key and default, in the order of the shipped file.
fn defaults() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut table = "";
    SHIPPED.lines().filter_map(move |line| {
        let line = line.strip_prefix('#')?;
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
            return None;
        }
        let (key, default) = line.split_once(" = ").filter(|_| !line.starts_with(' '))?;
        Some((table, key, default))
    })
}

fn page(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(|row| &row.key), width(|row| &row.value).min(MOST));
    let line = |row: &Row| format!("{:keys$}  {:values$}  {}\n", row.key, printable(&row.value), row.place);
    rows.iter().map(line).collect()
}

/// A longer value than this does not widen the column of all.
const MOST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::settings::files::FileText;

    fn of(files: &[(&str, &str)]) -> Report {
        let files: Vec<FileText> = files
            .iter()
            .map(|(path, text)| FileText {
                path: (*path).to_owned(),
                text: Ok((*text).to_owned()),
            })
            .collect();
        report(&parse(&files))
    }

    fn row<'a>(report: &'a Report, key: &str) -> (&'a str, &'a str) {
        let row = report.settings.iter().find(|row| row.key == key).unwrap();
        (&row.value, &row.place)
    }

    #[test]
    fn each_value_with_the_place_it_comes_from() {
        let report = of(&[
            ("/etc/thinguard.toml", "[data]\ncap = \"100G\"\nstep_percent = 30\n"),
            (
                "/etc/thinguard.d/50-local.toml",
                "\n[data]\ncap = \"200G\"\n[watch]\nintervall = 5\n",
            ),
        ]);
        assert_eq!(
            row(&report, "data.cap"),
            ("\"200G\"", "/etc/thinguard.d/50-local.toml:3")
        );
        assert_eq!(row(&report, "data.step_percent"), ("30", "/etc/thinguard.toml:3"));
        assert_eq!(row(&report, "watch.interval"), ("\"15s\"", "default"));
        assert_eq!(report.settings[0].key, "docker.unit");
        let [mistake] = &report.mistakes[..] else {
            panic!("{:?}", report.mistakes)
        };
        assert!(
            mistake.starts_with("/etc/thinguard.d/50-local.toml:5: watch.intervall: "),
            "{mistake}"
        );
        let page = page(&report.settings);
        let mut lines = page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        assert!(
            lines.any(|line| line == ["data.cap", "\"200G\"", "/etc/thinguard.d/50-local.toml:3"]),
            "{page}"
        );
    }

    /// What a guard that starts would do, and not what was written.
    #[test]
    fn what_a_mistake_holds_back_is_shown() {
        let report = of(&[("a.toml", "[restart]\nallow = \"Never\"\n")]);
        assert_eq!(
            row(&report, "restart.allow"),
            ("\"never\"", "held back until the mistake is put right")
        );
    }

    #[test]
    fn no_file_is_all_defaults() {
        let report = of(&[]);
        assert!(report.mistakes.is_empty());
        assert!(report.settings.iter().all(|row| row.place == "default"));
        // `tests/papers.rs` holds that the shipped file has every key.
        assert!(report.settings.len() > 30, "{}", report.settings.len());
    }
}
