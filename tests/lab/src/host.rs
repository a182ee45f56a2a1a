//! The Docker host as a scenario sees it: run things in it, put files into it, wait for what should happen, restore it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::cleanup::Scratch;
use crate::machine::{Console, Hardware, Machine, Snapshot, parcel};
use crate::pool::{Daemon, PoolStatus};
use crate::snapshots::Pristine;
use crate::{guard, progress, recipe};

/// The time that a script has unless its caller says otherwise.
const SCRIPT_LIMIT: Duration = Duration::from_secs(60);
/// How long a restored guest may take to answer. Measured 1.3 s under TCG.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long a killed script may take to be reaped before it is given up as stuck in the kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);

/// What a script left. `code` is `None` when its time was over and it was killed.
#[derive(Debug, Clone)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

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
            self.output = poll(host.machine()?, self.pid)?;
        }
        Ok(self.output.clone())
    }
}

/// One machine on a copy of the disks; every restore is a fresh host.
pub struct Host {
    pristine: Pristine,
    machine: Option<Machine>,
    work: Option<Scratch>,
    guard: Option<PathBuf>,
}

impl Host {
    pub fn new(pristine: Pristine) -> Host {
        Host {
            pristine,
            machine: None,
            work: None,
            guard: None,
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
        let console = Console::Log(self.pristine.console_log());
        self.start(snapshot, console)
    }

    /// Starts a new machine on new copies of the disks.
    pub fn start(&mut self, snapshot: Snapshot, console: Console) -> Result<()> {
        self.machine = None;
        self.work = None;
        let work = self.work.insert(self.pristine.copy()?);
        let Pristine { tree, accelerator, .. } = &self.pristine;
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

    /// Runs a shell script as root; fails, with what it said, when it exits with anything but 0 or takes over 60 s.
    pub fn sh(&mut self, script: &str) -> Result<String> {
        sh(self.machine()?, script, SCRIPT_LIMIT)
    }

    /// Runs a script and gives whatever came of it. When its time is over its process group is killed.
    pub fn sh_timeout(&mut self, script: &str, limit: Duration) -> Result<Output> {
        run(self.machine()?, script, limit)
    }

    /// Starts a script that runs on in the guest.
    pub fn spawn(&mut self, script: &str) -> Result<Job> {
        Ok(Job {
            pid: start(self.machine()?, script)?,
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

    /// Looks again and again until `look` gives something. A look that fails ends the wait.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&mut Host) -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(seen) = look(self).with_context(|| format!("while waiting for {what}"))? {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                bail!("waited {} s in vain for {what}", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(200));
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

    /// Builds thinguard if need be, and installs it with its units, neither enabled nor started.
    pub fn install_guard(&mut self) -> Result<()> {
        if self.guard.is_none() {
            self.guard = Some(guard::build(&self.pristine.paths)?);
        }
        let binary = self.guard.clone().context("no binary was built")?;
        let root = self.pristine.paths.root.clone();
        guard::install(self, &root, &binary)
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

    /// Runs a step of the image's making. Snapshots begin here, so there is no host yet, only the machine.
    pub fn provision(machine: &mut Machine, script: &str, limit: Duration) -> Result<()> {
        set_clock(machine)?;
        sh(machine, script, limit).map(drop)
    }

    /// Gives the machine to the user's terminal until the user ends it.
    pub fn attend(mut self) -> Result<()> {
        self.machine.take().context("no machine is running")?.wait()
    }

    fn set_clock(&mut self) -> Result<()> {
        set_clock(self.machine()?)
    }

    fn machine(&mut self) -> Result<&mut Machine> {
        self.machine.as_mut().context("the host was not restored yet")
    }
}

/// A snapshot's clock stands at the time it was made.
fn set_clock(machine: &mut Machine) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    sh(
        machine,
        &format!("date -s @{}.{:03}", now.as_secs(), now.subsec_millis()),
        ANSWER_LIMIT,
    )
    .map(drop)
}

fn sh(machine: &mut Machine, script: &str, limit: Duration) -> Result<String> {
    let output = run(machine, script, limit)?;
    match output.code {
        Some(0) => Ok(output.stdout),
        Some(code) => bail!(
            "in the guest: exit code {code} of\n{script}\n{}{}",
            output.stdout,
            output.stderr
        ),
        None => {
            bail!(
                "in the guest: not done after {} s:\n{script}\n{}{}",
                limit.as_secs(),
                output.stdout,
                output.stderr
            )
        }
    }
}

fn run(machine: &mut Machine, script: &str, limit: Duration) -> Result<Output> {
    let pid = start(machine, script)?;
    if let Some(output) = await_end(machine, pid, limit)? {
        return Ok(output);
    }
    machine.agent.exec("/bin/kill", &["-KILL", "--", &format!("-{pid}")])?;
    let partial = await_end(machine, pid, REAP_LIMIT)?;
    let (stdout, stderr) = partial.map(|output| (output.stdout, output.stderr)).unwrap_or_default();
    Ok(Output {
        code: None,
        stdout,
        stderr,
    })
}

/// A session of its own makes the script's pid the process group that a timeout kills.
fn start(machine: &mut Machine, script: &str) -> Result<i64> {
    machine.agent.exec("/usr/bin/setsid", &["/bin/bash", "-c", script])
}

fn await_end(machine: &mut Machine, pid: i64, limit: Duration) -> Result<Option<Output>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(output) = poll(machine, pid)? {
            return Ok(Some(output));
        }
        if Instant::now() > deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

fn poll(machine: &mut Machine, pid: i64) -> Result<Option<Output>> {
    let ended = machine.agent.exec_status(pid)?;
    Ok(ended.map(|ended| Output {
        code: Some(ended.code),
        stdout: ended.stdout,
        stderr: ended.stderr,
    }))
}

/// Makes the cached host if need be, and gives a machine on it that is yet to be restored.
pub fn prepare() -> Result<Host> {
    crate::snapshots::prepare().map(Host::new)
}

/// Prepares a host and restores it, with the time this took.
pub fn restored(snapshot: Snapshot) -> Result<Host> {
    let mut host = prepare()?;
    progress::step(&format!("restores a host with Docker {}", snapshot.name()), || {
        host.restore(snapshot)
    })?;
    Ok(host)
}
