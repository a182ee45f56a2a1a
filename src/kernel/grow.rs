//! Growing a live pool: the file, its loop device, the pool's table, in steps that may be cut off anywhere and run again.
//!
//! The order is: lock, look and refuse, lengthen the file, make its size durable, tell the loop device, look and refuse again, load,
//! resume.
//! Until the `resume` nothing that the pool uses has changed; the `resume` suspends, swaps and resumes inside one ioctl (law 4);
//! after it all is done. Whoever dies in between leaves a longer file, a longer loop device or a loaded table that waits, all of
//! which the next run takes up. Nothing here shrinks: the file is only lengthened, and every word of the live table is kept (law 5).
//! Of a data file that is longer the pool gets what was ordered (law 7).

mod offline;
mod rescue;
mod steps;
mod store;
#[cfg(test)]
mod tests;
mod volume;

pub use offline::lengthen_offline;
pub use rescue::{ResumeOrder, resume_if_suspended};
pub use steps::Step;
pub use volume::{ExtendOrder, extend};

use super::dm::{Control, Info, TargetLine};
use super::thin_pool::{self, Active, METADATA_BLOCK_BYTES, METADATA_FOR_GROWTH, Status, Table, same_params};
use crate::model::{Bytes, Mode, Target};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
pub(super) use store::DeedLock;
use store::LoopFile;

/// What to grow, and what was seen when that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowOrder {
    /// The pool's device-mapper name.
    pub pool: String,
    /// Which of its two devices.
    pub target: Target,
    /// The file below that device. It must be the very file that the kernel has attached.
    pub file: String,
    /// The loop device on that file, `loop0`. It must be the very device that the pool's table names.
    pub loop_device: String,
    /// Size wanted for the device; rounded down to whole blocks of the device (the pool's for data, 4096 bytes for metadata).
    pub to: Bytes,
    /// Parameters of the pool's table as the judge saw them. With any other table nothing is done.
    pub expect_params: String,
    /// `/dev/mapper/control`
    pub dm_control: PathBuf,
    /// The directory of the loop devices, `/dev`.
    pub dev: PathBuf,
    /// The lock that lets one deed run at a time, `/run/thinguard/deed.lock`. Its directory is made if it is missing.
    pub lock: PathBuf,
}

impl GrowOrder {
    /// Length in sectors of the table to load in the place of one of `live` sectors, for a device of such blocks.
    fn table_length(&self, live: u64, block_bytes: u64) -> u64 {
        match self.target {
            // Not the whole file: a longer one was lengthened by someone else, or by a growth that died when there was more room.
            // Only the order was held against room and cap (law 7); a later one takes the rest. An order of no more than is live
            // completes what an earlier run began, and a live length that is not whole blocks stays what it is (law 5).
            Target::Data => live.max(self.to.round_down(block_bytes).0 / Bytes::SECTOR),
            // The kernel finds the metadata device's new size by itself at a resume, if a table is loaded, and takes all of it
            // (maybe_resize_metadata_dev). The loop device is as long as its file, so a file longer than ordered is taken whole. That
            // cannot be helped: no file is shortened (law 5), and a size limit of the loop device would be in the way of the next
            // growth. The kernel takes 16 GiB at the most, and writes none of it before the metadata need it.
            Target::Metadata => live,
        }
    }
}

/// Sizes around a growth that the kernel accepted. Only a fresh status shows whether it came to be (law 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowReport {
    /// The file, before.
    pub file_size_before: Bytes,
    /// The file, after.
    pub file_size_after: Bytes,
    /// The pool's table in sectors of 512 bytes, before.
    pub table_length_before: u64,
    /// The pool's table, after. Growth of the metadata device leaves it as it is.
    pub table_length_after: u64,
    /// A table was waiting to be resumed: an earlier grower died between its load and its resume. It was replaced.
    pub inactive_table_found: bool,
}

/// What growth needs of device-mapper. There is no `suspend`.
pub(crate) trait Mapper {
    fn info(&self, pool: &str) -> Result<Info>;
    fn status(&self, pool: &str) -> Result<(Info, Vec<TargetLine>)>;
    fn table(&self, pool: &str) -> Result<(Info, Vec<TargetLine>)>;
    fn load(&self, pool: &str, table: &[TargetLine]) -> Result<()>;
    fn resume(&self, pool: &str) -> Result<()>;
    fn clear(&self, pool: &str) -> Result<()>;
}

