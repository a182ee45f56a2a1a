//! Every code that the program can tell has a text in src/report/codes, every text is about such a code, and each is made somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use thinguard::model::Code;
use thinguard::report::event::Kind;
use thinguard::report::explain;

#[test]
fn each_code_has_a_text_and_each_text_a_code() {
    let findings = Code::ALL.iter().map(|code| code.as_str());
    let events = Kind::ALL.iter().map(|kind| kind.code());
    let told: BTreeSet<&str> = findings.chain(events).collect();
    let texts = explain::themes().flat_map(|(_, texts)| texts);
    let explained: BTreeSet<&str> = texts.map(|text| text.code).collect();
    let without_text: Vec<_> = told.difference(&explained).collect();
    assert!(
        without_text.is_empty(),
        "no text in src/report/codes for {without_text:?}"
    );
    let never_told: Vec<_> = explained.difference(&told).collect();
    assert!(never_told.is_empty(), "nothing tells {never_told:?}");
}

#[test]
fn codes_are_written_as_their_names_say() {
    for code in Code::ALL {
        let mut kebab = String::new();
        for c in format!("{code:?}").chars() {
            if c.is_uppercase() && !kebab.is_empty() {
                kebab.push('-');
            }
            kebab.extend(c.to_lowercase());
        }
        assert_eq!(code.as_str(), kebab);
        assert_eq!(serde_json::to_string(code).unwrap(), format!("{kebab:?}"));
    }
}

/// The text of all sources that are no tests.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name.ends_with("_tests") || path.ends_with("model/code.rs") {
            continue;
        }
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
            text.push_str(&source[..end]);
        }
    }
}

#[test]
fn each_code_is_made_somewhere() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != ':').collect();
    for code in Code::ALL {
        assert!(
            words.contains(format!("Code::{code:?}").as_str()),
            "nothing makes {code}"
        );
    }
}
