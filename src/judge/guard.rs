//! What is wrong with thinguard itself, and what it is at.

use crate::model::{Code, Finding, Snapshot};
use std::time::Duration;

/// A mistake in the settings.
pub fn settings_invalid(why: &str) -> Finding {
    Finding::warn(Code::SettingsInvalid, "thinguard.toml")
        .says(why)
        .at("/etc/thinguard.toml and /etc/thinguard.d")
        .next("correct it; 'thinguard settings' checks the files")
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
    (!guarded && seen.pool().is_some()).then(|| {
        Finding::warn(Code::GuardNotRunning, "thinguard.service")
            .says("thinguard watch is not running; nobody grows the pool")
            .at("thinguard.service")
            .next("systemctl enable thinguard; systemctl start thinguard")
    })
}

/// Docker is down, or about to be, by thinguard's own hand: it ordered the stop of a unit and its daemon (`main_pid`) so long ago, wrote
/// that down in `intent`, and starts the unit again. `call_off` says how to keep it from that, `guarded` that a guard runs.
pub fn restarting(
    (unit, main_pid): (&str, u32),
    ordered_ago: Duration,
    intent: &str,
    call_off: &str,
    guarded: bool,
) -> Finding {
    let by_whom = if guarded {
        ""
    } else {
        "; thinguard watch does not run, but the child that is at it may, and the next guard would finish it"
    };
    Finding::warn(Code::DaemonRestarting, unit)
        .says(format!(
            "thinguard ordered it to stop {} s ago and starts it again once its old daemon (process {main_pid}) is gone{by_whom}",
            ordered_ago.as_secs()
        ))
        .at(intent)
        .next(format!("wait; {call_off}"))
}