impl Mapper for Control {
    fn info(&self, pool: &str) -> Result<Info> {
        Ok(Control::info(self, pool)?)
    }
    fn status(&self, pool: &str) -> Result<(Info, Vec<TargetLine>)> {
        Ok(Control::status(self, pool)?)
    }
    fn table(&self, pool: &str) -> Result<(Info, Vec<TargetLine>)> {
        Ok(Control::table(self, pool)?)
    }
    fn load(&self, pool: &str, table: &[TargetLine]) -> Result<()> {
        Ok(Control::load(self, pool, table)?)
    }
    fn resume(&self, pool: &str) -> Result<()> {
        Ok(Control::resume(self, pool)?)
    }
    fn clear(&self, pool: &str) -> Result<()> {
        Ok(Control::clear(self, pool)?)
    }
}

/// What growth needs of the file and the loop device on it.
pub(crate) trait Store {
    fn file_size(&self) -> Result<u64>;
    fn lengthen_file(&self, to: u64) -> Result<()>;
    fn make_size_durable(&self) -> Result<()>;
    fn tell_loop(&self) -> Result<()>;
    fn loop_size(&self) -> Result<u64>;
}

/// Grows one device of a live pool. Blocks for as long as the kernel does: run it in a child process with a deadline. Run it
/// again after any failure or death, and it completes what was begun.
///
/// # Errors
/// Where another deed runs, where what is found is not what was ordered (nothing has changed then), or where a step fails; the
/// text says which, and whether the pool does I/O.
pub fn grow(order: &GrowOrder) -> Result<GrowReport> {
    let _lock = DeedLock::take(&order.lock)?;
    let control = Control::open(&order.dm_control)?;
    procedure(order, &control, |device| {
        LoopFile::open(Path::new(&order.file), &order.dev, &order.loop_device, device)
    })
}

/// The live table line of the one thin pool that `lines` must hold.
pub(crate) fn only_pool<'a>(pool: &str, lines: &'a [TargetLine]) -> Result<&'a TargetLine> {
    match lines {
        [line] if line.kind == thin_pool::KIND && line.start == 0 => Ok(line),
        [] => bail!("'{pool}' has no live table"),
        _ => bail!("'{pool}' is not a thin pool alone"),
    }
}

/// The sequence itself, apart from the kernel. `open` gets the device number that the table names (`7:0`) and must refuse a
/// store on any other.
fn procedure<S: Store>(
    order: &GrowOrder,
    mapper: &dyn Mapper,
    open: impl FnOnce(&str) -> Result<S>,
) -> Result<GrowReport> {
    let pool = order.pool.as_str();
    // A pool that is suspended already is grown, and so resumed, all the same. A grower of ours that died after the kernel had refused
    // its table leaves it so, and the same step again must complete it (law 4); the lock says that none is at work. The judge orders no
    // growth of a pool that it sees suspended, since somebody may hold it; here one cannot be told from the other.
    let (info, lines) = mapper.table(pool)?;
    let live = only_pool(pool, &lines)?;
    ensure!(
        same_params(&live.params, &order.expect_params),
        "the table of '{pool}' has changed since it was judged: '{}' instead of '{}'",
        live.params.trim(),
        order.expect_params.trim()
    );
    let table = Table::parse(&live.params).map_err(anyhow::Error::msg)?;
    // A grower that died after the kernel had refused its table can have left it suspended; law 4 comes before the refusal.
    let refused = |refusal: anyhow::Error| match info.suspended {
        true => rescue::after(mapper, pool, live, refusal),
        false => refusal,
    };
    may_grow(order.target, mapper, pool).map_err(refused)?;
    let (device, block) = match order.target {
        Target::Data => (&table.data_device, table.block_sectors * Bytes::SECTOR),
        Target::Metadata => (&table.metadata_device, METADATA_BLOCK_BYTES),
    };
    let store = open(device)?;
    let before = store.file_size()?;
    lengthen(&store, before, order.to.round_down(block).0)?;

    let length = order.table_length(live.length, block);
    let sectors = store.loop_size()? / Bytes::SECTOR;
    ensure!(
        order.target == Target::Metadata || length <= sectors,
        "{} is smaller than the pool's table: {sectors} sectors instead of {length}",
        order.loop_device
    );
    unchanged(mapper, pool, &info, live).context("the pool was left as it is")?;
    // Nor may the pool have failed meanwhile: before 6.2 the kernel does not resume one that has, and our resume suspends it first
    // (19eb1650afeb, "dm thin: resume even if in FAIL mode"). I/O that would fail would hang then, for good.
    may_grow(order.target, mapper, pool)
        .context("the pool was left as it is")
        .map_err(refused)?;
    swap(mapper, pool, live, length)?;
    Ok(GrowReport {
        file_size_before: Bytes(before),
        file_size_after: Bytes(store.file_size()?),
        table_length_before: live.length,
        table_length_after: length,
        inactive_table_found: info.has_inactive_table,
    })
}

