//! `cargo lab bench`: figures of the lab and of thinguard in it.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::figures::Figures;
use crate::host;
use crate::machine::Snapshot;

/// Measures how fast a host is restored and spoken to.
pub fn bench() -> Result<ExitCode> {
    let mut host = host::restored(Snapshot::Running)?;
    let mut figures = Figures::default();
    let begun = Instant::now();
    host.restore(Snapshot::Running)?;
    figures.add(
        "restore on a running machine",
        format!("{:.2}", begun.elapsed().as_secs_f32()),
        "s",
    );
    for script in ["true", "true", "dmsetup status --noflush", "docker info"] {
        let begun = Instant::now();
        host.sh(script)?;
        figures.add(&format!("`{script}` in the guest"), begun.elapsed().as_millis(), "ms");
    }
    let begun = Instant::now();
    host.put("/root/probe", 0o600, &vec![7; 1_500_000])?;
    figures.add(
        "1.5 MB into the guest",
        format!("{:.2}", begun.elapsed().as_secs_f32()),
        "s",
    );
    let seen = host.sh("stat -c '%a %s' /root/probe; tr -d '\\007' < /root/probe | wc -c")?;
    ensure!(seen == "600 1500000\n0\n", "the guest has another file: {seen}");
    Ok(ExitCode::SUCCESS)
}
