//! thinguard(8) says what the program says: its findings are made from the same texts, and it names every command and option.
//!
//! `UPDATE=1 cargo test --test manual` writes the findings into the page anew.

mod roff;

use roff::{escaped, prose, worded};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use thinguard::report::explain::{self, Text};

const BEGIN: &str = ".\\\" Made by tests/manual.rs from src/report/codes; UPDATE=1 makes it anew.\n";
const END: &str = ".\\\" End of what is made.\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging/man/thinguard.8")
}

fn page() -> String {
    std::fs::read_to_string(path()).unwrap()
}

fn text(text: &Text, page: &mut String) {
    writeln!(page, ".It Ic {}", text.code).unwrap();
    writeln!(page, "{}.", worded(text.meaning)).unwrap();
    page.push_str(".Bl -tag -width \"for good\" -compact\n");
    let mut literal = false;
    for (head, line) in text.lines() {
        if literal && !line.starts_with(' ') {
            page.push_str(".Ed\n");
            literal = false;
        }
        if !head.is_empty() {
            writeln!(page, ".It Em {head}").unwrap();
        }
        if !line.starts_with(' ') {
            prose(line, page);
            continue;
        }
        if !literal {
            page.push_str(".Bd -literal -offset 2n -compact\n");
            literal = true;
        }
        writeln!(page, "{}", escaped(line.trim())).unwrap();
    }
    if literal {
        page.push_str(".Ed\n");
    }
    page.push_str(".El\n");
}

fn findings() -> String {
    let mut page = String::new();
    for (title, texts) in explain::themes() {
        writeln!(page, ".Ss {title}").unwrap();
        page.push_str(".Bl -tag -width Ds\n");
        texts.iter().for_each(|it| text(it, &mut page));
        page.push_str(".El\n");
    }
    page
}

#[test]
fn its_findings_are_those_of_explain() {
    let page = page();
    let (head, rest) = page.split_once(BEGIN).expect("the mark of the beginning");
    let (made, tail) = rest.split_once(END).expect("the mark of the end");
    let wanted = findings();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path(), [head, BEGIN, &wanted, END, tail].concat()).unwrap();
        return;
    }
    let differs = made.lines().zip(wanted.lines()).find(|(one, other)| one != other);
    assert!(
        made == wanted,
        "the page is not up to date ({differs:?}): UPDATE=1 cargo test --test manual"
    );
}

/// The page as a reader of its source sees it, one macro line after the other, without roff's escapes.
fn plain() -> String {
    page().replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'")
}

#[test]
fn it_names_every_command_and_option() {
    let page = plain();
    let mut options = 0;
    for line in thinguard::cli::HELP.lines() {
        if let Some(command) = line.strip_prefix("  thinguard ") {
            let verb = command.split_whitespace().next().unwrap();
            if !verb.starts_with('-') {
                assert!(page.contains(&format!("\n.It Cm {verb}\n")), "{verb} is not described");
                assert!(
                    page.contains(&format!("\n.Cm {verb}\n")),
                    "{verb} is not in the synopsis"
                );
            }
        }
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '-');
        for option in words
            .filter_map(|word| word.strip_prefix("--"))
            .filter(|o| !o.is_empty())
        {
            options += 1;
            let described = [format!("\n.It Fl -{option}"), format!("\n.Fl -{option}")];
            assert!(described.iter().any(|it| page.contains(it)), "--{option}");
        }
    }
    assert!(options >= 8, "HELP was not understood");
}

#[test]
fn it_names_every_exit_code() {
    let page = plain();
    let (_, section) = page.split_once(".Sh EXIT STATUS\n").unwrap();
    let section = section.split("\n.Sh ").next().unwrap();
    for (verb, codes) in [
        ("preflight", &["0", "1", "3"][..]),
        ("status", &["0", "1", "2", "3"]),
        ("grow", &["0", "3"]),
        ("watch", &["0", "3", "4"]),
        ("history", &["0", "3"]),
        ("drill", &["0", "1", "3"]),
        ("explain", &["0"]),
    ] {
        let (_, told) = section.split_once(&format!(".It Cm {verb}\n")).unwrap();
        let told = told.split(".It ").next().unwrap();
        for code in codes {
            assert!(told.contains(&format!("{code}: ")), "{verb}: {code}");
        }
    }
    assert!(section.contains("64: "));
}

/// Every name in the sources that begins as our fields do.
fn fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut directories = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/report")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let source = std::fs::read_to_string(path).unwrap();
            for rest in source.split("\"THINGUARD_").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap();
                if end > 0 {
                    fields.insert(format!("THINGUARD_{}", &rest[..end]));
                }
            }
        }
    }
    fields
}

#[test]
fn it_names_every_field_of_the_journal() {
    let page = plain();
    let (_, section) = page.split_once(".Sh JOURNAL\n").unwrap();
    let section = section.split("\n.Sh ").next().unwrap();
    let named: BTreeSet<String> = section
        .split_whitespace()
        .filter(|word| word.starts_with("THINGUARD_"))
        .map(str::to_owned)
        .collect();
    assert!(named.contains("THINGUARD_HOST_FREE"), "{named:?}");
    assert_eq!(named, fields());
}

#[test]
fn it_is_well_formed() {
    roff::assert_well_formed(&path());
}

#[test]
fn sentences_stand_on_lines_of_their_own() {
    let mut page = String::new();
    prose("One is here. Two has 5.5 G. and goes on.", &mut page);
    assert_eq!(page, "One is here.\nTwo has 5.5 G. and goes on.\n");
    assert_eq!(escaped(".a -b 'c' \\"), "\\&.a \\-b \\(aqc\\(aq \\e");
}
