//! Words as systemd splits them: a variable's value where it stands as `$X`, and the text of an Exec line or of `Environment=`. Pure.

/// What systemd takes for a blank (`WHITESPACE`).
const BLANKS: [u8; 4] = [b' ', b'\t', b'\n', b'\r'];

/// Whether systemd takes this for a blank.
pub(super) fn is_blank(byte: u8) -> bool {
    BLANKS.contains(&byte)
}

/// Splits a variable's value into words with quote removal, as systemd `version` does for `$X` (`unquote_first_word` with
/// relaxed quoting in `shared/util.c` of 219, `extract_first_word` in `basic/extract-word.c` since 225): both quotes work the same,
/// a backslash makes the next character plain in and out of them. Up to 222 an empty word ends the list; since 220 a backslash at
/// the end makes a word, if only an empty one.
///
/// # Errors
/// Up to 227 systemd cannot start the service where a double quote is not closed; since 228 the quote ends with the text.
pub fn split(value: &str, version: u16) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                match chars.next() {
                    Some(next) => word.get_or_insert_default().push(next),
                    // An escape that is cut off ends the text without complaint, in a quote too.
                    None => {
                        quote = None;
                        if version >= 220 {
                            word.get_or_insert_default();
                        }
                    }
                }
            }
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                if version >= 223 {
                    word.get_or_insert_default();
                } else if is_empty_word(c, chars.as_str()) && word.is_none() {
                    return Ok(words);
                }
            }
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote == Some('"') && version < 228 {
        return Err(format!("a double quote is not closed in '{value}'"));
    }
    words.extend(word);
    Ok(words)
}

/// Whether what an opening quote begins is empty up to the word's end: `''`, `"" `, also `''""`.
fn is_empty_word(open: char, behind: &str) -> bool {
    let mut rest = behind;
    let mut quote = Some(open);
    loop {
        let mut chars = rest.chars();
        match (chars.next(), quote) {
            (Some(c), Some(open)) if c == open => quote = None,
            (Some(c @ ('\'' | '"')), None) => quote = Some(c),
            (Some(' ' | '\t' | '\n' | '\r') | None, None) => return true,
            _ => return false,
        }
        rest = chars.as_str();
    }
}

/// Takes the first word off `text`, the way Exec lines and `Environment=` are split since 221 (`extract_first_word` with
/// `EXTRACT_UNQUOTE` and `EXTRACT_CUNESCAPE`): quotes may begin within a word, C escapes are undone in and out of them. `None` at
/// the end.
///
/// # Errors
/// A quote that is not closed. Where `strict` (`Environment=`), also an escape that is none; elsewhere it keeps its backslash
/// (`extract_first_word_and_warn`).
pub(super) fn take_word(text: &mut &[u8], strict: bool) -> Result<Option<Vec<u8>>, String> {
    skip_blanks(text);
    if text.is_empty() {
        return Ok(None);
    }
    let mut word = Vec::new();
    let mut quote = None;
    while let Some((&byte, rest)) = text.split_first() {
        *text = rest;
        match (byte, quote) {
            (b'\\', _) => {
                let (meant, rest) = match unescape(text, Escapes::Since220) {
                    Some(found) => found,
                    None if strict => return Err("a backslash begins no escape".into()),
                    None => kept(text),
                };
                word.extend(meant);
                *text = rest;
            }
            (byte, Some(open)) if byte == open => quote = None,
            (byte, Some(_)) => word.push(byte),
            (b'\'' | b'"', None) => quote = Some(byte),
            (byte, None) if is_blank(byte) => {
                skip_blanks(text);
                return Ok(Some(word));
            }
            (byte, None) => word.push(byte),
        }
    }
    match quote {
        Some(_) => Err("a quote is not closed".into()),
        None => Ok(Some(word)),
    }
}

