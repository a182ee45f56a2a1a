//! A pool of LVM's (`dm.thinpooldev`): extended where LVM does not do it, left alone where it does, and an alarm where nobody can.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Scenario;
use super::faults::table;
use crate::direct_lvm::{self, POOL};
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{screens, watch};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "direct-lvm-grows",
    about: "a pool of LVM's: extended by lvextend, left to dmeventd where that is on, an alarm where the volume group is full",
    snapshot: Snapshot::Stopped,
    slow: Some("five states of a volume group, each with writes up to its limit"),
    run: direct_lvm_grows,
}];

fn direct_lvm_grows(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    direct_lvm::set_up(host)?;
    direct_lvm::start_docker(host)?;
    // Steps by the rate would use up the group before every row has had its room.
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[data]\nstep_min = \"128M\"\nstep_time = 0\n[watch]\nsettle = \"5s\"\n",
    )?;
    grown_by_hand(host)?;
    watch::start(host)?;
    extended_by_the_guard(host, figures)?;
    lvextend_hangs(host)?;
    left_to_lvm(host)?;
    group_full_then_room(host, figures)?;
    host.sh("docker run --rm --network none busybox true")?;
    // The keeper's file was there before the first growth.
    host.sh("docker start --attach keeper")?;
    let journal = watch::journal(host)?;
    ensure!(
        journal.matches("deed-failed").count() == FAILED_BY_HANGING,
        "another deed failed:\n{journal}"
    );
    ensure!(
        !journal.contains("pool-suspended"),
        "LVM was at work, and the pool was told to be suspended:\n{journal}"
    );
    Ok(())
}

fn grown_by_hand(host: &mut Host) -> Result<()> {
    keep_a_file(host)?;
    let before = direct_lvm::pool_status(host)?;
    let said = host.sh("thinguard grow --data +64M --metadata +8M --dry-run")?;
    ensure!(
        said.contains("would grow the data device from 512 MiB to 576 MiB")
            && said.contains("  step 1     lvextend --size 603979776b -- docker/thinpool\n"),
        "{said}"
    );
    let refused = host.sh_timeout("thinguard grow --data 100G", Duration::from_secs(60))?;
    ensure!(
        refused.code == Some(3)
            && (refused.stdout.clone() + &refused.stderr).contains("the volume group docker can give"),
        "{refused:?}"
    );
    ensure!(
        direct_lvm::pool_status(host)? == before,
        "what was not done changed the pool"
    );
    host.sh("thinguard grow --data +64M --metadata +8M")?;
    let after = direct_lvm::pool_status(host)?;
    ensure!(
        after.data.total == before.data.total + 128
            && after.metadata.total > before.metadata.total
            && after.mode == "rw",
        "{before:?} became {after:?}"
    );
    screens::check(host, "direct-lvm")?;
    let status = status(host)?;
    ensure!(
        status["pool"]["name"] == POOL && status["pool"]["host"]["path"] == "volume group docker",
        "{status}"
    );
    let free: u64 = host
        .sh("vgs --noheadings --nosuffix --units b -o vg_free docker")?
        .trim()
        .parse()?;
    ensure!(
        status["pool"]["host"]["free_bytes"] == free,
        "{free} free, and {status}"
    );
    Ok(())
}

/// A container whose command fails once its file has changed.
fn keep_a_file(host: &mut Host) -> Result<()> {
    host.sh("docker run --name keeper --network none busybox sh -c \
         '[ -e /f ] || { head -c 8388608 /dev/urandom > /f; md5sum /f > /sum; sync; }; md5sum -c /sum'")
        .map(drop)
}

fn status(host: &mut Host) -> Result<Value> {
    let said = host.sh_timeout("thinguard status --json", Duration::from_secs(60))?;
    serde_json::from_str(&said.stdout).with_context(|| format!("{said:?}"))
}

fn extended_by_the_guard(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let before = direct_lvm::pool_status(host)?;
    direct_lvm::fill(host, 85)?;
    let (seconds, after) = direct_lvm::await_growth(host, before.data.total)?;
    figures.add(
        "written below a fifth of room to extended",
        format!("{seconds:.1}"),
        "s",
    );
    ensure!(after.mode == "rw", "{after:?}");
    let said = watch::await_line(host, "deed-done: grow the data device", Duration::from_secs(20))?;
    println!("    {said}");
    // Between the two questions it may have been extended once more.
    host.wait_for(
        "LVM and the kernel to agree on the size",
        Duration::from_secs(60),
        |host| {
            let volume = host.sh("lvs --noheadings --nosuffix --units s -o lv_size docker/thinpool")?;
            Ok((volume.trim().parse() == Ok(direct_lvm::pool_status(host)?.sectors)).then_some(()))
        },
    )
}

