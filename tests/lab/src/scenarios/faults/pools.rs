//! Faults of the pool, on one that stands in for Docker's: made over devices that can be told to fail.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::table::{self, Case, Ends};
use crate::figures::Figures;
use crate::host::Host;
use crate::{rest, watch};

const HURRY: &str = "[watch]\ninterval = \"2s\"\n";

/// `lab-pool make`: a pool under the name of Docker's, on two linear devices, of 256 MiB or as large as said; `meta flakey|error` has the lower one of its metadata fail
/// writes, or everything; `remove`. `disk`: the same name, on loop files of a filesystem that no longer writes, and
/// low on space.
const POOL: &str = r#"#!/bin/bash
set -e
name=$(cat /root/pool-name)
linear() { echo "0 $(blockdev --getsz $1) linear $1 0"; }
commit() { dmsetup message $name 0 "create_thin $RANDOM" || true; }
case $1 in
make)
    mkdir -p /root/files
    rm -f /root/files/*
    truncate -s ${2:-256M} /root/files/data
    truncate -s 16M /root/files/metadata
    dmsetup create lab-data --table "$(linear $(losetup -f --show /root/files/data))"
    dmsetup create lab-meta --table "$(linear $(losetup -f --show /root/files/metadata))"
    dmsetup create $name --table "0 $(blockdev --getsz /dev/mapper/lab-data) thin-pool /dev/mapper/lab-meta /dev/mapper/lab-data 128 64 1 skip_block_zeroing"
    ;;
meta)
    loop=$(losetup -j /root/files/metadata | cut -d : -f 1)
    size=$(blockdev --getsz $loop)
    case $2 in
    flakey) table="0 $size flakey $loop 0 0 3600 1 error_writes" ;;
    error) table="0 $size error" ;;
    esac
    dmsetup load lab-meta --table "$table"
    dmsetup resume --noflush lab-meta
    commit
    ;;
remove)
    dmsetup remove --retry $name
    dmsetup remove --retry lab-meta
    dmsetup remove --retry lab-data
    losetup -D
    ;;
disk)
    truncate -s 4G /root/disk
    loop=$(losetup -f --show /root/disk)
    dmsetup create lab-disk --table "$(linear $loop)"
    mkfs.ext4 -q /dev/mapper/lab-disk
    mkdir -p /srv/pool
    mount /dev/mapper/lab-disk /srv/pool
    fallocate -l 64M /srv/pool/data
    truncate -s 16M /srv/pool/metadata
    data=$(losetup -f --show /srv/pool/data)
    dmsetup create lab-low --table "0 131072 thin-pool $(losetup -f --show /srv/pool/metadata) $data 128 64 1 skip_block_zeroing"
    dmsetup message lab-low 0 "create_thin 1"
    dmsetup create lab-thin --table "0 262144 thin /dev/mapper/lab-low 1"
    dd if=/dev/zero of=/dev/mapper/lab-thin bs=1M count=58 oflag=direct status=none
    dmsetup remove --retry lab-thin
    # The kernel commits a second late by itself: into the dead disk, which makes this another fault. A status commits now.
    dmsetup status lab-low
    sync
    dmsetup load lab-disk --table "0 $(blockdev --getsz $loop) flakey $loop 0 0 3600 1 error_writes"
    dmsetup resume --noflush lab-disk
    dmsetup rename lab-low $name
    ;;
storm)
    # Each change of the mode is an event.
    for i in 1 2 3 4 5 6 7 8 9 10; do
        $0 ro
        $0 rw
    done
    ;;
ro|rw)
    cut -d ' ' -f 1 /proc/uptime
    case $1 in
    ro) change='s/1 skip_block_zeroing/2 skip_block_zeroing read_only/' ;;
    rw) change='s/2 skip_block_zeroing read_only/1 skip_block_zeroing/' ;;
    esac
    dmsetup table $name | sed "$change" | dmsetup load $name
    dmsetup resume --noflush $name
    ;;
live)
    dmsetup table $name | grep -q "^0 $2 thin-pool " && [ $(dmsetup info -c --noheadings -o suspended $name) = Active ]
    ;;
esac
"#;

const CASES: &[Case] = &[
    Case {
        name: "pool replaced below a running Docker",
        make: "dmsetup load $(cat /root/pool-name) --table '0 1048576 error'; dmsetup resume --noflush $(cat /root/pool-name)",
        said: &["pool-vanished: "],
        shown: "no active pool",
        done: &[],
        undo: "systemctl stop docker.socket docker.service; dmsetup remove_all --force; losetup -D; ! dmsetup ls | grep pool",
        over: &["pool-vanished: "],
    },
    Case {
        name: "no pool, no Docker",
        make: "true",
        said: &[],
        shown: "no active pool, ",
        done: &[],
        undo: "/root/lab-pool make",
        over: &[],
    },
    Case {
        name: "another pool under Docker's name",
        make: "true",
        said: &[],
        shown: "of 256 MiB data",
        done: &[],
        undo: "dmsetup rename $(cat /root/pool-name) other-pool",
        over: &[],
    },
    Case {
        name: "a pool under another name",
        make: "true",
        said: &[],
        shown: "no active pool",
        done: &[],
        undo: "dmsetup rename other-pool $(cat /root/pool-name)",
        over: &[],
    },
    Case {
        name: "pool suspended",
        make: "dmsetup suspend --noflush $(cat /root/pool-name)",
        said: &["pool-suspended: "],
        shown: "",
        done: &[("resume the suspended pool", Ends::Done)],
        undo: "/root/lab-pool live 524288",
        over: &[],
    },
    Case {
        name: "pool read-only",
        make: "/root/lab-pool ro",
        said: &["pool-read-only: "],
        shown: "of 256 MiB data",
        done: &[],
        undo: "/root/lab-pool rw",
        over: &["pool-read-only: "],
    },
    Case {
        name: "pool to be checked: its metadata could not be written",
        make: "/root/lab-pool meta flakey",
        said: &["pool-needs-check: "],
        shown: "of 256 MiB data",
        done: &[],
        undo: "/root/lab-pool live 524288; /root/lab-pool remove; /root/lab-pool make",
        over: &["pool-needs-check: "],
    },
    Case {
        name: "pool failed: its metadata cannot be read either",
        make: "/root/lab-pool meta error",
        said: &["pool-failed: "],
        shown: "",
        done: &[],
        undo: "/root/lab-pool live 524288; /root/lab-pool remove",
        over: &["pool-failed: "],
    },
    Case {
        name: "the disk below the pool's files does not write",
        make: "/root/lab-pool disk",
        said: &["pool-low: "],
        shown: "of 64 MiB data",
        done: &[("grow the data device from 64 MiB", Ends::Failed)],
        undo: "/root/lab-pool live 131072",
        over: &[],
    },
];

pub fn run(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    host.put("/root/lab-pool", 0o755, POOL.as_bytes())?;
    host.sh("dmsetup ls --target thin-pool | cut -f 1 > /root/pool-name")?;
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, HURRY.as_bytes())?;
    watch::start(host)?;
    let (first, rest) = CASES.split_at(EVENTS_AFTER);
    table::run(host, first)?;
    events_in_a_row(host, figures)?;
    table::run(host, rest)
}

/// The stand-in has been replaced, renamed and suspended by then, and is well.
const EVENTS_AFTER: usize = 6;

/// Rests are so long that a look within a few seconds is an event's doing: a large pool, and a long interval.
const SELDOM: &str = "[watch]\ninterval = \"10m\"\n";

/// Sixty events in a row: what flaps is told as over only after a while; then the news of the next event are told at once, and the guard
/// is as quiet as its heartbeat lets it be.
fn events_in_a_row(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.sh("/root/lab-pool remove; /root/lab-pool make 40G")?;
    table::shows(host, "of 40 GiB data")?;
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, SELDOM.as_bytes())?;
    host.sh("systemctl reload thinguard")?;
    let number = "dmsetup info -c --noheadings -o events $(cat /root/pool-name)";
    let before: u32 = host.sh(number)?.trim().parse()?;
    let lines = table::lines(host)?.len();
    host.sh("for i in 1 2 3; do /root/lab-pool storm; done")?;
    let raised = host.sh(number)?.trim().parse::<u32>()? - before;
    ensure!(raised >= 60, "only {raised} events");
    let told = |host: &mut Host| -> Result<usize> {
        let new = table::lines(host)?.split_off(lines);
        Ok(new.iter().filter(|line| line.starts_with("pool-read-only: ")).count())
    };
    host.wait_for("what flapped to be over", Duration::from_secs(120), |host| {
        let new = table::lines(host)?.split_off(lines);
        let last = new.iter().rfind(|line| line.starts_with("pool-read-only: "));
        Ok(last.filter(|line| line.contains(": over after")).map(drop))
    })?;
    // Time to come to rest.
    host.pass(Duration::from_secs(4));
    figures.add(
        "events in a row, and lines about them",
        format!("{raised}, {}", told(host)?),
        "",
    );
    ensure!(told(host)? < 20, "what flaps floods the journal");
    let lines = table::lines(host)?.len();
    let changed: f64 = host.sh("/root/lab-pool ro")?.trim().parse()?;
    table::await_new(host, lines, "pool-read-only: ")?;
    let took = watch::last_said(host, "pool-read-only: ")? - changed;
    figures.add("from the next event to its news", format!("{took:.1}"), "s");
    ensure!(took < 4.0, "the news of the event after them came {took:.1} s after it");
    host.sh("/root/lab-pool rw")?;
    watch::stays_within_journalds_limit(host, figures)?;
    let cost = rest::cost(host, Duration::from_secs(15))?;
    figures.add("wake-ups in 15 s after that", cost.wake_ups, "");
    ensure!(cost.wake_ups < 150, "the guard does not come to rest: {cost:?}");
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, HURRY.as_bytes())?;
    host.sh("systemctl reload thinguard; /root/lab-pool remove; /root/lab-pool make")
        .map(drop)
}
