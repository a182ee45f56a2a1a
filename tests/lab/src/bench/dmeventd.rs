//! LVM's own extension, dmeventd, on a host like the guard's: how soon it extends, what writers it survives, what it costs.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{GROWS, LOW_WATER, at, median_and_longest};
use crate::direct_lvm;
use crate::figures::Figures;
use crate::host::Host;
use crate::{rest, watch};

/// The service that dmeventd runs in.
const SERVICE: &str = "dm-event.service";

/// How long it is watched at rest.
const IDLE: Duration = Duration::from_secs(90);

/// How often its extension is waited for once the kernel tells it of the threshold.
const TIMES: u32 = 5;

/// What is written at full speed to a pool of 512 MiB.
const WRITTEN_MIB: u64 = 1200;

/// Its words when a pool has run out.
const RAN_OUT: &str = "out-of-data-space";

/// As Docker's documentation sets it up: beyond 80 % used, 20 % more.
pub fn dmeventd(host: &mut Host, figures: &mut Figures) -> Result<()> {
    direct_lvm::set_up(host)?;
    direct_lvm::autoextend(host, 80)?;
    at_rest(host, figures)?;
    // A profile that is set on a pool in use gives it no low-water mark until its table is loaded anew, as the first extension does:
    // until then dmeventd finds out by itself, every ten seconds.
    let kernel = crossed_and_extended(host)?;
    let first = at(&kernel, GROWS)? - at(&kernel, direct_lvm::WRITTEN)?;
    figures.add(
        "dmeventd, the first time, from its threshold to growth",
        format!("{:.0}", first.max(0.0) * 1000.0),
        "ms",
    );
    let mut waits = Vec::new();
    for _ in 0..TIMES {
        let kernel = crossed_and_extended(host)?;
        waits.push(at(&kernel, GROWS)? - at(&kernel, LOW_WATER)?);
    }
    median_and_longest(figures, "dmeventd, from the kernel's low-water event to growth", waits);
    host.sh("dmesg --clear")?;
    let begun = uptime(host)?;
    direct_lvm::write_mebibytes(host, WRITTEN_MIB)?;
    let seconds = uptime(host)? - begun;
    told(host, figures, "dmeventd", seconds)
}

fn at_rest(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let cost = rest::cost_of(host, SERVICE, IDLE)?;
    let thirtieths = cost.seconds / 30.0;
    let (pss, locked) = rest::memory_kib_of(host, SERVICE)?;
    figures.add(
        "dmeventd at rest, CPU in 30 s",
        format!("{:.1}", cost.cpu_ms / thirtieths),
        "ms",
    );
    figures.add(
        "dmeventd at rest, wake-ups in 30 s",
        format!("{:.1}", cost.wake_ups as f64 / thirtieths),
        "",
    );
    figures.add("dmeventd at rest, memory (PSS)", pss, "KiB");
    figures.add("dmeventd at rest, locked of it", locked, "KiB");
    Ok(())
}

/// Writes past the threshold and waits for the extension; gives what the kernel said meanwhile.
fn crossed_and_extended(host: &mut Host) -> Result<String> {
    direct_lvm::fill(host, 79)?;
    host.sh("dmesg --clear")?;
    let before = direct_lvm::pool_status(host)?;
    direct_lvm::fill(host, 81)?;
    direct_lvm::await_growth(host, before.data.total)?;
    host.sh("dmesg")
}

/// The guard on Docker's own pool of the same size, with the same to be written.
pub fn thinguard_at_full_speed(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    let pool = host.pool_status()?;
    let name = &pool.name;
    host.sh(&format!(
        "dmsetup message {name} 0 'create_thin 300000' && \
         dmsetup create fast --table '0 8388608 thin /dev/mapper/{name} 300000' && dmesg --clear"
    ))?;
    let begun = uptime(host)?;
    let wrote = host.sh_timeout(
        &format!("dd if=/dev/zero of=/dev/mapper/fast bs=1M count={WRITTEN_MIB} oflag=direct status=none"),
        Duration::from_secs(300),
    )?;
    ensure!(wrote.ok(), "{wrote:?}");
    let seconds = uptime(host)? - begun;
    told(host, figures, "thinguard", seconds)
}

fn told(host: &mut Host, figures: &mut Figures, who: &str, seconds: f64) -> Result<()> {
    let kernel = host.sh("dmesg")?;
    figures.add(
        &format!("{who}, {WRITTEN_MIB} MiB written at full speed to a pool of 512 MiB"),
        format!("{:.0}", WRITTEN_MIB as f64 / seconds),
        "MiB/s",
    );
    figures.add(
        &format!("{who}, out of data space meanwhile"),
        kernel.matches(RAN_OUT).count(),
        "times",
    );
    Ok(())
}

fn uptime(host: &mut Host) -> Result<f64> {
    Ok(host.sh("cut -d ' ' -f 1 /proc/uptime")?.trim().parse()?)
}
