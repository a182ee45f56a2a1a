//! The main job: the pool grows before it runs out, and the hang of an exhausted pool is cured without a restart.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{screens, watch};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "hang-cured-by-growth",
        about: "dockerd hangs in D state on a full pool; the guard grows it, and the same daemon answers again",
        snapshot: Snapshot::Low,
        slow: Some("the hang comes while a guard looks on that may not grow, and is then cured by one that may"),
        run: hang_cured_by_growth,
    },
    Scenario {
        name: "fills-at-full-speed",
        about: "two containers write three times the pool's first size; it never runs out and nothing is lost",
        snapshot: Snapshot::Small,
        slow: Some("some 400 MiB are written, synced, read back and compared"),
        run: fills_at_full_speed,
    },
    Scenario {
        name: "metadata-fills",
        about: "snapshots use up the metadata; they grow on line and Docker keeps working",
        snapshot: Snapshot::Small,
        slow: Some("some dozen snapshots fill the metadata, each made by four processes"),
        run: metadata_fills,
    },
    Scenario {
        name: "nothing-to-grow-into",
        about: "the host filesystem is at its reserve: an alarm, no growth; growth by itself once room appears",
        snapshot: Snapshot::Running,
        slow: None,
        run: nothing_to_grow_into,
    },
];

/// From hang to verdict, at most; with the settings as shipped.
const VERDICT_WITHIN: f64 = 15.0;

/// A guard that may not grow sees the hang come: it tells of it soon, and ends.
fn hang_is_told(host: &mut Host, figures: &mut Figures) -> Result<fault::Hang> {
    const NO_GROWTH: &str = "/etc/thinguard.d/90-lab.toml";
    host.put(NO_GROWTH, 0o644, b"[data]\nbelow_free_percent = 0\n")?;
    watch::start(host)?;
    let hang = fault::hang_dockerd(host, Duration::from_secs(10))?;
    watch::await_line(host, "daemon-hung-on-pool: ", Duration::from_secs(60))?;
    let seconds = watch::first_said(host, "daemon-hung-on-pool: ")? - hang.not_before;
    figures.add("dockerd's hang to the guard's verdict", format!("{seconds:.1}"), "s");
    ensure!(
        (0.0..=VERDICT_WITHIN).contains(&seconds),
        "the verdict came after {seconds:.1} s"
    );
    host.sh(&format!("systemctl stop thinguard && rm {NO_GROWTH}"))?;
    Ok(hang)
}

fn hang_cured_by_growth(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let mut hang = hang_is_told(host, figures)?;
    screens::check(host, "hung")?;
    let seconds = watch::start_and_await_info(host)?;
    figures.add("guard's start to docker info answering", format!("{seconds:.1}"), "s");
    ensure!(host.dockerd()? == hang.daemon, "dockerd is another one");
    let removed = host.wait_for("docker rm to come back", Duration::from_secs(60), |host| {
        hang.remove.done(host)
    })?;
    ensure!(removed.ok(), "docker rm failed: {removed:?}");
    ensure!(
        fault::stuck_tasks(host, hang.daemon)?.is_empty(),
        "a thread is still in D state"
    );

    let journal = watch::journal(host)?;
    for said in [
        "pool-exhausted: ",
        "deed-begun: grow the data device from 512 MiB",
        "deed-done: grow the data device",
    ] {
        ensure!(journal.contains(said), "the journal does not say '{said}':\n{journal}");
    }
    ensure!(
        !journal.contains("restart the Docker service"),
        "a restart was begun:\n{journal}"
    );
    // What was waiting for room goes on: a new container writes and keeps what it wrote.
    host.sh("docker run --rm --network none busybox sh -c 'echo kept > /f && sync && grep -q kept /f'")?;
    figures.add(
        "pool after",
        format!(
            "{} of {} blocks",
            host.pool_status()?.data.used,
            host.pool_status()?.data.total
        ),
        "",
    );
    Ok(())
}

/// What each of two containers writes: files of 32 MiB of random bytes, each synced before the next. Direct writes: they
/// fill the pool faster than an emulated host's page cache would.
const FILES: u32 = 6;

/// Waits until both containers have written every file; each notes its number. How long that takes is the disk's business; that nothing is
/// written for minutes, or that a container gives up, is a failure.
fn await_files(host: &mut Host) -> Result<()> {
    let script = format!(
        "last= still=0
         while [ $still -lt 480 ]; do
             read -r one < /root/go/writer-1; read -r two < /root/go/writer-2
             case \"$one $two\" in
             \"{FILES} {FILES}\") exit 0 ;;
             *failed*) break ;;
             \"$last\") still=$((still + 1)) ;;
             *) last=\"$one $two\" still=0 ;;
             esac
             sleep 0.5
         done 2> /dev/null
         echo \"files written: $one $two\"; exit 1"
    );
    host.wait_by_script("all files to be written", &script, Duration::from_secs(600))
        .map(drop)
}

