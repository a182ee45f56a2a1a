//! Sizes as Docker reads them in its storage options: `units.RAMInBytes`, base 1024 whatever the suffix.

use crate::model::Bytes;

/// Reads a size as *some* generation of Docker does (moby `pkg/units/size.go`, docker/go-units `size.go`): the union of the
/// four, since Red Hat's builds make the version a poor guide and a size that dockerd accepts must never be called wrong.
/// `G`, `GB` and `GiB` all mean 2^30.
///
/// # Errors
/// Docker's own words, for a text that no generation reads (or a number past 2^63, which Docker would mangle).
pub fn ram_in_bytes(text: &str) -> Result<Bytes, String> {
    let invalid = || format!("invalid size: '{text}'");
    // As go-units ≥0.5 does it: the number ends at the last digit, dot or space; one space may stand before the suffix.
    let last = text
        .rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')
        .ok_or_else(invalid)?;
    let (number, suffix) = text.split_at(last + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let shift = shift(&suffix.to_ascii_lowercase()).ok_or_else(|| format!("invalid suffix: '{suffix}'"))?;

    if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
        return bytes
            .filter(|n| i64::try_from(*n).is_ok())
            .map(Bytes)
            .ok_or_else(invalid);
    }
    // Letters are an exponent at most: Rust also reads "inf" and "nan", which no one means.
    if number.contains(|c: char| c.is_ascii_alphabetic() && !c.eq_ignore_ascii_case(&'e')) {
        return Err(invalid());
    }
    let value = number.parse::<f64>().map_err(|_| invalid())? * (1u64 << shift) as f64;
    match value {
        v if v < 0.0 || v.is_nan() || v >= i64::MAX as f64 => Err(invalid()),
        v => Ok(Bytes(v as u64)),
    }
}

/// The power of two that a lower-cased suffix stands for: an optional unit, then `b`, `ib` or (18.09 to 20.10) `i`.
fn shift(suffix: &str) -> Option<u32> {
    let (unit, rest) = match suffix.bytes().next() {
        Some(b'k') => (10, &suffix[1..]),
        Some(b'm') => (20, &suffix[1..]),
        Some(b'g') => (30, &suffix[1..]),
        Some(b't') => (40, &suffix[1..]),
        Some(b'p') => (50, &suffix[1..]),
        _ => (0, suffix),
    };
    matches!(rest, "" | "b" | "ib" | "i").then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_size_that_some_docker_reads() {
        const G: u64 = Bytes::GIB;
        for (text, bytes) in [
            ("300G", 300 * G),
            ("300g", 300 * G),
            ("300GB", 300 * G),
            ("50g", 50 * G),
            ("1073741824", G),
            ("0", 0),
            ("64K", 65536),
            ("10 GB", 10 * G),
            ("1.5T", 1536 * G),
            ("10GiB", 10 * G),
            ("10Gi", 10 * G),
            (".5G", G / 2),
            ("5.G", 5 * G),
            ("1e3G", 1000 * G),
            ("1E1", 10),
            ("+5G", 5 * G),
            ("10iB", 10),
            ("10 ", 10),
            ("12B", 12),
            ("1P", 1 << 50),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(ram_in_bytes(text), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn sizes_no_docker_reads() {
        for text in [
            "",
            " ",
            "G",
            "-5G",
            "10E",
            "100%",
            "1.5.3",
            "1.5.3G",
            "10  GB",
            " 10G",
            "10G ",
            "1 0G",
            "10GBB",
            "10GBi",
            "0x10G",
            "inf G",
            "nan ",
            "1_0G",
            "9223372036854775808",
            "8192P",
            "99999999999999999999",
            "1e400G",
            "10К",
            "١G",
        ] {
            assert!(ram_in_bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn errors_are_dockers_words() {
        assert_eq!(ram_in_bytes("G"), Err("invalid size: 'G'".into()));
        assert_eq!(ram_in_bytes("10E"), Err("invalid suffix: 'E'".into()));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = ram_in_bytes(&text);
        }

        #[test]
        fn plain_numbers_are_exact(n in 0..=i64::MAX as u64) {
            prop_assert_eq!(ram_in_bytes(&n.to_string()), Ok(Bytes(n)));
        }
    }
}
