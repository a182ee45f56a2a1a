//! Texts as Go's `strconv` takes them.

/// Go's `strconv.ParseBool`, which pflag, mflag and the boolean storage options use: it takes no `yes` and no `on`.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What `strconv.ParseFloat` makes of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Float {
    /// A number, an infinity or no number at all, as it was asked for.
    Number(f64),
    /// Too large.
    OutOfRange,
    /// No number.
    Syntax,
}

/// Go's `strconv.ParseFloat(text, 64)` from 1.13 on: decimal and hexadecimal numbers, `_` between digits, `inf`, `infinity` and `nan` in any
/// case.
pub fn go_float(text: &str) -> Float {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Float::Number(sign * f64::INFINITY),
        "nan" if body.len() == text.len() => return Float::Number(f64::NAN),
        _ => {}
    }
    let Some(plain) = without_underscores(body) else {
        return Float::Syntax;
    };
    let number = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hex) => hex_float(hex),
        None if plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') => plain.parse().ok(),
        None => None,
    };
    match number {
        Some(number) if number.is_finite() => Float::Number(sign * number),
        Some(_) => Float::OutOfRange,
        None => Float::Syntax,
    }
}

/// The text without its underscores, if each stands between digits (or behind `0x`).
fn without_underscores(text: &str) -> Option<String> {
    let is_digit = |c: char| c.is_ascii_hexdigit() || matches!(c, 'x' | 'X');
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let stands =
            before.is_some_and(is_digit) && characters.peek().copied().is_some_and(|next| next.is_ascii_hexdigit());
        if c == '_' && !stands {
            return None;
        }
        before = Some(c);
    }
    Some(text.replace('_', ""))
}

/// `1.8p-3`, without its `0x`; the exponent must be there.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.chars().chain(part.chars());
    let mut value = None;
    for digit in digits {
        value = Some(value.unwrap_or(0.0) * 16.0 + f64::from(digit.to_digit(16)?));
    }
    let places = i32::try_from(part.len()).ok()?;
    Some(value? * 2f64.powi(exponent.saturating_sub(places.saturating_mul(4))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_as_go_reads_them() {
        for (text, value) in [
            ("10", 10.0),
            ("1_000", 1000.0),
            ("+1.5e1", 15.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1p4", 16.0),
            ("0x1.8p1", 3.0),
            ("Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(go_float(text), Float::Number(value), "{text}");
        }
        assert!(matches!(go_float("NaN"), Float::Number(number) if number.is_nan()));
        for text in [
            "", "_1", "1_", "1__0", "1_.5", "0x1", "e5", "x", "+nan", "1e", " 1", "１",
        ] {
            assert_eq!(go_float(text), Float::Syntax, "{text}");
        }
        assert_eq!(go_float("1e999"), Float::OutOfRange);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+0-9a-fxXpPeE_.in]{0,20}") {
            go_float(&text);
        }
    }
}
