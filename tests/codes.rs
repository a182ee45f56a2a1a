//! Every code that the program can tell has a text in src/report/codes, and every text is about such a code.
//!
//! The codes are read out of the sources, wherever something is called `code`: a field that is set, a parameter at its calls, a
//! `let`, a comparison, the function of that name. So a new code needs one line where it is made, and one text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use thinguard::report::explain;

/// As much of Rust as is needed to find a string by the name of what it is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

use Token::{Mark, Text, Word};

fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        if c == '/' && next == '/' {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c == 'r' && next == '#' && chars.get(at + 2) == Some(&'"') {
            let rest: String = chars[at + 3..].iter().collect();
            let text = rest.split("\"#").next().unwrap_or_default();
            at += 3 + text.chars().count() + 2;
            tokens.push(Text(text.to_owned()));
        } else if c == '"' {
            let mut text = String::new();
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                if chars[at] == '\\' {
                    at += 1;
                }
                text.push(chars[at]);
                at += 1;
            }
            at += 1;
            tokens.push(Text(text));
        } else if c == '\'' && (next == '\\' || chars.get(at + 2) == Some(&'\'')) {
            // A character, and not a lifetime.
            at += if next == '\\' { 3 } else { 2 };
            while at < chars.len() && chars[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = String::new();
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                word.push(chars[at]);
                at += 1;
            }
            tokens.push(Word(word));
        } else {
            if !c.is_whitespace() {
                tokens.push(Mark(c));
            }
            at += 1;
        }
    }
    tokens
}

/// Tokens of all sources that are no tests, and never those of an inline test module, which closes its file.
fn sources(directory: &Path, found: &mut Vec<Vec<Token>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            found.push(tokens(&text[..end]));
        }
    }
}

/// `tokens` up to the first of `ends` that is not inside brackets.
fn until<'a>(tokens: &'a [Token], ends: &[char]) -> &'a [Token] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Mark(c) if depth == 0 && ends.contains(c) => return &tokens[..at],
            Mark('(' | '[' | '{') => depth += 1,
            Mark(')' | ']' | '}') if depth == 0 => return &tokens[..at],
            Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
    }
    tokens
}

/// The parts of a list, without those that are in deeper brackets.
fn items(mut list: &[Token], end: char) -> Vec<&[Token]> {
    let mut items = Vec::new();
    loop {
        let item = until(list, &[',', end]);
        items.push(item);
        match list.get(item.len()) {
            Some(Mark(',')) => list = &list[item.len() + 1..],
            _ => return items,
        }
    }
}

fn is(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Word(it)) if it == word)
}

