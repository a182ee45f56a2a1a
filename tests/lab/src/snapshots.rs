//! Makes the cached host: boots it once and keeps its states, each made from the one before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::accel::{self, Accelerator};
use crate::host::Host;
use crate::image::{self, Tree};
use crate::machine::{QEMU, SOCKET_DIRECTORY, Snapshot};
use crate::paths::Paths;
use crate::pristine::Pristine;
use crate::{fault, progress, recipe, tools};

/// How long a full pool holds writes back while the hang is made; the kernel's 60 s would only be waited for.
const NO_SPACE_TIMEOUT: Duration = Duration::from_secs(10);

/// A machine on the cached host, which is made first if need be; it is yet to be restored.
pub fn prepare() -> Result<Host> {
    Ok(Host::new(Arc::new(pristine()?), 0))
}

/// Prepares a host, to be restored in this state.
pub fn restored(snapshot: Snapshot) -> Result<Host> {
    let mut host = prepare()?;
    host.restore(snapshot);
    Ok(host)
}

fn pristine() -> Result<Pristine> {
    let paths = Paths::find()?;
    let lock = paths.lock()?;
    tools::ensure(&paths)?;
    remove_abandoned(&paths.lab)?;
    let tree = image::tree(&paths)?;
    let accelerator = accel::choose(&tree)?;
    eprintln!("lab: {}", accelerator.about());
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

fn build(paths: &Paths, tree: &Tree, accelerator: Accelerator, directory: &Path) -> Result<()> {
    let pristine = Arc::new(Pristine {
        paths: paths.clone(),
        tree: tree.clone(),
        accelerator,
        directory: directory.to_owned(),
    });
    let hang = pristine.hang();
    let mut host = Host::new(pristine, 0);
    progress::step(&format!("boots the host ({})", accelerator.name()), || {
        host.begin(None).context("see target/lab/console.log")
    })?;
    progress::step("starts Docker, imports an image, runs a container", || {
        host.provision(recipe::TO_RUNNING)?;
        host.keep(Snapshot::Running)
    })?;
    progress::step("stops Docker", || {
        host.begin(Some(Snapshot::Running))?;
        host.provision(recipe::TO_STOPPED)?;
        host.keep(Snapshot::Stopped)
    })?;
    // The hang is waited for more than it is computed.
    let mut beside = host.another(1);
    thread::scope(|scope| {
        let small = scope.spawn(|| make_small(&mut beside));
        make_low_and_hung(&mut host, &hang)?;
        small.join().map_err(|_| anyhow!("the making of a state panicked"))?
    })
}

fn make_small(host: &mut Host) -> Result<()> {
    progress::step("starts Docker on a small pool", || {
        host.begin(Some(Snapshot::Stopped))?;
        host.provision(recipe::TO_SMALL)?;
        host.keep(Snapshot::Small)
    })
}

fn make_low_and_hung(host: &mut Host, hang: &Path) -> Result<()> {
    progress::step("fills the pool up to its last blocks", || {
        host.begin(Some(Snapshot::Running))?;
        fault::start_writers(host)?;
        host.keep(Snapshot::Low)
    })?;
    progress::step("hangs dockerd on the full pool", || {
        host.begin(Some(Snapshot::Low))?;
        let hung = fault::hang_dockerd(host, NO_SPACE_TIMEOUT)?;
        fault::await_kernels_report(host, &hung)?;
        fs::write(hang, serde_json::to_vec(&hung)?)?;
        host.keep(Snapshot::Hung)
    })
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
    Ok(format!(
        "{}{}{version}{processor}",
        accelerator.name(),
        accelerator.kernel_arguments()
    ))
}

/// What runs that were killed outright left: scratch directories, and those of sockets.
fn remove_abandoned(lab: &Path) -> Result<()> {
    let temporary: PathBuf = std::env::temp_dir();
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
