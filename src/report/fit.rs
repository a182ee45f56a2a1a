//! Text that fits: how wide it is on a terminal, wrapped at blanks, shortened in the middle.

/// Columns that a terminal gives to a character: two for the wide ones of East Asia and for pictures, else one. A combining mark
/// counts too, which only makes a line shorter than it could be.
fn columns_of(c: char) -> usize {
    let wide = matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

/// Columns that a terminal gives to a text without control characters.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Lines of whole words, none wider than `width`, of which the first has `taken` columns in use already; a word that is wider than a
/// line is broken in its midst. The first line is empty where nothing fits beside what is there.
pub fn wrapped_behind(prose: &str, taken: usize, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = taken.min(width);
    for word in prose.split_whitespace() {
        let blank = lines.last().is_some_and(|line| !line.is_empty());
        for (index, part) in pieces(word, width).iter().enumerate() {
            let needed = columns(part) + usize::from(blank);
            match lines.last_mut() {
                Some(line) if index == 0 && used + needed <= width => {
                    line.push_str(if blank { " " } else { "" });
                    line.push_str(part);
                    used += needed;
                }
                _ => {
                    used = columns(part);
                    lines.push(part.clone());
                }
            }
        }
    }
    lines
}

/// One piece where the word fits.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut left = width;
    for c in word.chars() {
        let wide = columns_of(c);
        if wide > left {
            pieces.push(String::new());
            left = width;
        }
        left = left.saturating_sub(wide);
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// What stands for the part that was left out.
const GAP: &str = "...";

/// A name or path in no more than `width` columns: its beginning and its end, which tell more than its middle.
pub fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(GAP.len());
    let head = first(text.chars(), kept / 2);
    let tail: String = first(text.chars().rev(), kept - kept / 2).chars().rev().collect();
    format!("{head}{GAP}{tail}")
}

fn first(characters: impl Iterator<Item = char>, mut width: usize) -> String {
    let fits = |c: &char| {
        let left = width.checked_sub(columns_of(*c));
        width = left.unwrap_or(0);
        left.is_some()
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice() {
        for (text, wanted) in [("", 0), ("abc", 3), ("ü€", 2), ("日本", 4), ("a\u{1f4a5}", 3)] {
            assert_eq!(columns(text), wanted, "{text}");
        }
    }

    #[test]
    fn nothing_is_wider_than_asked() {
        let texts = [
            "",
            " ",
            "one two three",
            "a-word-that-has-no-blank and more",
            "日本語日本語日本語 x",
            "ab日cd",
        ];
        for (text, width) in texts.iter().flat_map(|text| (2..20).map(move |width| (text, width))) {
            for taken in 0..=width {
                let lines = wrapped_behind(text, taken, width);
                for (index, line) in lines.iter().enumerate() {
                    let taken = if index == 0 && !line.is_empty() { taken } else { 0 };
                    assert!(
                        taken + columns(line) <= width,
                        "{text} behind {taken} in {width}: {line}"
                    );
                }
                assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""), "{width}");
            }
            assert!(
                width < GAP.len() || columns(&shortened(text, width)) <= width,
                "{text} in {width}"
            );
        }
        assert_eq!(wrapped_behind("one two three", 4, 8), ["one", "two", "three"]);
        assert_eq!(wrapped_behind("three two", 4, 8), ["", "three", "two"]);
    }

    #[test]
    fn a_shortened_path_keeps_both_ends() {
        let path = "/var/lib/docker/devicemapper/devicemapper/data";
        for (width, wanted) in [
            (80, path),
            (46, path),
            (45, "/var/lib/docker/devic...per/devicemapper/data"),
            (20, "/var/lib...pper/data"),
            (3, "..."),
        ] {
            assert_eq!(shortened(path, width), wanted);
        }
    }
}