fn fills_at_full_speed(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let first = host.pool_status()?.data.total;
    let daemon = host.dockerd()?;
    watch::start(host)?;
    host.sh("head -c 33554432 /dev/urandom > /root/seed; mkdir -p /root/go; dmesg --clear")?;
    let begun = Instant::now();
    for name in fault::WRITERS {
        host.sh(&format!(
            "docker run -d --name {name} --network none -v /root/seed:/seed:ro -v /root/go:/go busybox sh -c \
             'i=0; while [ $i -lt {FILES} ]; do \
             dd if=/seed of=/f$i bs=4M oflag=direct conv=fsync status=none || {{ echo failed > /go/{name}; exit 1; }}; \
             i=$((i+1)); echo $i > /go/{name}; done; exec sleep 100000'"
        ))?;
    }
    await_files(host)?;
    let megabytes = 2 * FILES * 32;
    let rate = f64::from(megabytes) / begun.elapsed().as_secs_f64();
    figures.add("written and synced", megabytes, "MiB");
    figures.add("rate of both", format!("{rate:.0}"), "MiB/s");
    let pool = host.pool_status()?;
    ensure!(
        pool.data.used >= 3 * first - first / 16,
        "three times {first} blocks were to be used: {pool:?}"
    );
    ensure!(pool.mode == "rw", "{pool:?}");
    figures.add(
        "growths",
        watch::journal(host)?.matches("deed-done: grow the data device").count(),
        "",
    );

    host.sh("echo 3 > /proc/sys/vm/drop_caches")?;
    for name in fault::WRITERS {
        // Through the container's own root; busybox compares a byte at a time.
        let compare = format!(
            "cd /proc/$(docker inspect --format '{{{{.State.Pid}}}}' {name})/root && \
             for f in f?*; do cmp $f /root/seed || exit 1; done; ls f?* | wc -l"
        );
        let compared = host.sh_timeout(&compare, Duration::from_secs(300))?;
        ensure!(
            compared.ok() && compared.stdout.trim() == FILES.to_string(),
            "{name}: {compared:?}"
        );
    }
    let kernel = host.sh("dmesg")?;
    for bad in [
        "out-of-data-space",
        "I/O error",
        "writeback error",
        "blocked for more than",
    ] {
        ensure!(!kernel.contains(bad), "the kernel says '{bad}':\n{kernel}");
    }
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}

fn metadata_fills(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let first = host.pool_status()?.metadata;
    figures.add(
        "metadata at first",
        format!("{} of {}", first.used, first.total),
        "blocks",
    );
    watch::start(host)?;
    let daemon = host.dockerd()?;
    // Without udev, which would look at each of the snapshots twice: that takes an emulated host more time than all the rest.
    host.sh("systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service")?;
    // Snapshots of Docker's base device, under ids that Docker will never reach; the write into each breaks the sharing of its
    // mappings and so takes metadata blocks of its own. The kernel activates none at the moment in which a growth has the pool suspended.
    let snapshots = host.sh_timeout(
        "export DM_DISABLE_UDEV=1; pool=$(dmsetup ls --target thin-pool | cut -f 1); metadata() { dmsetup status --noflush $pool | cut -d ' ' -f 5; }; \
         base=$(grep -o '\"device_id\":[0-9]*' /var/lib/docker/devicemapper/metadata/base | cut -d : -f 2); \
         first=$(metadata); total=${first#*/}; \
         for i in $(seq 1 600); do \
           id=$((100000 + i)); dmsetup message $pool 0 \"create_snap $id $base\" || exit 1; \
           tries=0; until dmsetup create snap --table \"0 2097152 thin /dev/mapper/$pool $id\"; do \
             tries=$((tries + 1)); [ $tries -lt 20 ] || exit 1; sleep 0.2; done; \
           dd if=/dev/zero of=/dev/mapper/snap bs=64K count=1 seek=$((i % 64)) oflag=direct status=none || exit 1; \
           dmsetup remove --retry snap || exit 1; \
           now=$(metadata); [ ${now#*/} -gt $total ] && break; \
         done; echo $i",
        Duration::from_secs(400),
    )?;
    ensure!(snapshots.ok(), "{snapshots:?}");
    host.sh("systemctl start systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service")?;
    let pool = host.pool_status()?;
    figures.add("snapshots made", snapshots.stdout.trim(), "");
    figures.add(
        "metadata afterwards",
        format!("{} of {}", pool.metadata.used, pool.metadata.total),
        "blocks",
    );
    ensure!(pool.metadata.total > first.total, "the metadata did not grow: {pool:?}");
    ensure!(pool.mode == "rw" && !pool.needs_check, "{pool:?}");
    ensure!(
        host.sh("dmesg")?.contains("growing the metadata device"),
        "the kernel did not grow the metadata"
    );
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    host.sh("docker run --rm --network none busybox true")?;
    Ok(())
}

fn nothing_to_grow_into(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // 900 MiB are left, less than the reserve of 1 GiB.
    host.sh(
        "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 900 * 1048576)) /var/lib/docker/filler",
    )?;
    let first = host.pool_status()?.data.total;
    watch::start(host)?;
    fault::ballast(host, 140 << 20)?;
    let alarm = watch::await_line(host, "host-filesystem-full: ", Duration::from_secs(60))?;
    ensure!(
        alarm.contains("MiB free of") && alarm.contains("1 GiB are kept in reserve"),
        "no figures: {alarm}"
    );
    println!("    {alarm}");
    watch::await_line(host, "pool-low: ", Duration::from_secs(60))?;
    host.pass(Duration::from_secs(10));
    ensure!(
        host.pool_status()?.data.total == first,
        "the pool has grown into the reserve"
    );
    ensure!(!watch::journal(host)?.contains("deed-begun"), "a deed was begun");

    host.sh("rm /var/lib/docker/filler")?;
    let begun = Instant::now();
    host.wait_for("the pool to grow", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })?;
    figures.add("from room to growth", watch::seconds(begun), "s");
    watch::await_line(host, "host-filesystem-full: ", Duration::from_secs(30))?;
    Ok(())
}
