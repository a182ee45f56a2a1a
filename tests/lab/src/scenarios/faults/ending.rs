//! The guard ended at any moment while it grows the pool.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::Figures;
use crate::host::Host;
use crate::watch;

/// Files of 32 MiB that the writer writes; with what the pool holds at first, more than it has room for.
const FILES: u32 = 5;

/// How often the guard is ended, by SIGTERM and SIGKILL in turn.
const ENDS: u32 = 10;

pub fn run(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let first = host.pool_status()?.data.total;
    let daemon = host.dockerd()?;
    // Small steps, or one growth would do for the whole scenario.
    host.put(
        "/etc/thinguard.d/50-lab.toml",
        0o644,
        b"[data]\nbelow_free_percent = 60\nstep_percent = 1\nstep_min = \"24M\"\nstep_time = 0\n",
    )?;
    watch::start(host)?;
    host.sh("head -c 33554432 /dev/urandom > /root/seed")?;
    host.sh(&format!(
        "docker run -d --name writer --network none -v /root/seed:/seed:ro busybox sh -c \
         'i=0; while [ $i -lt {FILES} ]; do \
         dd if=/seed of=/f$i bs=4M oflag=direct conv=fsync status=none || exit 1; i=$((i+1)); done; touch /written; \
         exec sleep 100000'"
    ))?;
    let ended = host.sh_timeout(
        &format!(
            "for i in $(seq {ENDS}); do sleep 0.$((RANDOM % 10)); \
             [ $((i % 2)) = 0 ] && kill -KILL $(systemctl show -p MainPID --value thinguard); \
             systemctl restart thinguard || exit 1; done"
        ),
        Duration::from_secs(180),
    )?;
    ensure!(ended.ok(), "the guard did not come back: {ended:?}");
    let root = "/proc/$(docker inspect --format '{{.State.Pid}}' writer)/root";
    host.wait_for("everything to be written", Duration::from_secs(240), |host| {
        Ok((host.sh(&format!("ls {root} | grep -c written || true"))?.trim() == "1").then_some(()))
    })?;
    let growths = watch::journal(host)?
        .matches("deed-begun: grow the data device")
        .count();
    figures.add("growths begun while the guard was ended 10 times", growths, "");
    ensure!(growths >= 3, "too few growths to be cut off");

    host.wait_for(
        "the pool to have what the threshold asks for",
        Duration::from_secs(60),
        |host| {
            let pool = host.pool_status()?;
            let free = pool.data.total - pool.data.used;
            Ok((free * 100 >= pool.data.total * 60).then_some(()))
        },
    )?;
    let pool = host.pool_status()?;
    ensure!(
        pool.data.total > first && pool.mode == "rw" && !pool.needs_check,
        "{pool:?}"
    );
    let name = &pool.name;
    host.sh(&format!(
        "[ $(dmsetup info -c --noheadings -o suspended {name}) = Active ] && \
         [ $(stat -c %s /var/lib/docker/devicemapper/devicemapper/data) -ge $(($(dmsetup table {name} | cut -d ' ' -f 2) * 512)) ]"
    ))?;
    let compared = host.sh_timeout(
        &format!(
            "echo 3 > /proc/sys/vm/drop_caches; cd {root} && \
             for f in f?*; do cmp $f /root/seed || exit 1; done"
        ),
        Duration::from_secs(300),
    )?;
    ensure!(compared.ok(), "what was written is not what is there: {compared:?}");
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}
