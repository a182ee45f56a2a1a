//! The Docker host as a scenario sees it: run things in it, put files into it, wait for what should happen, restore it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cleanup::Scratch;
pub use crate::guest::Output;
use crate::guest::{self, ANSWER_LIMIT};
use crate::machine::{Console, Hardware, Machine, Snapshot, parcel};
use crate::paths::Paths;
use crate::pool::{Daemon, PoolStatus};
use crate::snapshots::Pristine;
use crate::{guard, progress, recipe};

/// The time that a script has unless its caller says otherwise.
const SCRIPT_LIMIT: Duration = Duration::from_secs(120);

/// Limits of waits are given for a computer that has nothing else to do, and mean "never"; a slower one takes this many times as long.
const LENIENCE: u32 = 2;

/// Between two looks of somebody who waits.
const LEAST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(2);

/// A boot takes some 15 s under TCG on a machine that does nothing else.
const BOOT_LIMIT: Duration = Duration::from_secs(240);

/// A script that goes on in the guest.
#[derive(Debug)]
pub struct Job {
    pid: i64,
    output: Option<Output>,
}

impl Job {
    /// Its output once it has ended; `None` while it runs.
    pub fn done(&mut self, host: &mut Host) -> Result<Option<Output>> {
        if self.output.is_none() {
            self.output = guest::poll(host.machine()?, self.pid)?;
        }
        Ok(self.output.clone())
    }
}

/// One machine on a copy of the disks; every restore is a fresh host.
pub struct Host {
    pristine: Arc<Pristine>,
    /// Tells the hosts of one run from each other.
    number: usize,
    machine: Option<Machine>,
    work: Option<Scratch>,
    guard: Option<PathBuf>,
}

impl Host {
    pub fn new(pristine: Arc<Pristine>, number: usize) -> Host {
        Host {
            pristine,
            number,
            machine: None,
            work: None,
            guard: None,
        }
    }

    /// Another host beside this one, from the same image and with the same thinguard.
    pub fn another(&self, number: usize) -> Host {
        Host {
            guard: self.guard.clone(),
            ..Host::new(Arc::clone(&self.pristine), number)
        }
    }

