//! Files that are put into the guest, thinguard's own among them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::{Host, PARCEL};
use crate::{guard, recipe};

/// In blocks of so many bytes, as a direct reader asks.
const BLOCK: usize = 64 << 10;

impl Host {
    /// Writes a file, and its directory if need be.
    pub fn put(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.put_all(&[(path, mode, bytes)], "true")
    }

    /// Writes files with their modes, and runs a script behind that. All in one, since each script costs an emulated host a tenth of a
    /// second before it begins.
    pub fn put_all(&mut self, files: &[(&str, u32, &[u8])], then: &str) -> Result<()> {
        let (mut parcel, mut script) = (Vec::new(), "set -e\n".to_owned());
        for (path, mode, bytes) in files {
            let (first, blocks, length) = (parcel.len() / BLOCK, bytes.len().div_ceil(BLOCK), bytes.len());
            parcel.extend_from_slice(bytes);
            parcel.resize((first + blocks) * BLOCK, 0);
            // Direct, or the guest would read what it remembers of the parcel before.
            let directory = Path::new(path).parent().unwrap_or(Path::new("/")).display();
            script.push_str(&format!(
                "[ -d {directory} ] || mkdir -p {directory}\nrm -f {path}\n\
                 dd if=/dev/vdc of={path} iflag=direct bs={BLOCK} skip={first} count={blocks} status=none\n\
                 truncate -s {length} {path}\nchmod {mode:o} {path}\n"
            ));
        }
        ensure!(
            parcel.len() as u64 <= recipe::PARCEL_SIZE,
            "{} bytes are too much to be put into the guest",
            parcel.len()
        );
        let file = self.work()?.join(PARCEL);
        OpenOptions::new().write(true).open(file)?.write_all(&parcel)?;
        self.sh(&format!("{script}{then}")).map(drop)
    }

    /// Installs thinguard with its units, neither enabled nor started; builds it first if need be.
    pub fn install_guard(&mut self) -> Result<()> {
        self.install_guard_with(&[])
    }

    /// The same with further files, before systemd reads its units.
    pub fn install_guard_with(&mut self, more: &[(&str, u32, &[u8])]) -> Result<()> {
        let binary = self.build_guard()?;
        let files = guard::files(&self.pristine.paths.root, &binary, more)?;
        self.install(&files)
    }

    /// Installs `crash`, which ends thinguard at a chosen system call.
    pub fn install_crash(&mut self) -> Result<()> {
        let binary = guard::build_static(&self.pristine.paths, "crash")?;
        self.put("/usr/local/bin/crash", 0o755, &std::fs::read(binary)?)
    }

    /// The binary to install, which was built already.
    pub fn take_guard(&mut self, binary: PathBuf) {
        self.guard = Some(binary);
    }

    /// Builds thinguard, once per run of the lab.
    pub fn build_guard(&mut self) -> Result<PathBuf> {
        if let Some(binary) = &self.guard {
            return Ok(binary.clone());
        }
        let binary = guard::build(&self.pristine.paths)?;
        self.guard = Some(binary.clone());
        Ok(binary)
    }
}
