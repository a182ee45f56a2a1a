//! One QEMU process: how it is started, restored and ended.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::accel::Accelerator;
use crate::agent::Agent;
use crate::cleanup::{self, Scratch};
use crate::image::Tree;
use crate::qmp::Qmp;
use crate::{progress, recipe};

pub const QEMU: &str = "qemu-system-x86_64";
/// Followed by the lab's pid, in the directory for temporary files.
pub const SOCKET_DIRECTORY: &str = "thinguard-lab-";
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
const KEEP_LIMIT: Duration = Duration::from_secs(120);

/// The states of the host that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// dockerd is up, its pool is live, no container exists.
    Running,
    /// Docker was stopped cleanly and its pool is gone; the next start makes it again from the loop files.
    Stopped,
    /// As `Running`, with a pool of 128 MiB and 2 MiB of metadata.
    Small,
    /// As `Running`, with two containers that wait for a word to write, and 64 MiB left in the pool for them.
    Low,
    /// The containers have filled the pool, and dockerd hangs in D state since it is to remove them.
    Hung,
}

impl Snapshot {
    pub fn name(self) -> &'static str {
        match self {
            Snapshot::Running => "running",
            Snapshot::Stopped => "stopped",
            Snapshot::Small => "small",
            Snapshot::Low => "low",
            Snapshot::Hung => "hung",
        }
    }

    /// For people.
    pub fn about(self) -> &'static str {
        match self {
            Snapshot::Running => "Docker runs",
            Snapshot::Stopped => "Docker is stopped",
            Snapshot::Small => "Docker runs on a small pool",
            Snapshot::Low => "Docker runs, and its pool is nearly full",
            Snapshot::Hung => "dockerd hangs on a full pool",
        }
    }
}

/// Where the guest's serial console goes.
pub enum Console {
    /// To a file, for test runs.
    Log(PathBuf),
    /// To the user's terminal, for `cargo lab shell`.
    Terminal,
}

/// All that QEMU is started with, but for the snapshot.
pub struct Hardware<'a> {
    pub tree: &'a Tree,
    pub accelerator: Accelerator,
    pub console: Console,
    /// A third disk, raw and read-only for the guest: what is written to this file, the guest reads at once from /dev/vdc. Through the
    /// agent's JSON, 1.5 MB took 2 s under TCG.
    pub parcel: &'a Path,
    /// Where QEMU puts what is written to disks that must stay as they are.
    pub scratch: &'a Path,
}

/// The two disks of a machine, root and Docker's, and the memory that was kept with them.
#[derive(Debug, Clone)]
pub struct Disks {
    pub directory: PathBuf,
}

impl Disks {
    pub fn in_directory(directory: PathBuf) -> Disks {
        Disks { directory }
    }

    pub fn root(&self) -> PathBuf {
        self.directory.join("root.qcow2")
    }

    pub fn docker(&self) -> PathBuf {
        self.directory.join("docker.qcow2")
    }

    pub fn memory(&self) -> PathBuf {
        self.directory.join("memory")
    }
}

/// How a machine begins.
#[derive(Debug, Clone)]
pub enum Start {
    /// A boot from disks that it changes.
    Boot(Disks),
    /// From a kept state, going on with disks of its own that it changes.
    Continue {
        /// Whose memory it takes.
        from: Disks,
        disks: Disks,
    },
    /// From a kept state, which stays as it is: what is written is gone when QEMU ends.
    Restore(Disks),
}

/// A running QEMU with both of its sockets connected.
pub struct Machine {
    child: Child,
    qmp: Qmp,
    pub agent: Agent,
    _sockets: Scratch,
}

impl Machine {
    /// Starts QEMU. The guest may not answer yet.
    pub fn start(hardware: &Hardware<'_>, start: &Start) -> Result<Machine> {
        let sockets = socket_directory()?;
        let complaints = sockets.path().join("stderr");
        let mut command = command_line(hardware, start, sockets.path());
        command.stderr(File::create(&complaints)?);
        let mut child = cleanup::spawn_tied(&mut command, Signal::SIGKILL)?;
        match connect(sockets.path()) {
            Ok((qmp, agent)) => Ok(Machine {
                child,
                qmp,
                agent,
                _sockets: sockets,
            }),
            Err(error) => {
                end(&mut child);
                let said = fs::read_to_string(&complaints).unwrap_or_default();
                Err(error).with_context(|| format!("QEMU does not run: {}", said.trim()))
            }
        }
    }

    /// Writes the machine's memory down and ends QEMU: with the disks as they are then, it can be restored again and again.
    pub fn keep(mut self, memory: &Path) -> Result<()> {
        self.qmp
            .command("migrate-set-parameters", json!({ "max-bandwidth": 0 }), CONNECT_LIMIT)?;
        let uri = format!("exec:cat > {}", quoted(memory));
        self.qmp.command("migrate", json!({ "uri": uri }), CONNECT_LIMIT)?;
        let begun = Instant::now();
        loop {
            let seen = self.qmp.command("query-migrate", json!({}), CONNECT_LIMIT)?;
            match seen["status"].as_str() {
                Some("completed") => return self.quit(),
                Some("failed" | "cancelled") => bail!("QEMU cannot keep the machine: {seen}"),
                _ => thread::sleep(Duration::from_millis(50)),
            }
            ensure!(begun.elapsed() < KEEP_LIMIT, "the machine is not kept yet: {seen}");
        }
    }

