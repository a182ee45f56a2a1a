//! `Bytes`: an amount of storage, counted in bytes and shown in binary units.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// An amount of storage in bytes. Displays in the largest binary unit that keeps it readable: `1.17 GiB`, `64 KiB`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// One device-mapper sector: 512 bytes, whatever the disk's own sector size is.
    pub const SECTOR: u64 = 512;
    /// One kibibyte in bytes.
    pub const KIB: u64 = 1 << 10;
    /// One mebibyte in bytes.
    pub const MIB: u64 = 1 << 20;
    /// One gibibyte in bytes.
    pub const GIB: u64 = 1 << 30;

    /// `gib` gibibytes.
    pub const fn gib(gib: u64) -> Self {
        Bytes(gib * Self::GIB)
    }

    /// `mib` mebibytes.
    pub const fn mib(mib: u64) -> Self {
        Bytes(mib * Self::MIB)
    }

    /// `percent` hundredths of this amount, rounded down, without overflow.
    pub const fn percent(self, percent: u8) -> Self {
        Bytes((self.0 as u128 * percent as u128 / 100) as u64)
    }

    /// This amount less `other`, never below zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Bytes(self.0.saturating_sub(other.0))
    }

    /// This amount and `other`, never past the largest number.
    pub const fn saturating_add(self, other: Self) -> Self {
        Bytes(self.0.saturating_add(other.0))
    }

    /// What this amount a second comes to in `time`, never past the largest number.
    pub const fn times(self, time: Duration) -> Self {
        let bytes = (self.0 as u128).saturating_mul(time.as_millis()) / 1000;
        match bytes > u64::MAX as u128 {
            true => Bytes(u64::MAX),
            false => Bytes(bytes as u64),
        }
    }

    /// This amount rounded down to a multiple of `unit` bytes; unchanged if `unit` is 0.
    pub const fn round_down(self, unit: u64) -> Self {
        match unit {
            0 => self,
            _ => Bytes(self.0 - self.0 % unit),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let power = ((63 - self.0.leading_zeros()) / 10) as usize;
        let value = self.0 as f64 / 1024f64.powi(power as i32);
        let decimals = match value {
            v if v.fract() == 0.0 || v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.decimals$} {}", UNITS[power - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_binary_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (64 * Bytes::KIB, "64 KiB"),
            (1200 * Bytes::MIB, "1.17 GiB"),
            (100 * Bytes::GIB, "100 GiB"),
            (12 * Bytes::GIB + 512 * Bytes::MIB, "12.5 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn percent_does_not_overflow() {
        assert_eq!(Bytes(u64::MAX).percent(100), Bytes(u64::MAX));
        assert_eq!(Bytes(199).percent(50), Bytes(99));
        assert_eq!(Bytes(7).times(Duration::from_millis(1500)), Bytes(10));
        assert_eq!(Bytes(u64::MAX).times(Duration::MAX), Bytes(u64::MAX));
    }
}
