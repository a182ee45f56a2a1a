//! `cargo lab rpm`: the packages that are installed, built with rpmbuild from this workspace's sources, on Debian too.

mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::cleanup::Scratch;
use crate::paths::Paths;
use crate::{guard, progress, tools};

/// A build from nothing compiles every crate.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The two packages of one build.
#[derive(Debug, Clone)]
pub struct Packages {
    /// The binary, the guard's unit, settings, man pages.
    pub guard: PathBuf,
    /// The drop-in of docker.service.
    pub preflight: PathBuf,
}

impl Packages {
    /// Both.
    pub fn all(&self) -> [&Path; 2] {
        [&self.guard, &self.preflight]
    }
}

/// Builds the packages twice, in two places, and keeps them if both builds are the same bytes.
pub fn rpm() -> Result<ExitCode> {
    let paths = Paths::find()?;
    let binary = progress::step("builds thinguard as it is released", || guard::build(&paths))?;
    let built = twice(&paths, &binary)?;
    for package in built.packages.all() {
        let kept = keep(&paths, package)?;
        println!("{}  {}", sha256(&kept)?, kept.display());
    }
    // For a host in trouble, where nothing is to be installed.
    let alone = keep(&paths, &binary)?;
    println!("{}  {}", sha256(&alone)?, alone.display());
    Ok(ExitCode::SUCCESS)
}

/// Packages with the directory that they lie in, which goes when this is dropped.
pub struct Built {
    pub packages: Packages,
    directory: Scratch,
}

impl Built {
    /// For what else is needed as long as the packages are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// The packages as the spec compiles them, shown to be the same bytes as those of `binary`, which this workspace compiled in another
/// place.
pub fn twice(paths: &Paths, binary: &Path) -> Result<Built> {
    let packed = progress::step("packs it", || build(paths, "packed", 1, Some(binary)))?;
    let compiled = progress::step("compiles and packs it as the spec does", || {
        build(paths, "compiled-elsewhere", 1, None)
    })?;
    for (one, other) in packed.packages.all().into_iter().zip(compiled.packages.all()) {
        if sha256(one)? != sha256(other)? {
            let kept = keep(paths, other)?;
            bail!("two builds of the same sources differ; one is {}", kept.display());
        }
    }
    Ok(compiled)
}

/// Copies a package to `target/rpm`.
fn keep(paths: &Paths, package: &Path) -> Result<PathBuf> {
    let kept = paths.target.join("rpm");
    fs::create_dir_all(&kept)?;
    let to = kept.join(package.file_name().context("a package has a name")?);
    fs::copy(package, &to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(to)
}

/// Builds the packages of one release in a directory of its own. With `compiled`, that binary is packed instead of compiling anew.
pub fn build(paths: &Paths, place: &str, release: u32, compiled: Option<&Path>) -> Result<Built> {
    tools::ensure_for_rpm(paths)?;
    let directory = paths.lab.join(format!("rpm-{}-{place}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    let top = directory.join("rpmbuild");
    let sources = top.join("SOURCES");
    fs::create_dir_all(&sources).with_context(|| format!("cannot create {}", sources.display()))?;
    let directory = Scratch::adopt(directory);
    let version = sources::gather(paths, &sources)?;
    let spec = paths.root.join("packaging/rpm/thinguard.spec");
    let mut rpmbuild = Command::new("rpmbuild");
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    rpmbuild
        .arg("-bb")
        .args(define("_topdir", &top.display().to_string()))
        .args(define("thinguard_version", &version))
        .args(define("thinguard_release", &release.to_string()));
    if let Some(binary) = compiled {
        rpmbuild.args(define("thinguard_binary", &binary.display().to_string()));
    }
    rpmbuild.arg(&spec).env_remove("CARGO_TARGET_DIR");
    progress::logged(&mut rpmbuild, &paths.lab.join("rpmbuild.log"), BUILD_LIMIT)?;
    let packages = Packages {
        guard: top.join(format!("RPMS/x86_64/thinguard-{version}-{release}.x86_64.rpm")),
        preflight: top.join(format!(
            "RPMS/noarch/thinguard-preflight-{version}-{release}.noarch.rpm"
        )),
    };
    for package in packages.all() {
        ensure!(package.is_file(), "rpmbuild made no {}", package.display());
    }
    Ok(Built { packages, directory })
}

/// A package that provides what Debian's own packages have and its rpm database does not know.
pub fn stub(directory: &Path) -> Result<PathBuf> {
    let spec = directory.join("stub.spec");
    fs::create_dir_all(directory)?;
    fs::write(
        &spec,
        "Name: stub\nVersion: 1\nRelease: 1\nSummary: What Debian has by other means\nLicense: Apache-2.0\nBuildArch: noarch\n\
         Provides: systemd /bin/sh\n%description\nFor the lab.\n%files\n",
    )?;
    let mut rpmbuild = Command::new("rpmbuild");
    rpmbuild
        .args(["-bb", "--define"])
        .arg(format!("_topdir {}", directory.display()))
        .arg(&spec);
    progress::output(&mut rpmbuild)?;
    Ok(directory.join("RPMS/noarch/stub-1-1.noarch.rpm"))
}

/// Its checksum, as `sha256sum` prints it.
pub fn sha256(file: &Path) -> Result<String> {
    let said = progress::output(Command::new("sha256sum").arg(file))?;
    said.split_whitespace()
        .next()
        .map(str::to_owned)
        .context("sha256sum says nothing")
}
