//! `cargo lab soak`: one host for minutes on end, with what befalls hosts in an order that a seed decides; after each step the
//! pool, the guard and the daemon must be as they should.

mod steps;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::pool::{Daemon, PoolStatus};
use crate::{fault, snapshots, watch};

const PRELUDE: &str = include_str!("soak/guest.sh");

/// Time within which the host must be well again after a step: the guard resumes a suspended pool after 10 s, and pauses for
/// longer after growths that failed. Under emulation on a busy computer.
const WELL_AGAIN: Duration = Duration::from_secs(120);

/// With so little free, and steps so small, the guard has to grow the pool again and again.
const BEGIN_FREE: u64 = 256 << 20;
const SMALL_STEPS: &[u8] = b"[data]\nstep_percent = 1\nstep_min = \"32M\"\nstep_time = \"0s\"\n";

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// One of `0..below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// A host under soak, and what is to stay as it is.
struct Soak<'a> {
    host: &'a mut Host,
    /// For how much and how long. The order of the steps has dice of its own, and so does not hang on these.
    dice: Dice,
    daemon: Daemon,
    guard: Guard,
    /// Bytes of both files and of both devices.
    sizes: Vec<u64>,
}

/// Which guard runs: its process, and how often systemd has restarted it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guard {
    main_pid: u32,
    restarts: u32,
}

/// `cargo lab soak`: `minutes` of it, from `seed` or one that the clock gives.
pub fn soak(minutes: u64, seed: Option<u64>) -> Result<ExitCode> {
    let seed = seed.map_or_else(seed_of_now, Ok)?;
    let mut host = snapshots::prepare()?;
    host.build_guard()?;
    host.restore(Snapshot::Running);
    match run(
        &mut host,
        &mut Figures::default(),
        Length::Time(Duration::from_secs(minutes * 60)),
        seed,
    ) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("lab: {error:#}");
            let kept = host.keep_evidence("soak")?;
            eprintln!("lab: what the host said is in {}", kept.display());
            Ok(ExitCode::FAILURE)
        }
    }
}

fn seed_of_now() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(now.as_secs())
}

/// The short soak of `cargo lab test`: always the same steps, so that a failure is the change's and not the dice's.
pub const SHORT_SEED: u64 = 674;
pub const SHORT_STEPS: u32 = 12;

/// How long a soak lasts.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    Time(Duration),
    Steps(u32),
}

/// Soaks a restored host with Docker running for as long as told.
pub fn run(host: &mut Host, figures: &mut Figures, length: Length, seed: u64) -> Result<()> {
    println!("    seed {seed}");
    let again = |number: u32, what: &str| {
        format!(
            "step {number} ({what}) of seed {seed}; the same steps again: cargo lab soak --minutes 60 --seed {seed}"
        )
    };
    let mut soak = Soak::begin(host, seed).context("setting up")?;
    let begun = Instant::now();
    let mut order = Dice(seed);
    let mut number = 0;
    while match length {
        Length::Time(time) => begun.elapsed() < time,
        Length::Steps(steps) => number < steps,
    } {
        number += 1;
        let step = steps::choose(&mut order);
        println!("    step {number}: {}", step.what);
        (step.act)(&mut soak)
            .and_then(|()| soak.is_well())
            .with_context(|| again(number, step.what))?;
    }
    let files = soak.all_files_are_right().with_context(|| again(number, "the end"))?;
    figures.add("steps", number, "");
    figures.add("files read back and right", files, "");
    let journal = watch::journal(soak.host)?;
    figures.add("growths", journal.matches("deed-done: grow").count(), "");
    watch::stays_within_journalds_limit(soak.host, figures)?;
    let pool = soak.host.pool_status()?;
    figures.add(
        "pool",
        format!("{} of {} MiB", pool.data.used >> 4, pool.data.total >> 4),
        "",
    );
    Ok(())
}

