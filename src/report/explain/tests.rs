//! The texts can be read, are whole and fit a terminal.

use super::*;

#[test]
fn every_file_can_be_read() {
    for (title, file) in FILES {
        let opened = file.lines().filter(|line| line.starts_with("== ")).count();
        assert_eq!(texts(file).count(), opened, "{title}");
        assert!(opened > 0 && file.starts_with("== "), "{title}");
    }
}

#[test]
fn every_text_is_whole_and_short() {
    let mut codes = Vec::new();
    for text in all() {
        let code = text.code;
        codes.push(code);
        assert!(
            code.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            "{code}"
        );
        assert!(!text.meaning.is_empty() && !text.meaning.ends_with('.'), "{code}");
        assert_eq!(text.lines().next().unwrap().0, "what", "{code}");
        let place = |head| HEADS.iter().position(|known| *known == head);
        let heads: Vec<_> = text.lines().filter_map(|(head, _)| place(head)).collect();
        assert!(heads.is_sorted_by(|a, b| a < b), "{code}: {heads:?}");
        for (_, line) in text.lines().filter(|(_, line)| !line.starts_with(' ')) {
            assert!(line.ends_with(['.', ':', ',']), "{code}: {line}");
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
    for page in all().map(|text| page(&text)).chain([list()]) {
        for line in page.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn a_page_reads_well() {
    let text = texts(
        "== some-code\nWhat it is\nwhat: One two.\nwhy: Because of that:\n    a command   kept\nand more.\nfor good: No.\n",
    );
    let wanted = "\
some-code: What it is

  what      One two.

  why       Because of that:
              a command   kept
            and more.

  for good  No.
";
    assert_eq!(page(&text.last().unwrap()), wanted);
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
