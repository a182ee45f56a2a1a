//! A pool that was left suspended is a dead host: the ways back to a pool that does I/O, from the mildest on.

use super::{DeedLock, Mapper, only_pool};
use crate::kernel::dm::{Control, TargetLine};
use crate::kernel::thin_pool::{Status, Table};
use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which pool to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeOrder {
    /// The pool's device-mapper name.
    pub pool: String,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
    /// See [`super::GrowOrder::lock`].
    pub lock: PathBuf,
}

/// Resumes a pool that is suspended, with the table that it has. Returns whether the pool was suspended. May block: run it in a child process
/// with a deadline.
///
/// # Errors
/// Where another deed runs, the pool is not there or has no table, a table waits in it that somebody has loaded, or it is still suspended
/// after all that can be tried.
pub fn resume_if_suspended(order: &ResumeOrder) -> Result<bool> {
    let _lock = DeedLock::take(&order.lock)?;
    let control = Control::open(&order.dm_control)?;
    if_suspended(&control, &order.pool)
}

pub(super) fn if_suspended(mapper: &dyn Mapper, pool: &str) -> Result<bool> {
    let (info, lines) = mapper.table(pool)?;
    if !info.suspended {
        return Ok(false);
    }
    // A grower of ours leaves none: the kernel takes its table out of the slot before it may refuse it.
    ensure!(
        !info.has_inactive_table,
        "a table waits in '{pool}' that somebody has loaded, and a resume would put it to use"
    );
    // A device without a live table is one that someone is just making: not ours.
    let live = only_pool(pool, &lines)?;
    bring_back(mapper, pool, live)?;
    Ok(true)
}

/// What to report after `error`, a step's failure that may have left the pool suspended: the error, and whether the pool does
/// I/O. `before` is the table line that was live before the step.
pub(super) fn after(mapper: &dyn Mapper, pool: &str, before: &TargetLine, error: anyhow::Error) -> anyhow::Error {
    match bring_back(mapper, pool, before) {
        Ok(()) => error.context(format!("'{pool}' does I/O")),
        Err(second) => anyhow!("{error:#}; and '{pool}' may still be suspended: {second:#}"),
    }
}

/// Makes the pool do I/O. Every step is harmless on a pool that runs.
fn bring_back(mapper: &dyn Mapper, pool: &str, before: &TargetLine) -> Result<()> {
    // A table that waits would be swapped in by the resume, and may be the very one that the target refuses. Should dropping it
    // fail, a resume with it is still better than none.
    let cleared = mapper.clear(pool);
    let plain = mapper.resume(pool);
    if runs(mapper, pool) {
        return Ok(());
    }
    // The swap is done before the target is asked (do_resume), so the live table can be the one that the target refuses to
    // resume with. The length that its metadata record is one that it takes: with it there is nothing to resize.
    let length = recorded_length(mapper, pool, before).unwrap_or(before.length);
    let safe = TargetLine {
        length,
        ..before.clone()
    };
    let shorter = mapper.load(pool, &[safe]).and_then(|()| mapper.resume(pool));
    if runs(mapper, pool) {
        return Ok(());
    }
    let errors = [
        ("clear", cleared),
        ("resume", plain),
        ("resume with the recorded length", shorter),
    ];
    let told: Vec<String> = errors
        .into_iter()
        .filter_map(|(step, result)| Some(format!("{step}: {:#}", result.err()?)))
        .collect();
    Err(anyhow!("{}", told.join("; ")).context("it could not be resumed"))
}

fn runs(mapper: &dyn Mapper, pool: &str) -> bool {
    mapper.info(pool).is_ok_and(|info| !info.suspended)
}

/// Sectors of the data device as the pool's metadata record them.
fn recorded_length(mapper: &dyn Mapper, pool: &str, before: &TargetLine) -> Result<u64> {
    let (_, lines) = mapper.status(pool)?;
    let status = Status::parse(&only_pool(pool, &lines)?.params).map_err(anyhow::Error::msg)?;
    let table = Table::parse(&before.params).map_err(anyhow::Error::msg)?;
    let Status::Active(active) = status else {
        return Err(anyhow!("'{pool}' does not tell its size"));
    };
    let length = active
        .data_total
        .checked_mul(table.block_sectors)
        .context("the pool's size is not a number of sectors")?;
    ensure!(length > 0, "the metadata of '{pool}' record no data block");
    Ok(length)
}
