//! The pool that is gone below a daemon that was seen with it.

use super::Case;
use crate::model::{Code, Finding};
use std::time::Duration;

/// A daemon that stops removes its pool, and what is known of its unit may be some seconds old: twice as long as the unit's state is
/// kept (`observe`, five seconds) tells the one from the other.
const GONE_FOR: Duration = Duration::from_secs(10);

/// The pool was taken away below a daemon that still runs: its containers have no storage any more.
pub(super) fn judge(case: Case<'_>) -> Option<Finding> {
    // Which pool is Docker's is told by the look at the files; without it, none that was found is no proof.
    case.seen.host.known()?;
    let unit = case.seen.daemon.unit.known().filter(|unit| unit.is_steady())?;
    let name = case.memory.pool_lost_by(unit.main_pid, GONE_FOR, case.now)?;
    Some(
        Finding::refuse(Code::PoolVanished, name)
            .says(format!(
                "the pool is no longer there, and {} (process {}) that used it still runs",
                unit.name, unit.main_pid
            ))
            .at(format!("/dev/mapper/{name}"))
            .next(format!(
                "see what stands in its place (dmsetup table {name}) and who removed it; Docker makes the pool \
                 anew from its files at its next start"
            )),
    )
}
