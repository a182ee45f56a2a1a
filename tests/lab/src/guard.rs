//! thinguard itself, and the tool that ends it: built once per run, copied into the guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::host::Host;
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

/// Installs the binary, the units and further files; enables and starts nothing.
pub fn install(host: &mut Host, root: &Path, binary: &Path, more: &[(&str, u32, &[u8])]) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let guard = read(binary)?;
    let mut units = Vec::new();
    for unit in UNITS {
        let installed = format!("/usr/lib/systemd/system/{unit}");
        units.push((installed, read(&root.join("units").join(unit))?));
    }
    let mut files = vec![("/usr/sbin/thinguard", 0o755, guard.as_slice())];
    files.extend(
        units
            .iter()
            .map(|(path, bytes)| (path.as_str(), 0o644, bytes.as_slice())),
    );
    files.extend(more);
    host.put_all(&files, "systemctl daemon-reload")
}
