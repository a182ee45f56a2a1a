//! The metrics themselves: names and units by Prometheus' conventions, what each means, and where its figures come from.

use super::{Family, Figures, Series, Type};
use crate::model::{ActiveState, Bytes, Code, Mode, Severity};
use crate::report::json::{Answers, HostReport, PoolReport, UsageReport};
use std::fmt::Display;
use std::time::Duration;

macro_rules! families {
    ($($kind:ident $name:literal $labels:tt: $help:literal, $series:expr;)*) => {
        /// Every metric, in the order in which they are written.
        pub const FAMILIES: &[Family] = &[
            $(Family {
                name: $name,
                kind: Type::$kind,
                labels: &$labels,
                help: $help,
                series: $series,
            },)*
        ];
    };
}

families! {
    Gauge "thinguard_build_info" ["version"]:
        "Always 1; the label has the version of thinguard.",
        |_| vec![marked(env!("CARGO_PKG_VERSION"), 1)];
    Gauge "thinguard_last_look_timestamp_seconds" []:
        "When the guard last looked, in seconds since 1970. If it stands still, the guard does not run.",
        |it| one(Some(seconds(it.looked_at)));
    Gauge "thinguard_stuck_errands" []:
        "Looks and deeds of the guard that have not come back in time.",
        |it| one(Some(it.stuck_errands));
    Gauge "thinguard_finding" ["code", "severity"]:
        "1 for each code of which something is wrong now; severity is note, warn or refuse, the worst. See thinguard explain.",
        findings;
    Gauge "thinguard_pool_active" []:
        "1 if there is an active thin pool of Docker, 0 if there is none.",
        |it| one(it.pool.known().map(|pool| truth(pool.is_some())));
    Gauge "thinguard_pool_info" ["pool"]:
        "Always 1; the label has the pool's device-mapper name.",
        |it| pool(it).map_or_else(Vec::new, |pool| vec![marked(&pool.name, 1)]);
    Gauge "thinguard_pool_mode" ["mode"]:
        "1 for the mode that the pool is in, 0 for the others.",
        modes;
    Gauge "thinguard_pool_needs_check" []:
        "1 if the pool's metadata must be repaired off line.",
        |it| one(pool(it).map(|pool| truth(pool.needs_check)));
    Gauge "thinguard_pool_suspended" []:
        "1 if the pool is suspended and all I/O to it waits.",
        |it| one(pool(it).map(|pool| truth(pool.suspended)));
    Gauge "thinguard_pool_data_used_bytes" []:
        "Bytes of the pool's data device in use.",
        |it| one(data(it).map(|data| data.used_bytes.0));
    Gauge "thinguard_pool_data_size_bytes" []:
        "Size of the pool's data device in bytes.",
        |it| one(data(it).map(|data| data.total_bytes.0));
    Gauge "thinguard_pool_metadata_used_bytes" []:
        "Bytes of the pool's metadata device in use, the kernel's reserve included.",
        |it| one(metadata(it).map(|metadata| metadata.used_bytes.0));
    Gauge "thinguard_pool_metadata_size_bytes" []:
        "Size of the pool's metadata device in bytes.",
        |it| one(metadata(it).map(|metadata| metadata.total_bytes.0));
    Gauge "thinguard_host_free_bytes" []:
        "Free bytes of the filesystem below the pool's files, or of its volume group.",
        |it| one(host(it).map(|host| host.free_bytes.0));
    Gauge "thinguard_host_reserve_bytes" []:
        "Bytes of that free space that the settings leave alone.",
        |it| one(host(it).map(|host| host.reserve_bytes.0));
    Gauge "thinguard_headroom_bytes" []:
        "Bytes that containers can still write: the pool's free blocks, or what the host can give if that is less.",
        |it| one(pool(it).and_then(|pool| pool.headroom_bytes).map(|bytes| bytes.0));
    Gauge "thinguard_overcommit_bytes" []:
        "Bytes that the pool promises beyond what the host has.",
        |it| one(pool(it).and_then(|pool| pool.overcommit_bytes).map(|bytes| bytes.0));
    Gauge "thinguard_fill_bytes_per_second" ["device"]:
        "How fast data, metadata and the host fill, smoothed.",
        |it| of_devices([data(it).and_then(rate), metadata(it).and_then(rate), it.host.0.map(|rate| rate.0)]);
    Gauge "thinguard_full_seconds" ["device"]:
        "Seconds until each is full at its present size and rate, the host down to its reserve; absent while that is more than a day.",
        |it| of_devices([data(it).and_then(|it| it.full_in_s), metadata(it).and_then(|it| it.full_in_s), it.host.1]);
    Counter "thinguard_growths_total" ["device"]:
        "Growths of each device that a fresh look bore out, since the host booted.",
        |it| of_devices([Some(it.done.data_growths), Some(it.done.metadata_growths), None]);
    Gauge "thinguard_docker_up" []:
        "1 if systemd calls Docker's unit active.",
        |it| one(it.daemon.active_state.map(|state| truth(state == ActiveState::Active)));
    Gauge "thinguard_docker_answers" []:
        "1 if Docker answers GET /info, 0 if it refuses or is silent for too long; absent while that is not known.",
        |it| one(match it.daemon.answers {
            Answers::Yes => Some(truth(true)),
            Answers::No => Some(truth(false)),
            Answers::Unknown => None,
        });
    Gauge "thinguard_docker_info_seconds" []:
        "What Docker's newest answer to GET /info took; absent while it is asked in vain.",
        |it| one(it.info_took.map(seconds));
    Gauge "thinguard_docker_stuck_tasks" []:
        "Tasks of Docker's unit in D state.",
        |it| one(it.tasks_known.then_some(it.daemon.stuck_tasks.len()));
    Counter "thinguard_restarts_total" []:
        "Restarts of Docker by the guard since the host booted, whatever came of them.",
        |it| one(Some(it.done.restarts));
    Gauge "thinguard_restarts_left" []:
        "Restarts of Docker that the guard's budget still allows.",
        |it| one(Some(it.restarts_left));
}

