//! The steps of a drill, each done in a child: what the guard would need, tried on a throwaway pool that is nobody else's.

use crate::kernel::capabilities;
use crate::kernel::dm::{self, Control};
use crate::kernel::drill::{self, MakeOrder, RemoveOrder};
use crate::kernel::grow::GrowOrder;
use crate::kernel::loop_device::attach;
use crate::kernel::memory;
use crate::model::{Bytes, Target};
use crate::systemd::bus::Manager;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// First byte of a request that is a step of a drill.
pub const REQUEST_TAG: u8 = b'%';

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
    /// Whether the unit could be restarted: [`crate::systemd::bus::Ability`].
    Ability {
        /// `docker.service`
        unit: String,
    },
    /// All that drills have made is removed: the names of what was there.
    Remove(RemoveOrder),
}

/// The bytes of a request.
pub fn request(step: &Step) -> Vec<u8> {
    let mut bytes = vec![REQUEST_TAG];
    bytes.extend(serde_json::to_vec(step).unwrap_or_default());
    bytes
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

/// Answers a request (without its tag) in the child. May block for ever. A `Result` in JSON.
pub fn answer(request: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(request) {
        Err(error) => encode::<()>(Err(anyhow::anyhow!("unreadable step: {error}"))),
        Ok(Step::Permissions) => encode(permissions()),
        Ok(Step::Mapper) => encode(mapper()),
        Ok(Step::Loops) => encode(loops()),
        Ok(Step::MemoryLock) => encode(
            memory::lock()
                .map(|()| "the guard can be kept in memory")
                .context("memory cannot be locked; LimitMEMLOCK=infinity of the unit allows it"),
        ),
        Ok(Step::Directory(order)) => {
            encode(drill::make_directory(&order).map(|free| format!("{free} free in {}", order.below.display())))
        }
        Ok(Step::Make(order)) => encode(drill::make(&order)),
        Ok(Step::Write { volume }) => encode(
            drill::write(&volume).map(|()| format!("{} were written, held, taken and read again", drill::WRITTEN)),
        ),
        Ok(Step::Look { pool }) => encode(drill::look(Path::new(dm::CONTROL), &pool)),
        Ok(Step::Systemd) => encode(
            Manager::connect()
                .and_then(|mut manager| manager.version())
                .map(|version| format!("{version} answers")),
        ),
        Ok(Step::Ability { unit }) => encode(Manager::connect().and_then(|mut manager| manager.ability(&unit))),
        Ok(Step::Remove(order)) => encode(drill::remove(&order)),
    }
}

fn encode<T: Serialize>(result: Result<T>) -> Vec<u8> {
    serde_json::to_vec(&result.map_err(|error| format!("{error:#}"))).unwrap_or_default()
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
