//! The texts can be read, are whole and fit a terminal.

use super::*;

#[test]
fn every_file_can_be_read() {
    for (title, file) in FILES {
        let texts = parse(file).unwrap_or_else(|why| panic!("{title}: {why}"));
        let opened = file.lines().filter(|line| line.starts_with("== ")).count();
        assert_eq!(texts.len(), opened, "{title}");
        assert!(opened > 0, "{title}");
    }
}

#[test]
fn every_text_is_whole_and_short() {
    let mut codes = Vec::new();
    for text in themes().into_iter().flat_map(|theme| theme.texts) {
        let code = text.code;
        codes.push(code);
        assert!(
            code.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            "{code}"
        );
        assert!(!text.meaning.ends_with('.'), "{code}");
        let heads: Vec<_> = text.parts.iter().map(|part| part.head).collect();
        assert_eq!(heads.first(), Some(&Head::What), "{code}");
        assert!(heads.is_sorted_by(|a, b| a < b), "{code}: {heads:?}");
        for part in &text.parts {
            for piece in &part.pieces {
                if let Piece::Prose(prose) = piece {
                    assert!(prose.ends_with(['.', ':', ',']), "{code}: {prose}");
                }
            }
        }
        let page = page(&text);
        assert!((3..=36).contains(&page.lines().count()), "{page}");
    }
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all, "a code has two texts");
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let pages = themes()
        .into_iter()
        .flat_map(|theme| theme.texts)
        .map(|text| page(&text));
    for page in pages.chain([list()]) {
        for line in page.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn a_page_reads_well() {
    let texts = parse(
        "== some-code\nWhat it is\nwhat: One two.\nwhy: Because\nof that:\n    a command   kept\nand more.\nfor good: No.\n",
    );
    let wanted = "\
some-code: What it is

  what      One two.

  why       Because of that:
              a command   kept
            and more.

  for good  No.
";
    assert_eq!(page(&texts.unwrap()[0]), wanted);
}

#[test]
fn lines_without_a_place_are_told() {
    for (file, wanted) in [
        ("hello\n", "line 1: no text is open"),
        ("== a\nb\nc: d\n", "line 3: no part is open"),
    ] {
        assert_eq!(parse(file).unwrap_err(), wanted);
    }
    assert_eq!(parse("").unwrap(), []);
}

#[test]
fn a_slip_of_the_pen_is_understood() {
    for (written, wanted) in [
        ("pool-lo", Some("pool-low")),
        ("pol-low", Some("pool-low")),
        ("overcommitted", Some("host-filesystem-overcommitted")),
        ("dameon-silent", Some("daemon-silent")),
        ("no-such-thing-at-all", None),
        ("", None),
        ("ü", None),
    ] {
        assert_eq!(nearest(written), wanted, "{written}");
    }
    assert_eq!(nearest(&"pool-low".repeat(1000)), None);
    assert_eq!((distance("kitten", "sitting"), distance("", "ab")), (3, 2));
}
