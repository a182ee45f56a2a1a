//! Colours for terminals: of the words that say how bad a thing is, and of the bars that show how full one is.

const RED: &str = Colour::Red.on();
const YELLOW: &str = Colour::Yellow.on();
const GREEN: &str = Colour::Green.on();
const CYAN: &str = "\u{1b}[1;36m";
const OFF: &str = "\u{1b}[0m";

/// How bad a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Now.
    Red,
    /// Soon.
    Yellow,
    /// Not at all.
    Green,
}

impl Colour {
    /// Switches it on (ECMA-48, SGR).
    const fn on(self) -> &'static str {
        match self {
            Colour::Red => "\u{1b}[1;31m",
            Colour::Yellow => "\u{1b}[1;33m",
            Colour::Green => "\u{1b}[1;32m",
        }
    }
}

/// A text of ours in a colour.
pub fn painted(text: &str, colour: Colour) -> String {
    format!("{}{text}{OFF}", colour.on())
}

/// Words that open a finding's line.
const SEVERITIES: [(&str, &str); 3] = [("REFUSE", RED), ("WARN", YELLOW), ("NOTE", CYAN)];

/// Words of the first line of `status`, behind the program's name.
const HEALTH: [(&str, &str); 4] = [
    ("OK", GREEN),
    ("WARNING", YELLOW),
    ("CRITICAL", RED),
    ("UNKNOWN", YELLOW),
];

/// A page of `report::text` with colours. No word of a stranger's can be one of these: text from outside never opens a line.
pub fn paint(page: &str) -> String {
    let mut painted = String::with_capacity(page.len() + 64);
    for line in page.split_inclusive('\n') {
        let (lead, words) = match line.strip_prefix("thinguard ") {
            Some(_) => ("thinguard ", HEALTH.as_slice()),
            None => ("", SEVERITIES.as_slice()),
        };
        let rest = line.strip_prefix(lead).unwrap_or(line);
        let end = rest.find([' ', ':', '\n']).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        match words.iter().find(|(known, _)| *known == word) {
            Some((_, colour)) => painted.extend([lead, colour, word, OFF, rest]),
            None => painted.push_str(line),
        }
    }
    painted
}

/// Whether colours are wanted by this environment, for what goes to a terminal (<https://no-color.org>; `TERM` as in environ(7)).
pub fn wanted(no_color: bool, term: Option<&str>) -> bool {
    !no_color && term.is_some_and(|term| !term.is_empty() && term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_severity_are_painted() {
        let page = "\
thinguard CRITICAL: pool-exhausted, pool-low
  pool       WARN it is\nREFUSE pool-exhausted: REFUSE of it\n  where: /x\nWARN pool-low: y\nNOTE a-b: z\nNOTES c\n";
        let painted = paint(page);
        let wanted = "\
thinguard \u{1b}[1;31mCRITICAL\u{1b}[0m: pool-exhausted, pool-low
  pool       WARN it is\n\u{1b}[1;31mREFUSE\u{1b}[0m pool-exhausted: REFUSE of it\n  where: /x\n\u{1b}[1;33mWARN\u{1b}[0m pool-low: y
\u{1b}[1;36mNOTE\u{1b}[0m a-b: z\nNOTES c\n";
        assert_eq!(painted, wanted);
        assert_eq!(paint("thinguard OK\n"), "thinguard \u{1b}[1;32mOK\u{1b}[0m\n");
        for plain in ["", "thinguard preflight: Docker may start (2 ms)\n", "OK\n"] {
            assert_eq!(paint(plain), plain);
        }
    }

    #[test]
    fn they_can_be_declined() {
        for (no_color, term, wanted_there) in [
            (false, Some("xterm"), true),
            (true, Some("xterm"), false),
            (false, Some("dumb"), false),
            (false, Some(""), false),
            (false, None, false),
        ] {
            assert_eq!(wanted(no_color, term), wanted_there, "{no_color} {term:?}");
        }
    }
}
