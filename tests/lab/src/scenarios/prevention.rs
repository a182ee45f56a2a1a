//! Prevention: what it costs while nothing happens, and what it does when writers are as fast as the disk.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{fault, rest, screens, watch};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "guard-at-rest",
        about: "a healthy host: the guard takes next to no processor time, and little memory",
        snapshot: Snapshot::Running,
        slow: None,
        run: at_rest,
    },
    Scenario {
        name: "full-speed-to-the-reserve",
        about: "writers at the disk's full speed until the host's reserve: never out of space before, an alarm there",
        snapshot: Snapshot::Running,
        slow: Some("processor time is counted twice, and the pool is written full between"),
        run: full_speed_to_the_reserve,
    },
    Scenario {
        name: "grows-after-a-daemon-with-mounts-of-its-own",
        about: "MountFlags=slave, dockerd killed: the kernel shows the end of the files' paths alone, and the pool grows all the same",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: mounts_of_its_own,
    },
];

/// As the units of Docker up to 1.11 and of Red Hat have it, with a data root on a filesystem of its own.
fn mounts_of_its_own(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.put(
        "/etc/systemd/system/docker.service.d/lab-slave.conf",
        0o644,
        b"[Service]\nMountFlags=slave\nRestart=no\n",
    )?;
    host.sh("systemctl daemon-reload && systemctl start docker.service")?;
    host.sh("systemctl kill --kill-who=all --signal=KILL docker.service; sleep 2")?;
    let shown = host.sh("cat /sys/block/loop*/loop/backing_file")?;
    ensure!(
        shown.contains("/devicemapper/devicemapper/data") && !shown.contains("/var/lib"),
        "the kernel shows whole paths: {shown}"
    );
    println!("    {}", shown.trim().replace('\n', " "));
    host.install_guard()?;
    let before = host.pool_status()?;
    host.sh("thinguard grow --data +64M --metadata +16M")?;
    let after = host.pool_status()?;
    ensure!(
        after.data.total == before.data.total + 1024 && after.metadata.total > before.metadata.total,
        "{after:?} was {before:?}"
    );
    // And by itself, while the next daemon goes on with the same pool.
    host.sh("systemctl start docker.service")?;
    watch::start(host)?;
    fault::ballast(host, 32 << 20)?;
    watch::await_line(host, "deed-done: grow the data device", Duration::from_secs(60)).map(drop)
}

/// How long it is counted for; `cargo lab bench rest` counts for longer.
const AT_REST: Duration = Duration::from_secs(15);

fn at_rest(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // Large enough for the guard to have nothing to do, as on a host with Docker's default of 100 GiB.
    host.sh("thinguard grow --data 12G")?;
    watch::start(host)?;
    host.pass(Duration::from_secs(10));
    let cost = rest::cost(host, AT_REST)?;
    let (pss, locked) = rest::memory_kib(host)?;
    figures.add(
        "at rest for 15 s, CPU with all errands",
        format!("{:.1}", cost.cpu_ms),
        "ms",
    );
    figures.add("at rest for 15 s, wake-ups", cost.wake_ups, "");
    figures.add("at rest for 15 s, processes made on the host", cost.forks, "");
    figures.add("memory of all processes together", pss, "KiB");
    figures.add("locked", locked, "KiB");
    ensure!(pss <= 4096, "{pss} KiB of memory");
    Ok(())
}

/// What the guard may give to the pool.
const ROOM: u64 = 768 << 20;

/// What of it is left at the end: promised to the metadata file, and too little to be worth a growth.
const LEFT: u64 = 96 << 20;

/// How long the guard's processor time is counted for, before and after.
const COUNTED: Duration = Duration::from_secs(12);

