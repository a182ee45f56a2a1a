//! Values that have the right type and are wrong all the same.

use crate::model::Settings;
use std::time::Duration;

/// What the types cannot say.
pub(super) fn validate(settings: &Settings) -> Result<(), String> {
    let percent = |name: &str, value: u8, range: std::ops::RangeInclusive<u8>| match range.contains(&value) {
        true => Ok(()),
        false => Err(format!(
            "{name}: {value} is not a percentage from {} to {}",
            range.start(),
            range.end()
        )),
    };
    // 0 switches the growth of a device off.
    percent("data.below_free_percent", settings.data.below_free_percent, 0..=100)?;
    percent(
        "metadata.below_free_percent",
        settings.metadata.below_free_percent,
        0..=100,
    )?;
    percent("data.step_percent", settings.data.step_percent, 1..=100)?;
    percent("metadata.step_percent", settings.metadata.step_percent, 1..=100)?;
    percent("host.reserve_percent", settings.host.reserve_percent, 0..=90)?;
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
