//! The root tree: a Debian that mmdebstrap puts into an ext4 image, as root or in a user namespace, with nothing mounted.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::Uid;

use crate::cleanup::Scratch;
use crate::paths::Paths;
use crate::{progress, recipe, tools};

const BUILD_LIMIT: Duration = Duration::from_secs(1800);
const DEFAULT_MIRROR: &str = "http://deb.debian.org/debian";

/// The ext4 filesystem in a tree's directory, read-only from now on: every machine writes to an overlay of its own.
pub const ROOT_DISK: &str = "root.raw";

/// A built root tree.
#[derive(Debug, Clone)]
pub struct Tree {
    pub key: String,
    pub directory: PathBuf,
}

impl Tree {
    pub fn kernel(&self) -> PathBuf {
        self.directory.join("kernel")
    }

    pub fn initrd(&self) -> PathBuf {
        self.directory.join("initrd")
    }
}

/// Gives the root tree of the present recipe, built now if need be.
pub fn tree(paths: &Paths) -> Result<Tree> {
    let key = recipe::tree_key();
    let directory = paths.lab.join(format!("tree-{key}"));
    if !directory.is_dir() {
        remove_older(&paths.lab, &["tree-", "host-", "building-"])?;
        progress::step(&format!("builds Debian {}'s root tree", recipe::RELEASE), || {
            let building = building(&paths.lab, &key)?;
            build(building.path(), &paths.lab.join("image.log"))?;
            building.keep_as(&directory)
        })?;
    }
    Ok(Tree { key, directory })
}

/// A directory to build in. It is removed unless it is kept under its final name, so that name always means "whole".
pub fn building(lab: &Path, key: &str) -> Result<Scratch> {
    let directory = lab.join(format!("building-{key}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(Scratch::adopt(directory))
}

/// Removes what an older recipe left in the cache.
pub fn remove_older(lab: &Path, prefixes: &[&str]) -> Result<()> {
    for entry in fs::read_dir(lab)? {
        let entry = entry?;
        let name = entry.file_name();
        if prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn build(directory: &Path, log: &Path) -> Result<()> {
    let _ = fs::remove_file(log);
    let image = directory.join(ROOT_DISK);
    let file = open_to_all(&image)?;
    progress::logged(&mut mmdebstrap(&mirror(), &file), log, BUILD_LIMIT)?;
    fs::set_permissions(&image, PermissionsExt::from_mode(0o444))?;
    for name in ["kernel", "initrd"] {
        let dump = format!("dump /boot/lab-{name} {name}");
        let mut debugfs = Command::new(sbin("debugfs"));
        progress::logged(
            debugfs.args(["-R", &dump]).arg(&image).current_dir(directory),
            log,
            BUILD_LIMIT,
        )?;
        fs::metadata(directory.join(name)).with_context(|| format!("the root tree has no {name}"))?;
    }
    Ok(())
}

/// The image is written through a descriptor that mmdebstrap's hook inherits and opens again by its /proc name. In a user
/// namespace the hook runs as another user, who may reach neither this directory nor a file closed to others.
fn open_to_all(image: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(image)?;
    fs::set_permissions(image, PermissionsExt::from_mode(0o666))?;
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(file)
}

fn mmdebstrap(mirror: &str, image: &File) -> Command {
    let mode = if Uid::effective().is_root() { "root" } else { "unshare" };
    let mut command = Command::new("mmdebstrap");
    command.args([
        "--variant=minbase",
        "--format=null",
        "--architectures=amd64",
        "--components=main",
    ]);
    command.arg(format!("--mode={mode}"));
    command.arg(format!("--keyring={}", tools::KEYRING));
    command.arg(format!("--include={}", recipe::PACKAGES.join(",")));
    command.args(["--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io"]);
    command.args(
        recipe::EXCLUDED
            .iter()
            .map(|path| format!("--dpkgopt=path-exclude={path}")),
    );
    command.args(
        recipe::EARLY_FILES
            .iter()
            .map(|(path, content)| format!("--essential-hook={}", write_file(path, content))),
    );
    command.args(
        recipe::FILES
            .iter()
            .map(|(path, content)| format!("--customize-hook={}", write_file(path, content))),
    );
    command.arg(format!(
        "--customize-hook=chroot \"$1\" sh -c {}",
        quoted(recipe::FINISH_TREE)
    ));
    command.arg(format!("--customize-hook={}", make_filesystem(image)));
    command.args([recipe::RELEASE, "/dev/null", mirror]);
    command
}

fn write_file(path: &str, content: &str) -> String {
    format!(
        "mkdir -p \"$1$(dirname {path})\" && printf %s {} > \"$1{path}\"",
        quoted(content)
    )
}

/// A plain bind mount shows the tree without the /proc and /sys that are mounted in it just now.
fn make_filesystem(image: &File) -> String {
    let make = format!(
        "mount --bind \"$1\" \"$1\" && {} -q -F -d \"$1\" /proc/self/fd/{} {}",
        sbin("mkfs.ext4"),
        image.as_raw_fd(),
        recipe::ROOT_SIZE
    );
    format!("unshare --mount sh -c {} sh \"$1\"", quoted(&make))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Without root, PATH often lacks the directory of these programs.
pub fn sbin(program: &str) -> String {
    let full = format!("/usr/sbin/{program}");
    if Path::new(&full).exists() {
        full
    } else {
        program.to_owned()
    }
}

/// LAB_MIRROR, or the developer's own mirror of this release, if apt has one (it may be the only one that is reached from here).
fn mirror() -> String {
    if let Ok(chosen) = env::var("LAB_MIRROR") {
        return chosen;
    }
    let listed = progress::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(CREATED_BY) $(RELEASE) $(COMPONENT) $(SITE)",
    ]))
    .unwrap_or_default();
    let wanted = format!("Packages {} main ", recipe::RELEASE);
    listed
        .lines()
        .filter_map(|line| line.strip_prefix(&wanted))
        .map(|site| site.trim().trim_end_matches('/').to_owned())
        .find(|site| site.starts_with("http") && !site.contains("security"))
        .unwrap_or_else(|| DEFAULT_MIRROR.to_owned())
}
