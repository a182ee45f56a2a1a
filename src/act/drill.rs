//! The steps of a drill, each done in a child: what the guard would need, tried on a throwaway pool that is nobody else's.

use crate::kernel::capabilities;
use crate::kernel::dm::{self, Control};
use crate::kernel::drill::{self, MakeOrder, RemoveOrder};
use crate::kernel::errand::encode;
use crate::kernel::grow::GrowOrder;
use crate::kernel::loop_device::attach;
use crate::kernel::memory;
use crate::model::{Bytes, Target};
use crate::systemd::bus::{Manager, NoSuchUnit};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Root, and the capabilities of the service. Words.
    Permissions,
    /// device-mapper answers. Words.
    Mapper,
    /// Loop devices can be had. Words.
    Loops,
    /// Memory can be locked. Words.
    MemoryLock,
    /// The directory of the files. Words.
    Directory(MakeOrder),
    /// Pool and volume: [`drill::Made`].
    Make(MakeOrder),
    /// More is written than the pool holds, and read again. Words.
    Write {
        /// The volume's device.
        volume: PathBuf,
    },
    /// The pool's status: [`crate::kernel::thin_pool::Active`].
    Look {
        /// Its name.
        pool: String,
    },
    /// systemd answers. Words.
    Systemd,
    /// How the unit stands: [`crate::model::Unit`], where there is such a unit.
    Unit {
        /// `docker.service`
        unit: String,
    },
    /// All that drills have made is removed: the names of what was there.
    Remove(RemoveOrder),
}

/// The growth of a drill's pool, by the door through which the guard grows Docker's; the lock is another, so that a drill never keeps
/// the guard from its work.
pub fn growth(order: &MakeOrder, made: &drill::Made, target: Target, to: Bytes) -> super::Order {
    let (file, loop_device) = match target {
        Target::Data => &made.data,
        Target::Metadata => &made.metadata,
    };
    super::Order::Grow(GrowOrder {
        pool: order.pool.clone(),
        target,
        file: file.display().to_string(),
        loop_device: loop_device.clone(),
        to,
        expect_params: made.params.clone(),
        dm_control: order.dm_control.clone(),
        dev: order.dev.clone(),
        lock: order.directory().join("deed.lock"),
    })
}

/// Does a step in the child. May block for ever.
pub fn answer(step: Step) -> Vec<u8> {
    match step {
        Step::Permissions => encode(permissions()),
        Step::Mapper => encode(mapper()),
        Step::Loops => encode(loops()),
        Step::MemoryLock => encode(
            memory::lock()
                .map(|()| "the guard can be kept in memory")
                .context("memory cannot be locked; LimitMEMLOCK=infinity of the unit allows it"),
        ),
        Step::Directory(order) => {
            encode(drill::make_directory(&order).map(|free| format!("{free} free in {}", order.below.display())))
        }
        Step::Make(order) => encode(drill::make(&order)),
        Step::Write { volume } => encode(
            drill::write(&volume).map(|()| format!("{} were written, held, taken and read again", drill::WRITTEN)),
        ),
        Step::Look { pool } => encode(drill::look(Path::new(dm::CONTROL), &pool)),
        Step::Systemd => encode(
            Manager::connect()
                .and_then(|mut manager| manager.version())
                .map(|version| format!("{version} answers")),
        ),
        Step::Unit { unit } => encode(match Manager::connect().and_then(|mut manager| manager.unit(&unit)) {
            Err(error) if error.is::<NoSuchUnit>() => Ok(None),
            said => said.map(Some),
        }),
        Step::Remove(order) => encode(drill::remove(&order)),
    }
}

fn permissions() -> Result<String> {
    ensure!(nix::unistd::geteuid().is_root(), "not root");
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let missing = capabilities::missing(&status).context("/proc/self/status tells no capabilities")?;
    match missing.as_slice() {
        [] => Ok(format!(
            "root, with the {} capabilities of the service",
            capabilities::NEEDED.len()
        )),
        all => {
            let words: Vec<_> = all
                .iter()
                .map(|(name, what)| format!("without {name} {what}"))
                .collect();
            bail!("{}", words.join("; "))
        }
    }
}

fn mapper() -> Result<String> {
    let (major, minor, patch) = Control::open(Path::new(dm::CONTROL))?.version()?;
    Ok(format!("interface {major}.{minor}.{patch}"))
}

fn loops() -> Result<String> {
    attach::control(Path::new("/dev")).map_err(|error| anyhow::anyhow!("{error}; modprobe loop"))?;
    Ok("/dev/loop-control opens".into())
}