    /// Puts the host into a snapshot's state, with its clock set: on the running machine if there is one that still
    /// answers, or else on a new one.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        if let Some(machine) = &mut self.machine {
            if machine
                .load(snapshot)
                .and_then(|()| machine.agent.sync(ANSWER_LIMIT))
                .is_ok()
            {
                return self.set_clock();
            }
            eprintln!("lab: the machine no longer answers; starts a new one");
        }
        let console = Console::Log(self.pristine.console_log(self.number));
        self.start(snapshot, console)
    }

    /// Starts a new machine on new copies of the disks.
    pub fn start(&mut self, snapshot: Snapshot, console: Console) -> Result<()> {
        self.machine = None;
        self.work = None;
        let work = self.work.insert(self.pristine.copy(self.number)?);
        let Pristine { tree, accelerator, .. } = &*self.pristine;
        let hardware = Hardware {
            tree,
            disks: work.path(),
            accelerator: *accelerator,
            console,
        };
        let machine = self.machine.insert(Machine::start(&hardware, Some(snapshot))?);
        machine.agent.sync(ANSWER_LIMIT)?;
        self.set_clock()
    }

    /// Runs a shell script as root; fails, with what it said, when it exits with anything but 0 or takes over two minutes.
    pub fn sh(&mut self, script: &str) -> Result<String> {
        guest::sh(self.machine()?, script, SCRIPT_LIMIT)
    }

    /// Runs a script and gives whatever came of it. When its time is over its process group is killed.
    pub fn sh_timeout(&mut self, script: &str, limit: Duration) -> Result<Output> {
        guest::run(self.machine()?, script, limit)
    }

    /// Starts a script that runs on in the guest.
    pub fn spawn(&mut self, script: &str) -> Result<Job> {
        Ok(Job {
            pid: guest::start(self.machine()?, script)?,
            output: None,
        })
    }

    /// Writes a file, and its directory if need be.
    pub fn put(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let length = bytes.len();
        ensure!(
            length as u64 <= recipe::PARCEL_SIZE,
            "{path} is too large to be put into the guest"
        );
        let directory = Path::new(path).parent().context("a file needs a path from the root")?;
        let work = self.work.as_ref().context("the host was not restored yet")?;
        OpenOptions::new()
            .write(true)
            .open(parcel(work.path()))?
            .write_all(bytes)?;
        // Direct, or the guest would read what it remembers of the file before.
        self.sh(&format!(
            "set -e; mkdir -p {}; dd if=/dev/vdc iflag=direct bs=64K count={} status=none | head -c {length} > {path}; \
             [ $(stat -c %s {path}) = {length} ]; chmod {mode:o} {path}",
            directory.display(),
            length.div_ceil(64 << 10)
        ))?;
        Ok(())
    }

    /// Looks again and again until `look` gives something. A look that fails ends the wait. Between looks it rests for as long as
    /// one takes: in an emulated host a look costs a second of its processors, and who only waits must not keep it from its work.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Host) -> Result<Option<T>>,
    ) -> Result<T> {
        let limit = limit * LENIENCE;
        let deadline = Instant::now() + limit;
        loop {
            let begun = Instant::now();
            if let Some(seen) = look(self).with_context(|| format!("while waiting for {what}"))? {
                return Ok(seen);
            }
            let rest = begun.elapsed().clamp(LEAST_REST, LONGEST_REST);
            if Instant::now() > deadline {
                bail!("waited {} s in vain for {what}", limit.as_secs());
            }
            thread::sleep(rest);
        }
    }

    /// The status of Docker's pool, read without flushing.
    pub fn pool_status(&mut self) -> Result<PoolStatus> {
        let said = self.sh("dmsetup status --noflush --target thin-pool")?;
        PoolStatus::parse(&said)
    }

    /// Which dockerd is running.
    pub fn dockerd(&mut self) -> Result<Daemon> {
        let said = self.sh(
            "pid=$(systemctl show -p MainPID --value docker.service) && [ $pid -gt 0 ] && echo $pid && cat /proc/$pid/stat",
        )?;
        Daemon::parse(&said)
    }

    /// Installs thinguard with its units, neither enabled nor started; builds it first if need be.
    pub fn install_guard(&mut self) -> Result<()> {
        let binary = self.build_guard()?;
        let root = self.pristine.paths.root.clone();
        guard::install(self, &root, &binary)
    }

    /// Installs `crash`, which ends thinguard at a chosen system call.
    pub fn install_crash(&mut self) -> Result<()> {
        let binary = guard::build_static(&self.pristine.paths, "crash")?;
        self.put("/usr/local/bin/crash", 0o755, &std::fs::read(binary)?)
    }

    /// Builds thinguard, once per run of the lab.
    pub fn build_guard(&mut self) -> Result<PathBuf> {
        if let Some(binary) = &self.guard {
            return Ok(binary.clone());
        }
        let binary = guard::build(&self.pristine.paths)?;
        self.guard = Some(binary.clone());
        Ok(binary)
    }

    /// Where the workspace and its target directory are.
    pub fn paths(&self) -> &Paths {
        &self.pristine.paths
    }

    /// Boots the host anew, from its disks as they are, and waits until it answers.
    pub fn reboot(&mut self) -> Result<()> {
        let boot = self.sh("cat /proc/sys/kernel/random/boot_id")?;
        // The answer to this may be lost with the agent.
        let _ = self.sh_timeout("systemctl reboot", SCRIPT_LIMIT);
        let deadline = Instant::now() + BOOT_LIMIT;
        loop {
            let machine = self.machine()?;
            let answers = machine.agent.sync(ANSWER_LIMIT).is_ok();
            if answers
                && self
                    .sh("cat /proc/sys/kernel/random/boot_id")
                    .is_ok_and(|now| now != boot)
            {
                return self.set_clock();
            }
            ensure!(
                Instant::now() < deadline,
                "the host has not booted after {} s",
                BOOT_LIMIT.as_secs()
            );
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Keeps what tells why a scenario failed. Best effort: the guest may be in any state.
    pub fn keep_evidence(&mut self, scenario: &str) -> Result<PathBuf> {
        let directory = self.pristine.paths.lab.join("failed").join(scenario);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory)?;
        for (file, script) in [
            ("journal.txt", "journalctl -b -o short-monotonic --no-pager"),
            ("kernel.txt", "dmesg"),
            (
                "dmsetup.txt",
                "for what in table status; do echo \"== $what\"; dmsetup $what --noflush; done; losetup -l",
            ),
            ("ps.txt", "ps -eLo pid,tid,ppid,stat,wchan:32,comm"),
        ] {
            // An agent that is silent once would only cost its whole time limit again for each further file.
            let output = self.sh_timeout(script, SCRIPT_LIMIT)?;
            std::fs::write(directory.join(file), output.stdout + &output.stderr)?;
        }
        Ok(directory)
    }

    /// Gives the machine to the user's terminal until the user ends it.
    pub fn attend(mut self) -> Result<()> {
        self.machine.take().context("no machine is running")?.wait()
    }

    fn set_clock(&mut self) -> Result<()> {
        guest::set_clock(self.machine()?)
    }

    fn machine(&mut self) -> Result<&mut Machine> {
        self.machine.as_mut().context("the host was not restored yet")
    }
}

/// Makes the cached host if need be, and gives a machine on it that is yet to be restored.
pub fn prepare() -> Result<Host> {
    Ok(Host::new(Arc::new(crate::snapshots::prepare()?), 0))
}

/// Prepares a host and restores it, with the time this took.
pub fn restored(snapshot: Snapshot) -> Result<Host> {
    let mut host = prepare()?;
    progress::step(&format!("restores a host with Docker {}", snapshot.name()), || {
        host.restore(snapshot)
    })?;
    Ok(host)
}