/// A deed that hangs is told when it counts as stuck, and when it comes to its end.
const FAILED_BY_HANGING: usize = 2;

/// LVM's program does not come back: that is told, nobody else is sent after it, and the guard lives on. Once it has ended the pool is
/// extended.
fn lvextend_hangs(host: &mut Host) -> Result<()> {
    let guard = table::who(host)?;
    host.put(
        "/root/lvextend",
        0o755,
        b"#!/bin/sh\necho $$ >> /root/hanging\nexec sleep 100000\n",
    )?;
    host.sh("mv /usr/sbin/lvextend /root/lvextend.real && mv /root/lvextend /usr/sbin/lvextend")?;
    let deeds = deeds(host)?;
    let before = direct_lvm::pool_status(host)?;
    direct_lvm::fill(host, 85)?;
    let said = watch::await_line(host, "deed-failed: grow the data device", Duration::from_secs(90))?;
    println!("    {said}");
    ensure!(said.contains("left alone, it may still complete"), "{said}");
    table::beats(host, &guard)?;
    table::beats(host, &guard)?;
    let refused = host.sh_timeout("thinguard grow --data +64M", Duration::from_secs(90))?;
    ensure!(refused.code == Some(3), "a second deed beside the first: {refused:?}");
    let hanging = host.sh("cat /root/hanging")?;
    ensure!(
        hanging.lines().count() == 1 && self::deeds(host)? == deeds + 1,
        "more than one was begun: {hanging}"
    );
    host.sh("mv /root/lvextend.real /usr/sbin/lvextend; kill $(cat /root/hanging)")?;
    let (_, after) = direct_lvm::await_growth(host, before.data.total)?;
    ensure!(after.mode == "rw", "{after:?}");
    table::beats(host, &guard)
}

fn left_to_lvm(host: &mut Host) -> Result<()> {
    direct_lvm::autoextend(host, 80)?;
    host.sh("systemctl restart thinguard")?;
    let said = watch::await_line(host, "lvm-extends-the-pool: docker/thinpool", Duration::from_secs(30))?;
    println!("    {said}");
    let deeds = deeds(host)?;
    let before = direct_lvm::pool_status(host)?;
    direct_lvm::fill(host, 83)?;
    // It may have been extended before the last megabyte was written.
    let (_, after) = direct_lvm::await_growth(host, before.data.total)?;
    ensure!(
        self::deeds(host)? == deeds,
        "the guard did it:\n{}",
        watch::journal(host)?
    );
    println!(
        "    LVM extended it from {} to {} blocks",
        before.data.total, after.data.total
    );
    Ok(())
}

fn group_full_then_room(host: &mut Host, figures: &mut Figures) -> Result<()> {
    // A guard that knew of the room would use it: at this rate it extends as soon as LVM no longer does.
    host.sh("systemctl stop thinguard")?;
    direct_lvm::autoextend(host, 100)?;
    host.sh("lvcreate --wipesignatures n -n other -l 100%FREE docker && systemctl start thinguard")?;
    fault::set_no_space_timeout(host, Duration::from_secs(600))?;
    let deeds = deeds(host)?;
    let before = direct_lvm::pool_status(host)?;
    let mut writer = direct_lvm::fill_past_the_end(host)?;
    let said = watch::await_line(
        host,
        "volume-group-full: 0 B free of 4.00 GiB",
        Duration::from_secs(120),
    )?;
    println!("    {said}");
    let said = watch::await_line(host, "pool-exhausted: ", Duration::from_secs(120))?;
    println!("    {said}");
    ensure!(
        direct_lvm::pool_status(host)?.data.total == before.data.total && self::deeds(host)? == deeds,
        "there was nothing to grow into:\n{}",
        watch::journal(host)?
    );
    ensure!(status(host)?["findings"][0]["severity"] == "refuse", "no alarm");
    host.sh("lvremove -y docker/other")?;
    let (seconds, _) = direct_lvm::await_growth(host, before.data.total)?;
    figures.add(
        "room in the volume group to extended, pool full",
        format!("{seconds:.1}"),
        "s",
    );
    let written = host.wait_for("the writer to end", Duration::from_secs(120), |host| writer.done(host))?;
    ensure!(written.ok(), "a write to the full pool was lost: {written:?}");
    ensure!(direct_lvm::pool_status(host)?.mode == "rw", "still full");
    Ok(())
}

/// How many deeds the guard has begun.
fn deeds(host: &mut Host) -> Result<usize> {
    Ok(watch::journal(host)?.matches("deed-begun: ").count())
}
