//! What preflight learns of the live host before a start, beside dockerd itself, which must fail for the same reason.

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use std::time::Duration;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "preflight-tells-what-the-host-lacks",
    about: "no semaphore left, no module of thin pools, a disk in use, a drop-in that is not read: preflight warns, and dockerd fails so",
    snapshot: Snapshot::Stopped,
    slow: None,
    run,
}];

/// A host without something.
struct Lack {
    make: &'static str,
    undo: &'static str,
    /// What the daemon is told; empty: as its unit tells it.
    line: &'static str,
    code: &'static str,
    /// What dockerd says of it.
    dockerd: &'static str,
}

const LACKS: &[Lack] = &[
    Lack {
        make: "sysctl -qw kernel.sem='32000 1024000000 500 1'; ipcmk -S 1 > /dev/null",
        undo: "ipcrm --all=sem; sysctl -qw kernel.sem='32000 1024000000 500 32000'",
        line: "",
        code: "semaphores-used-up",
        dockerd: "Can't set cookie",
    },
    Lack {
        make: "modprobe -r dm_thin_pool; cp /lib/modules/$(uname -r)/modules.dep /root/; \
               sed -i '/dm-thin-pool.ko/d' /lib/modules/$(uname -r)/modules.dep; \
               mv /lib/modules/$(uname -r)/modules.dep.bin /root/",
        undo: "mv /root/modules.dep /root/modules.dep.bin /lib/modules/$(uname -r)/; modprobe dm_thin_pool",
        line: "",
        code: "no-thin-pools",
        dockerd: "CreatePool",
    },
    Lack {
        make: "mkfs.ext4 -q /dev/loop6; udevadm trigger --settle /dev/loop6",
        undo: "losetup -d /dev/loop6",
        line: "dockerd --config-file /root/empty.json --data-root /var/lib/another --exec-root /run/another --pidfile /run/another.pid -H unix:///run/another.sock \
               --storage-driver devicemapper --storage-opt dm.directlvm_device=/dev/loop6",
        code: "pool-device-in-use",
        dockerd: "has a filesystem already",
    },
];

fn run(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh("truncate -s 64M /root/disk; losetup /dev/loop6 /root/disk; echo {} > /root/empty.json")?;
    for lack in LACKS {
        let preflight = match lack.line {
            "" => "thinguard preflight".to_owned(),
            line => format!("thinguard preflight --exec-line '{line}'"),
        };
        let told = |host: &mut Host| -> Result<bool> {
            let said = host.sh_timeout(&preflight, Duration::from_secs(30))?;
            let refused = said.stdout.lines().find(|line| line.starts_with("REFUSE"));
            ensure!(said.code == Some(0), "a lack of the host refuses a start: {refused:?}");
            Ok(said.stdout.contains(&format!("WARN {}: ", lack.code)))
        };
        ensure!(!told(host)?, "{} is told of a host that has it", lack.code);
        host.sh(lack.make)?;
        let seen = told(host)?;
        let line = if lack.line.is_empty() { "dockerd" } else { lack.line };
        let daemon = host.sh_timeout(&format!("timeout 30 {line} 2>&1 | tail -n 5"), Duration::from_secs(60))?;
        host.sh(lack.undo)?;
        ensure!(
            daemon.stdout.contains(lack.dockerd),
            "dockerd does not fail for it: {}",
            daemon.stdout
        );
        ensure!(seen, "{} is not told", lack.code);
        println!("    {}: dockerd ends with \"{}\"", lack.code, lack.dockerd);
    }
    drop_in(host)
}

/// A drop-in that systemd reads once it has the right name.
fn drop_in(host: &mut Host) -> Result<()> {
    let directory = "/etc/systemd/system/docker.service.d";
    host.sh(&format!(
        "mkdir -p {directory}; printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// --storage-opt dm.basesize=20G\\n' \
         > {directory}/90-size"
    ))?;
    let told = |host: &mut Host| -> Result<bool> {
        let said = host.sh_timeout("thinguard preflight", Duration::from_secs(30))?;
        Ok(said
            .stdout
            .contains("WARN storage-option-not-read: the storage option dm.basesize=20G"))
    };
    ensure!(told(host)?, "a drop-in without .conf is passed over in silence");
    host.sh(&format!("mv {directory}/90-size {directory}/90-size.conf"))?;
    host.sh("systemctl daemon-reload")?;
    ensure!(!told(host)?, "a drop-in that is read is told of");
    Ok(())
}
