//! `thinguard drill` on a real host: it passes, fails with the right line when something is taken away, and leaves nothing behind.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "drill-proves-the-host",
    about: "thinguard drill passes beside a running Docker, tells what is taken away from it, and leaves nothing, whatever ends it",
    snapshot: Snapshot::Running,
    slow: Some("eleven drills, each on a pool of its own"),
    run: drill_proves_the_host,
}];

/// What can be taken away, how it is given back, and the line that must tell it.
struct Loss {
    take: &'static str,
    give: &'static str,
    command: &'static str,
    line: (&'static str, &'static str),
}

const DRILL: &str = "thinguard drill";

const LOSSES: &[Loss] = &[
    Loss {
        take: "true",
        give: "true",
        command: "systemd-run --quiet --wait --pipe -p CapabilityBoundingSet=~CAP_SYS_ADMIN thinguard drill",
        line: ("permissions", "without CAP_SYS_ADMIN no pool can be grown"),
    },
    Loss {
        take: "mv /dev/loop-control /dev/loop-control.away",
        give: "mv /dev/loop-control.away /dev/loop-control",
        command: DRILL,
        line: ("loop devices", "/dev/loop-control"),
    },
    Loss {
        take: "mv /run/systemd/journal/socket /run/systemd/journal/socket.away",
        give: "mv /run/systemd/journal/socket.away /run/systemd/journal/socket",
        command: DRILL,
        line: ("journal", "was not written"),
    },
    // Its socket goes on taking. Above, the line went to syslog, and so without its MESSAGE_ID.
    Loss {
        take: "pkill -STOP -x systemd-journal",
        give: "pkill -CONT -x systemd-journal",
        command: DRILL,
        line: ("journal", "was not written"),
    },
    Loss {
        take: "mount -t tmpfs -o size=1M tmpfs /mnt",
        give: "umount /mnt",
        command: "thinguard drill --dir /mnt",
        line: ("room", "a drill needs 64 MiB"),
    },
    // Last: Docker is gone after it.
    Loss {
        take: "systemctl stop docker.socket docker.service && echo 'install dm_thin_pool /bin/false' > /etc/modprobe.d/lab.conf && \
               for i in $(seq 50); do modprobe -r dm_thin_pool && break; sleep 0.2; done; ! grep -q ^dm_thin_pool /proc/modules",
        give: "rm /etc/modprobe.d/lab.conf",
        command: DRILL,
        line: ("throwaway pool", "modprobe dm_thin_pool"),
    },
];

fn drill_proves_the_host(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let (pool, daemon) = (host.pool_status()?, host.dockerd()?);
    let said = drill(host, DRILL, 0)?;
    println!(
        "{}",
        said.lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    ensure!(!said.contains("FAILED") && !said.contains("skipped"), "{said}");
    figures.add("checks of a drill", said.lines().count() - 1, "");
    ensure!(
        host.sh("journalctl -b -o cat MESSAGE_ID=36d4b862f7044abda729e69adc60464a")?
            .starts_with("drill-done: "),
        "the journal has no line of the drill"
    );

    // Beside the guard, and with the files on a disk.
    watch::start(host)?;
    drill(host, "thinguard drill --dir /var/tmp", 0)?;
    ensure!(
        host.pool_status()? == pool && host.dockerd()? == daemon,
        "Docker or its pool is not as before"
    );
    ended_by_a_signal(host)?;
    for loss in LOSSES {
        host.sh(loss.take)?;
        let said = drill(host, loss.command, 1);
        host.sh(loss.give)?;
        let (said, (name, part)) = (said?, loss.line);
        let told = said.lines().find(|line| line.trim_start().starts_with("FAILED"));
        println!("    {}", told.unwrap_or_default().trim());
        ensure!(
            told.is_some_and(|line| line.contains(name) && line.contains(part)),
            "{name} was to fail first:\n{said}"
        );
    }
    Ok(())
}

/// Runs a drill; nothing of it may be left.
fn drill(host: &mut Host, command: &str, code: i32) -> Result<String> {
    let output = host.sh_timeout(command, Duration::from_secs(120))?;
    ensure!(
        output.code == Some(code),
        "`{command}` was to exit with {code}: {output:?}"
    );
    nothing_is_left(host)?;
    Ok(output.stdout)
}

fn nothing_is_left(host: &mut Host) -> Result<()> {
    // A loop device that nobody holds any more detaches itself a moment later.
    host.wait_for("all of the drill to be gone", Duration::from_secs(30), |host| {
        let left = host.sh("dmsetup ls | grep thinguard-drill; losetup -l | grep thinguard-drill; \
             find /run/thinguard /var/tmp /mnt -name 'thinguard-drill*'; true")?;
        Ok(left.trim().is_empty().then_some(()))
    })
}

/// In the middle of it, when the volume is there.
fn ended_by_a_signal(host: &mut Host) -> Result<()> {
    let end = |signal: &str| {
        format!(
            "thinguard drill > /root/drill.txt & pid=$!; \
             for i in $(seq 500); do dmsetup ls | grep -q 'thinguard-drill-.*-volume' && break; sleep 0.02; done; \
             kill -{signal} $pid; wait $pid"
        )
    };
    let ended = host.sh_timeout(&end("TERM"), Duration::from_secs(120))?;
    ensure!(ended.code == Some(3), "SIGTERM: {ended:?}");
    nothing_is_left(host)?;
    let ended = host.sh_timeout(&end("KILL"), Duration::from_secs(120))?;
    ensure!(ended.code == Some(128 + 9), "SIGKILL: {ended:?}");
    let left = host.sh("dmsetup ls | grep thinguard-drill; ls -d /run/thinguard/thinguard-drill*; true")?;
    ensure!(!left.trim().is_empty(), "SIGKILL came too late");
    drill(host, DRILL, 0)?;
    let killed = host.sh("cat /root/drill.txt")?;
    ensure!(killed.is_empty(), "a drill that was killed has told: {killed}");
    Ok(())
}