impl Soak<'_> {
    fn begin(host: &mut Host, seed: u64) -> Result<Soak<'_>> {
        host.install_guard()?;
        host.install_crash()?;
        host.put("/etc/thinguard.d/90-lab.toml", 0o644, SMALL_STEPS)?;
        fault::ballast(host, BEGIN_FREE)?;
        watch::start(host)?;
        host.sh(&format!("{PRELUDE}\nbegin"))?;
        let state = State::look(host)?;
        Ok(Soak {
            host,
            dice: Dice(!seed),
            daemon: state.daemon,
            guard: state.guard,
            sizes: state.sizes,
        })
    }

    /// Runs a function of the guest's script.
    fn sh(&mut self, script: &str) -> Result<String> {
        let output = self
            .host
            .sh_timeout(&format!("{PRELUDE}\n{script}"), Duration::from_secs(240))?;
        ensure!(output.ok(), "{script}: {output:?}");
        Ok(output.stdout)
    }

    /// Waits for another guard than the one before, which a step has ended.
    fn expect_another_guard(&mut self) -> Result<()> {
        let old = self.guard.main_pid;
        self.guard = self.host.wait_for("another guard", WELL_AGAIN, |host| {
            let state = State::look(host)?;
            Ok((state.guard_active && state.guard.main_pid != old).then_some(state.guard))
        })?;
        Ok(())
    }

    /// What must be true after each step.
    fn is_well(&mut self) -> Result<()> {
        let state = self.host.wait_for("a pool that does I/O", WELL_AGAIN, |host| {
            let state = State::look(host)?;
            let pool = &state.pool;
            ensure!(
                !pool.needs_check && pool.mode != "ro" && pool.mode != "Fail",
                "{pool:?}"
            );
            Ok((!state.suspended && pool.mode == "rw").then_some(state))
        })?;
        for (before, now) in self.sizes.iter().zip(&state.sizes) {
            ensure!(now >= before, "a size was {before} and is {now}");
        }
        self.sizes = state.sizes;
        ensure!(state.guard_active, "the guard is not active: {:?}", state.guard);
        ensure!(
            state.guard == self.guard,
            "the guard was {:?} and is {:?} without our doing",
            self.guard,
            state.guard
        );
        ensure!(
            state.daemon == self.daemon,
            "dockerd was {:?} and is {:?}",
            self.daemon,
            state.daemon
        );
        // docker info answers, the guard has begun no restart, and the newest file of each container is right.
        self.sh("answers && no_restart && newest_files").map(drop)
    }

    /// Every file of every container, read from the disk.
    fn all_files_are_right(&mut self) -> Result<u32> {
        Ok(self.sh("all_files")?.trim().parse()?)
    }
}

/// All of it in one look: each question of its own would cost an emulated host more than the answer.
struct State {
    suspended: bool,
    pool: PoolStatus,
    /// See [`Soak::sizes`].
    sizes: Vec<u64>,
    guard_active: bool,
    guard: Guard,
    daemon: Daemon,
}

impl State {
    fn look(host: &mut Host) -> Result<State> {
        let said = host.sh(&format!("{PRELUDE}\nstate"))?;
        let parts: Vec<&str> = said.split("--\n").collect();
        let [suspended, pool, files, guard, daemon] = parts.as_slice() else {
            bail!("not a state: {said}");
        };
        let pool = PoolStatus::parse(pool)?;
        let mut sizes = vec![pool.data.total << 16, pool.metadata.total << 12, pool.sectors << 9];
        for size in files.lines() {
            sizes.push(size.parse()?);
        }
        let value = |key: &str| {
            guard
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .context("no such line")
        };
        Ok(State {
            suspended: suspended.trim() != "0",
            pool,
            sizes,
            guard_active: value("ActiveState=")? == "active",
            guard: Guard {
                main_pid: value("MainPID=")?.parse()?,
                restarts: value("NRestarts=")?.parse()?,
            },
            daemon: Daemon::parse(daemon)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_steps_again() {
        let steps = |seed| {
            let mut dice = Dice(seed);
            (0..50).map(|_| steps::choose(&mut dice).what).collect::<Vec<_>>()
        };
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn the_short_soak_has_steps_of_every_kind() {
        let mut dice = Dice(SHORT_SEED);
        let short: BTreeSet<_> = (0..SHORT_STEPS).map(|_| steps::choose(&mut dice).what).collect();
        assert_eq!(short.len(), steps::STEPS.len());
    }
}
