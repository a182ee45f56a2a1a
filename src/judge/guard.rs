//! What is wrong with thinguard itself, and what it is at.

use crate::model::{Code, Finding, Seen, Snapshot};
use std::time::Duration;

/// The settings cannot be used, so a start was not judged.
pub fn settings_invalid(why: &str) -> Finding {
    Finding::warn(Code::SettingsInvalid, "thinguard.toml")
        .says(why)
        .at("/etc/thinguard.toml and /etc/thinguard.d")
        .next("correct it; 'thinguard preflight' shows the same")
}

/// The file with figures for Prometheus cannot be written.
pub fn metrics_not_written(path: &str, why: &str) -> Finding {
    Finding::warn(Code::MetricsNotWritten, path)
        .says(format!("the figures for Prometheus cannot be written to {path}: {why}"))
        .at("metrics.textfile")
        .next("make the directory one that root can write to, or change [metrics] textfile and run systemctl reload thinguard")
}

/// Nobody does what the other findings promise.
pub fn not_running(seen: &Snapshot, guarded: bool) -> Option<Finding> {
    (!guarded && matches!(seen.pool, Seen::Known(Some(_)))).then(|| {
        Finding::warn(Code::GuardNotRunning, "thinguard.service")
            .says("thinguard watch is not running; nobody grows the pool")
            .at("thinguard.service")
            .next("systemctl enable --now thinguard")
    })
}

/// A restart whose stop was ordered and whose start is still to come.
#[derive(Debug, Clone, Copy)]
pub struct Restarting<'a> {
    /// Docker's unit.
    pub unit: &'a str,
    /// The old daemon.
    pub main_pid: u32,
    /// How long ago the stop was ordered.
    pub ordered_ago: Duration,
    /// Where that is written down.
    pub intent: &'a str,
    /// How to call it off.
    pub call_off: &'a str,
    /// A guard runs.
    pub guarded: bool,
}

/// Docker is down, or about to be, by thinguard's own hand.
pub fn restarting(it: &Restarting<'_>) -> Finding {
    let by_whom = if it.guarded {
        ""
    } else {
        "; thinguard watch does not run, but the child that is at it may, and the next guard would finish it"
    };
    Finding::warn(Code::DaemonRestarting, it.unit)
        .says(format!(
            "thinguard ordered it to stop {} s ago and starts it again once its old daemon (process {}) is gone{by_whom}",
            it.ordered_ago.as_secs(),
            it.main_pid
        ))
        .at(it.intent)
        .next(format!("wait; {}", it.call_off))
}
