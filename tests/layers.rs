//! The table of ARCHITECTURE.md: who may use whom. `judge/` besides has no IO and no clock, and `unsafe` stays in `kernel/`.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms with the rooms that each may name.
const TABLE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("kernel", &["model"]),
    ("docker", &["model"]),
    ("systemd", &["model"]),
    ("observe", &["model", "kernel", "docker", "systemd"]),
    ("judge", &["model", "kernel", "docker", "systemd"]),
    ("act", &["model", "kernel", "docker", "systemd"]),
    ("report", &["model", "kernel", "docker", "systemd"]),
    (
        "commands",
        &[
            "model", "kernel", "docker", "systemd", "observe", "judge", "act", "report",
        ],
    ),
    ("cli", &["commands"]),
];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn room(file: &Path, src: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Rooms named by `crate::room` or `use crate::{room, …}` in a source text, comments left out.
fn named(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(inside) => inside.split('}').next().unwrap_or_default(),
            None => rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default(),
        };
        for part in list.split(',') {
            let name = part.trim().split("::").next().unwrap_or_default();
            if !name.is_empty() {
                rooms.push(name.to_owned());
            }
        }
    }
    rooms
}

#[test]
fn the_table_is_kept() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let room = room(&file, &src);
        if room == "lib" || room == "main" {
            continue;
        }
        let (_, allowed) = TABLE
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} is in no table"));
        for other in named(&fs::read_to_string(&file).unwrap()) {
            assert!(
                other == room || allowed.contains(&other.as_str()),
                "{} uses {other}",
                file.display()
            );
        }
    }
}

#[test]
fn the_reading_of_uses_sees_all_forms() {
    let text =
        "use crate::model::Pool;\nuse crate::{act, observe::Ask};\n// use crate::judge;\nlet x = crate::kernel::dm::X;";
    assert_eq!(named(text), ["model", "act", "observe", "kernel"]);
}

#[test]
fn judgement_has_no_io_and_no_clock() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src.join("judge")) {
        let text = fs::read_to_string(&file).unwrap();
        for forbidden in [
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "Instant",
            "SystemTime",
            "log::",
            "nix::",
        ] {
            assert!(!text.contains(forbidden), "{} has {forbidden}", file.display());
        }
    }
}

#[test]
fn unsafe_stays_in_the_kernel_room() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let text = fs::read_to_string(&file).unwrap();
        let has_unsafe = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == "unsafe")
        });
        assert!(
            !has_unsafe || room(&file, &src) == "kernel",
            "{} has unsafe",
            file.display()
        );
    }
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name.trim_end_matches(".rs").ends_with("tests")
    })
}

/// Readers read, the judge judges: elsewhere no finding is made, and none but `report`, which shows it, knows of severities.
#[test]
fn findings_are_made_by_the_judge_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let room = room(&file, &src);
        let text = fs::read_to_string(&file).unwrap();
        let is_test = is_test(&file);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        // What returns one does not make it.
        let code = code.replace("-> Finding {", "");
        if is_test || matches!(room.as_str(), "judge" | "model") {
            continue;
        }
        for making in ["Finding::", "Finding {", "Severity"] {
            let shown = making == "Severity" && room == "report";
            assert!(shown || !code.contains(making), "{} has {making}", file.display());
        }
    }
}

/// Law 9 is applied in one file: nobody else lowers a severity.
#[test]
fn severities_are_lowered_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let text = fs::read_to_string(&file).unwrap();
        let lowers = text.contains("severity.min(") || text.contains(".severity = ");
        assert!(
            !lowers || is_test(&file) || file.ends_with("judge/certainty.rs") || file.ends_with("metrics/families.rs"),
            "{} sets a severity",
            file.display()
        );
    }
}
