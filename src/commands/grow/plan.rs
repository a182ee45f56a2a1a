//! What `thinguard grow` is to do, checked against the laws and told step by step.

use super::Size;
use crate::act::{self, Order};
use crate::commands::reports;
use crate::judge::growth::{self, Need};
use crate::judge::lvm;
use crate::judge::rate::Fill;
use crate::kernel::superblock::MAX_METADATA;
use crate::model::{Bytes, Deed, Lvm, Mode, Pool, Seen, Settings, Snapshot, Target};
use crate::report::growth::Plan;
use crate::report::json::is_forbidden;
use anyhow::{Context, Result, anyhow, bail};

/// Checks the wish against the laws: only grow, only a healthy pool, only into room that exists.
pub fn wish(target: Target, size: Size, seen: &Snapshot, settings: &Settings) -> Result<Deed> {
    let pool: &Pool = match &seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => bail!(
            "no pool is active; while Docker is stopped, 'thinguard preflight' looks at the files, and dockerd itself takes the \
             full size of a longer file at its start"
        ),
        Seen::Unknown(why) if is_forbidden(why) => bail!("only root can grow the pool: {why}"),
        Seen::Unknown(why) => bail!("the pool cannot be seen: {why}"),
    };
    // From Linux 5.0 on a pool whose metadata are full says `ro`, and growing them is the cure.
    let ro_for_want_of_metadata = pool.mode == Mode::Ro && target == Target::Metadata && pool.metadata.is_exhausted();
    if pool.needs_check || (matches!(pool.mode, Mode::Ro | Mode::Fail) && !ro_for_want_of_metadata) {
        bail!(
            "{} must be repaired first (mode {}, needs_check {}); 'thinguard status' has the steps",
            pool.name,
            pool.mode,
            pool.needs_check
        );
    }
    let device = pool.device(target);
    let cap = match target {
        Target::Data => settings.data.cap,
        Target::Metadata => settings.metadata.cap,
    };
    let from = device.usage.total();
    let to = size.from(from).round_down(device.usage.block_bytes);
    if to <= from {
        bail!("the {target} device has {from} already; thinguard never shrinks anything");
    }
    within_the_kernels_limits(target, to, pool)?;
    if to > cap {
        bail!("{to} is more than the cap of the {target} device, {cap}");
    }
    let (room, below) = room_below(pool, target, seen, settings)?;
    let most = growth::honoured(&Need::of(pool, target, seen, &Fill::default(), settings), room);
    if to > most {
        let most = most.round_down(device.usage.block_bytes);
        bail!("{to} is more than {below}, so {most} at the most");
    }
    Ok(Deed::Grow { target, from, to })
}

/// Room for more of the device, and in words where it is: of a filesystem or a volume group, above its reserve.
fn room_below(pool: &Pool, target: Target, seen: &Snapshot, settings: &Settings) -> Result<(Bytes, String)> {
    match (&pool.lvm, seen.host_of(target)) {
        (Lvm::Asked(Seen::Known(said)), _) => {
            let (room, free) = (lvm::room(said, target, &settings.lvm), said.group_free);
            let below = format!(
                "the volume group {} can give: {free} free, {room} of it for {target}",
                said.group
            );
            Ok((room, below))
        }
        (Lvm::Asked(Seen::Unknown(why)), _) => bail!("LVM does not tell of {}: {why}", pool.name),
        (Lvm::NotAsked, _) => bail!("LVM was not asked about {}", pool.name),
        (Lvm::No, Err(why)) => bail!("room below the pool is not known: {why}"),
        (Lvm::No, Ok(host)) if host.read_only => {
            bail!(
                "the filesystem of {} is mounted read-only: nothing can grow on it",
                host.path
            )
        }
        (Lvm::No, Ok(host)) => {
            let file = pool.device(target).file.known();
            file.context("the pool's file cannot be looked at")?;
            let room = growth::room_for(target, host, &settings.host);
            let above = match target {
                Target::Data => format!(" above its reserve of {}", growth::reserve(host, &settings.host)),
                Target::Metadata => String::new(),
            };
            let below = format!("the filesystem of {} can honour: {room} of room{above}", host.path);
            Ok((room, below))
        }
    }
}

