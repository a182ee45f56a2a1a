//! The metrics themselves: names and units by Prometheus' conventions, what each means, and where its figures come from.

use super::{Family, Figures, Series, Type, Value};
use crate::model::{ActiveState, Bytes, Code, Mode, Severity};
use crate::report::json::{Answers, HostReport, PoolReport, UsageReport};

/// Every metric, in the order in which they are written.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "thinguard_build_info",
        kind: Type::Gauge,
        labels: &["version"],
        help: "Always 1; the label has the version of thinguard.",
        series: |_| vec![marked("version", env!("CARGO_PKG_VERSION"), 1)],
    },
    Family {
        name: "thinguard_last_look_timestamp_seconds",
        kind: Type::Gauge,
        labels: &[],
        help: "When the guard last looked, in seconds since 1970. If it stands still, the guard does not run.",
        series: |it| one(Some(Value::Seconds(it.looked_at))),
    },
    Family {
        name: "thinguard_stuck_errands",
        kind: Type::Gauge,
        labels: &[],
        help: "Looks and deeds of the guard that have not come back in time.",
        series: |it| one(Some(Value::Whole(it.stuck_errands as u64))),
    },
    Family {
        name: "thinguard_finding",
        kind: Type::Gauge,
        labels: &["code", "severity"],
        help: "1 for each code of which something is wrong now; severity is note, warn or refuse, the worst. See thinguard explain.",
        series: findings,
    },
    Family {
        name: "thinguard_pool_active",
        kind: Type::Gauge,
        labels: &[],
        help: "1 if there is an active thin pool of Docker, 0 if there is none.",
        series: |it| one(it.pool.known().map(|pool| truth(pool.is_some()))),
    },
    Family {
        name: "thinguard_pool_info",
        kind: Type::Gauge,
        labels: &["pool"],
        help: "Always 1; the label has the pool's device-mapper name.",
        series: |it| pool(it).map_or_else(Vec::new, |pool| vec![marked("pool", &pool.name, 1)]),
    },
    Family {
        name: "thinguard_pool_mode",
        kind: Type::Gauge,
        labels: &["mode"],
        help: "1 for the mode that the pool is in, 0 for the others.",
        series: modes,
    },
    Family {
        name: "thinguard_pool_needs_check",
        kind: Type::Gauge,
        labels: &[],
        help: "1 if the pool's metadata must be repaired off line.",
        series: |it| one(pool(it).map(|pool| truth(pool.needs_check))),
    },
    Family {
        name: "thinguard_pool_suspended",
        kind: Type::Gauge,
        labels: &[],
        help: "1 if the pool is suspended and all I/O to it waits.",
        series: |it| one(pool(it).map(|pool| truth(pool.suspended))),
    },
    Family {
        name: "thinguard_pool_data_used_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Bytes of the pool's data device in use.",
        series: |it| one(data(it).map(|data| Value::Whole(data.used_bytes.0))),
    },
    Family {
        name: "thinguard_pool_data_size_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Size of the pool's data device in bytes.",
        series: |it| one(data(it).map(|data| Value::Whole(data.total_bytes.0))),
    },
    Family {
        name: "thinguard_pool_metadata_used_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Bytes of the pool's metadata device in use, the kernel's reserve included.",
        series: |it| one(metadata(it).map(|metadata| Value::Whole(metadata.used_bytes.0))),
    },
    Family {
        name: "thinguard_pool_metadata_size_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Size of the pool's metadata device in bytes.",
        series: |it| one(metadata(it).map(|metadata| Value::Whole(metadata.total_bytes.0))),
    },
    Family {
        name: "thinguard_host_free_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Free bytes of the filesystem below the pool's files, or of its volume group.",
        series: |it| one(host(it).map(|host| Value::Whole(host.free_bytes.0))),
    },
    Family {
        name: "thinguard_host_reserve_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Bytes of that free space that the settings leave alone.",
        series: |it| one(host(it).map(|host| Value::Whole(host.reserve_bytes.0))),
    },
    Family {
        name: "thinguard_headroom_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Bytes that containers can still write: the pool's free blocks, or what the host can give if that is less.",
        series: |it| bytes(pool(it).and_then(|pool| pool.headroom_bytes)),
    },
    Family {
        name: "thinguard_overcommit_bytes",
        kind: Type::Gauge,
        labels: &[],
        help: "Bytes that the pool promises beyond what the host has.",
        series: |it| bytes(pool(it).and_then(|pool| pool.overcommit_bytes)),
    },
    Family {
        name: "thinguard_fill_bytes_per_second",
        kind: Type::Gauge,
        labels: &["device"],
        help: "How fast data, metadata and the host fill, smoothed.",
        series: |it| {
            of_devices([
                data(it).and_then(rate),
                metadata(it).and_then(rate),
                it.host.0.map(|rate| rate.0),
            ])
        },
    },
    Family {
        name: "thinguard_full_seconds",
        kind: Type::Gauge,
        labels: &["device"],
        help: "Seconds until each is full at its present size and rate, the host down to its reserve; absent while that is more than a day.",
        series: |it| of_devices([data(it).and_then(time), metadata(it).and_then(time), it.host.1]),
    },
    Family {
        name: "thinguard_growths_total",
        kind: Type::Counter,
        labels: &["device"],
        help: "Growths of each device that a fresh look bore out, since the host booted.",
        series: |it| of_devices([Some(it.done.data_growths), Some(it.done.metadata_growths), None]),
    },
    Family {
        name: "thinguard_docker_up",
        kind: Type::Gauge,
        labels: &[],
        help: "1 if systemd calls Docker's unit active.",
        series: |it| one(it.daemon.active_state.map(|state| truth(state == ActiveState::Active))),
    },
    Family {
        name: "thinguard_docker_answers",
        kind: Type::Gauge,
        labels: &[],
        help: "1 if Docker answers GET /info, 0 if it refuses or is silent for too long; absent while that is not known.",
        series: |it| match it.daemon.answers {
            Answers::Yes => one(Some(truth(true))),
            Answers::No => one(Some(truth(false))),
            Answers::Unknown => Vec::new(),
        },
    },
    Family {
        name: "thinguard_docker_info_seconds",
        kind: Type::Gauge,
        labels: &[],
        help: "What Docker's newest answer to GET /info took; absent while it is asked in vain.",
        series: |it| one(it.info_took.map(Value::Seconds)),
    },
    Family {
        name: "thinguard_docker_stuck_tasks",
        kind: Type::Gauge,
        labels: &[],
        help: "Tasks of Docker's unit in D state.",
        series: |it| {
            one(it
                .tasks_known
                .then_some(Value::Whole(it.daemon.stuck_tasks.len() as u64)))
        },
    },
    Family {
        name: "thinguard_restarts_total",
        kind: Type::Counter,
        labels: &[],
        help: "Restarts of Docker by the guard since the host booted, whatever came of them.",
        series: |it| one(Some(Value::Whole(it.done.restarts))),
    },
    Family {
        name: "thinguard_restarts_left",
        kind: Type::Gauge,
        labels: &[],
        help: "Restarts of Docker that the guard's budget still allows.",
        series: |it| one(Some(Value::Whole(it.restarts_left.into()))),
    },
];