fn pool<'a>(it: &'a Figures<'_>) -> Option<&'a PoolReport> {
    it.pool.known().and_then(Option::as_ref)
}

fn data<'a>(it: &'a Figures<'_>) -> Option<&'a UsageReport> {
    pool(it).and_then(|pool| sized(&pool.data))
}

fn metadata<'a>(it: &'a Figures<'_>) -> Option<&'a UsageReport> {
    pool(it).and_then(|pool| sized(&pool.metadata))
}

/// A pool that has failed tells no figures.
fn sized(usage: &UsageReport) -> Option<&UsageReport> {
    Some(usage).filter(|usage| usage.total_bytes > Bytes(0))
}

fn host<'a>(it: &'a Figures<'_>) -> Option<&'a HostReport> {
    pool(it)?.host.as_ref()
}

fn rate(usage: &UsageReport) -> Option<u64> {
    usage.fill_bytes_per_s.map(|rate| rate.0)
}

fn truth(is_so: bool) -> u8 {
    is_so.into()
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// A series without labels.
fn one(value: Option<impl Display>) -> Vec<Series> {
    let series = |value| Series {
        labels: Vec::new(),
        value,
    };
    value.map(|it| series(it.to_string())).into_iter().collect()
}

/// A series with one label.
fn marked(label: &str, value: u64) -> Series {
    Series {
        labels: vec![label.to_owned()],
        value: value.to_string(),
    }
}

/// Figures of data, metadata and host.
fn of_devices(values: [Option<u64>; 3]) -> Vec<Series> {
    ["data", "metadata", "host"]
        .into_iter()
        .zip(values)
        .filter_map(|(device, value)| Some(marked(device, value?)))
        .collect()
}

fn modes(it: &Figures<'_>) -> Vec<Series> {
    let Some(mode) = pool(it).and_then(|pool| pool.mode) else {
        return Vec::new();
    };
    [
        ("rw", Mode::Rw),
        ("out_of_data_space", Mode::OutOfDataSpace),
        ("ro", Mode::Ro),
        ("fail", Mode::Fail),
    ]
    .into_iter()
    .map(|(name, this)| marked(name, (this == mode).into()))
    .collect()
}

/// One series for each code: two pools or two findings under one name would be the same series twice, which no reader takes.
fn findings(it: &Figures<'_>) -> Vec<Series> {
    let mut worst: Vec<(Code, Severity)> = Vec::new();
    for finding in it.findings {
        match worst.iter_mut().find(|(code, _)| *code == finding.code) {
            Some((_, severity)) => *severity = finding.severity.max(*severity),
            None => worst.push((finding.code, finding.severity)),
        }
    }
    let word = |severity| match severity {
        Severity::Note => "note",
        Severity::Warn => "warn",
        Severity::Refuse => "refuse",
    };
    let series = |(code, severity): (Code, Severity)| Series {
        labels: vec![code.to_string(), word(severity).to_owned()],
        value: "1".to_owned(),
    };
    worst.into_iter().map(series).collect()
}