    /// The processor time that QEMU has taken so far; zero where that cannot be read.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name in brackets: field 14 and 15 of all, in ticks of 10 ms.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// Ends QEMU so that its disks are whole.
    pub fn quit(mut self) -> Result<()> {
        self.qmp.command("quit", json!({}), CONNECT_LIMIT)?;
        let status = progress::wait(&mut self.child, CONNECT_LIMIT)?;
        if !status.success() {
            bail!("QEMU ended with {status}");
        }
        Ok(())
    }

    /// Waits until the user ends QEMU; for the interactive console.
    pub fn wait(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Counts the machines of this run: each has a directory of its own.
static MACHINES: AtomicUsize = AtomicUsize::new(0);

/// In the directory for temporary files, since a socket's path must fit in 108 bytes. Only its owner may enter: who speaks
/// to these sockets commands the lab's QEMU.
fn socket_directory() -> Result<Scratch> {
    let number = MACHINES.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("{SOCKET_DIRECTORY}{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    Ok(Scratch::adopt(path))
}

fn connect(sockets: &Path) -> Result<(Qmp, Agent)> {
    let qmp = Qmp::connect(&sockets.join("qmp"), CONNECT_LIMIT)?;
    let agent = Agent::connect(&sockets.join("agent"), CONNECT_LIMIT)?;
    Ok((qmp, agent))
}

fn end(child: &mut Child) {
    let _ = child.kill();
    // SIGKILL ends a process that computes at once, but not one in D state; the lab must not wait for that.
    let _ = progress::wait(child, Duration::from_secs(10));
    cleanup::forget_child(child);
}

fn command_line(hardware: &Hardware<'_>, start: &Start, sockets: &Path) -> Command {
    let mut command = Command::new(QEMU);
    command.args([
        "-name",
        "thinguard-lab",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-nic",
        "none",
    ]);
    command.args(["-machine", recipe::MACHINE]);
    command.args(hardware.accelerator.arguments()).args(["-cpu", "max"]);
    command.args([
        "-m",
        &recipe::MEMORY_MB.to_string(),
        "-smp",
        &hardware.accelerator.processors().to_string(),
    ]);
    command
        .arg("-kernel")
        .arg(hardware.tree.kernel())
        .arg("-initrd")
        .arg(hardware.tree.initrd());
    let line = format!("{} {}", recipe::KERNEL_LINE, hardware.accelerator.kernel_arguments());
    command.args(["-append", line.trim_end()]);
    // What QEMU writes for disks that stay as they are goes to a file that nobody else sees, in this directory.
    command.env("TMPDIR", hardware.scratch);
    for disk in disks(start) {
        command.args(["-drive", &disk]);
    }
    command.args([
        "-drive",
        &format!("if=virtio,format=raw,readonly=on,file={}", escaped(hardware.parcel)),
    ]);
    if let Start::Continue { from, .. } | Start::Restore(from) = start {
        command.args(["-incoming", &format!("exec:cat {}", quoted(&from.memory()))]);
    }
    command.args([
        "-object",
        "rng-random,filename=/dev/urandom,id=rng",
        "-device",
        "virtio-rng-pci,rng=rng",
    ]);
    command.args(["-chardev", &listening("agent", sockets), "-device", "virtio-serial-pci"]);
    command.args(["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]);
    command.args([
        "-chardev",
        &listening("qmp", sockets),
        "-mon",
        "chardev=qmp,mode=control",
    ]);
    match &hardware.console {
        Console::Log(path) => {
            // Its own process group: Ctrl-C is for the lab, which then ends QEMU itself.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            let log = format!("file,id=console,append=on,path={}", escaped(path));
            command.args(["-chardev", &log, "-serial", "chardev:console"]);
        }
        Console::Terminal => {
            command.args(["-serial", "mon:stdio"]);
        }
    }
    command
}

/// QEMU's options for the root disk and Docker's.
fn disks(start: &Start) -> [String; 2] {
    let (disks, snapshot) = match start {
        Start::Boot(disks) | Start::Continue { disks, .. } => (disks, "off"),
        Start::Restore(disks) => (disks, "on"),
    };
    [disks.root(), disks.docker()].map(|path| {
        format!(
            "if=virtio,format=qcow2,cache=unsafe,discard=unmap,snapshot={snapshot},file={}",
            escaped(&path)
        )
    })
}

/// A word for the shell that QEMU runs.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn listening(id: &str, sockets: &Path) -> String {
    format!("socket,id={id},server=on,wait=off,path={}", escaped(&sockets.join(id)))
}

/// In QEMU's option strings a comma is written twice.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
