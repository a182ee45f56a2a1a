//! `thinguard drill`: proves on this host that the guard would work, on a throwaway pool of its own. Nothing of Docker's is touched.

mod pool;
mod services;

use super::{errands, settings};
use crate::act::RUN_DIR;
use crate::act::drill::{Step, request};
use crate::kernel::dm::{self, scratch::PREFIX};
use crate::kernel::drill::{MakeOrder, RemoveOrder};
use crate::kernel::errand::{Errand, Porter, Progress};
use crate::kernel::{lock, process};
use crate::model::Settings;
use crate::report::drill::{Check, Outcome, count, text};
use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use serde::de::DeserializeOwned;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::os::fd::AsFd;
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
    porter: Porter,
    signals: SignalFd,
    interrupted: bool,
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
    let porter = errands::start(false)?;
    let signals = process::signals().context("cannot take signals")?;
    let below = PathBuf::from(args.dir.as_deref().unwrap_or(RUN_DIR));
    let order = MakeOrder {
        pool: format!("{PREFIX}{}", std::process::id()),
        below,
        dm_control: dm::CONTROL.into(),
        dev: "/dev".into(),
    };
    let began = process::since_boot();
    let mut drill = Drill {
        porter,
        signals,
        interrupted: false,
        settings,
        order,
        checks: Vec::new(),
    };
    let _lock = drill.begin()?;
    drill.surroundings();
    drill.pool();
    drill.clean_up();
    drill.services();
    super::say(&text(&drill.checks, process::since_boot().saturating_sub(began)));
    Ok(match (drill.interrupted, count(&drill.checks)) {
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
            Ok(names) => eprintln!(
                "thinguard: removed what an earlier drill has left: {}",
                names.join(", ")
            ),
            Err(why) => eprintln!("thinguard: an earlier drill has left something that cannot be removed: {why}"),
        }
        // Only the next drill reads this, and it finds a pool's files without it.
        let directory = self.order.directory().display().to_string();
        let _ = lock.set_len(0).and_then(|()| {
            std::io::Seek::rewind(&mut lock)?;
            writeln!(lock, "{directory}")
        });
        Ok(lock)
    }

    /// What must be there before a pool can be made.
    fn surroundings(&mut self) {
        for (name, step) in [
            ("permissions", Step::Permissions),
            ("device-mapper", Step::Mapper),
            ("loop devices", Step::Loops),
            ("memory lock", Step::MemoryLock),
        ] {
            let said = self.step::<String>(&step);
            self.note(name, said);
        }
    }

    /// Removes all that was made, whatever has gone before.
    fn clean_up(&mut self) {
        let removed = self.remove(vec![self.order.directory()]);
        let said = removed.map(|names| match names.is_empty() {
            true => "nothing had been made".to_owned(),
            false => "everything is removed again".to_owned(),
        });
        let said = said.map_err(|why| {
            format!(
                "{why}; by hand: dmsetup remove {0}-volume {0}, then the files in {1}",
                self.order.pool,
                self.order.directory().display()
            )
        });
        self.note("removal", said);
    }

    fn remove(&mut self, directories: Vec<PathBuf>) -> Result<Vec<String>, String> {
        let step = Step::Remove(RemoveOrder {
            directories,
            dm_control: self.order.dm_control.clone(),
        });
        let mut errand = self.send(&request(&step))?;
        // A signal that has come before, or comes now, does not cut this short.
        let until = process::since_boot() + REMOVAL;
        loop {
            match self.wait(&mut errand, until) {
                Err(Why::Interrupted) => continue,
                Err(Why::Failed(why)) => return Err(why),
                Ok(answer) => return decode(&answer),
            }
        }
    }

    /// Does one step in a child.
    fn step<T: DeserializeOwned>(&mut self, step: &Step) -> Result<T, String> {
        if self.interrupted {
            return Err(INTERRUPTED.into());
        }
        let mut errand = self.send(&request(step))?;
        self.result(&mut errand, PATIENCE)
    }

    fn send(&self, request: &[u8]) -> Result<Errand, String> {
        self.porter
            .send(request)
            .map_err(|error| format!("no errand could be sent: {error}"))
    }

    /// Waits for what a child has to say.
    fn result<T: DeserializeOwned>(&mut self, errand: &mut Errand, limit: Duration) -> Result<T, String> {
        match self.wait(errand, process::since_boot() + limit) {
            Ok(answer) => decode(&answer),
            Err(Why::Interrupted) => Err(INTERRUPTED.into()),
            Err(Why::Failed(why)) => Err(why),
        }
    }

    fn wait(&mut self, errand: &mut Errand, until: Duration) -> Result<Vec<u8>, Why> {
        let began = process::since_boot();
        loop {
            match errand.progress() {
                Progress::Answered(answer) => return Ok(answer),
                Progress::Lost => return Err(Why::Failed("the errand ended without an answer".into())),
                Progress::Pending => {}
            }
            let now = process::since_boot();
            if now >= until {
                let waited = now.saturating_sub(began).as_secs();
                return Err(Why::Failed(format!("not done after {waited} s; left alone")));
            }
            self.poll(Some(errand), until.saturating_sub(now));
            if self.signals.read_signal().ok().flatten().is_some() {
                self.interrupted = true;
                return Err(Why::Interrupted);
            }
        }
    }

    /// Rests until the child, a signal or the time comes.
    fn poll(&self, errand: Option<&Errand>, longest: Duration) {
        let timeout = PollTimeout::try_from(longest.as_millis().max(1)).unwrap_or(PollTimeout::MAX);
        let fds = [Some(self.signals.as_fd()), errand.map(Errand::as_fd)];
        let mut fds: Vec<_> = fds
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        // A failed poll is a short rest like any other.
        let _ = poll(&mut fds, timeout);
    }

    fn note(&mut self, name: &'static str, said: Result<String, String>) {
        let outcome = match said {
            Ok(why) => Outcome::Passed(why),
            Err(why) if why == INTERRUPTED => Outcome::Skipped(why),
            Err(why) => Outcome::Failed(why),
        };
        self.checks.push(Check { name, outcome });
    }

    fn skip(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check {
            name,
            outcome: Outcome::Skipped(why.to_owned()),
        });
    }

    fn has_failed(&self, name: &str) -> bool {
        let of_name = |check: &&Check| check.name == name;
        self.checks
            .iter()
            .find(of_name)
            .is_some_and(|check| !matches!(check.outcome, Outcome::Passed(_)))
    }
}

const INTERRUPTED: &str = "a signal cut the drill short";

/// Why a child's answer is not there.
enum Why {
    Interrupted,
    Failed(String),
}

/// Reads a child's `Result`.
fn decode<T: DeserializeOwned>(answer: &[u8]) -> Result<T, String> {
    serde_json::from_slice::<Result<T, String>>(answer)
        .unwrap_or_else(|error| Err(format!("the child's answer cannot be read: {error}")))
}
