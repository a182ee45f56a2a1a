//! `cargo lab bench`: figures of thinguard on the lab's host. Under emulation they are some ten times those of a real one.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::figures::Figures;
use crate::host::{self, Host};
use crate::machine::Snapshot;
use crate::{fault, watch};

/// How long the guard is watched at rest.
const IDLE: Duration = Duration::from_secs(300);

/// Measures everything.
pub fn bench() -> Result<ExitCode> {
    let mut host = host::restored(Snapshot::Running)?;
    let binary = host.build_guard()?;
    let mut figures = Figures::default();
    figures.add(
        "binary, static and stripped",
        std::fs::metadata(binary)?.len() >> 10,
        "KiB",
    );
    preflight(&mut host, &mut figures)?;
    host.restore(Snapshot::Running)?;
    host.install_guard()?;
    idle(&mut host, &mut figures)?;
    host.restore(Snapshot::Running)?;
    event_to_grown(&mut host, &mut figures)?;
    host.restore(Snapshot::Running)?;
    hang_to_answer(&mut host, &mut figures)?;
    Ok(ExitCode::SUCCESS)
}

/// A pool with few and with many thin devices, active and not: preflight's time must not grow with them.
fn preflight(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh("thinguard grow --metadata 128M")?;
    let mut made = 0;
    for devices in [10, 5000] {
        thin_devices(host, made, devices)?;
        made = devices;
        times(
            host,
            figures,
            &format!("preflight, active pool of {devices} thin devices"),
        )?;
    }
    host.sh("systemctl stop docker.service docker.socket")?;
    times(host, figures, "preflight, the same pool, not active")
}

/// Thin devices as Docker makes them, from number `from` to number `to`: in the pool, and a JSON file each.
fn thin_devices(host: &mut Host, from: u32, to: u32) -> Result<()> {
    let pool = host.pool_status()?.name;
    let make = format!(
        "cd /var/lib/docker/devicemapper/metadata && i={from}; while [ $i -lt {to} ]; do \
         dmsetup message {pool} 0 \"create_thin $((i + 100000))\" || exit 1; \
         echo '{{\"device_id\":'$((i + 100000))',\"size\":10737418240,\"transaction_id\":1,\"initialized\":true}}' \
         > $(printf '%064d' $i); i=$((i + 1)); done"
    );
    let made = host.sh_timeout(&make, Duration::from_secs(1200))?;
    ensure!(made.ok(), "{made:?}");
    Ok(())
}

fn times(host: &mut Host, figures: &mut Figures, what: &str) -> Result<()> {
    host.sh("thinguard preflight > /dev/null || true")?;
    let times = host.sh(
        "TIMEFORMAT='%R %U %S'; { time for i in 1 2 3 4 5 6 7 8 9 10; do thinguard preflight > /dev/null || true; done; } 2>&1",
    )?;
    let times: Vec<f64> = times.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    ensure!(times.len() == 3, "no times");
    figures.add(&format!("{what}, wall"), format!("{:.0}", times[0] * 100.0), "ms");
    // The helper and its children are reaped by the kernel and not in this sum; the guard's figure below has them.
    figures.add(
        &format!("{what}, CPU of the main process"),
        format!("{:.0}", (times[1] + times[2]) * 100.0),
        "ms",
    );
    Ok(())
}

/// Everything in the guard's control group: the main process, the helper and all errands.
fn cpu_ms(host: &mut Host) -> Result<f64> {
    let stat = host.sh("grep usage_usec /sys/fs/cgroup/system.slice/thinguard.service/cpu.stat")?;
    let micros: f64 = stat.split_whitespace().nth(1).context("no usage")?.parse()?;
    Ok(micros / 1000.0)
}

fn idle(host: &mut Host, figures: &mut Figures) -> Result<()> {
    // Large enough for the guard to have nothing to do, as on a host with Docker's default of 100 GiB.
    host.sh("thinguard grow --data 14G")?;
    watch::start(host)?;
    thread::sleep(Duration::from_secs(20));
    let (before, switches) = (cpu_ms(host)?, switches(host)?);
    thread::sleep(IDLE);
    let used = cpu_ms(host)? - before;
    figures.add(
        "guard at rest for 300 s, CPU with all errands",
        format!("{used:.0}"),
        "ms",
    );
    figures.add(
        "guard at rest for 300 s, wake-ups of the main process",
        self::switches(host)? - switches,
        "",
    );
    let memory = host.sh(
        "for pid in $(cat /sys/fs/cgroup/system.slice/thinguard.service/cgroup.procs); do \
         grep -E '^(VmRSS|RssAnon)' /proc/$pid/status | tr -s '\\t ' ' '; done",
    )?;
    for line in memory.lines() {
        figures.add("guard at rest, main process then helper, ", line.trim(), "");
    }
    Ok(())
}

fn switches(host: &mut Host) -> Result<u64> {
    let said = host.sh("grep ^voluntary_ctxt_switches /proc/$(systemctl show -p MainPID --value thinguard)/status")?;
    Ok(said.split_whitespace().nth(1).context("no switches")?.parse()?)
}

/// From the kernel's low-water event to its word that the data device grows, by the kernel's own clock.
fn event_to_grown(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // The smallest pool for which the kernel's mark, 2 GiB, is the guard's threshold too.
    host.sh("thinguard grow --data 4608M")?;
    watch::start(host)?;
    host.sh("dmesg --clear")?;
    let total = host.pool_status()?.data.total;
    fault::ballast(host, (2 << 30) - (32 << 20))?;
    host.wait_for("growth", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > total).then_some(()))
    })?;
    let kernel = host.sh("dmesg")?;
    let at = |part: &str| -> Result<f64> {
        let line = kernel
            .lines()
            .find(|line| line.contains(part))
            .with_context(|| format!("no '{part}' in:\n{kernel}"))?;
        let stamp = line.trim_start_matches('[').split(']').next().unwrap_or_default();
        Ok(stamp.trim().parse()?)
    };
    let latency = at("growing the data device")? - at("reached low water mark")?;
    figures.add(
        "from the kernel's low-water event to growth",
        format!("{:.0}", latency * 1000.0),
        "ms",
    );
    Ok(())
}

fn hang_to_answer(host: &mut Host, figures: &mut Figures) -> Result<()> {
    fault::hang_dockerd(host, Duration::from_secs(5))?;
    let seconds = watch::start_and_await_info(host)?;
    figures.add(
        "from the guard's start to docker info answering",
        format!("{seconds:.1}"),
        "s",
    );
    Ok(())
}
