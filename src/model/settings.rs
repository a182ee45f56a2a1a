//! `Settings`: what the operator may decide, with the defaults. Reading the files is `commands/settings.rs`.

mod cure;
mod metrics;
mod restart;

pub use cure::CureSettings;
pub use metrics::MetricsSettings;
pub use restart::{Allow, RestartSettings, When};

use super::Bytes;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// All settings of `/etc/thinguard.toml` and `/etc/thinguard.d/*.toml`. Every key is optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `[docker]`: whom to watch.
    pub docker: DockerSettings,
    /// `[data]`: when and how far to grow the data device.
    pub data: GrowthSettings<DataDefaults>,
    /// `[metadata]`: when and how far to grow the metadata device.
    pub metadata: GrowthSettings<MetadataDefaults>,
    /// `[host]`: what to leave on the filesystem that holds the pool's files.
    pub host: HostSettings,
    /// `[lvm]`: whether and how far to grow a pool of LVM's.
    pub lvm: LvmSettings,
    /// `[restart]`: when a restart of Docker is allowed.
    pub restart: RestartSettings,
    /// `[cure]`: what may be given up to end a hang that growth cannot end.
    pub cure: CureSettings,
    /// `[watch]`: pace and deadlines.
    pub watch: WatchSettings,
    /// `[evidence]`: what is gathered for those who look later.
    pub evidence: EvidenceSettings,
    /// `[metrics]`: what is told to a fleet's monitoring.
    pub metrics: MetricsSettings,
    /// `[preflight]`: what runs before Docker starts.
    pub preflight: PreflightSettings,
}

/// `[docker]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DockerSettings {
    /// systemd unit of the daemon.
    pub unit: String,
    /// Path of the daemon's API socket.
    pub socket: String,
    /// Docker's data root, where it is not to be learnt from its configuration. Empty: learn it.
    pub data_root: String,
}

/// Defaults that differ between `[data]` and `[metadata]`.
pub trait GrowthDefaults {
    /// See [`GrowthSettings::below_free_percent`].
    const BELOW_FREE_PERCENT: u8;
    /// See [`GrowthSettings::step_percent`].
    const STEP_PERCENT: u8;
    /// See [`GrowthSettings::step_min`].
    const STEP_MIN: Bytes;
    /// See [`GrowthSettings::step_time`].
    const STEP_TIME: Duration;
    /// See [`GrowthSettings::cap`].
    const CAP: Bytes;
}

/// Marks `[data]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataDefaults;

/// Marks `[metadata]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetadataDefaults;

impl GrowthDefaults for DataDefaults {
    const BELOW_FREE_PERCENT: u8 = 20;
    const STEP_PERCENT: u8 = 25;
    const STEP_MIN: Bytes = Bytes::gib(1);
    // A growth takes a fraction of a second, so once a minute is seldom. What a file was promised is never taken back.
    const STEP_TIME: Duration = Duration::from_secs(60);
    // A thin pool's data device has no limit of its own that a file would meet first; the host's room is the real cap.
    const CAP: Bytes = Bytes(i64::MAX as u64);
}

impl GrowthDefaults for MetadataDefaults {
    // Metadata that runs out ends in an off-line repair, so act earlier than for data.
    const BELOW_FREE_PERCENT: u8 = 40;
    const STEP_PERCENT: u8 = 100;
    const STEP_MIN: Bytes = Bytes::mib(16);
    // Metadata are small: ten minutes of the fastest writing are some hundred mebibytes.
    const STEP_TIME: Duration = Duration::from_secs(10 * 60);
    // The kernel uses no more: THIN_METADATA_MAX_SECTORS, drivers/md/dm-thin-metadata.h.
    const CAP: Bytes = Bytes(33_423_360 * Bytes::SECTOR);
}

/// `[data]` and `[metadata]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrowthSettings<D: GrowthDefaults> {
    /// Grow when less than this share of the device is free. 0 switches growth of this device off.
    pub below_free_percent: u8,
    /// Grow by this share of the present size …
    pub step_percent: u8,
    /// … but by no less than this …
    #[serde(deserialize_with = "size")]
    pub step_min: Bytes,
    /// … and by no less than what is written in this time at the rate seen. 0 leaves the rate out of it.
    #[serde(deserialize_with = "duration")]
    pub step_time: Duration,
    /// Never grow past this size.
    #[serde(deserialize_with = "size")]
    pub cap: Bytes,
    #[serde(skip)]
    defaults: std::marker::PhantomData<D>,
}

impl<D: GrowthDefaults> GrowthSettings<D> {
    /// No growth will ever come.
    pub fn is_off(&self) -> bool {
        self.below_free_percent == 0 || self.cap == Bytes(0)
    }
}

/// `[host]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Leave this share of the filesystem free …
    pub reserve_percent: u8,
    /// … and no less than this.
    #[serde(deserialize_with = "size")]
    pub reserve_min: Bytes,
}

