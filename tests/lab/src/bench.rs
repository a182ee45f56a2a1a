//! `cargo lab bench`: figures of thinguard on the lab's host. Under emulation they are some ten times those of a real one; processor time
//! that another computer would count alike is had with `LAB_ACCEL=counted`.

mod dmeventd;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{fault, rest, snapshots, watch};

/// How long the guard is watched at rest.
const IDLE: Duration = Duration::from_secs(150);

/// What is measured, each on a fresh host.
struct Row {
    name: &'static str,
    snapshot: Snapshot,
    measure: fn(&mut Host, &mut Figures) -> Result<()>,
}

const ROWS: &[Row] = &[
    row("preflight", Snapshot::Running, preflight),
    row("rest", Snapshot::Running, idle),
    row("growth", Snapshot::Running, event_to_grown),
    row("cure", Snapshot::Low, hang_to_answer),
    row("verdict", Snapshot::Low, hang_to_verdict),
    row("full-speed", Snapshot::Running, dmeventd::thinguard_at_full_speed),
    row("dmeventd", Snapshot::Stopped, dmeventd::dmeventd),
];

const fn row(name: &'static str, snapshot: Snapshot, measure: fn(&mut Host, &mut Figures) -> Result<()>) -> Row {
    Row {
        name,
        snapshot,
        measure,
    }
}

/// Measures everything, or only what is named so.
pub fn bench(filter: Option<&str>) -> Result<ExitCode> {
    let chosen: Vec<_> = ROWS
        .iter()
        .filter(|row| filter.is_none_or(|part| row.name.contains(part)))
        .collect();
    ensure!(
        !chosen.is_empty(),
        "nothing of that name is measured; there are: {}",
        ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
    );
    let mut host = snapshots::prepare()?;
    let binary = host.build_guard()?;
    let mut figures = Figures::default();
    figures.add(
        "binary, static and stripped",
        std::fs::metadata(binary)?.len() >> 10,
        "KiB",
    );
    for row in chosen {
        host.restore(row.snapshot);
        (row.measure)(&mut host, &mut figures)?;
    }
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

fn idle(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // Large enough for the guard to have nothing to do, as on a host with Docker's default of 100 GiB.
    host.sh("thinguard grow --data 14G")?;
    watch::start(host)?;
    thread::sleep(Duration::from_secs(20));
    let cost = rest::cost(host, IDLE)?;
    let thirtieths = cost.seconds / 30.0;
    figures.add(
        "guard at rest, CPU with all errands in 30 s",
        format!("{:.1}", cost.cpu_ms / thirtieths),
        "ms (a clock tick is 10)",
    );
    figures.add(
        "guard at rest, wake-ups of all its threads in 30 s",
        format!("{:.1}", cost.wake_ups as f64 / thirtieths),
        "",
    );
    figures.add(
        "guard at rest, processes made on the host in 30 s",
        format!("{:.1}", cost.forks as f64 / thirtieths),
        "",
    );
    let (pss, locked) = rest::memory_kib(host)?;
    figures.add("guard at rest, memory of all its processes (PSS)", pss, "KiB");
    figures.add("guard at rest, locked of it", locked, "KiB");
    Ok(())
}

/// How often growth is waited for.
const GROWTHS: u32 = 3;

/// The kernel's words for the event, and for the growth.
const LOW_WATER: &str = "reached low water mark";
const GROWS: &str = "growing the data device";

/// From the kernel's low-water event to its word that the data device grows, by the kernel's own clock.
fn event_to_grown(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let mut latencies = Vec::new();
    for time in 0..GROWTHS {
        // A pool that has grown is grown again before the kernel's mark is reached.
        if time > 0 {
            host.restore(Snapshot::Running);
        }
        host.install_guard()?;
        // The smallest pool for which the kernel's mark, 2 GiB, is the guard's threshold too.
        host.sh("thinguard grow --data 4608M")?;
        watch::start(host)?;
        // Not while a writer has the disk to itself: the kernel's own part, the resume, waits for what is being written. dmeventd's
        // figure below is got the same way.
        fault::ballast(host, (2 << 30) + (8 << 20))?;
        thread::sleep(Duration::from_secs(5));
        host.sh("dmesg --clear")?;
        let total = host.pool_status()?.data.total;
        fault::ballast(host, (2 << 30) - (2 << 20))?;
        host.wait_for("growth", Duration::from_secs(60), |host| {
            Ok((host.pool_status()?.data.total > total).then_some(()))
        })?;
        let kernel = host.sh("dmesg")?;
        latencies.push(at(&kernel, GROWS)? - at(&kernel, LOW_WATER)?);
    }
    median_and_longest(figures, "from the kernel's low-water event to growth", latencies);
    Ok(())
}

/// Tells the middle one and the longest of some times in seconds.
fn median_and_longest(figures: &mut Figures, what: &str, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    let of = seconds.len();
    for (which, time) in [("median", seconds.get(of / 2)), ("longest", seconds.last())] {
        let ms = time.map_or(0.0, |time| time * 1000.0);
        figures.add(&format!("{what}, {which} of {of}"), format!("{ms:.0}"), "ms");
    }
}

/// When the kernel first said this, in seconds since the boot.
fn at(kernel: &str, part: &str) -> Result<f64> {
    let line = kernel
        .lines()
        .find(|line| line.contains(part))
        .with_context(|| format!("no '{part}' in:\n{kernel}"))?;
    let stamp = line.trim_start_matches('[').split(']').next().unwrap_or_default();
    Ok(stamp.trim().parse()?)
}

fn hang_to_answer(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    fault::hang_dockerd(host, Duration::from_secs(5))?;
    let seconds = watch::start_and_await_info(host)?;
    figures.add(
        "from the guard's start to docker info answering",
        format!("{seconds:.1}"),
        "s",
    );
    Ok(())
}

/// From the command that makes dockerd hang to the guard's word that it hangs on the pool. Growth is switched off, or there would be
/// nothing left to judge.
fn hang_to_verdict(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[data]\nbelow_free_percent = 0\n",
    )?;
    host.install_guard()?;
    watch::start(host)?;
    fault::set_no_space_timeout(host, Duration::from_secs(5))?;
    fault::finish_filling(host)?;
    let begun: f64 = host.sh("cut -d ' ' -f 1 /proc/uptime")?.trim().parse()?;
    let _remove = fault::hang_by_unmount(host)?;
    watch::await_line(host, "daemon-hung-on-pool: ", Duration::from_secs(120))?;
    let at = watch::first_said(host, "daemon-hung-on-pool: ")?;
    figures.add("from dockerd's hang to the verdict", format!("{:.1}", at - begun), "s");
    Ok(())
}
