//! The one helper that makes hostile text fit for a terminal.

use std::borrow::Cow;

/// `text` with everything escaped that could steer a terminal, forge a line or turn the writing direction: names of
/// processes and files are chosen by strangers.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_hostile(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

fn is_hostile(c: char) -> bool {
    // Besides control characters: line separators, bidirectional controls, zero-width ones, the byte order mark.
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
