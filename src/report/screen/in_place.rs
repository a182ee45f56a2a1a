//! A screen that takes the place of the one before it.

/// Cursor to the first column of the first line (ECMA-48, CUP).
const HOME: &str = "\u{1b}[H";
/// Erases from the cursor to the end of the line (EL).
const REST_OF_LINE: &str = "\u{1b}[K";
/// Erases from the cursor to the end of the screen (ED).
const REST_OF_SCREEN: &str = "\u{1b}[J";
/// Erases the whole screen.
const ALL: &str = "\u{1b}[2J";

/// `page` for a terminal of so many lines, over what stands there. What does not fit is left out, and that is said. Nothing of the
/// terminal is changed that would have to be changed back.
pub fn in_place(page: &str, lines: usize, first: bool) -> String {
    let start = if first { ALL } else { "" };
    let mut shown = format!("{start}{HOME}");
    // The cursor needs a line of its own below the page.
    let room = lines.saturating_sub(1).max(2);
    let all = page.lines().count();
    let fitting = if all > room { room - 1 } else { all };
    for line in page.lines().take(fitting) {
        shown.extend([line, REST_OF_LINE, "\n"]);
    }
    if fitting < all {
        let more = format!("... and {} more lines{REST_OF_LINE}\n", all - fitting);
        shown.push_str(&more);
    }
    shown + REST_OF_SCREEN
}

#[cfg(test)]
mod tests {
    use super::in_place;

    #[test]
    fn it_fits_and_leaves_nothing_of_the_page_before() {
        let page = "one\ntwo\nthree\n";
        let whole = "\u{1b}[Hone\u{1b}[K\ntwo\u{1b}[K\nthree\u{1b}[K\n\u{1b}[J";
        for (lines, first, wanted) in [
            (24, false, whole.to_owned()),
            (24, true, format!("\u{1b}[2J{whole}")),
            (4, false, whole.to_owned()),
            (
                3,
                false,
                "\u{1b}[Hone\u{1b}[K\n... and 2 more lines\u{1b}[K\n\u{1b}[J".to_owned(),
            ),
            (
                0,
                false,
                "\u{1b}[Hone\u{1b}[K\n... and 2 more lines\u{1b}[K\n\u{1b}[J".to_owned(),
            ),
        ] {
            assert_eq!(in_place(page, lines, first), wanted, "{lines}");
        }
        assert_eq!(in_place("", 24, false), "\u{1b}[H\u{1b}[J");
    }
}
