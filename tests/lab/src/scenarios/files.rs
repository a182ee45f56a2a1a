//! The pool's files under a running Docker: on two filesystems, moved, and deleted.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "files-on-two-disks-moved-and-deleted",
    about: "metadata grow into their own filesystem's room alone; a file that was moved or deleted is told, and its copy starts Docker",
    snapshot: Snapshot::Stopped,
    slow: None,
    run: two_disks_moved_and_deleted,
}];

const FILES: &str = "/var/lib/docker/devicemapper/devicemapper";

/// The small filesystem has less room than the metadata would be given on the other one.
const SMALL: &str = "/srv/small";
const SMALL_MIB: u64 = 160;

/// How long the guard may take to say it.
const SAYS: Duration = Duration::from_secs(60);

fn two_disks_moved_and_deleted(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh(&format!(
        "truncate -s {SMALL_MIB}M /root/small && mkfs.ext4 -q /root/small && mkdir {SMALL} && mount -o loop /root/small {SMALL} && \
         mv {FILES}/metadata {SMALL}/ && ln -s {SMALL}/metadata {FILES}/metadata && systemctl start docker"
    ))?;
    let before = host.pool_status()?.metadata.total;
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[metadata]\nbelow_free_percent = 95\n[watch]\ninterval = \"2s\"\n",
    )?;
    watch::start(host)?;
    watch::await_line(host, "deed-done: grow the metadata device", SAYS)?;
    let full = watch::await_line(host, &format!("host-filesystem-full: {SMALL}: "), SAYS)?;
    println!("    {full}");
    let pool = host.pool_status()?;
    let mib = pool.metadata.total >> 8;
    figures.add("metadata on a filesystem of 160 MiB", mib, "MiB");
    ensure!(
        pool.metadata.total > before && mib < SMALL_MIB && pool.mode == "rw",
        "grown into another filesystem's room: {pool:?}"
    );

    host.sh(&format!("mv {FILES}/data /var/lib/docker/elsewhere"))?;
    let moved = watch::await_line(host, "pool-file-deleted: ", SAYS)?;
    println!("    {moved}");
    ensure!(moved.contains(&format!("move it back to {FILES}/data")), "{moved}");
    host.sh(&format!("mv /var/lib/docker/elsewhere {FILES}/data"))?;
    watch::await_line(
        host,
        "pool-file-deleted: /var/lib/docker/devicemapper/devicemapper/data: over after",
        SAYS,
    )?;

    host.sh(&format!("rm {FILES}/data"))?;
    let deleted = watch::await_line(host, "copy it off before anything stops Docker", SAYS)?;
    println!("    {deleted}");
    let command = deleted
        .rsplit_once("pool: ")
        .map(|(_, command)| command.replace("/OTHER-DISK/data", "/var/lib/docker/copy"))
        .context("no command")?;
    ensure!(command.starts_with("dd if=/dev/loop"), "{command}");
    // As the line says, and then in the place of what was deleted.
    let copied = host.sh_timeout(&format!("sync; {command}"), Duration::from_secs(120))?;
    ensure!(copied.ok(), "{copied:?}");
    host.sh(&format!(
        "systemctl stop docker docker.socket; mv /var/lib/docker/copy {FILES}/data; systemctl start docker"
    ))?;
    host.sh("docker run --rm --network none busybox true")?;
    ensure!(
        !watch::journal(host)?.contains("deed-begun: restart"),
        "the guard has restarted Docker"
    );
    Ok(())
}
