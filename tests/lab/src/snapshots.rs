//! The cached host: its two disks with the snapshots in them, made once per recipe, copied for each run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::accel::{self, Accelerator};
use crate::cleanup::Scratch;
use crate::image::{self, Tree};
use crate::machine::{Console, Hardware, Machine, QEMU, SOCKET_DIRECTORY, Snapshot, docker_disk, overlay_disk, parcel};
use crate::paths::Paths;
use crate::{guest, progress, recipe, tools};

const TOOL_LIMIT: Duration = Duration::from_secs(120);
const BOOT_LIMIT: Duration = Duration::from_secs(240);
const DOCKER_LIMIT: Duration = Duration::from_secs(240);

/// A host that is ready to be copied and restored.
pub struct Pristine {
    pub paths: Paths,
    pub tree: Tree,
    pub accelerator: Accelerator,
    directory: PathBuf,
}

/// Gives the cached host, with everything that it needs made first.
pub fn prepare() -> Result<Pristine> {
    let paths = Paths::find()?;
    let lock = paths.lock()?;
    tools::ensure(&paths)?;
    remove_abandoned(&paths.lab)?;
    let tree = image::tree(&paths)?;
    let accelerator = accel::choose(&tree)?;
    let name = format!(
        "host-{}-{}",
        accelerator.name(),
        recipe::host_key(&tree.key, &machine_version(accelerator)?)
    );
    let directory = paths.lab.join(&name);
    if !directory.is_dir() {
        image::remove_older(&paths.lab, &[&format!("host-{}-", accelerator.name()), "building-"])?;
        let building = image::building(&paths.lab, &name)?;
        build(&paths, &tree, accelerator, building.path())?;
        building.keep_as(&directory)?;
    }
    drop(lock);
    Ok(Pristine {
        paths,
        tree,
        accelerator,
        directory,
    })
}

impl Pristine {
    /// A copy to write to: snapshots cannot be loaded through a backing file, and loading one changes the file.
    pub fn copy(&self, number: usize) -> Result<Scratch> {
        let work = self.paths.lab.join(format!("work-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work)?;
        let work = Scratch::adopt(work);
        let mut cp = Command::new("cp");
        cp.args(["--reflink=auto", "--sparse=always"]);
        cp.arg(overlay_disk(&self.directory))
            .arg(docker_disk(&self.directory))
            .arg(parcel(&self.directory))
            .arg(work.path());
        progress::output(&mut cp).context("cannot copy the host's disks")?;
        Ok(work)
    }

    /// The console's log of one host of this run.
    pub fn console_log(&self, number: usize) -> PathBuf {
        match number {
            0 => self.paths.lab.join("console.log"),
            more => self.paths.lab.join(format!("console-{more}.log")),
        }
    }
}

fn build(paths: &Paths, tree: &Tree, accelerator: Accelerator, directory: &Path) -> Result<()> {
    progress::step("makes the disks", || {
        make_disks(tree, directory, &paths.lab.join("image.log"))
    })?;
    let console = Console::Log(paths.lab.join("console.log"));
    let hardware = Hardware {
        tree,
        disks: directory,
        accelerator,
        console,
    };
    let mut machine = progress::step(&format!("boots the host ({})", accelerator.name()), || {
        let mut machine = Machine::start(&hardware, None)?;
        machine.agent.sync(BOOT_LIMIT).context("see target/lab/console.log")?;
        Ok(machine)
    })?;
    progress::step("starts Docker, imports an image, runs a container", || {
        guest::provision(&mut machine, recipe::TO_RUNNING, DOCKER_LIMIT)
    })?;
    progress::step("keeps the snapshot `running`", || machine.save(Snapshot::Running))?;
    progress::step("stops Docker", || {
        guest::provision(&mut machine, recipe::TO_STOPPED, DOCKER_LIMIT)
    })?;
    progress::step("keeps the snapshot `stopped`", || machine.save(Snapshot::Stopped))?;
    machine.quit()
}

fn make_disks(tree: &Tree, directory: &Path, log: &Path) -> Result<()> {
    let mut root = Command::new("qemu-img");
    root.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .arg(tree.root())
        .arg(overlay_disk(directory));
    progress::logged(&mut root, log, TOOL_LIMIT)?;

    let raw = directory.join("docker.raw");
    let mut filesystem = Command::new(image::sbin("mkfs.ext4"));
    filesystem
        .args(["-q", "-F", "-m", "0", "-L", "docker"])
        .arg(&raw)
        .arg(recipe::DOCKER_SIZE);
    progress::logged(&mut filesystem, log, TOOL_LIMIT)?;
    let mut convert = Command::new("qemu-img");
    convert
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .arg(&raw)
        .arg(docker_disk(directory));
    progress::logged(&mut convert, log, TOOL_LIMIT)?;
    fs::remove_file(raw)?;
    fs::File::create(parcel(directory))?.set_len(recipe::PARCEL_SIZE)?;
    Ok(())
}

/// What a snapshot depends on: QEMU's version, and with KVM the processor that the guest sees.
fn machine_version(accelerator: Accelerator) -> Result<String> {
    let version = progress::output(Command::new(QEMU).arg("--version"))?;
    let processor = match accelerator {
        Accelerator::Tcg | Accelerator::Counted => String::new(),
        Accelerator::Kvm => fs::read_to_string("/proc/cpuinfo")?
            .lines()
            .filter(|line| line.starts_with("model name") || line.starts_with("flags"))
            .take(2)
            .collect(),
    };
    if version.is_empty() {
        bail!("{QEMU} does not tell its version");
    }
    Ok(format!("{}{version}{processor}", accelerator.name()))
}

/// What runs that were killed outright left: copies of the disks, and socket directories.
fn remove_abandoned(lab: &Path) -> Result<()> {
    let temporary = std::env::temp_dir();
    for (place, prefix) in [(lab, "work-"), (temporary.as_path(), SOCKET_DIRECTORY)] {
        for entry in fs::read_dir(place)? {
            let entry = entry?;
            let name = entry.file_name();
            // `PREFIX PID` or `PREFIX PID-NUMBER`
            let name = name.to_string_lossy();
            let owner = name.strip_prefix(prefix).and_then(|rest| rest.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    Ok(())
}
