//! Which systemd reads the files: its version from the manager's own word or from the names of its files, and the versions
//! to try where it is not known. Pure.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A version of systemd, if it is known. Its grammars changed more than once; each rule names the version that brought it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version(Option<u16>);

/// The last version of each generation of systemd's grammars, oldest first. What changed behind each: empty words (223), `$$X`
/// (227), open quotes (228), `${X:-y}` (233), line ends in values (239), the file's open end (239), comments between the lines of a
/// unit (240), backslashes in values (241, 247), lines without `=` in a unit (243), control characters in values (248), comments
/// that end in a backslash (254). The rules name their sources.
const GENERATIONS: [u16; 13] = [219, 222, 226, 227, 232, 238, 239, 240, 242, 246, 247, 253, 257];

impl Version {
    /// Not known.
    pub const UNKNOWN: Version = Version(None);

    /// This version.
    pub const fn known(version: u16) -> Version {
        Version(Some(version))
    }

    /// The number, if it is known.
    pub fn number(self) -> Option<u16> {
        self.0
    }

    /// The versions whose readings count: the known one, or one of each generation. Where these do not agree, the reading
    /// is not certain. Of some versions the point releases took over a later one's rule (branches `v245-stable` to `v247-stable`):
    /// 245 and 246 that of 247 for backslashes, 247 that of 248 for control characters. RHEL 8's 239 did not, so 239 is itself.
    pub fn readings(self) -> Vec<u16> {
        match self.0 {
            Some(version @ (245 | 246)) => vec![version, 247],
            Some(247) => vec![247, 248],
            Some(version) => vec![version],
            None => GENERATIONS.to_vec(),
        }
    }

    /// From the manager's property `Version`: `219`, `systemd 219`, `252.22-1~deb12u1`, `v255.4`, `257~rc1`.
    pub fn from_manager(text: &str) -> Version {
        let text = text.trim();
        let text = text.strip_prefix("systemd ").unwrap_or(text).trim_start();
        plausible(text.strip_prefix('v').unwrap_or(text))
    }

    /// From the name of a file that every systemd installs: `libsystemd-shared-252.so` (231 and newer),
    /// `libsystemd.so.0.6.0` (any; the versions of that library are in `Makefile.am` and `meson.build` of each release), or
    /// of its directory of papers, `systemd-219` (EL7).
    pub fn from_file_name(name: &str) -> Version {
        if let Some(rest) = name.strip_prefix("libsystemd-shared-") {
            return plausible(rest);
        }
        if let Some(rest) = name.strip_prefix("systemd-") {
            return match rest.bytes().all(|b| b.is_ascii_digit()) {
                true => plausible(rest),
                false => Version::UNKNOWN,
            };
        }
        let Some(rest) = name.strip_prefix("libsystemd.so.0.") else {
            return Version::UNKNOWN;
        };
        let mut parts = rest.split('.').map(str::parse::<u16>);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(minor)), Some(Ok(patch)), None) => from_library(minor, patch),
            _ => Version::UNKNOWN,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "systemd {version}"),
            None => f.write_str("systemd of unknown version"),
        }
    }
}

/// The number that `text` begins with, if systemd can have that version: Docker has never run without systemd 183 or newer.
fn plausible(text: &str) -> Version {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text.get(..end).and_then(|digits| digits.parse().ok());
    Version(number.filter(|version| (183..1000).contains(version)))
}

/// `libsystemd.so.0.MINOR.PATCH`. Up to 223 and from 245 on each release has its own minor number; between, some share one
/// and differ in the last number (223 to 225; 234, 235; 243, 244).
fn from_library(minor: u16, patch: u16) -> Version {
    Version(match (minor, patch) {
        (10, 0..=2) => Some(223 + patch),
        (19, 0..=1) => Some(234 + patch),
        (27, 0..=1) => Some(243 + patch),
        (_, patch) if patch > 0 => None,
        (4, _) => Some(213),
        (6..=9, _) => Some(minor + 213),
        (11..=18, _) => Some(minor + 215),
        (20..=26, _) => Some(minor + 216),
        (28..=60, _) => Some(minor + 217),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_managers_word() {
        for (text, version) in [
            ("219", Some(219)),
            ("systemd 219", Some(219)),
            ("252.22-1~deb12u1", Some(252)),
            ("v255", Some(255)),
            ("v255.4-1.fc40", Some(255)),
            ("257~rc1", Some(257)),
            ("208", Some(208)),
            ("", None),
            ("v", None),
            ("7", None),
            ("99999999", None),
            ("UNKNOWN", None),
        ] {
            assert_eq!(Version::from_manager(text).number(), version, "{text}");
        }
    }

    /// The library's numbers as `Makefile.am` (219 to 234) and `meson.build` (235 to 256) of each tag have them.
    #[test]
    fn names_of_files() {
        let library = [
            (219, "6.0"),
            (220, "7.0"),
            (221, "8.0"),
            (222, "9.0"),
            (223, "10.0"),
            (224, "10.1"),
            (225, "10.2"),
            (226, "11.0"),
            (227, "12.0"),
            (228, "13.0"),
            (229, "14.0"),
            (230, "15.0"),
            (231, "16.0"),
            (232, "17.0"),
            (233, "18.0"),
            (234, "19.0"),
            (235, "19.1"),
            (236, "20.0"),
            (237, "21.0"),
            (238, "22.0"),
            (239, "23.0"),
            (240, "24.0"),
            (241, "25.0"),
            (242, "26.0"),
            (243, "27.0"),
            (244, "27.1"),
            (245, "28.0"),
            (246, "29.0"),
            (247, "30.0"),
            (248, "31.0"),
            (249, "32.0"),
            (250, "33.0"),
            (251, "34.0"),
            (252, "35.0"),
            (253, "36.0"),
            (254, "37.0"),
            (255, "38.0"),
            (256, "39.0"),
        ];
        for (version, numbers) in library {
            let name = format!("libsystemd.so.0.{numbers}");
            assert_eq!(Version::from_file_name(&name), Version::known(version), "{name}");
        }
        for (name, version) in [
            ("libsystemd-shared-252.so", Some(252)),
            ("libsystemd-shared-239.so", Some(239)),
            ("libsystemd-shared-255.4-1.fc40.so", Some(255)),
            ("libsystemd-shared-.so", None),
            ("libsystemd-shared.so", None),
            ("systemd-219", Some(219)),
            ("systemd-219-libs", None),
            ("systemd-libs-219", None),
            ("libsystemd.so.0", None),
            ("libsystemd.so.0.6", None),
            ("libsystemd.so.0.6.9", None),
            ("libsystemd.so.0.999.0", None),
            ("libudev.so.1.6.0", None),
        ] {
            assert_eq!(Version::from_file_name(name).number(), version, "{name}");
        }
    }

    #[test]
    fn readings() {
        for (version, readings) in [
            (219, &[219][..]),
            (239, &[239]),
            (246, &[246, 247]),
            (247, &[247, 248]),
            (252, &[252]),
        ] {
            assert_eq!(Version::known(version).readings(), readings);
        }
        let unknown = Version::UNKNOWN.readings();
        assert!(unknown.is_sorted() && unknown.first() == Some(&219));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}", numbers in "[0-9.]{0,12}") {
            Version::from_manager(&text);
            Version::from_file_name(&text);
            Version::from_file_name(&format!("libsystemd.so.0.{numbers}"));
            Version::from_file_name(&format!("libsystemd-shared-{numbers}.so"));
        }
    }
}
