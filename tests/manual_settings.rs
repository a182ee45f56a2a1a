//! thinguard.toml(5) says of each setting what the shipped file says, which tests/papers.rs holds against the program.
//!
//! `UPDATE=1 cargo test --test manual_settings` writes the settings into the page anew.

mod roff;

use roff::{escaped, prose};
use std::fmt::Write;
use std::path::PathBuf;

const BEGIN: &str = ".\\\" Made by tests/manual_settings.rs from packaging/thinguard.toml; UPDATE=1 makes it anew.\n";
const END: &str = ".\\\" End of what is made.\n";

fn packaging(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file)
}

fn page() -> PathBuf {
    packaging("man/thinguard.toml.5")
}

/// A table or a key of the shipped file, switched off by its `#`, with the words above it.
struct Entry {
    /// `[data]` or `below_free_percent = 20`
    line: String,
    words: String,
}

/// The entries in their order. Words that stand alone, as at the head of the file, belong to none.
fn entries() -> Vec<Entry> {
    let text = std::fs::read_to_string(packaging("thinguard.toml")).unwrap();
    let mut entries = Vec::new();
    let mut words = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("# "), line.strip_prefix('#')) {
            (Some(prose), _) => words.push(prose.trim()),
            (None, Some(entry)) if !entry.is_empty() => {
                let words = std::mem::take(&mut words).join(" ");
                let line = entry.to_owned();
                entries.push(Entry { line, words });
            }
            _ => words.clear(),
        }
    }
    entries
}

fn settings() -> String {
    let mut page = String::new();
    let mut in_list = false;
    for Entry { line, words } in entries() {
        if line.starts_with('[') {
            if std::mem::take(&mut in_list) {
                page.push_str(".El\n");
            }
            // The zero-width end: mandoc takes a bracket there for a stray delimiter.
            writeln!(page, ".Ss {line}\\&").unwrap();
        } else {
            if !std::mem::replace(&mut in_list, true) {
                page.push_str(".Bl -tag -width Ds\n");
            }
            writeln!(page, ".It Li {}", escaped(&line.replace('"', "\\(dq"))).unwrap();
        }
        prose(&words, &mut page);
    }
    page.push_str(".El\n");
    // `escaped` has doubled the backslash of the quotation marks.
    page.replace("\\e(dq", "\\(dq")
}

#[test]
fn its_settings_are_those_of_the_shipped_file() {
    let whole = std::fs::read_to_string(page()).unwrap();
    let (head, rest) = whole.split_once(BEGIN).expect("the mark of the beginning");
    let (made, tail) = rest.split_once(END).expect("the mark of the end");
    let wanted = settings();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page(), [head, BEGIN, &wanted, END, tail].concat()).unwrap();
        return;
    }
    let differs = made.lines().zip(wanted.lines()).find(|(one, other)| one != other);
    assert!(
        made == wanted,
        "the page is not up to date ({differs:?}): UPDATE=1 cargo test --test manual_settings"
    );
}

#[test]
fn every_table_has_words_and_keys() {
    let entries = entries();
    assert!(entries.iter().filter(|entry| entry.line.starts_with('[')).count() >= 7);
    for pair in entries.windows(2) {
        assert!(
            !(pair[0].line.starts_with('[') && pair[1].line.starts_with('[')),
            "{} has no key",
            pair[0].line
        );
    }
    for entry in &entries {
        assert!(!entry.words.is_empty(), "{} has no words", entry.line);
    }
}

/// The examples of the page are settings that the program takes.
#[test]
fn its_examples_are_read() {
    let whole = std::fs::read_to_string(page()).unwrap();
    let (_, examples) = whole.split_once(".Sh EXAMPLES\n").unwrap();
    let mut read = 0;
    for example in examples.split(".Bd -literal -offset indent\n").skip(1) {
        let (example, _) = example.split_once(".Ed\n").unwrap();
        toml::from_str::<thinguard::model::Settings>(example).unwrap_or_else(|error| panic!("{example}{error}"));
        read += 1;
    }
    assert!(read >= 2);
}

#[test]
fn it_is_well_formed() {
    roff::assert_well_formed(&page());
}
