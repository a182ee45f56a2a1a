//! The guard itself: killed, stopped, and with the filesystem below it frozen.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "guard-killed-comes-back",
        about: "SIGKILL: systemd starts it again and it goes on growing",
        snapshot: Snapshot::Running,
        slow: None,
        run: killed_comes_back,
    },
    Scenario {
        name: "guard-stopped-is-restarted",
        about: "SIGSTOP: no heartbeat, so systemd's watchdog replaces it",
        snapshot: Snapshot::Running,
        slow: None,
        run: stopped_is_restarted,
    },
    Scenario {
        name: "guard-outlives-a-frozen-filesystem",
        about: "fsfreeze below the pool: a child of the guard hangs, its heartbeat and its restart do not; thawed, it grows",
        snapshot: Snapshot::Running,
        slow: None,
        run: outlives_a_frozen_filesystem,
    },
];

fn main_pid(host: &mut Host) -> Result<u32> {
    Ok(host
        .sh("systemctl show -p MainPID --value thinguard.service")?
        .trim()
        .parse()?)
}

fn is_active(host: &mut Host) -> Result<bool> {
    Ok(host
        .sh_timeout("systemctl is-active --quiet thinguard", Duration::from_secs(10))?
        .ok())
}

/// Waits for another guard than `old` that has said READY.
fn await_another(host: &mut Host, old: u32, limit: Duration) -> Result<u32> {
    host.wait_for("another guard", limit, |host| {
        let pid = main_pid(host)?;
        Ok((pid != 0 && pid != old && is_active(host)?).then_some(pid))
    })
}

/// Writes until the pool is low, so that a guard at work must grow it.
fn write_until_low(host: &mut Host) -> Result<()> {
    fault::ballast(host, 140 << 20)
}

fn killed_comes_back(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    let first = host.pool_status()?.data.total;
    let old = main_pid(host)?;
    let begun = Instant::now();
    host.sh(&format!("kill -KILL {old}"))?;
    await_another(host, old, Duration::from_secs(30))?;
    figures.add("from SIGKILL to ready again", watch::seconds(begun), "s");
    let guards = host.sh("pgrep -xc thinguard")?;
    ensure!(
        guards.trim().parse::<u32>()? <= 4,
        "processes of the old guard are left over: {guards}"
    );
    write_until_low(host)?;
    host.wait_for("growth", Duration::from_secs(120), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })
}

fn stopped_is_restarted(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    watch::start(host)?;
    let old = main_pid(host)?;
    let begun = Instant::now();
    host.sh(&format!("kill -STOP {old}"))?;
    await_another(host, old, Duration::from_secs(90))?;
    figures.add("from SIGSTOP to another guard", watch::seconds(begun), "s");
    let journal = host.sh("journalctl -b -u thinguard -o cat --no-pager")?;
    ensure!(journal.contains("Watchdog timeout"), "not by the watchdog:\n{journal}");
    Ok(())
}

fn outlives_a_frozen_filesystem(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    let first = host.pool_status()?.data.total;
    write_until_low(host)?;
    host.sh("sync; fsfreeze --freeze /var/lib/docker")?;
    let result = frozen(host, figures);
    host.sh("fsfreeze --unfreeze /var/lib/docker")?;
    result?;
    host.wait_for("growth after the thaw", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })?;
    ensure!(is_active(host)?, "the guard is gone");
    Ok(())
}

fn frozen(host: &mut Host, figures: &mut Figures) -> Result<()> {
    watch::start(host)?;
    let old = main_pid(host)?;
    // Longer than systemd's watchdog waits for a heartbeat.
    host.pass(Duration::from_secs(20));
    ensure!(
        is_active(host)? && main_pid(host)? == old,
        "the guard lost its heartbeat"
    );
    // Which child is stuck depends on who is first: the pool's status waits for a commit that the frozen loop file holds up, a
    // growth waits for the filesystem itself.
    let stuck = host.sh("ps -eo stat=,wchan:32=,comm= | grep '^D.*thinguard'")?;
    println!("    stuck: {}", stuck.trim().replace('\n', "; "));
    let journal = watch::journal(host)?;
    ensure!(
        journal.contains("look-stuck: ") || journal.contains("deed-failed: grow the data device"),
        "the guard did not tell:\n{journal}"
    );
    let size = host.sh("stat -c %s /var/lib/docker/devicemapper/devicemapper/data")?;
    ensure!(size.trim() == (512 << 20).to_string(), "grown on a frozen filesystem");
    let begun = Instant::now();
    let restarted = host.sh_timeout("systemctl restart thinguard", Duration::from_secs(30))?;
    ensure!(restarted.ok(), "systemctl restart thinguard: {restarted:?}");
    figures.add(
        "restart of the guard while a child of it is stuck",
        watch::seconds(begun),
        "s",
    );
    ensure!(main_pid(host)? != old, "the guard is the old one");
    Ok(())
}
