//! Text made into roff, and what the checkers of manual pages say of it.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Text that is fit for roff: backslashes and hyphens stand for themselves, and no line is taken for a request.
pub fn escaped(line: &str) -> String {
    let line = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('~', "\\(ti")
        .replace('^', "\\(ha")
        .replace('`', "\\(ga");
    match line.starts_with('.') {
        true => format!("\\&{line}"),
        false => line,
    }
}

/// Sentences, each on lines of its own, as roff wants them.
pub fn prose(text: &str, page: &mut String) {
    let mut line = String::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let full = !line.is_empty() && line.len() + 1 + word.len() > 72;
        if full {
            writeln!(page, "{}", worded(&line)).unwrap();
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        let begins = words
            .get(at + 1)
            .is_some_and(|next| next.starts_with(|c: char| c.is_uppercase() || c == '/'));
        if word.ends_with('.') && begins || at + 1 == words.len() {
            writeln!(page, "{}", worded(&line)).unwrap();
            line.clear();
        }
    }
}

/// Prose keeps its hyphens and apostrophes.
pub fn worded(line: &str) -> String {
    let line = line.replace('\\', "\\e");
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

/// What a checker says of the page; `None` where it is not installed.
fn said_by(page: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).arg(page).output() {
        Ok(output) => output,
        Err(why) => {
            println!("skipped: {program}: {why}");
            return None;
        }
    };
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// No checker that is installed complains.
pub fn assert_well_formed(page: &Path) {
    if let Some(said) = said_by(page, "mandoc", &["-Tlint"]) {
        // Which other pages are there is the host's affair.
        let complaints: Vec<_> = said
            .lines()
            .filter(|line| !line.contains("referenced manual not found") && !line.contains("mandoc.db"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
    if let Some(said) = said_by(page, "groff", &["-mandoc", "-ww", "-z"]) {
        assert_eq!(said, "");
    }
}