/// `[lvm]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LvmSettings {
    /// Extend a pool of LVM's that runs low, where LVM does not extend it by itself.
    pub grow: bool,
    /// Leave this percentage of the volume group free when the data volume is extended; metadata may take from it.
    pub reserve_percent: u8,
}

/// `[watch]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// Longest rest between two looks at the pool. With little headroom the guard looks more often; at a daemon that answers at once
    /// a third as often.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// Time that one look at the kernel, a file or systemd may take before it counts as stuck.
    #[serde(deserialize_with = "duration")]
    pub look_deadline: Duration,
    /// The daemon counts as silent when `/info` is unanswered for this long.
    #[serde(deserialize_with = "duration")]
    pub silent_after: Duration,
    /// Rest after each deed before its effect is judged.
    #[serde(deserialize_with = "duration")]
    pub settle: Duration,
}

/// `[evidence]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSettings {
    /// When dockerd is asked, by SIGUSR1, to write down what it waits for.
    pub goroutine_dump: GoroutineDump,
}

/// `goroutine_dump`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoroutineDump {
    /// Never.
    Never,
    /// Of a daemon that is stuck on a cured pool: a restart is about to end it, and what it knows, anyway.
    #[default]
    BeforeRestart,
    /// Also of a daemon that is silent for another cause.
    WhenSilent,
}

/// `[preflight]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreflightSettings {
    /// Preflight gives up, and lets Docker start, after this time.
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
    /// Grow the pool's files before Docker starts where headroom is short.
    pub grow: bool,
}

impl Default for DockerSettings {
    fn default() -> Self {
        DockerSettings {
            unit: "docker.service".into(),
            socket: "/var/run/docker.sock".into(),
            data_root: String::new(),
        }
    }
}

impl<D: GrowthDefaults> Default for GrowthSettings<D> {
    fn default() -> Self {
        GrowthSettings {
            below_free_percent: D::BELOW_FREE_PERCENT,
            step_percent: D::STEP_PERCENT,
            step_min: D::STEP_MIN,
            step_time: D::STEP_TIME,
            cap: D::CAP,
            defaults: std::marker::PhantomData,
        }
    }
}

impl Default for HostSettings {
    fn default() -> Self {
        HostSettings {
            reserve_percent: 5,
            reserve_min: Bytes::gib(1),
        }
    }
}

impl Default for LvmSettings {
    fn default() -> Self {
        LvmSettings {
            grow: true,
            // Enough for the pool's metadata, whose exhaustion is worse than that of data.
            reserve_percent: 2,
        }
    }
}

impl Default for WatchSettings {
    fn default() -> Self {
        WatchSettings {
            interval: Duration::from_secs(15),
            look_deadline: Duration::from_secs(5),
            silent_after: Duration::from_secs(15),
            settle: Duration::from_secs(15),
        }
    }
}

impl Default for PreflightSettings {
    fn default() -> Self {
        PreflightSettings {
            deadline: Duration::from_secs(20),
            grow: true,
        }
    }
}

/// Reads `"20G"`, `"512 MiB"` (powers of 1024) or a plain number of bytes.
///
/// # Errors
/// Says what was expected, for the text that could not be read.
pub fn parse_size(text: &str) -> Result<Bytes, String> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => {
            return Err(format!(
                "'{text}' is not a size; write a whole number with K, M, G or T, such as 20G"
            ));
        }
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift))
        .map(Bytes)
        .ok_or_else(|| format!("'{text}' is not a size; write a whole number with K, M, G or T, such as 20G"))
}

/// Reads `"90s"`, `"15min"`, `"24h"`, `"500ms"` or a plain number of seconds.
///
/// # Errors
/// Says what was expected, for the text that could not be read.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let millis = match unit.trim() {
        "ms" => 1,
        "" | "s" | "sec" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => {
            return Err(format!(
                "'{text}' is not a time; write a whole number with ms, s, min, h or d, such as 90s"
            ));
        }
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("'{text}' is not a time; write a whole number with ms, s, min, h or d, such as 90s"))
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number or a text with a unit, such as 20 or \"20G\" or \"90s\""
)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(bytes) => Ok(Bytes(bytes)),
        NumberOrText::Text(text) => parse_size(&text).map_err(serde::de::Error::custom),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(seconds) => Ok(Duration::from_secs(seconds)),
        NumberOrText::Text(text) => parse_duration(&text).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("20G"), Ok(Bytes::gib(20)));
        assert_eq!(parse_size(" 512 MiB "), Ok(Bytes::mib(512)));
        assert_eq!(parse_size("0"), Ok(Bytes(0)));
        for bad in [
            "",
            "G",
            "-1G",
            "1.5G",
            "20X",
            "99999999999999999999",
            "18446744073709551615K",
            "2 0G",
        ] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("15min"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        for bad in ["", "s", "-5s", "1y", "1.5s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