/// Takes the first word off `text` the way 219 and 220 split Exec lines and `Environment=` (`split` in `shared/util.c`): quotes
/// count only where they begin a word, and must end it; escapes are still in it. `None` at the end.
///
/// # Errors
/// "Trailing garbage": a quote that is not closed or ends within a word, a backslash at the end.
pub(super) fn take_raw_word<'a>(text: &mut &'a [u8]) -> Result<Option<&'a [u8]>, String> {
    skip_blanks(text);
    let all = *text;
    let Some(&first) = all.first() else { return Ok(None) };
    let quote = matches!(first, b'\'' | b'"').then_some(first);
    let begin = usize::from(quote.is_some());
    let mut at = begin;
    let mut escaped = false;
    while let Some(&byte) = all.get(at) {
        let ends = match quote {
            Some(quote) => byte == quote,
            None => is_blank(byte),
        };
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if ends {
            break;
        }
        at += 1;
    }
    let behind = at + begin;
    let open = quote.is_some() && all.get(at).is_none();
    if escaped || open || all.get(behind).is_some_and(|&byte| !is_blank(byte)) {
        return Err("a quote is not closed or ends within a word, or a backslash ends the line".into());
    }
    *text = all.get(behind..).unwrap_or_default();
    Ok(all.get(begin..at))
}

/// Undoes the C escapes of a word (`cunescape_length` in `shared/util.c` of 219): an escape that is none stays as it is.
pub(super) fn unescape_219(raw: &[u8]) -> Vec<u8> {
    let mut word = Vec::new();
    let mut rest = raw;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'\\' => {
                let (meant, behind) = unescape(rest, Escapes::Of219).unwrap_or_else(|| kept(rest));
                word.extend(meant);
                rest = behind;
            }
            byte => word.push(byte),
        }
    }
    word
}

pub(super) fn skip_blanks(text: &mut &[u8]) {
    while let Some((first, rest)) = text.split_first()
        && is_blank(*first)
    {
        *text = rest;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// As in 219: no `\u`.
    Of219,
    /// `cunescape_one` in `basic/escape.c`.
    Since220,
}

/// What the escape behind a backslash means, and what stands behind it; `None` if it is none.
fn unescape(behind: &[u8], escapes: Escapes) -> Option<(Vec<u8>, &[u8])> {
    let (&letter, rest) = behind.split_first()?;
    // Above octal 377 it is none (since 220); 219 takes the low eight bits.
    let most = if escapes == Escapes::Of219 { 0o777 } else { 0o377 };
    let byte = |(number, rest): (u32, _)| (vec![(number & 0xff) as u8], rest);
    let character = |(number, rest)| {
        let c = char::from_u32(number)?;
        Some((c.to_string().into_bytes(), rest))
    };
    match letter {
        b'a' => Some((vec![0x07], rest)),
        b'b' => Some((vec![0x08], rest)),
        b'f' => Some((vec![0x0c], rest)),
        b'n' => Some((vec![b'\n'], rest)),
        b'r' => Some((vec![b'\r'], rest)),
        b't' => Some((vec![b'\t'], rest)),
        b'v' => Some((vec![0x0b], rest)),
        b's' => Some((vec![b' '], rest)),
        b'\\' | b'"' | b'\'' => Some((vec![letter], rest)),
        b'x' => number(rest, 2, 16, 0xff).map(byte),
        b'0'..=b'7' => number(behind, 3, 8, most).map(byte),
        b'u' if escapes == Escapes::Since220 => number(rest, 4, 16, u32::MAX).and_then(character),
        b'U' if escapes == Escapes::Since220 => number(rest, 8, 16, u32::MAX).and_then(character),
        _ => None,
    }
}

/// An escape that is none, as it stands.
fn kept(behind: &[u8]) -> (Vec<u8>, &[u8]) {
    match behind.split_first() {
        Some((&letter, rest)) => (vec![b'\\', letter], rest),
        None => (vec![b'\\'], behind),
    }
}

/// A number of exactly so many digits, not 0 and not above `most`, and what stands behind it.
fn number(text: &[u8], digits: usize, radix: u32, most: u32) -> Option<(u32, &[u8])> {
    let mut number = 0u32;
    for &digit in text.get(..digits)? {
        number = number
            .checked_mul(radix)?
            .checked_add(char::from(digit).to_digit(radix)?)?;
    }
    (1..=most).contains(&number).then_some((number, text.get(digits..)?))
}

#[cfg(test)]
mod tests;
