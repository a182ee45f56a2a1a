//! A pool of LVM's as LVM's own commands tell of it, and when it is time to ask them: they read every disk, so seldom.

use super::{Ask, Observer, Sense};
use crate::kernel::lvm::{self, pool};
use crate::kernel::{errand::Porter, program};
use crate::model::{Lvm, LvmPool, Pool, Seen};
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

/// Time for one of LVM's commands; it reads each physical volume.
const SAYS: Duration = Duration::from_secs(10);

/// How old an answer may be while the pool has room.
const FRESH: Duration = Duration::from_secs(60);

/// How old it may be while the pool is low: extents may have become free.
const FRESH_WHEN_LOW: Duration = Duration::from_secs(10);

/// Rest before the next question after one that was not answered, or that was answered before the pool's size changed.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks LVM, in the child.
pub fn look(group: &str, volume: &str) -> Result<LvmPool> {
    let name = format!("{group}/{volume}");
    let with_name = |arguments: &[&'static str]| [arguments, &[name.as_str()]].concat();
    let figures = says("lvs", &with_name(&pool::FIGURES))?;
    let figures = pool::parse_figures(&figures).with_context(|| format!("lvs says '{}'", figures.trim()))?;
    let arguments = pool::settings(&figures.profile);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let settings = says("lvm", &arguments)?;
    let settings = pool::parse_settings(&settings).with_context(|| format!("lvm.conf: '{}'", settings.trim()))?;
    let monitored = dmeventd_runs() && pool::parse_monitored(&says("lvs", &with_name(&pool::MONITORED))?);
    Ok(pool::pool(group, volume, figures, settings, monitored))
}

fn says(command: &str, arguments: &[&str]) -> Result<String> {
    let program = pool::program(command, Path::new("/")).with_context(|| format!("there is no {command}"))?;
    let said =
        program::says(&program, arguments, SAYS).with_context(|| format!("{command} {}", arguments.join(" ")))?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn dmeventd_runs() -> bool {
    let comm = |pid: &str| std::fs::read_to_string(format!("/proc/{}/comm", pid.trim())).ok();
    std::fs::read_to_string(pool::DMEVENTD_PIDFILE)
        .ok()
        .and_then(|pid| comm(&pid))
        .is_some_and(|name| name.trim() == "dmeventd")
}

impl Observer {
    /// Asks LVM about a pool of its own, if what it said last has aged.
    pub fn look_at_lvm(&mut self, porter: &Porter, now: Duration) {
        let Seen::Known(Some(pool)) = self.pool(now) else {
            return;
        };
        if pool.lvm == Lvm::No {
            return;
        }
        let Some((group, volume)) = lvm::volume(&pool.name) else {
            return;
        };
        let fresh = match self.lvm_said(&pool) {
            Some(said) if !is_of_this_size(&said, &pool) => AGAIN,
            Some(said) if self.is_low(&pool, &said) => FRESH_WHEN_LOW,
            Some(_) => FRESH,
            None => AGAIN,
        };
        if self.slot(Sense::Lvm).is_due(now, fresh) {
            self.ask(porter, Sense::Lvm, &Ask::Lvm { group, volume }, now);
        }
    }

    /// What is known of LVM's part in this pool.
    pub(super) fn lvm(&self, pool: &Pool, now: Duration) -> Lvm {
        let slot = self.slot(Sense::Lvm);
        match pool.lvm {
            Lvm::No => Lvm::No,
            _ if slot.last().is_none() && slot.out_for(now).is_none() => Lvm::NotAsked,
            _ => Lvm::Asked(match self.seen::<LvmPool>(Sense::Lvm, now) {
                Seen::Known(said) if !is_about(&said, pool) => Seen::unknown("another pool was asked about"),
                seen => seen,
            }),
        }
    }

    /// The first answer is waited for; afterwards an older one will do, and a full pool does not wait for LVM.
    pub(super) fn patience_with_lvm(&self) -> Duration {
        match self.slot(Sense::Lvm).last() {
            None => self.settings.watch.look_deadline,
            Some(_) => Duration::ZERO,
        }
    }

    fn lvm_said(&self, pool: &Pool) -> Option<LvmPool> {
        self.slot(Sense::Lvm)
            .last_value::<LvmPool>()
            .filter(|said| is_about(said, pool))
    }

    fn is_low(&self, pool: &Pool, said: &LvmPool) -> bool {
        let (data, metadata) = (&self.settings.data, &self.settings.metadata);
        let free = |used_percent: u8| 100 - used_percent.min(100);
        free(pool.data.used_percent()) < data.below_free_percent
            || free(pool.metadata.used_percent()) < metadata.below_free_percent
            || pool.data.used_percent() >= said.autoextend.threshold
    }
}

fn is_about(said: &LvmPool, pool: &Pool) -> bool {
    lvm::volume(&pool.name).is_some_and(|(group, volume)| group == said.group && volume == said.volume)
}

/// LVM spoke of the pool as large as it is now; a size that is no multiple of the pool's blocks is rounded down by the kernel.
fn is_of_this_size(said: &LvmPool, pool: &Pool) -> bool {
    said.data_size.round_down(pool.data.block_bytes) == pool.data.total()
}
