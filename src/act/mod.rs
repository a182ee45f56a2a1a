//! The hands: one door for each dangerous thing, each worked in a child, each leaving what it found or what was wanted.

pub mod drill;
pub mod dump;
pub mod restart;

use crate::kernel::dm;
use crate::kernel::errand::Undone;
use crate::kernel::grow::{self, ExtendOrder, GrowOrder, ResumeOrder};
use crate::kernel::process;
use crate::kernel::xfs::{self, GiveUpOrder};
use crate::model::{Backing, Bytes, Deed, Lvm, Seen, Settings, Snapshot};
use dump::DumpOrder;
use restart::RestartOrder;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Directory on tmpfs for locks and for what must outlive the guard's own restart. Not systemd's `RuntimeDirectory=`: that is
/// removed with each stop of the unit.
pub const RUN_DIR: &str = "/run/thinguard";

/// A deed with everything that the child needs to do it, and to refuse if the world has changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Grow one device of the pool.
    Grow(GrowOrder),
    /// Extend a volume of a pool of LVM's.
    Extend(ExtendOrder),
    /// Resume a pool that was left suspended.
    Resume(ResumeOrder),
    /// Lengthen a file of a pool that is not active; dockerd makes the pool as large as its files.
    Lengthen {
        /// The file.
        file: String,
        /// Its new size.
        to: Bytes,
    },
    /// Have XFS give up where nothing can grow.
    XfsGiveUp(GiveUpOrder),
    /// Restart the daemon.
    Restart(RestartOrder),
    /// Complete a restart whose start is still to come; which one is written down.
    FinishRestart,
    /// Have the daemon write down what it waits for.
    Dump(DumpOrder),
}

/// Turns a deed into an order from what was seen.
///
/// # Errors
/// Says what is missing: a deed without it is not done.
pub fn order(deed: &Deed, seen: &Snapshot) -> Result<Order, String> {
    let pool = || match &seen.pool {
        Seen::Known(Some(pool)) => Ok(pool),
        Seen::Known(None) => Err("there is no pool".to_owned()),
        Seen::Unknown(why) => Err(format!("the pool cannot be seen: {why}")),
    };
    match deed {
        Deed::Resume => Ok(Order::Resume(ResumeOrder {
            pool: pool()?.name.clone(),
            dm_control: dm::CONTROL.into(),
            lock: lock(),
        })),
        Deed::XfsGiveUp { .. } => Ok(Order::XfsGiveUp(GiveUpOrder {
            pool: pool()?.name.clone(),
            dm_control: dm::CONTROL.into(),
            lock: lock(),
        })),
        Deed::Grow { target, to, .. } => {
            let pool = pool()?;
            if let Lvm::Asked(Seen::Known(said)) = &pool.lvm {
                return Ok(Order::Extend(ExtendOrder {
                    pool: pool.name.clone(),
                    group: said.group.clone(),
                    volume: said.volume.clone(),
                    target: *target,
                    to: *to,
                    dm_control: dm::CONTROL.into(),
                    lock: lock(),
                }));
            }
            let Backing::Loop { device, file } = pool.device(*target).backing else {
                return Err(format!("the {target} device is not on a loop device"));
            };
            Ok(Order::Grow(GrowOrder {
                pool: pool.name.clone(),
                target: *target,
                file: file.clone(),
                loop_device: device.clone(),
                to: *to,
                expect_params: pool.table_params.clone(),
                dm_control: dm::CONTROL.into(),
                dev: "/dev".into(),
                lock: lock(),
            }))
        }
        Deed::Restart => {
            let unit = seen.daemon.unit.known().ok_or("the unit is not known")?;
            Ok(Order::Restart(RestartOrder {
                unit: unit.name.clone(),
                main_pid: unit.main_pid,
                old: Vec::new(),
                ordered_at: process::since_boot(),
                stop_timeout: unit.stop_timeout.ok_or("the unit may take for ever to stop")?,
                stop_job: None,
                socket_stays: false,
                stopped_with_it: Vec::new(),
            }))
        }
    }
}

/// Held through each deed at the pool, so that two growers never overlap: watch, preflight and `thinguard grow` all take it.
fn lock() -> PathBuf {
    PathBuf::from(RUN_DIR).join("deed.lock")
}

/// How long a deed may take before it counts as stuck. A stuck deed is left alone: it may still complete.
pub fn deadline(deed: &Deed, settings: &Settings) -> Duration {
    match deed {
        Deed::Grow { .. } | Deed::Resume | Deed::XfsGiveUp { .. } => settings.watch.look_deadline.saturating_mul(4),
        Deed::Restart => restart::LONGEST,
    }
}

/// Does what was ordered, in the child. May block for ever. The answer is what the child believes; what counts is the fresh look that
/// follows (law 6).
///
/// # Errors
/// What the child found wrong.
pub fn perform(order: Order) -> Result<String, Undone> {
    Ok(match order {
        Order::Grow(order) => format!("{:?}", grow::grow(&order)?),
        Order::Extend(order) => grow::extend(&order)?,
        Order::Resume(order) => format!("resumed: {}", grow::resume_if_suspended(&order)?),
        Order::Lengthen { file, to } => {
            grow::lengthen_offline(Path::new(&file), to, &lock())?;
            format!("{file} is {to} long")
        }
        Order::XfsGiveUp(order) => xfs::give_up(&order)?.join(", "),
        Order::Restart(order) => restart::restart(&order)?,
        Order::FinishRestart => restart::finish()?,
        Order::Dump(order) => dump::dump(&order)?,
    })
}
