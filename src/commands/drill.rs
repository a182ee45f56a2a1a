//! `thinguard drill`: proves on this host that the guard would work, on a throwaway pool of its own. Nothing of Docker's is touched.

mod pool;
mod services;

use super::errands::Errands;
use super::settings;
use crate::act::RUN_DIR;
use crate::act::drill::Step;
use crate::kernel::dm::{self, scratch::PREFIX};
use crate::kernel::drill::{MakeOrder, RemoveOrder};
use crate::kernel::errand::{Errand, Kind, Request, Undone};
use crate::kernel::{lock, process};
use crate::model::Settings;
use crate::report::drill::{Check, Outcome, count, text};
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Time for a step that asks or makes something; on an idle host it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time for the removal, which may wait for whoever has a device open.
const REMOVAL: Duration = Duration::from_secs(60);

/// A check failed.
const A_CHECK_FAILED: u8 = 1;

/// A signal cut the drill short.
const CUT_SHORT: u8 = 3;

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// Where the pool's files are to lie; `/run/thinguard` if not said.
    pub dir: Option<String>,
}

/// A drill under way.
struct Drill {
    errands: Errands,
    settings: Settings,
    order: MakeOrder,
    checks: Vec<Check>,
}

/// Tries everything, removes everything, and shows a line for each check.
///
/// # Errors
/// The settings are wrong, another drill is under way, or this is not root.
pub fn run(args: &Args) -> Result<ExitCode> {
    let settings = settings::load(Path::new("/"))?;
    let mut errands = Errands::start()?;
    errands.signals = Some(process::signals().context("cannot take signals")?);
    let below = PathBuf::from(args.dir.as_deref().unwrap_or(RUN_DIR));
    let order = MakeOrder {
        pool: format!("{PREFIX}{}", std::process::id()),
        below,
        dm_control: dm::CONTROL.into(),
        dev: "/dev".into(),
    };
    let began = process::since_boot();
    let mut drill = Drill {
        errands,
        settings,
        order,
        checks: Vec::new(),
    };
    let _lock = drill.begin()?;
    let in_the_way = drill.surroundings();
    drill.pool(in_the_way);
    drill.clean_up();
    drill.services();
    super::say(&text(&drill.checks, process::since_boot().saturating_sub(began)));
    Ok(match (drill.errands.interrupted, count(&drill.checks)) {
        (true, _) => ExitCode::from(CUT_SHORT),
        (false, (_, 0, _)) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(A_CHECK_FAILED),
    })
}

impl Drill {
    /// Takes the lock that lets one drill run at a time, and removes what a drill that was killed has left: whoever holds the lock owns
    /// every device and directory with a drill's name.
    fn begin(&mut self) -> Result<File> {
        let told = || format!("{RUN_DIR}/drill.lock (a drill needs root)");
        let mut lock = lock::open(&Path::new(RUN_DIR).join("drill.lock")).with_context(told)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another drill is under way"),
            Err(TryLockError::Error(error)) => return Err(error).with_context(told),
        }
        // Its directory, which no device may lead to yet.
        let mut left = String::new();
        let _ = (&lock).take(4096).read_to_string(&mut left);
        let left = Some(PathBuf::from(left.trim())).filter(|path| path.is_absolute());
        match self.remove(left.into_iter().collect()) {
            Ok(names) if names.is_empty() => {}
            Ok(names) => super::complain(&format!(
                "thinguard: removed what an earlier drill has left: {}\n",
                names.join(", ")
            )),
            Err(why) => super::complain(&format!(
                "thinguard: an earlier drill has left something that cannot be removed: {why}\n"
            )),
        }
        // Only the next drill reads this, and it finds a pool's files without it.
        let directory = self.order.directory().display().to_string();
        let _ = lock.set_len(0).and_then(|()| {
            std::io::Seek::rewind(&mut lock)?;
            writeln!(lock, "{directory}")
        });
        Ok(lock)
    }

    /// What must be there before a pool can be made; the first that is not.
    fn surroundings(&mut self) -> Option<&'static str> {
        let mut in_the_way = None;
        for (name, step, pool_needs_it) in [
            ("permissions", Step::Permissions, false),
            ("device-mapper", Step::Mapper, true),
            ("loop devices", Step::Loops, true),
            ("memory lock", Step::MemoryLock, false),
        ] {
            let said = self.step::<String>(&step);
            if said.is_err() && pool_needs_it {
                in_the_way.get_or_insert(name);
            }
            self.note(name, said);
        }
        in_the_way
    }

    /// Removes all that was made, whatever has gone before.
    fn clean_up(&mut self) {
        let removed = self.remove(vec![self.order.directory()]);
        let said = removed.map(|names| match names.is_empty() {
            true => "nothing had been made".to_owned(),
            false => "everything is removed again".to_owned(),
        });
        let said = said.map_err(|why| {
            Undone::Failed(format!(
                "{why}; by hand: dmsetup remove {0}-volume {0}, then the files in {1}",
                self.order.pool,
                self.order.directory().display()
            ))
        });
        self.note("removal", said);
    }

    fn remove(&mut self, directories: Vec<PathBuf>) -> Result<Vec<String>, Undone> {
        let step = Step::Remove(RemoveOrder {
            directories,
            dm_control: self.order.dm_control.clone(),
        });
        // A signal that has come before, or comes now, does not cut this short.
        let mut errand = self.begin_step(&step)?;
        let mut cut_short = std::mem::take(&mut self.errands.interrupted);
        let until = process::since_boot() + REMOVAL;
        let removed = loop {
            let left = until.saturating_sub(process::since_boot());
            match self.errands.answer(&mut errand, left) {
                Err(Undone::Interrupted) => {
                    self.errands.interrupted = false;
                    cut_short = true;
                }
                removed => break removed,
            }
        };
        self.errands.interrupted |= cut_short;
        removed
    }

    /// Does one step in a child.
    fn step<T: DeserializeOwned>(&mut self, step: &Step) -> Result<T, Undone> {
        self.errands.ask(&Request::new(Kind::Drill, step), PATIENCE)
    }

    /// Has a child begin a step, and goes on.
    fn begin_step(&self, step: &Step) -> Result<Errand, Undone> {
        self.errands.porter.send(&Request::new(Kind::Drill, step))
    }

    fn note(&mut self, name: &'static str, said: Result<String, Undone>) {
        let outcome = match said {
            Ok(why) => Outcome::Passed(why),
            Err(why @ Undone::Interrupted) => Outcome::Skipped(why.to_string()),
            Err(why) => Outcome::Failed(why.to_string()),
        };
        self.checks.push(Check { name, outcome });
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check {
            name,
            outcome: Outcome::Skipped(why.to_owned()),
        });
    }
}
