//! Sizes as Docker reads them in its storage options: `units.RAMInBytes`, base 1024 whatever the suffix.

use super::build::{Build, Version};
use super::go::{Float, go_float};
use super::known;
use crate::model::Bytes;

/// The four readings Docker has had (tag walk of moby `pkg/units/size.go` and docker/go-units `size.go`), each from the version
/// that brought it.
const READINGS: [(Version, Reading); 4] = [
    (Version::new(0, 0, 0), whole_numbers),
    (Version::new(1, 13, 0), decimals),
    (Version::new(18, 9, 0), decimals_and_ib),
    (Version::new(23, 0, 0), by_hand),
];

type Reading = fn(&str) -> Result<Bytes, String>;

/// Reads a size as this build does. A build that is not upstream's may carry the reading of a later version, and one that is not
/// known may have any: a size that dockerd could accept is never called wrong. `G`, `GB` and `GiB` all mean 2^30.
///
/// # Errors
/// Docker's own words, of the oldest reading in question.
pub fn ram_in_bytes(text: &str, build: &Build) -> Result<Bytes, String> {
    let own = match build.version {
        Some(version) => READINGS.iter().rposition(|(since, _)| *since <= version).unwrap_or(0),
        None => 0,
    };
    // Red Hat's builds that were read vendor the same go-units as upstream's of their version.
    let candidates = match build.is_upstream() || known::exact(build).is_some() {
        true => &READINGS[own..=own],
        false => &READINGS[own..],
    };
    let mut first_error = None;
    for (_, read) in candidates {
        match read(text) {
            Ok(bytes) => return Ok(bytes),
            Err(why) => _ = first_error.get_or_insert(why),
        }
    }
    Err(first_error.unwrap_or_else(|| invalid(text)))
}

fn invalid(text: &str) -> String {
    format!("invalid size: '{text}'")
}

/// Up to 1.12: `^(\d+)([kKmMgGtTpP])?[bB]?$`, `strconv.ParseInt`.
fn whole_numbers(text: &str) -> Result<Bytes, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let shift = shift(suffix, &["", "b"])
        .filter(|_| !number.is_empty())
        .ok_or_else(|| invalid(text))?;
    let number: i64 = number
        .parse()
        .map_err(|_| format!("strconv.ParseInt: parsing {number:?}: value out of range"))?;
    // Go multiplies without a check; what it then asks for is no size any more, but dockerd starts to use it.
    Ok(Bytes(number.checked_mul(1 << shift).unwrap_or(i64::MAX) as u64))
}

/// 1.13 to 18.06: `^(\d+(\.\d+)*) ?([kKmMgGtTpP])?[bB]?$`, `strconv.ParseFloat`.
fn decimals(text: &str) -> Result<Bytes, String> {
    with_suffix(text, &["", "b"])
}

/// 18.09 to 20.10: the same with `[iI]?` before `[bB]?`: `10Gi` and even `10iB` (10 bytes) are sizes.
fn decimals_and_ib(text: &str) -> Result<Bytes, String> {
    with_suffix(text, &["", "b", "i", "ib"])
}

fn with_suffix(text: &str, behind_unit: &[&str]) -> Result<Bytes, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let suffix = rest.strip_prefix(' ').unwrap_or(rest);
    let groups_of_digits = number.split('.').all(|group| !group.is_empty());
    let shift = shift(suffix, behind_unit)
        .filter(|_| groups_of_digits)
        .ok_or_else(|| invalid(text))?;
    scaled(number, shift)
}

/// From 23.0: the number ends at the last digit, dot or space, one space may stand before the suffix, and the number is all that
/// Go's ParseFloat takes, with sign and exponent.
fn by_hand(text: &str) -> Result<Bytes, String> {
    let last = text
        .rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')
        .ok_or_else(|| invalid(text))?;
    let (number, suffix) = text.split_at(last + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let shift = match suffix {
        "b" | "B" => 0,
        _ => shift(suffix, &["", "b", "ib"])
            .filter(|shift| suffix.is_empty() || *shift > 0)
            .ok_or_else(|| format!("invalid suffix: '{}'", suffix.to_lowercase()))?,
    };
    match go_float(number) {
        Float::Number(value) if value < 0.0 => Err(invalid(text)),
        // Whole numbers are exact where a double is not.
        Float::Number(value) => scaled(number, shift).or_else(|_| Ok(times(value, shift))),
        Float::OutOfRange => Err(format!("strconv.ParseFloat: parsing {number:?}: value out of range")),
        Float::Syntax => Err(format!("strconv.ParseFloat: parsing {number:?}: invalid syntax")),
    }
}

/// `number` times 2^`shift`, as Go's float arithmetic gives it; exact where a double is.
fn scaled(number: &str, shift: u32) -> Result<Bytes, String> {
    let syntax = || format!("strconv.ParseFloat: parsing {number:?}: invalid syntax");
    if let Some(exact) = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)) {
        return Ok(Bytes(exact.min(i64::MAX as u64)));
    }
    let value = number.parse::<f64>().map_err(|_| syntax())?;
    if value.is_infinite() {
        return Err(format!("strconv.ParseFloat: parsing {number:?}: value out of range"));
    }
    Ok(times(value, shift))
}

/// `as` ends at the largest number. Go's conversion is undefined there; no file is that long.
fn times(value: f64, shift: u32) -> Bytes {
    Bytes(((value * (1u64 << shift) as f64) as u64).min(i64::MAX as u64))
}

/// The power of two that a suffix stands for: an optional unit, then one of `behind_unit`.
fn shift(suffix: &str, behind_unit: &[&str]) -> Option<u32> {
    let suffix = suffix.to_ascii_lowercase();
    let (unit, rest) = match suffix.bytes().next() {
        Some(b'k') => (10, &suffix[1..]),
        Some(b'm') => (20, &suffix[1..]),
        Some(b'g') => (30, &suffix[1..]),
        Some(b't') => (40, &suffix[1..]),
        Some(b'p') => (50, &suffix[1..]),
        _ => (0, suffix.as_str()),
    };
    behind_unit.contains(&rest).then_some(unit)
}

#[cfg(test)]
mod tests;
