//! Faults of the pool, on one that stands in for Docker's: made over devices that can be told to fail.

use anyhow::Result;

use super::table::{self, Case, Ends};
use crate::figures::Figures;
use crate::host::Host;
use crate::watch;

/// `lab-pool make`: a pool under the name of Docker's, on two linear devices; `meta flakey|error` has the lower one of its metadata fail
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
    truncate -s 256M /root/files/data
    truncate -s 16M /root/files/metadata
    dmsetup create lab-data --table "$(linear $(losetup -f --show /root/files/data))"
    dmsetup create lab-meta --table "$(linear $(losetup -f --show /root/files/metadata))"
    dmsetup create $name --table "0 524288 thin-pool /dev/mapper/lab-meta /dev/mapper/lab-data 128 64 1 skip_block_zeroing"
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
    sync
    dmsetup load lab-disk --table "0 $(blockdev --getsz $loop) flakey $loop 0 0 3600 1 error_writes"
    dmsetup resume --noflush lab-disk
    dmsetup rename lab-low $name
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
        make: "name=$(cat /root/pool-name); dmsetup table $name | sed 's/1 skip_block_zeroing/2 skip_block_zeroing read_only/' | \
               dmsetup load $name; dmsetup resume --noflush $name",
        said: &["pool-read-only: "],
        shown: "of 256 MiB data",
        done: &[],
        undo: "name=$(cat /root/pool-name); dmsetup table $name | sed 's/2 skip_block_zeroing read_only/1 skip_block_zeroing/' | \
               dmsetup load $name; dmsetup resume --noflush $name",
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

pub fn run(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.put("/root/lab-pool", 0o755, POOL.as_bytes())?;
    host.sh("dmsetup ls --target thin-pool | cut -f 1 > /root/pool-name")?;
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, b"[watch]\ninterval = \"2s\"\n")?;
    watch::start(host)?;
    table::run(host, CASES)
}
