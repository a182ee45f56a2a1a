//! `cargo lab demo`: the main job, shown on a throwaway host.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::machine::Snapshot;
use crate::{fault, host};

/// Shows the failure that thinguard ends.
pub fn demo() -> Result<ExitCode> {
    let mut host = host::restored(Snapshot::Running)?;
    println!("A fresh Docker host on a loop-lvm pool: {:?}", host.pool_status()?);
    println!("Containers write until the pool is full, and dockerd is asked to remove one of them ...");
    let hang = fault::hang_dockerd(&mut host, Duration::from_secs(60))?;
    println!(
        "dockerd's thread {} is in D state in {}; `docker info` is silent.",
        hang.task.tid, hang.task.wchan
    );
    Ok(ExitCode::SUCCESS)
}
