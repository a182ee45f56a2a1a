//! What only `status` finds: it looks once, and sees whether the guard is there.

use crate::act::restart::{self, RestartOrder};
use crate::model::{Code, Finding, Seen, Snapshot};
use std::time::Duration;

/// Nobody has waited for long enough to call the daemon silent, but no answer for `patience` is no health. Where more is known of
/// the daemon already, that says it.
pub fn slow(seen: &Snapshot, found: &[Finding], patience: Duration) -> Option<Finding> {
    let waited = seen.daemon.info.silent_for().filter(|waited| *waited >= patience)?;
    let unit = seen.daemon.unit.known()?;
    (!found.iter().any(|finding| finding.code.is_about_daemon())).then(|| {
        Finding::warn(Code::DaemonSlow, &unit.name)
            .says(format!("/info has had no answer for {} s", waited.as_secs()))
            .at(&unit.name)
            .next("thinguard status again in a minute; journalctl -u thinguard tells what the guard makes of it")
    })
}

/// Docker is down, or about to be, by thinguard's own hand, and its start is still to come.
pub fn restarting(order: &RestartOrder, guarded: bool, now: Duration) -> Finding {
    let by_whom = match guarded {
        true => "",
        false => "; thinguard watch does not run, but the child that is at it may, and the next guard would finish it",
    };
    Finding::warn(Code::DaemonRestarting, &order.unit)
.says(format!(
            "thinguard ordered it to stop {} s ago and starts it again once its old daemon (process {}) is gone{by_whom}",
            now.saturating_sub(order.ordered_at).as_secs(),
            order.main_pid
        ))
.at(restart::intent_path())
.next(format!("wait; {}", restart::how_to_call_off(order)))
}

/// What the other findings promise is then not done by anyone.
pub fn not_running(seen: &Snapshot, guarded: bool) -> Option<Finding> {
    (!guarded && matches!(seen.pool, Seen::Known(Some(_)))).then(|| {
        Finding::warn(Code::GuardNotRunning, "thinguard.service")
            .says("thinguard watch is not running; nobody grows the pool")
            .at("thinguard.service")
            .next("systemctl enable --now thinguard")
    })
}