fn is_code(text: &str) -> bool {
    text.contains('-') && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// What functions and closures take a code, and as which of their arguments; and what constants stand for.
#[derive(Default)]
struct Names {
    takers: BTreeMap<String, BTreeSet<usize>>,
    constants: BTreeMap<String, String>,
}

impl Names {
    fn learn(&mut self, tokens: &[Token]) {
        for (at, token) in tokens.iter().enumerate() {
            let rest = &tokens[at + 1..];
            let (name, parameters) = match (token, rest) {
                // fn name<…>(…)
                (Word(word), [Word(name), after @ ..]) if word == "fn" => {
                    let open = after.iter().position(|token| *token == Mark('(')).unwrap_or(0);
                    (name, items(&after[open + 1..], ')'))
                }
                // let name = |…|
                (Word(word), [Word(name), Mark('='), Mark('|'), after @ ..]) if word == "let" => {
                    (name, items(after, '|'))
                }
                (Word(word), [Word(name), Mark(':'), after @ ..]) if word == "const" => {
                    let [.., Mark('='), Text(text)] = until(after, &[';']) else {
                        continue;
                    };
                    self.constants.insert(name.clone(), text.clone());
                    continue;
                }
                _ => continue,
            };
            let parameters = parameters
                .into_iter()
                .filter(|parameter| !parameter.iter().any(|token| is(Some(token), "self")));
            for (index, _) in parameters
                .enumerate()
                .filter(|(_, parameter)| is(parameter.first(), "code"))
            {
                self.takers.entry(name.clone()).or_default().insert(index);
            }
        }
    }

    /// Codes in an expression.
    fn codes(&self, expression: &[Token], found: &mut BTreeSet<String>) {
        for token in expression {
            match token {
                Text(text) => Some(text),
                Word(word) => self.constants.get(word),
                Mark(_) => None,
            }
            .filter(|text| is_code(text))
            .map(|text| found.insert(text.clone()));
        }
    }

    fn find(&self, tokens: &[Token], found: &mut BTreeSet<String>) {
        for (at, token) in tokens.iter().enumerate() {
            let Word(word) = token else { continue };
            let rest = &tokens[at + 1..];
            let by = |before: usize| at.checked_sub(before).and_then(|at| tokens.get(at));
            match rest {
                // fn code(self) -> … { … }
                [Mark('('), ..] if word == "code" && is(by(1), "fn") => {
                    let open = rest.iter().position(|token| *token == Mark('{')).unwrap_or(0);
                    self.codes(until(&rest[open + 1..], &[]), found);
                }
                [Mark(':'), value @ ..] if word == "code" => self.codes(until(value, &[',']), found),
                [Mark('=' | '!'), Mark('='), value @ ..] if word == "code" => {
                    self.codes(&value[..1], found);
                }
                // let (code, …) = …;
                _ if word == "let" => {
                    let statement = until(rest, &[';']);
                    let pattern = until(statement, &['=']);
                    if pattern.iter().any(|token| is(Some(token), "code")) {
                        self.codes(&statement[pattern.len()..], found);
                    }
                }
                [Mark('('), arguments @ ..] if !is(by(1), "fn") => {
                    for index in self.takers.get(word).into_iter().flatten() {
                        if let Some(argument) = items(arguments, ')').get(*index) {
                            self.codes(argument, found);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn codes_of(sources: &[Vec<Token>]) -> BTreeSet<String> {
    let mut names = Names::default();
    sources.iter().for_each(|tokens| names.learn(tokens));
    let mut found = BTreeSet::new();
    sources.iter().for_each(|tokens| names.find(tokens, &mut found));
    found
}

#[test]
fn each_code_has_a_text_and_each_text_a_code() {
    let mut tokens = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut tokens);
    let told = codes_of(&tokens);
    let explained: BTreeSet<String> = explain::themes()
        .into_iter()
        .flat_map(|theme| theme.texts)
        .map(|text| text.code.to_owned())
        .collect();
    let without_text: Vec<_> = told.difference(&explained).collect();
    assert!(
        without_text.is_empty(),
        "no text in src/report/codes for {without_text:?}"
    );
    // The one code without a hyphen.
    let never_told: Vec<_> = explained.difference(&told).filter(|code| *code != "log").collect();
    assert!(never_told.is_empty(), "nothing tells {never_told:?}");
}

#[test]
fn codes_are_found_in_all_their_forms() {
    let source = r#"
        const NAMED: &str = "by-constant";
        fn code(self) -> &'static str { match self { A => "by-function", B => "log" } }
        fn make<T>(&self, subject: &str, code: &'static str) { Finding { code, subject } }
        fn other(key: &str, why: &str) {}
        fn body(&self) {
            // code: "in-comment"
            self.make("not-this", "by-parameter");
            self.make(f("a", 'b'), if x { "by-branch" } else { NAMED });
            other("not-that", "nor-that");
            let finding = |code, message: String| Some(code);
            finding("by-closure", format!("a, b"));
            let (code, message): (_, &str) = match y { Z => ("by-let", "words and more") };
            Finding { code: match t { A => "by-match", B => "by-arm" }, subject: "no-subject".into() };
            it.code == "by-comparison" && it.key == "no-key"
        }
    "#;
    let found = codes_of(&[tokens(source)]);
    let wanted = [
        "by-arm",
        "by-branch",
        "by-closure",
        "by-comparison",
        "by-constant",
        "by-function",
        "by-let",
        "by-match",
        "by-parameter",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}