/// What the kernel could not use: more metadata than a pool has, and more data than so much metadata can map.
fn within_the_kernels_limits(target: Target, to: Bytes, pool: &Pool) -> Result<()> {
    let needed = metadata_for(to, pool.data.block_bytes);
    match target {
        Target::Metadata if to > MAX_METADATA => {
            bail!("{to} is more than the kernel uses of a metadata device, {MAX_METADATA}")
        }
        Target::Data if needed > MAX_METADATA => bail!(
            "{to} in blocks of {} need {needed} of metadata, more than a pool can have, {MAX_METADATA}; it maps {} at the most",
            Bytes(pool.data.block_bytes),
            Bytes((MAX_METADATA.0 / METADATA_BYTES_A_BLOCK).saturating_mul(pool.data.block_bytes))
        ),
        _ => Ok(()),
    }
}

/// Metadata for each block of data when all are mapped (kernel: Documentation/admin-guide/device-mapper/thin-provisioning.rst, "Setting
/// up a fresh pool device": `48 * $data_dev_size / $data_block_size`).
const METADATA_BYTES_A_BLOCK: u64 = 48;

fn metadata_for(data: Bytes, block_bytes: u64) -> Bytes {
    let blocks = data.0.checked_div(block_bytes).unwrap_or(0);
    Bytes(blocks.saturating_mul(METADATA_BYTES_A_BLOCK))
}

/// The deed with its figures and its steps.
pub fn told(deed: &Deed, seen: &Snapshot, settings: &Settings) -> Result<Plan> {
    let (Deed::Grow { target, from, to }, Some(pool)) = (deed, seen.pool()) else {
        bail!("there is nothing to be told of: {deed}");
    };
    let steps = match act::order(deed, seen).map_err(|why| anyhow!(why))? {
        Order::Grow(order) => order.steps(pool),
        Order::Extend(order) => order.steps(),
        _ => bail!("{deed} is no growth"),
    };
    let below = reports::below(pool, *target, seen, settings).context("room below the pool is not known")?;
    let file = pool.device(*target).file;
    let taken = match file.known() {
        Some(file) => to
            .saturating_sub(file.allocated_bytes)
            .saturating_add(seen.owed_beside(pool, *target)),
        None => from_group(*target, to.saturating_sub(*from)),
    };
    let needed = metadata_for(*to, pool.data.block_bytes);
    let note = (*target == Target::Data && needed > pool.metadata.total()).then(|| {
        format!(
            "so many blocks need some {needed} of metadata once all are mapped, and there are {}",
            pool.metadata.total()
        )
    });
    Ok(Plan {
        deed: deed.clone(),
        file: file.known().map(|file| (file.path.clone(), file.size_bytes)),
        left: below.free_bytes.saturating_sub(taken),
        below,
        steps,
        note,
    })
}

/// What a growth takes from the volume group: of metadata twice as much, for LVM keeps a spare volume as large.
fn from_group(target: Target, more: Bytes) -> Bytes {
    match target {
        Target::Data => more,
        Target::Metadata => more.saturating_add(more),
    }
}

/// What will be seen once it is done.
pub fn after(deed: &Deed, mut seen: Snapshot) -> Snapshot {
    let (Deed::Grow { target, from, to }, Seen::Known(Some(pool))) = (deed, &mut seen.pool) else {
        return seen;
    };
    let (usage, file) = match target {
        Target::Data => (&mut pool.data, &mut pool.data_file),
        Target::Metadata => (&mut pool.metadata, &mut pool.metadata_file),
    };
    usage.total_blocks = to.0.checked_div(usage.block_bytes).unwrap_or(usage.total_blocks);
    if let Seen::Known(file) = file {
        file.size_bytes = file.size_bytes.max(*to);
    }
    if let Lvm::Asked(Seen::Known(said)) = &mut pool.lvm {
        said.group_free = said
            .group_free
            .saturating_sub(from_group(*target, to.saturating_sub(*from)));
    }
    seen
}

#[cfg(test)]
mod tests;
