//! Version numbers as Docker, its packagers and `dockerd --version` write them. Pure.

use super::Version;

/// Longest version text that is taken for one: `5:24.0.9-1~ubuntu.22.04~jammy` has 29 characters.
pub const LONGEST: usize = 64;

/// The upstream version in a text that starts with it: `20.10.24+dfsg1`, `17.06.2-ce`, `18.09.9ce`, `18.06.1.ce`,
/// `5:18.09.0~3-0~debian-stretch`. `None` for anything else, and for a version that is not a release (`23.0.0-rc.1`,
/// `1.13.0-dev`): its rules may be those of either side.
pub fn version(text: &str) -> Option<Version> {
    if text.len() > LONGEST {
        return None;
    }
    let text = match text.split_once(':') {
        Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|c| c.is_ascii_digit()) => rest,
        Some(_) => return None,
        None => text,
    };
    let (major, rest) = number(text)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let (patch, tail) = number(rest.strip_prefix('.')?)?;
    let unreleased = words(tail).any(|word| matches!(word, "rc" | "beta" | "alpha" | "dev" | "tp" | "pre"));
    (!unreleased).then_some(Version::new(major, minor, patch))
}

/// The words of what stands behind the numbers: `ce` of `-ce`, `el` and `centos` of `-el7.centos`.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
}

/// The version text of what `dockerd --version` prints: `Docker version 20.10.24+dfsg1, build 297e128` (moby v1.10.3
/// `docker/docker.go`, v18.09.0 `cli/cobra.go`).
pub fn said(output: &str) -> Option<&str> {
    let line = output.lines().find_map(|line| line.strip_prefix("Docker version "))?;
    let (text, _) = line.split_once(", build ")?;
    is_version_text(text).then_some(text)
}

/// Whether these are characters of a version, and not too many.
pub fn is_version_text(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'+' | b'~' | b':' | b'_'))
}

fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests;
