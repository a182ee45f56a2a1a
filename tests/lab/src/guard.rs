//! thinguard itself, and the tool that ends it: built once per run, copied into the guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::paths::{Paths, cargo};
use crate::progress;

/// The binary is static: the guest's glibc may be older than the developer's. The flag goes to this target alone, named on the
/// command line, since proc-macros of the same build cannot be static.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// Units that go to /usr/lib/systemd/system under the same name.
const UNITS: &[&str] = &["thinguard.service", "docker.service.d/50-thinguard.conf"];

/// Builds the release binary and gives its path.
pub fn build(paths: &Paths) -> Result<PathBuf> {
    build_static(paths, "thinguard")
}

/// Builds a package of the workspace for the guest, and gives the path of its binary, which has the package's name.
pub fn build_static(paths: &Paths, package: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        package,
        "--target",
        TARGET,
    ]);
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", rust_flags());
    command.current_dir(&paths.root);
    let status = progress::run(&mut command, BUILD_LIMIT)?;
    if !status.success() {
        bail!("{package} does not build");
    }
    Ok(paths.target.join(TARGET).join("release").join(package))
}

/// The flags of the package's spec, so that both make the same bytes.
fn rust_flags() -> String {
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    format!(
        "-C target-feature=+crt-static --remap-path-prefix={}=/usr/src/cargo",
        home.unwrap_or_default()
    )
}

/// A file of the guest's.
#[derive(Debug, Hash)]
pub struct File {
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

impl File {
    /// As the host takes files.
    pub fn parts(&self) -> (&str, u32, &[u8]) {
        (&self.path, self.mode, &self.bytes)
    }
}

/// What an installation has: the binary, the units and further files.
pub fn files(root: &Path, binary: &Path, more: &[(&str, u32, &[u8])]) -> Result<Vec<File>> {
    let file = |path: &str, mode: u32, from: &Path| -> Result<File> {
        Ok(File {
            path: path.to_owned(),
            mode,
            bytes: fs::read(from).with_context(|| format!("cannot read {}", from.display()))?,
        })
    };
    let mut files = vec![file("/usr/sbin/thinguard", 0o755, binary)?];
    for unit in UNITS {
        let installed = format!("/usr/lib/systemd/system/{unit}");
        files.push(file(&installed, 0o644, &root.join("units").join(unit))?);
    }
    files.extend(more.iter().map(|(path, mode, bytes)| File {
        path: (*path).to_owned(),
        mode: *mode,
        bytes: bytes.to_vec(),
    }));
    Ok(files)
}
