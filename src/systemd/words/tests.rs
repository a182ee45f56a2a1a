//! Tests of `words`: rows read off systemd's own splitters.

use super::*;
use crate::systemd::test_text::plain;
use proptest::prelude::*;

/// A value and its words, or `None` where systemd cannot start the service.
type Row = (&'static str, Option<&'static [&'static str]>);

#[test]
fn values_by_219() {
    let rows: &[Row] = &[
        ("--a  --b\t--c\n--d", Some(&["--a", "--b", "--c", "--d"])),
        ("--o \"k=v w\" --x", Some(&["--o", "k=v w", "--x"])),
        (r"'a b'\ c", Some(&["a b c"])),
        (r"'a\'b'", Some(&["a'b"])),
        ("--a '' --b", Some(&["--a"])),
        ("--a \"\"'' --b", Some(&["--a"])),
        ("--a ''x --b", Some(&["--a", "x", "--b"])),
        ("a'' b", Some(&["a", "b"])),
        ("--a \"b", None),
        ("--a 'b", Some(&["--a", "b"])),
        (r"a \", Some(&["a"])),
        ("", Some(&[])),
    ];
    check(rows, 219);
}

#[test]
fn values_since_228() {
    let rows: &[Row] = &[
        ("--a '' --b", Some(&["--a", "", "--b"])),
        ("''", Some(&[""])),
        ("--a \"b", Some(&["--a", "b"])),
        ("--a 'b c", Some(&["--a", "b c"])),
        (r"'a\'b' c\ d", Some(&["a'b", "c d"])),
        ("", Some(&[])),
    ];
    check(rows, 228);
    check(rows, 257);
}

fn check(rows: &[Row], version: u16) {
    for (value, expected) in rows {
        let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(split(value, version).ok(), expected, "{value} by {version}");
    }
}

fn words_of(text: &str) -> Result<Vec<String>, String> {
    let mut rest = text.as_bytes();
    let mut words = Vec::new();
    while let Some(word) = take_word(&mut rest, false)? {
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(words)
}

fn words_of_219(text: &str) -> Result<Vec<String>, String> {
    let mut rest = text.as_bytes();
    let mut words = Vec::new();
    while let Some(raw) = take_raw_word(&mut rest)? {
        words.push(String::from_utf8_lossy(&unescape_219(raw)).into_owned());
    }
    Ok(words)
}

/// The text, its words by 219 (`split`, `cunescape_length`) and by 221 and newer (`extract_first_word`, `cunescape_one`).
#[test]
fn exec_words() {
    type Found = Option<&'static [&'static str]>;
    let rows: &[(&str, Found, Found)] = &[
        ("a  b\tc", Some(&["a", "b", "c"]), Some(&["a", "b", "c"])),
        ("'a b' \"c d\"", Some(&["a b", "c d"]), Some(&["a b", "c d"])),
        ("--x=\"a b\"", Some(&["--x=\"a", "b\""]), Some(&["--x=a b"])),
        ("\"a\"b c", None, Some(&["ab", "c"])),
        ("\"a b", None, None),
        ("a 'b", None, None),
        ("a\\", None, Some(&["a\\"])),
        (r"a\ b", Some(&[r"a\ b"]), Some(&[r"a\ b"])),
        (r"a\sb\x20c\040d", Some(&["a b c d"]), Some(&["a b c d"])),
        (
            r"\x41\x4g\x00 \101\777\08",
            Some(&[r"A\x4g\x00", "A\u{fffd}\\08"]),
            Some(&[r"A\x4g\x00", r"A\777\08"]),
        ),
        (
            r"\u00e9\U0001F433\ud800",
            Some(&[r"\u00e9\U0001F433\ud800"]),
            Some(&["é🐳\\ud800"]),
        ),
        (
            r#""a\"b" 'c\'d' "e\\f""#,
            Some(&["a\"b", "c'd", "e\\f"]),
            Some(&["a\"b", "c'd", "e\\f"]),
        ),
        (r"a\.b\d", Some(&[r"a\.b\d"]), Some(&[r"a\.b\d"])),
        ("''", Some(&[""]), Some(&[""])),
        ("", Some(&[]), Some(&[])),
        ("  ", Some(&[]), Some(&[])),
    ];
    let owned = |found: &Found| found.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    for (text, by_219, later) in rows {
        assert_eq!(words_of_219(text).ok(), owned(by_219), "{text} by 219");
        assert_eq!(words_of(text).ok(), owned(later), "{text} by 221");
    }
}

/// What systemd's own functions made of some hundreds of texts.
#[test]
fn as_systemds_own_splitters() {
    let mut rows = 0;
    for row in include_str!("../../../tests/fixtures/systemd/words.tsv").lines() {
        let mut fields = row.split('\t');
        let (Some(kind), Some(versions), Some(text)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let text = String::from_utf8_lossy(&plain(text)).into_owned();
        let expected: Vec<String> = fields
            .map(|word| String::from_utf8_lossy(&plain(word)).into_owned())
            .collect();
        for version in versions.split(',').map(|version| version.parse().expect("a version")) {
            let found = match kind {
                "value" => split(&text, version),
                "exec" if version == 219 => words_of_219(&text),
                "exec" => words_of(&text),
                "strict" => Ok(strict_words_of(&text)),
                _ => panic!("{row}"),
            };
            assert_eq!(
                found.unwrap_or(vec!["!".into()]),
                expected,
                "{kind} {text:?} by {version}"
            );
            rows += 1;
        }
    }
    assert!(rows > 3000, "{rows}");
}

/// The words of `Environment=`, and `!` where an error ends them.
fn strict_words_of(text: &str) -> Vec<String> {
    let mut rest = text.as_bytes();
    let mut words = Vec::new();
    loop {
        match take_word(&mut rest, true) {
            Ok(Some(word)) => words.push(String::from_utf8_lossy(&word).into_owned()),
            Ok(None) => return words,
            Err(_) => {
                words.push("!".into());
                return words;
            }
        }
    }
}

proptest! {
    #[test]
    fn never_panics(any in ".{0,40}", text in "[ab01xuU7f'\"\\\\ \n]{0,40}", version in 200u16..260) {
        for text in [any, text] {
            let _ = split(&text, version);
            let _ = words_of(&text);
            let _ = words_of_219(&text);
        }
    }

    #[test]
    fn quoted_words_round_trip(list in proptest::collection::vec("[^\0]{1,10}", 1..5)) {
        let quoted: Vec<String> = list
            .iter()
            .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let text = quoted.join(" ");
        prop_assert_eq!(&words_of(&text), &Ok(list.clone()));
        prop_assert_eq!(&words_of_219(&text), &Ok(list.clone()));
        prop_assert_eq!(&split(&text, 219), &Ok(list.clone()));
        prop_assert_eq!(&split(&text, 252), &Ok(list));
    }
}
