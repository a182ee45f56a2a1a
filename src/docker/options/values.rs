//! The values that options take: text in, what dockerd makes of it out.

use crate::docker::go::go_bool;

/// Exactly these two, in lower case (moby `deviceset.go`, `dm.fs`).
pub(super) fn filesystem(value: &str) -> Result<String, String> {
    match value {
        "ext4" | "xfs" => Ok(value.to_owned()),
        _ => Err(format!("devmapper: Unsupported filesystem {value}")),
    }
}

pub(in crate::docker) fn switch(value: &str) -> Result<bool, String> {
    go_bool(value).ok_or_else(|| format!("strconv.ParseBool: parsing {value:?}: invalid syntax"))
}

/// Go's `strconv.ParseUint(value, 10, bits)`: digits only, no sign.
pub(super) fn go_uint(value: &str, bits: u32) -> Result<u64, String> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    match value.parse::<u64>() {
        Ok(number) if digits && (bits == 64 || number >> bits == 0) => Ok(number),
        _ if digits => Err(format!("strconv.ParseUint: parsing {value:?}: value out of range")),
        _ => Err(format!("strconv.ParseUint: parsing {value:?}: invalid syntax")),
    }
}

/// `dm.min_free_space`: one `%` at the end, below 100 (moby v20.10.27 `deviceset.go:2734-2749`).
pub(super) fn percent(value: &str) -> Result<u8, String> {
    let number = value
        .strip_suffix('%')
        .ok_or("devmapper: Option dm.min_free_space requires % suffix")?;
    match u8::try_from(go_uint(number, 32)?) {
        Ok(percent) if percent < 100 => Ok(percent),
        _ => Err(format!("devmapper: Invalid value {value} for option dm.min_free_space")),
    }
}

/// `dm.thinp_*`: the `%` is optional (moby v20.10.27 `deviceset.go:2760-2800`).
pub(super) fn thinp(key: &str, value: &str) -> Result<u64, String> {
    let number = go_uint(value.strip_suffix('%').unwrap_or(value), 32)
        .map_err(|why| format!("could not parse `{key}={value}`: {why}"))?;
    let limit = if key.contains("autoextend") { 100 } else { 99 };
    match number <= limit {
        true => Ok(number),
        false => Err(format!("{key} must be greater than 0 and less than 100")),
    }
}

/// `dm.libdm_log_level`: `strconv.ParseInt`, 2 to 7.
pub(super) fn log_level(value: &str) -> Result<(), String> {
    let number = value.strip_prefix(['+', '-']).unwrap_or(value);
    let level = match value.parse::<i32>() {
        Ok(level) if number.bytes().all(|b| b.is_ascii_digit()) => level,
        _ => {
            return Err(format!(
                "could not parse `dm.libdm_log_level={value}`: strconv.ParseInt: parsing {value:?}: invalid syntax"
            ));
        }
    };
    match (2..=7).contains(&level) {
        true => Ok(()),
        false => Err("dm.libdm_log_level must be in range [2,7]".into()),
    }
}