fn pool<'a>(it: &'a Figures<'_>) -> Option<&'a PoolReport> {
    it.pool.known().and_then(Option::as_ref)
}

/// A pool that has failed tells no figures.
fn data<'a>(it: &'a Figures<'_>) -> Option<&'a UsageReport> {
    pool(it)
        .map(|pool| &pool.data)
        .filter(|data| data.total_bytes > Bytes(0))
}

fn metadata<'a>(it: &'a Figures<'_>) -> Option<&'a UsageReport> {
    pool(it)
        .map(|pool| &pool.metadata)
        .filter(|metadata| metadata.total_bytes > Bytes(0))
}

fn host<'a>(it: &'a Figures<'_>) -> Option<&'a HostReport> {
    pool(it)?.host.as_ref()
}

fn rate(usage: &UsageReport) -> Option<u64> {
    usage.fill_bytes_per_s.map(|rate| rate.0)
}

fn time(usage: &UsageReport) -> Option<u64> {
    usage.full_in_s
}

fn truth(is_so: bool) -> Value {
    Value::Whole(is_so.into())
}

/// A series without labels.
fn one(value: Option<Value>) -> Vec<Series> {
    let series = |value| Series {
        labels: Vec::new(),
        value,
    };
    value.map(series).into_iter().collect()
}

fn bytes(value: Option<Bytes>) -> Vec<Series> {
    one(value.map(|bytes| Value::Whole(bytes.0)))
}

/// A series with one label.
fn marked(label: &'static str, text: &str, value: u64) -> Series {
    Series {
        labels: vec![(label, text.to_owned())],
        value: Value::Whole(value),
    }
}

/// Figures of data, metadata and host.
fn of_devices(values: [Option<u64>; 3]) -> Vec<Series> {
    ["data", "metadata", "host"]
        .into_iter()
        .zip(values)
        .filter_map(|(device, value)| Some(marked("device", device, value?)))
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
    .map(|(name, this)| marked("mode", name, (this == mode).into()))
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
    worst
        .into_iter()
        .map(|(code, severity)| {
            let severity = match severity {
                Severity::Note => "note",
                Severity::Warn => "warn",
                Severity::Refuse => "refuse",
            };
            Series {
                labels: vec![("code", code.to_string()), ("severity", severity.to_owned())],
                value: Value::Whole(1),
            }
        })
        .collect()
}
