//! The outside programs that the lab runs, and how it comes by them on Debian.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::cleanup::Scratch;
use crate::paths::{Paths, has_program};
use crate::progress;

const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// A program (or a file with its whole path), and the Debian package that has it.
struct Tool {
    program: &'static str,
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        program: "qemu-system-x86_64",
        package: "qemu-system-x86",
    },
    Tool {
        program: "qemu-img",
        package: "qemu-utils",
    },
    Tool {
        program: "mmdebstrap",
        package: "mmdebstrap",
    },
    Tool {
        program: "mkfs.ext4",
        package: "e2fsprogs",
    },
    Tool {
        program: "debugfs",
        package: "e2fsprogs",
    },
    Tool {
        program: KEYRING,
        package: "debian-archive-keyring",
    },
];

/// What the packages are built and checked with.
const RPM_TOOLS: &[Tool] = &[
    Tool {
        program: "rpmbuild",
        package: "rpm",
    },
    Tool {
        program: "rpmlint",
        package: "rpmlint",
    },
    Tool {
        program: "readelf",
        package: "binutils",
    },
];

/// What mmdebstrap checks the release's signature with.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Without root, mmdebstrap works in a user namespace, whose id map this program sets up.
const UNPRIVILEGED: Tool = Tool {
    program: "newuidmap",
    package: "uidmap",
};

/// Installs what is missing as root on Debian, or says in one line what to install.
pub fn ensure(paths: &Paths) -> Result<()> {
    ensure_all(paths, TOOLS)
}

/// The same for what builds and checks the packages.
pub fn ensure_for_rpm(paths: &Paths) -> Result<()> {
    ensure_all(paths, RPM_TOOLS)
}

/// A program of a Debian package that is unpacked and not installed: installed, it would be a service on the developer's computer.
pub fn unpacked(paths: &Paths, package: &str, program: &str) -> Result<PathBuf> {
    let directory = paths.lab.join("tools").join(package);
    let program = directory.join("usr/bin").join(program);
    if !program.is_file() {
        let log = paths.lab.join("apt.log");
        progress::step(&format!("unpacks {package}"), || unpack(package, &directory, &log))?;
    }
    anyhow::ensure!(program.is_file(), "{package} has no {}", program.display());
    Ok(program)
}

fn unpack(package: &str, directory: &Path, log: &Path) -> Result<()> {
    // A fresh container has no lists of packages; without root those that are there must do.
    if candidate(package).is_err() && Uid::effective().is_root() {
        progress::logged(apt_get().arg("update"), log, INSTALL_LIMIT)?;
    }
    let building = directory.with_extension("new");
    let _ = std::fs::remove_dir_all(directory);
    let _ = std::fs::remove_dir_all(&building);
    std::fs::create_dir_all(&building)?;
    let building = Scratch::adopt(building);
    let mut download = apt_get();
    download.args(["download", package]).current_dir(building.path());
    progress::logged(&mut download, log, INSTALL_LIMIT)?;
    let mut extract = Command::new("sh");
    extract
        .args(["-c", "dpkg-deb --extract *.deb . && rm *.deb"])
        .current_dir(building.path());
    progress::logged(&mut extract, log, INSTALL_LIMIT)?;
    building.keep_as(directory)
}

fn ensure_all(paths: &Paths, tools: &[Tool]) -> Result<()> {
    let packages = missing(tools);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !Uid::effective().is_root() || !has_program("apt-get") {
        bail!("missing tools; on Debian: apt-get install --no-install-recommends {list}");
    }
    let log = paths.lab.join("apt.log");
    progress::step(&format!("installs {list}"), || install(&packages, &log))?;
    match missing(tools).as_slice() {
        [] => Ok(()),
        still => bail!("installed, and yet not found: {}", still.join(" ")),
    }
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let unprivileged = (!Uid::effective().is_root()).then_some(&UNPRIVILEGED);
    let mut packages: Vec<&str> = tools
        .iter()
        .chain(unprivileged)
        .filter(|tool| !has_program(tool.program))
        .map(|tool| tool.package)
        .collect();
    packages.dedup();
    packages
}

/// qemu-utils is named wherever qemu-system-x86 is: a qemu-utils from backports breaks the release's qemu-system-common,
/// and apt would rather remove the one that was not named than refuse.
fn install(missing: &[&str], log: &Path) -> Result<()> {
    progress::logged(apt_get().arg("update"), log, INSTALL_LIMIT)?;
    let mut packages: Vec<String> = missing.iter().map(|&package| package.to_owned()).collect();
    if !missing.contains(&"qemu-system-x86") {
        return apt_get_install(&packages, log);
    }
    packages.retain(|package| package != "qemu-utils");
    let both = [packages.as_slice(), &["qemu-utils".to_owned()]].concat();
    let Err(refused) = apt_get_install(&both, log) else {
        return Ok(());
    };

    // Both are built from one source, so the qemu-utils that fits is of the very version of qemu-system-x86.
    let version = candidate("qemu-system-x86").context(refused)?;
    eprintln!("\nlab: the plain install failed; tries again with qemu-utils at {version}, downgraded if need be");
    let pinned = [
        packages.as_slice(),
        &[format!("qemu-utils={version}"), "--allow-downgrades".to_owned()],
    ]
    .concat();
    apt_get_install(&pinned, log)
}

/// What else is on the computer stays: rather fail than remove it.
fn apt_get_install(arguments: &[String], log: &Path) -> Result<()> {
    let mut command = apt_get();
    command
        .args(["install", "-y", "--no-install-recommends", "--no-remove"])
        .args(arguments);
    progress::logged(&mut command, log, INSTALL_LIMIT)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn candidate(package: &str) -> Result<String> {
    let said = progress::output(Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C"))?;
    said.lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
        .map(str::to_owned)
        .with_context(|| format!("apt knows no {package}"))
}