fn full_speed_to_the_reserve(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let free: u64 = host
        .sh("df --output=avail -B1 /var/lib/docker | tail -n 1")?
        .trim()
        .parse()?;
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        format!("[host]\nreserve_min = {}\n", free - ROOM).as_bytes(),
    )?;
    host.install_guard()?;
    let first = host.pool_status()?;
    fault::set_no_space_timeout(host, Duration::from_secs(3))?;
    watch::start(host)?;
    host.pass(Duration::from_secs(5));
    let quiet = rest::cost(host, COUNTED)?;
    let pace_then = rest::cost_of_processes(host)?;
    let (memory, _) = rest::memory_kib(host)?;
    host.sh("dmesg --clear")?;

    let name = &first.name;
    for writer in ["fast-1", "fast-2"] {
        let id = 300_000 + u32::from(writer == "fast-2");
        host.sh(&format!(
            "dmsetup message {name} 0 'create_thin {id}' && \
             dmsetup create {writer} --table '0 8388608 thin /dev/mapper/{name} {id}'"
        ))?;
    }
    let begun = host.sh("cut -d ' ' -f 1 /proc/uptime")?;
    let mut writers = host.spawn(
        "for w in fast-1 fast-2; do dd if=/dev/zero of=/dev/mapper/$w bs=4M oflag=direct status=none & done; wait",
    )?;
    let foretold = host.wait_for("a forecast in the status line", Duration::from_secs(120), |host| {
        let line = host.sh("systemctl show -p StatusText --value thinguard")?;
        Ok((line.contains(" full in ") || line.contains("host room gone in ")).then_some(line))
    })?;
    println!("    {}", foretold.trim());
    // A look that meets a growth has no rate.
    let status = host.wait_for("a fill rate in the status", Duration::from_secs(60), |host| {
        let output = host.sh_timeout("thinguard status --json", Duration::from_secs(30))?;
        let status: Value = serde_json::from_str(&output.stdout)?;
        let fills = status["pool"]["data"]["fill_bytes_per_s"].as_u64() > Some(0);
        Ok(fills.then_some(status))
    })?;
    ensure!(status["pool"]["forecast"]["text"].is_string(), "{status}");
    screens::record_if_asked(host, "filling")?;

    host.wait_for("the writers to end", Duration::from_secs(300), |host| {
        writers.done(host)
    })?;
    let pool = host.pool_status()?;
    let kernel = host.sh("dmesg")?;
    let at: f64 = kernel
        .lines()
        .find(|line| line.contains("out-of-data-space"))
        .and_then(|line| line.trim_start_matches('[').split(']').next()?.trim().parse().ok())
        .with_context(|| format!("the writers ended before the pool did:\n{kernel}"))?;
    let written = (pool.data.used - first.data.used) << 16;
    let rate = written as f64 / (at - begun.trim().parse::<f64>()?) / f64::from(1 << 20);
    figures.add("written until the reserve", written >> 20, "MiB");
    figures.add("rate of both writers", format!("{rate:.0}"), "MiB/s");
    ensure!(
        written >= ROOM - LEFT,
        "out of data space with room left: {pool:?}\n{kernel}"
    );
    let left: u64 = host
        .sh("df --output=avail -B1 /var/lib/docker | tail -n 1")?
        .trim()
        .parse()?;
    ensure!(
        left + (1 << 20) >= free - ROOM,
        "the reserve was touched: {left} bytes are free"
    );

    let alarm = watch::await_line(host, "host-filesystem-full: ", Duration::from_secs(30))?;
    println!("    {alarm}");
    ensure!(
        alarm.contains("are kept in reserve") && alarm.contains("the pool has"),
        "no figures: {alarm}"
    );
    let journal = watch::journal(host)?;
    let growths = journal.matches("deed-done: grow the data device").count();
    figures.add("growths", growths, "");
    ensure!(growths >= 1, "{journal}");
    let order = |part: &str| {
        journal
            .find(part)
            .with_context(|| format!("no '{part}' in:\n{journal}"))
    };
    ensure!(
        order("host-filesystem-full: ")? < order("pool-exhausted: ")?,
        "no alarm before the pool was full:\n{journal}"
    );

    let busy = rest::cost(host, COUNTED)?;
    let slower = rest::cost_of_processes(host)? / pace_then;
    let (memory_after, _) = rest::memory_kib(host)?;
    figures.add("CPU in 12 s, before", format!("{:.0}", quiet.cpu_ms), "ms");
    figures.add("CPU in 12 s, at the reserve", format!("{:.0}", busy.cpu_ms), "ms");
    figures.add("memory before", memory, "KiB");
    figures.add("memory at the reserve", memory_after, "KiB");
    figures.add("the host is slower then by", format!("{slower:.2}"), "times");
    // An emulated host says how long its processors took, whatever kept them: another host's work does not count.
    ensure!(
        busy.cpu_ms <= quiet.cpu_ms * slower * 1.5,
        "the guard takes more processor time at the reserve"
    );
    ensure!(
        memory_after <= memory + 256,
        "the guard takes more memory at the reserve"
    );
    Ok(())
}
