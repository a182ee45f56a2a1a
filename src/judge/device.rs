//! One of the pool's two devices, on whatever it lies: what is said of it when it is low.

use super::Memory;
use super::rate::Forecast;
use crate::model::{Backing, Bytes, Code, Finding, Pool, Settings, Severity, Target, time_words};

/// The pool is low on one of its devices, or has run out of it, whoever is to grow it.
pub(super) fn low(
    pool: &Pool,
    target: Target,
    exhausted: bool,
    memory: &Memory,
    place: String,
    remedy: String,
) -> Finding {
    let usage = match target {
        Target::Data => &pool.data,
        Target::Metadata => &pool.metadata,
    };
    Finding::new(
        if exhausted { Severity::Refuse } else { Severity::Warn },
        match (exhausted, target) {
            (true, _) => Code::PoolExhausted,
            (false, Target::Data) => Code::PoolLow,
            (false, Target::Metadata) => Code::PoolMetadataLow,
        },
        &pool.name,
    )
    .says(format!(
        "{} of {} {target} used ({}%), {} free{}",
        usage.used(),
        usage.total(),
        usage.used_percent(),
        usage.free(),
        outlook(memory.fill.device_full(pool, target))
    ))
    .at(place)
    .next(remedy)
}

/// A forecast at the end of a sentence about the same device; nothing where there is none.
pub(super) fn outlook(forecast: Option<Forecast>) -> String {
    forecast.map_or_else(String::new, |it| {
        format!(", full in {} at {}/s", time_words(it.full_in), it.rate)
    })
}

/// Why a cap stands in the way. None that is written is 0: that one stands for a cap that could not be read.
pub(super) fn capped(target: Target, settings: &Settings) -> String {
    match target {
        Target::Data if settings.data.cap == Bytes(0) => {
            "cannot grow: the cap of [data] is not known for a mistake in thinguard.toml (settings-ignored \
             in the journal); put it right, then systemctl reload thinguard"
                .into()
        }
        _ => {
            format!("the cap of [{target}] in thinguard.toml, or the kernel's own, is reached: raise it or free space")
        }
    }
}

/// The kernel takes metadata to record more data blocks; where none is left it fails, and marks them as needing a check (drivers/md/
/// dm-thin.c, `maybe_resize_data_dev`, `metadata_operation_failed`).
pub(super) fn must_wait_for_metadata(pool: &Pool, target: Target) -> bool {
    target == Target::Data && pool.metadata.is_exhausted()
}

/// The file or device below one of the pool's devices, for people.
pub fn file_of(pool: &Pool, target: Target) -> String {
    let backing = match target {
        Target::Data => &pool.data_backing,
        Target::Metadata => &pool.metadata_backing,
    };
    match backing {
        Backing::Loop { file, .. } => file.clone(),
        Backing::Device(number) => format!("block device {number}"),
    }
}