/// Refuses where the kernel would not grow, or where trying would do harm.
fn may_grow(target: Target, mapper: &dyn Mapper, pool: &str) -> Result<()> {
    let (_, lines) = mapper.status(pool)?;
    let status: Active = match Status::parse(&only_pool(pool, &lines)?.params).map_err(anyhow::Error::msg)? {
        Status::Active(active) => active,
        Status::Fail => bail!("'{pool}' has failed; its metadata must be repaired first"),
        Status::Error => bail!("the kernel cannot read the counts of '{pool}'; see its log"),
    };
    // The kernel would say yes and not grow (maybe_resize_data_dev).
    ensure!(
        !status.needs_check,
        "'{pool}' needs a check of its metadata before it can grow"
    );
    let full = status.metadata().is_exhausted();
    let scarce = status.metadata_total.saturating_sub(status.metadata_used) < METADATA_FOR_GROWTH;
    match target {
        // Recording more data blocks takes metadata blocks. Where none is free the attempt fails, and the kernel then marks
        // the metadata as needing an off-line check (metadata_operation_failed): worse than before.
        Target::Data => {
            ensure!(!scarce, "the metadata of '{pool}' are full; grow them before the data");
            ensure!(status.mode != Mode::Ro, "'{pool}' is read-only");
        }
        // From 5.0 on a pool whose metadata are full says `ro` too, and growing them is the cure.
        Target::Metadata => ensure!(
            status.mode != Mode::Ro || full,
            "'{pool}' is read-only, and not for want of metadata"
        ),
    }
    Ok(())
}

/// Makes file and loop device at least `to` bytes long.
fn lengthen(store: &impl Store, before: u64, to: u64) -> Result<()> {
    if before < to {
        store.lengthen_file(to)?;
    }
    // On a second run too: the first may have died just here. It must come before the pool learns of the new size, for the pool
    // writes that size into its metadata at once; after a power cut a file shorter than that cannot be activated ("pool target
    // too small"). This waits for the host's disk alone, never for the pool, and for no longer than the errand's deadline.
    store.make_size_durable()?;
    store.tell_loop()?;
    let size = store.loop_size()?;
    ensure!(
        size >= to,
        "the loop device is still only {} long, after its file was made {}",
        Bytes(size),
        Bytes(to)
    );
    Ok(())
}

/// Refuses where the pool is no longer as the first look found it. On a busy disk the file takes minutes, and the table to be swapped
/// in is made from that look: it would take back what somebody else has changed since (law 5), and its resume end what somebody has
/// begun. Nothing of the pool has changed yet, and the longer file is taken up by the growth that the next look plans.
fn unchanged(mapper: &dyn Mapper, pool: &str, before: &Info, live: &TargetLine) -> Result<()> {
    let (info, lines) = mapper.table(pool)?;
    let now = only_pool(pool, &lines)?;
    ensure!(
        now == live,
        "the table of '{pool}' has changed while its file was lengthened: '{} {}' instead of '{} {}'",
        now.length,
        now.params.trim(),
        live.length,
        live.params.trim()
    );
    // One that was suspended from the start is to be brought back.
    ensure!(
        before.suspended || !info.suspended,
        "somebody else has suspended '{pool}' while its file was lengthened"
    );
    // The first half of a reload; ours would throw it away.
    ensure!(
        before.has_inactive_table || !info.has_inactive_table,
        "somebody else has loaded a table into '{pool}' while its file was lengthened"
    );
    Ok(())
}

/// Puts a table of `length` sectors in the place of `live`, all else the same.
fn swap(mapper: &dyn Mapper, pool: &str, live: &TargetLine, length: u64) -> Result<()> {
    let longer = TargetLine { length, ..live.clone() };
    if let Err(error) = mapper.load(pool, &[longer]) {
        let error = error.context("the pool's table is as it was");
        // An earlier grower's table may still wait there; the next stranger's resume shall not put it to use.
        return Err(match mapper.clear(pool) {
            Ok(()) => error,
            Err(second) => anyhow!("{error:#}; and then: {second:#}"),
        });
    }
    mapper
        .resume(pool)
        .map_err(|error| rescue::after(mapper, pool, live, error))
        .context("the pool did not take its new table")
}
