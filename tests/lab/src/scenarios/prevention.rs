//! Prevention: what it costs while nothing happens, and what it does when writers are as fast as the disk.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{rest, watch};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "guard-at-rest",
    about: "a healthy host: the guard takes next to no processor time, and little memory",
    snapshot: Snapshot::Running,
    run: at_rest,
}];

fn at_rest(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // Large enough for the guard to have nothing to do, as on a host with Docker's default of 100 GiB.
    host.sh("thinguard grow --data 12G")?;
    watch::start(host)?;
    thread::sleep(Duration::from_secs(15));
    let cost = rest::cost(host, Duration::from_secs(30))?;
    let (pss, locked) = rest::memory_kib(host)?;
    figures.add(
        "at rest for 30 s, CPU with all errands",
        format!("{:.1}", cost.cpu_ms),
        "ms",
    );
    figures.add("at rest for 30 s, wake-ups", cost.wake_ups, "");
    figures.add("at rest for 30 s, processes made on the host", cost.forks, "");
    figures.add("memory of all processes together", pss, "KiB");
    figures.add("locked", locked, "KiB");
    ensure!(pss <= 4096, "{pss} KiB of memory");
    Ok(())
}
