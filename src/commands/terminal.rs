//! What standard output is: its columns, and whether it shows colours and UTF-8.

use crate::kernel::terminal;
use crate::report::screen::Terminal;
use std::env::{var, var_os};
use std::io::IsTerminal;
use std::os::fd::AsFd;

/// As the terminal itself and the environment tell.
pub fn of_stdout() -> Terminal {
    let out = std::io::stdout();
    let is_terminal = out.is_terminal();
    let term = var("TERM").ok();
    // Whoever sets it means it, terminal or not; a shell keeps it to itself (bash(1), COLUMNS).
    let said = var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let told = || terminal::size(out.as_fd()).map(|(columns, _)| usize::from(columns));
    Terminal {
        width: said.or_else(told).unwrap_or(Terminal::PLAIN.width),
        colour: is_terminal && colours(var_os("NO_COLOR").is_some(), term.as_deref()),
        utf8: shows_utf8(&["LC_ALL", "LC_CTYPE", "LANG"].map(|name| var(name).unwrap_or_default())),
    }
}

/// Lines of the terminal; `None` where it is none.
pub fn lines() -> Option<usize> {
    let size = terminal::size(std::io::stdout().as_fd())?;
    Some(usize::from(size.1))
}

/// Whether colours are wanted by this environment (<https://no-color.org>; `TERM` as in environ(7)).
fn colours(no_color: bool, term: Option<&str>) -> bool {
    !no_color && term.is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Whether a locale is one of UTF-8: the first that is set counts (locale(7)).
fn shows_utf8(locales: &[String]) -> bool {
    let locale = locales.iter().find(|locale| !locale.is_empty());
    locale.is_some_and(|locale| {
        let codeset = locale.split('.').nth(1).unwrap_or_default().to_ascii_lowercase();
        let codeset = codeset.split('@').next().unwrap_or_default();
        matches!(codeset, "utf-8" | "utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_declined() {
        for (no_color, term, wanted) in [
            (false, Some("xterm"), true),
            (true, Some("xterm"), false),
            (false, Some("dumb"), false),
            (false, Some(""), false),
            (false, None, false),
        ] {
            assert_eq!(colours(no_color, term), wanted, "{no_color} {term:?}");
        }
    }

    #[test]
    fn the_first_locale_that_is_set_counts() {
        for (locales, wanted) in [
            (["", "", ""], false),
            (["", "", "C"], false),
            (["", "", "en_US.UTF-8"], true),
            (["C", "", "en_US.UTF-8"], false),
            (["", "C.utf8", "C"], true),
            (["de_DE.UTF-8@euro", "", ""], true),
            (["utf8", "", ""], false),
            (["POSIX.", "", ""], false),
        ] {
            assert_eq!(shows_utf8(&locales.map(str::to_owned)), wanted, "{locales:?}");
        }
    }
}
