//! The Docker host as a scenario sees it: run things in it, put files into it, wait for what should happen, restore it.

mod counting;
mod files;
mod guarded;
mod making;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::cleanup::Scratch;
pub use crate::guest::Output;
use crate::guest::{self, ANSWER_LIMIT};
use crate::machine::{Console, Disks, Hardware, Machine, Snapshot, Start};
use crate::paths::Paths;
use crate::pool::{Daemon, PoolStatus};
use crate::pristine::Pristine;
use crate::recipe;
use crate::times::{Purpose, Spent};

/// The time that a script has unless its caller says otherwise.
const SCRIPT_LIMIT: Duration = Duration::from_secs(120);

/// Limits of waits are given for a computer that has nothing else to do, and mean "never"; a slower one takes this many times as long.
const LENIENCE: u32 = 2;

/// Between two looks of somebody who waits.
const LEAST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What is put into the guest goes through this file.
const PARCEL: &str = "parcel.raw";

/// A boot takes some 15 s under TCG on a machine that does nothing else.
const BOOT_LIMIT: Duration = Duration::from_secs(240);

/// A script that goes on in the guest.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    pid: i64,
    #[serde(skip)]
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
    /// The state in which a machine is started once something is asked of it.
    pending: Option<Snapshot>,
    work: Option<Scratch>,
    guard: Option<PathBuf>,
    guarded: Arc<guarded::Guarded>,
    spent: Spent,
    /// What the time that passes now is for; the outermost purpose counts.
    purpose: Option<Purpose>,
}

impl Host {
    pub fn new(pristine: Arc<Pristine>, number: usize) -> Host {
        Host {
            pristine,
            number,
            machine: None,
            pending: None,
            work: None,
            guard: None,
            guarded: Arc::default(),
            spent: Spent::default(),
            purpose: None,
        }
    }

    /// Another host beside this one, from the same image and with the same thinguard.
    pub fn another(&self, number: usize) -> Host {
        Host {
            guard: self.guard.clone(),
            guarded: Arc::clone(&self.guarded),
            ..Host::new(Arc::clone(&self.pristine), number)
        }
    }

    /// A fresh host in this state, from the first that is asked of it on.
    pub fn restore(&mut self, snapshot: Snapshot) {
        self.end_machine();
        self.pending = Some(snapshot);
    }

    /// Puts the host into a kept state, with its clock set. It is always a new machine: nothing of the last one is left.
    fn restore_disks(&mut self, disks: Disks) -> Result<()> {
        let console = Console::Log(self.pristine.console_log(self.number));
        self.told(Purpose::Restoring, "a host", |host| {
            host.start(&Start::Restore(disks), console)
        })
    }

    fn start(&mut self, start: &Start, console: Console) -> Result<()> {
        // The old one's memory is free before the new one takes as much.
        self.end_machine();
        self.pending = None;
        let work = self.work()?;
        let Pristine { tree, accelerator, .. } = &*self.pristine;
        let hardware = Hardware {
            tree,
            accelerator: *accelerator,
            console,
            parcel: &work.join(PARCEL),
            scratch: &work,
        };
        let machine = self.machine.insert(Machine::start(&hardware, start)?);
        let limit = match start {
            Start::Boot(_) => BOOT_LIMIT,
            Start::Continue { .. } | Start::Restore(_) => ANSWER_LIMIT,
        };
        machine.agent.sync(limit)?;
        guest::set_clock(machine)
    }

    fn end_machine(&mut self) {
        if let Some(machine) = self.machine.take() {
            self.spent.add_processor(machine.processor_time());
        }
    }

    /// This host's own directory, made when it is first needed.
    fn work(&mut self) -> Result<PathBuf> {
        if self.work.is_none() {
            let name = format!("work-{}-{}", std::process::id(), self.number);
            let directory = self.pristine.paths.lab.join(name);
            std::fs::create_dir_all(&directory)?;
            std::fs::File::create(directory.join(PARCEL))?.set_len(recipe::PARCEL_SIZE)?;
            let _ = std::fs::remove_file(self.pristine.console_log(self.number));
            self.work = Some(Scratch::adopt(directory));
        }
        let work = self.work.as_ref().context("it was made just now")?;
        Ok(work.path().to_owned())
    }

    /// Runs a shell script as root; fails, with what it said, when it exits with anything but 0 or takes over two minutes.
    pub fn sh(&mut self, script: &str) -> Result<String> {
        self.told(Purpose::Script, script, |host| {
            guest::sh(host.machine()?, script, SCRIPT_LIMIT)
        })
    }

    /// Runs a script and gives whatever came of it. When its time is over its process group is killed.
    pub fn sh_timeout(&mut self, script: &str, limit: Duration) -> Result<Output> {
        self.told(Purpose::Script, script, |host| {
            guest::run(host.machine()?, script, limit)
        })
    }

    /// Starts a script that runs on in the guest.
    pub fn spawn(&mut self, script: &str) -> Result<Job> {
        Ok(Job {
            pid: guest::start(self.machine()?, script)?,
            output: None,
        })
    }

    /// Looks again and again until `look` gives something. A look that fails ends the wait. Between looks it rests for as long as
    /// one takes: in an emulated host a look costs a second of its processors, and who only waits must not keep it from its work.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        look: impl FnMut(&mut Host) -> Result<Option<T>>,
    ) -> Result<T> {
        self.told(Purpose::Waiting, what, |host| host.look_until(what, limit, look))
    }

    /// Waits for the end of a script that itself waits, and gives what it printed.
    pub fn wait_by_script(&mut self, what: &str, script: &str, limit: Duration) -> Result<String> {
        let limit = limit * LENIENCE;
        let done = self.told(Purpose::Waiting, what, |host| host.sh_timeout(script, limit))?;
        match done.code {
            Some(0) => Ok(done.stdout),
            None => bail!("waited {} s in vain for {what}", limit.as_secs()),
            Some(_) => bail!("while waiting for {what}: {done:?}"),
        }
    }

    fn look_until<T>(
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

    /// Where the workspace and its target directory are.
    pub fn paths(&self) -> &Paths {
        &self.pristine.paths
    }

    /// Boots the host anew, from its disks as they are, and waits until it answers.
    pub fn reboot(&mut self) -> Result<()> {
        self.spending(Purpose::Restoring, Host::reboot_now)
    }

    fn reboot_now(&mut self) -> Result<()> {
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

    /// The same on the user's own terminal.
    pub fn restore_on_terminal(&mut self, snapshot: Snapshot) -> Result<()> {
        let disks = self.pristine.disks(snapshot);
        self.start(&Start::Restore(disks), Console::Terminal)
    }

    /// Gives the machine to the user's terminal until the user ends it.
    pub fn attend(mut self) -> Result<()> {
        self.machine.take().context("no machine is running")?.wait()
    }

    fn set_clock(&mut self) -> Result<()> {
        guest::set_clock(self.machine()?)
    }

    /// The running machine; one that was restored starts now.
    fn machine(&mut self) -> Result<&mut Machine> {
        if let Some(snapshot) = self.pending.take() {
            let disks = self.pristine.disks(snapshot);
            self.restore_disks(disks)?;
        }
        self.machine.as_mut().context("the host was not restored yet")
    }
}
