//! What only `status` finds: it looks once, and sees whether the guard is there.

use crate::act::restart::{self, RestartOrder};
use crate::model::{Finding, Seen, Severity, Snapshot};
use std::time::Duration;

/// Nobody has waited for long enough to call the daemon silent, but no answer for `patience` is no health. Where more is known of
/// the daemon already, that says it.
pub fn slow(seen: &Snapshot, found: &[Finding], patience: Duration) -> Option<Finding> {
    let waited = seen.daemon.info.silent_for().filter(|waited| *waited >= patience)?;
    let unit = seen.daemon.unit.known()?;
    let said = |finding: &Finding| finding.code.starts_with("daemon-") || finding.code.starts_with("hang-");
    (!found.iter().any(said)).then(|| Finding {
        code: "daemon-slow",
        severity: Severity::Warn,
        subject: unit.name.clone(),
        message: format!("/info has had no answer for {} s", waited.as_secs()),
        place: unit.name.clone(),
        remedy: "thinguard status again in a minute; journalctl -u thinguard tells what the guard makes of it".into(),
    })
}

/// Docker is down, or about to be, by thinguard's own hand, and its start is still to come.
pub fn restarting(order: &RestartOrder, guarded: bool, now: Duration) -> Finding {
    let by_whom = match guarded {
        true => "",
        false => "; thinguard watch does not run, but the child that is at it may, and the next guard would finish it",
    };
    Finding {
        code: "daemon-restarting",
        severity: Severity::Warn,
        subject: order.unit.clone(),
        message: format!(
            "thinguard ordered it to stop {} s ago and starts it again once its old daemon (process {}) is gone{by_whom}",
            now.saturating_sub(order.ordered_at).as_secs(),
            order.main_pid
        ),
        place: restart::intent_path(),
        remedy: format!("wait; {}", restart::how_to_call_off(order)),
    }
}

/// What the other findings promise is then not done by anyone.
pub fn not_running(seen: &Snapshot, guarded: bool) -> Option<Finding> {
    (!guarded && matches!(seen.pool, Seen::Known(Some(_)))).then(|| Finding {
        code: "guard-not-running",
        severity: Severity::Warn,
        subject: "thinguard.service".into(),
        message: "thinguard watch is not running; nobody grows the pool".into(),
        place: "thinguard.service".into(),
        remedy: "systemctl enable --now thinguard".into(),
    })
}
