//! Values that have the right type and are wrong all the same.

use crate::model::{Bytes, GrowthDefaults, GrowthSettings, Settings};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A step in bytes with one figure too many.
const LARGEST_STEP: Bytes = Bytes::gib(16 * 1024);

/// What has been written in a day says nothing of the next.
const LONGEST_STEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Docker's smallest pool is larger; less than this is a size without its unit.
const LEAST_CAP: Bytes = Bytes::mib(1);

/// A reserve in bytes with one figure too many.
const LARGEST_RESERVE: Bytes = Bytes::gib(64 * 1024);

/// What the types cannot say.
pub(super) fn validate(settings: &Settings) -> Result<(), String> {
    growth("data", &settings.data)?;
    growth("metadata", &settings.metadata)?;
    percent("host.reserve_percent", settings.host.reserve_percent, 0..=90)?;
    if settings.host.reserve_min > LARGEST_RESERVE {
        return Err(format!(
            "host.reserve_min: {} is too large; the most is {LARGEST_RESERVE}",
            settings.host.reserve_min
        ));
    }
    percent("lvm.reserve_percent", settings.lvm.reserve_percent, 0..=90)?;
    let (watch, restart) = (&settings.watch, &settings.restart);
    let least = Duration::from_millis(1);
    for (name, value, least) in [
        ("watch.interval", watch.interval, Duration::from_secs(1)),
        ("watch.look_deadline", watch.look_deadline, least),
        ("watch.silent_after", watch.silent_after, least),
        ("preflight.deadline", settings.preflight.deadline, least),
        ("restart.after_silence", restart.after_silence, least),
        ("restart.cool_down", restart.cool_down, least),
        ("restart.window", restart.window, least),
    ] {
        if value < least {
            return Err(format!("{name}: {value:?} is too short; the least is {least:?}"));
        }
    }
    let seldom = Duration::from_secs(60 * 60);
    if watch.interval > seldom {
        return Err(format!(
            "watch.interval: {:?} is too long; the most is {seldom:?}",
            watch.interval
        ));
    }
    // A round of the guard waits for two of them at the most, and systemd for 30 s for its heartbeat.
    let most = Duration::from_secs(10);
    if watch.look_deadline > most {
        return Err(format!(
            "watch.look_deadline: {:?} is too long; the most is {most:?}",
            watch.look_deadline
        ));
    }
    let docker = &settings.docker;
    let plain = |text: &str| !text.chars().any(char::is_control);
    let textfile = &settings.metrics.textfile;
    // node_exporter reads no other files of its directory.
    if !(textfile.is_empty() || textfile.starts_with('/') && textfile.ends_with(".prom") && plain(textfile)) {
        return Err(format!(
            "metrics.textfile: '{}' is not an absolute path that ends in .prom",
            textfile.escape_debug()
        ));
    }
    if !docker.unit.ends_with(".service") || docker.unit.contains('/') || !plain(&docker.unit) {
        return Err(format!(
            "docker.unit: '{}' is not the name of a service unit",
            docker.unit.escape_debug()
        ));
    }
    for (name, path) in [
        ("docker.socket", &docker.socket),
        ("docker.data_root", &docker.data_root),
    ] {
        let unset = name == "docker.data_root" && path.is_empty();
        if !(unset || path.starts_with('/') && plain(path)) {
            return Err(format!("{name}: '{}' is not an absolute path", path.escape_debug()));
        }
    }
    Ok(())
}

/// Growth that would never end, or could never begin.
fn growth<D: GrowthDefaults>(table: &str, settings: &GrowthSettings<D>) -> Result<(), String> {
    // 0 switches the growth of a device off. A pool that must be almost empty grows for ever: its reserve in the metadata and
    // Docker's base device alone take more than the rest.
    percent(
        &format!("{table}.below_free_percent"),
        settings.below_free_percent,
        0..=95,
    )?;
    percent(&format!("{table}.step_percent"), settings.step_percent, 1..=100)?;
    if settings.step_min > LARGEST_STEP {
        return Err(format!(
            "{table}.step_min: {} is too large; the most is {LARGEST_STEP}",
            settings.step_min
        ));
    }
    if settings.step_time > LONGEST_STEP {
        return Err(format!(
            "{table}.step_time: {:?} is too long; the most is {LONGEST_STEP:?}",
            settings.step_time
        ));
    }
    if settings.cap < LEAST_CAP {
        return Err(format!(
            "{table}.cap: {} is too small for any pool; the least is {LEAST_CAP}; below_free_percent = 0 switches growth off",
            settings.cap
        ));
    }
    Ok(())
}

fn percent(name: &str, value: u8, range: RangeInclusive<u8>) -> Result<(), String> {
    match range.contains(&value) {
        true => Ok(()),
        false => Err(format!(
            "{name}: {value} is not a percentage from {} to {}",
            range.start(),
            range.end()
        )),
    }
}
