//! One QEMU process: how it is started, restored and ended.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
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
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(120);

/// The states of the host that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// dockerd is up, its pool is live, no container exists.
    Running,
    /// Docker was stopped cleanly and its pool is gone; the next start makes it again from the loop files.
    Stopped,
}

impl Snapshot {
    pub fn name(self) -> &'static str {
        match self {
            Snapshot::Running => "running",
            Snapshot::Stopped => "stopped",
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
    /// The directory of the two qcow2 disks.
    pub disks: &'a Path,
    pub accelerator: Accelerator,
    pub console: Console,
}

/// A running QEMU with both of its sockets connected.
pub struct Machine {
    child: Child,
    qmp: Qmp,
    pub agent: Agent,
    _sockets: Scratch,
}

impl Machine {
    /// Starts QEMU: a cold boot, or at once from a snapshot. The guest may not answer yet.
    pub fn start(hardware: &Hardware<'_>, from: Option<Snapshot>) -> Result<Machine> {
        let sockets = socket_directory()?;
        let complaints = sockets.path().join("stderr");
        let mut command = command_line(hardware, sockets.path());
        command.args(from.iter().flat_map(|snapshot| ["-loadvm", snapshot.name()]));
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

    /// Puts the running machine back to a snapshot.
    pub fn load(&mut self, snapshot: Snapshot) -> Result<()> {
        self.qmp.human(&format!("loadvm {}", snapshot.name()), SNAPSHOT_LIMIT)
    }

    /// Keeps the machine's memory and all its disks under the snapshot's name.
    pub fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        self.qmp.human(&format!("savevm {}", snapshot.name()), SNAPSHOT_LIMIT)
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

fn command_line(hardware: &Hardware<'_>, sockets: &Path) -> Command {
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
    command.args(["-append", recipe::KERNEL_LINE]);
    command.args([
        "-drive",
        &root_disk(hardware),
        "-drive",
        &disk(&docker_disk(hardware.disks)),
    ]);
    command.args([
        "-drive",
        &format!(
            "if=virtio,format=raw,readonly=on,file={}",
            escaped(&parcel(hardware.disks))
        ),
    ]);
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
            command.args(["-serial", &format!("file:{}", escaped(path))]);
        }
        Console::Terminal => {
            command.args(["-serial", "mon:stdio"]);
        }
    }
    command
}

/// The qcow2 files that a machine writes to.
pub fn overlay_disk(disks: &Path) -> PathBuf {
    disks.join("root.qcow2")
}

pub fn docker_disk(disks: &Path) -> PathBuf {
    disks.join("docker.qcow2")
}

/// A third disk, raw and read-only for the guest: what is written to this file, the guest reads at once from /dev/vdc.
/// Through the agent's JSON, 1.5 MB took 2 s under TCG.
pub fn parcel(disks: &Path) -> PathBuf {
    disks.join("parcel.raw")
}

/// The backing file is named here rather than in the overlay, so that the cache can move with its directory.
fn root_disk(hardware: &Hardware<'_>) -> String {
    let backing = escaped(&hardware.tree.root());
    format!(
        "{},backing.driver=raw,backing.file.driver=file,backing.file.filename={backing}",
        disk(&overlay_disk(hardware.disks))
    )
}

fn disk(path: &Path) -> String {
    format!(
        "if=virtio,format=qcow2,cache=unsafe,discard=unmap,file={}",
        escaped(path)
    )
}

fn listening(id: &str, sockets: &Path) -> String {
    format!("socket,id={id},server=on,wait=off,path={}", escaped(&sockets.join(id)))
}

/// In QEMU's option strings a comma is written twice.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
