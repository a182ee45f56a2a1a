//! `thinguard grow`: one growth, asked for by hand, behind the same laws as the guard's own.

use super::look::Once;
use super::settings;
use crate::judge::{growth, lvm};
use crate::model::{Bytes, Deed, Lvm, Mode, Outcome, Pool, Seen, Settings, Snapshot, Target, parse_size};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time for all of it. A growth takes a fraction of a second; a stuck one is left alone.
const DEADLINE: Duration = Duration::from_secs(60);

/// A size as typed: `400G`, `+20G` or `+25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// This size.
    To(Bytes),
    /// This much more.
    By(Bytes),
    /// This share of the present size more.
    ByPercent(u8),
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("'{text}' is not a size; write 400G, +20G or +25%");
        match text.strip_prefix('+') {
            Some(more) => match more.strip_suffix('%') {
                Some(percent) => percent
                    .parse()
                    .ok()
                    .filter(|p| *p > 0)
                    .map(Size::ByPercent)
                    .ok_or_else(bad),
                None => parse_size(more).map(Size::By).map_err(|_| bad()),
            },
            None => parse_size(text).map(Size::To).map_err(|_| bad()),
        }
    }
}

impl Size {
    /// The absolute size that is meant, from the present one.
    pub fn from(self, now: Bytes) -> Bytes {
        match self {
            Size::To(size) => size,
            Size::By(more) => now.saturating_add(more),
            Size::ByPercent(percent) => now.saturating_add(now.percent(percent)),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// `--data`
    pub data: Option<Size>,
    /// `--metadata`
    pub metadata: Option<Size>,
    /// `--dry-run`: only say what would be done.
    pub dry_run: bool,
}

/// Grows what was asked for; metadata first.
///
/// # Errors
/// Why something was not grown; what was grown before stays so.
pub fn run(args: &Args) -> Result<ExitCode> {
    let settings = settings::load(Path::new("/"))?;
    let mut once = Once::new(&settings, DEADLINE)?;
    once.learn_config(false, None);
    once.look_at_storage();
    let mut seen = once.look_at_lvm();
    for (target, size) in [(Target::Metadata, args.metadata), (Target::Data, args.data)] {
        let Some(size) = size else { continue };
        let deed = plan(target, size, &seen, &settings)?;
        if args.dry_run {
            super::say(&format!("would {deed}\n"));
            continue;
        }
        let (outcome, after) = once.perform(&deed, &seen);
        match outcome {
            Outcome::Done => {
                let shown = crate::judge::verify(&deed, &after).unwrap_or_else(|shown| shown);
                super::say(&format!("{deed}: done; {shown}\n"));
            }
            Outcome::Failed(why) | Outcome::Stuck(why) | Outcome::NotBegun(why) => bail!("{deed}: {why}"),
        }
        seen = match after.pool {
            // Room and sizes are others now.
            Seen::Known(Some(Pool { lvm: Lvm::Asked(_), .. })) => once.look_at_lvm(),
            _ => after,
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the wish against the laws: only grow, only a healthy pool, only into room that exists.
fn plan(target: Target, size: Size, seen: &Snapshot, settings: &Settings) -> Result<Deed> {
    let pool: &Pool = match &seen.pool {
        Seen::Known(Some(pool)) => pool,
        Seen::Known(None) => bail!(
            "no pool is active; while Docker is stopped, 'thinguard preflight' looks at the files, and dockerd itself takes the \
             full size of a longer file at its start"
        ),
        Seen::Unknown(why) => bail!("the pool cannot be seen: {why}"),
    };
    // From Linux 5.0 on a pool whose metadata are full says `ro`, and growing them is the cure.
    let ro_for_want_of_metadata = pool.mode == Mode::Ro && target == Target::Metadata && pool.metadata.is_exhausted();
    if pool.needs_check || (matches!(pool.mode, Mode::Ro | Mode::Fail) && !ro_for_want_of_metadata) {
        bail!(
            "{} must be repaired first (mode {:?}, needs_check {}); 'thinguard status' has the steps",
            pool.name,
            pool.mode,
            pool.needs_check
        );
    }
    let (usage, file, other, cap) = match target {
        Target::Data => (pool.data, &pool.data_file, &pool.metadata_file, settings.data.cap),
        Target::Metadata => (
            pool.metadata,
            &pool.metadata_file,
            &pool.data_file,
            settings.metadata.cap,
        ),
    };
    let from = usage.total();
    let to = size.from(from).round_down(usage.block_bytes);
    if to <= from {
        bail!("the {target} device has {from} already; thinguard never shrinks anything");
    }
    if to > cap {
        bail!("{to} is more than the cap of the {target} device, {cap}");
    }
    if pool.lvm != Lvm::No {
        room_of_lvm(pool, target, to, settings)?;
        return Ok(Deed::Grow { target, from, to });
    }
    let host = seen
        .host
        .known()
        .with_context(|| format!("room below the pool is not known: {:?}", seen.host.why_unknown()))?;
    let allocated = file
        .known()
        .context("the pool's file cannot be looked at")?
        .allocated_bytes;
    let room = growth::room(host, &settings.host);
    let honoured = allocated.saturating_add(room).saturating_sub(growth::owed(other));
    if to > honoured {
        bail!(
            "{to} is more than the filesystem of {} can honour: {room} of room above its reserve of {}, so {} at the most",
            host.path,
            growth::reserve(host, &settings.host),
            honoured.round_down(usage.block_bytes)
        );
    }
    Ok(Deed::Grow { target, from, to })
}

/// Whether the volume group can give that much, above its reserve.
fn room_of_lvm(pool: &Pool, target: Target, to: Bytes, settings: &Settings) -> Result<()> {
    let said = match &pool.lvm {
        Lvm::Asked(Seen::Known(said)) => said,
        Lvm::Asked(Seen::Unknown(why)) => bail!("LVM does not tell of {}: {why}", pool.name),
        Lvm::NotAsked | Lvm::No => bail!("LVM was not asked about {}", pool.name),
    };
    let usage = match target {
        Target::Data => pool.data,
        Target::Metadata => pool.metadata,
    };
    let room = lvm::room(said, target, &settings.lvm);
    let most = usage.total().saturating_add(room);
    if to > most {
        bail!(
            "{to} is more than the volume group {} can give: {} free, {room} of it for {target}, so {most} at the most",
            said.group,
            said.group_free
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_typed() {
        let now = Bytes::gib(100);
        for (text, expected) in [
            ("400G", Bytes::gib(400)),
            ("+20G", Bytes::gib(120)),
            ("+25%", Bytes::gib(125)),
        ] {
            assert_eq!(text.parse::<Size>().unwrap().from(now), expected, "{text}");
        }
        for bad in ["", "+", "25%", "-1G", "+-1G", "+0%", "+256%", "x", "+%", "1e3"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
