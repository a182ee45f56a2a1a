//! Preflight's own failures: whatever becomes of it, Docker is started.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "preflight-killed",
        about: "preflight is killed in the middle of a refusal: Docker is started",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: killed,
    },
    Scenario {
        name: "preflight-on-a-hanging-filesystem",
        about: "the filesystem of daemon.json hangs: preflight gives up at its deadline, and Docker is started",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: hanging_filesystem,
    },
    Scenario {
        name: "preflight-without-its-surroundings",
        about: "nothing can be written below /run/thinguard, then no D-Bus: Docker is started",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: without_surroundings,
    },
];

/// A state that preflight refuses.
const HALF_A_POOL: &str = "mv /var/lib/docker/devicemapper/devicemapper/metadata /root/";
/// How often systemd went as far as Docker's own command.
const STARTS: &str = "journalctl -b -u docker.service -o cat --no-pager | grep -c 'msg=\"Starting up\"' || true";
/// What dockerd says first.
const STARTING: &str = "msg=\"Starting up\"";

/// Kills the main process of preflight, which waits for a system bus that is stopped meanwhile: it is in the middle of its looks.
const KILL: &str = "\
pkill --signal STOP --exact dbus-daemon
systemctl start --no-block docker.service
while pid=$(systemctl show --property ControlPID --value docker.service); [ \"$(cat /proc/$pid/comm)\" != thinguard ]; do :; done
kill -KILL $pid; killed=$?
pkill --signal CONT --exact dbus-daemon
exit $killed";

fn killed(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh(HALF_A_POOL)?;
    let since = host.sh("date +@%s")?;
    let killed = host.sh_timeout(KILL, Duration::from_secs(60))?;
    ensure!(killed.ok(), "preflight was not killed: {killed:?}");
    let journal = host.wait_for("dockerd to be started", Duration::from_secs(60), |host| {
        let journal = host.sh(&format!(
            "journalctl -b -u docker.service --since {} -o cat --no-pager",
            since.trim()
        ))?;
        Ok(journal.contains(STARTING).then_some(journal))
    })?;
    // dockerd fails on half a pool, and systemd tries again; what counts is the start whose preflight was killed.
    let (before, _) = journal.split_once(STARTING).unwrap_or_default();
    ensure!(
        !before.contains("preflight-verdict"),
        "preflight was done before it was killed:\n{journal}"
    );
    Ok(())
}

fn hanging_filesystem(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // A device that is suspended answers nobody, reads included; fsfreeze would hold up writes alone.
    host.sh(
        "truncate -s 64M /root/slow && dmsetup create slow --table \"0 131072 linear $(losetup --find --show /root/slow) 0\" && \
         mkfs.ext4 -q /dev/mapper/slow && mount /dev/mapper/slow /mnt && cp -a /etc/docker/. /mnt/ && umount /mnt && \
         mkdir -p /etc/docker && mount /dev/mapper/slow /etc/docker && echo 3 > /proc/sys/vm/drop_caches && \
         dmsetup suspend --nolockfs slow",
    )?;
    let uptime = "cut -d ' ' -f 1 /proc/uptime";
    let begun: f64 = host.sh(uptime)?.trim().parse()?;
    host.sh("systemctl start --no-block docker.service")?;
    let result = host.wait_for("dockerd itself to be started", Duration::from_secs(90), |host| {
        let pid = host.sh("systemctl show --property MainPID --value docker.service")?;
        Ok((pid.trim() != "0").then_some(()))
    });
    let started: f64 = host.sh(uptime)?.trim().parse()?;
    host.sh("dmsetup resume slow")?;
    result?;
    figures.add("from the order to dockerd", format!("{:.1}", started - begun), "s");
    let said = watch::await_line(host, "preflight-verdict: ", Duration::from_secs(30))?;
    println!("    {said}");
    ensure!(
        said.contains("unknown") || said.contains("not known") || said.contains("in time"),
        "{said}"
    );
    host.wait_for("Docker to be active", Duration::from_secs(60), |host| {
        let state = host.sh_timeout("systemctl is-active docker.service", Duration::from_secs(5))?;
        Ok((state.stdout.trim() == "active").then_some(()))
    })
}

fn without_surroundings(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh(HALF_A_POOL)?;
    let before = host.sh(STARTS)?;
    // The whole of /run read-only would stop dockerd itself, which puts its pidfile there.
    host.sh("mkdir -p /run/thinguard && mount -t tmpfs -o ro none /run/thinguard")?;
    host.sh_timeout("systemctl start docker.service", Duration::from_secs(90))?;
    ensure!(
        host.sh(STARTS)? != before,
        "a verdict that could not be written held dockerd back"
    );
    // Docker's unit tries again, on the empty metadata that dockerd made, which is refused as a fresh pool: the first verdict counts.
    let said = watch::await_line(host, "pool-half-missing", Duration::from_secs(30))?;
    println!("    {said}");
    ensure!(said.contains("Docker must not start"), "{said}");
    host.sh("umount /run/thinguard; systemctl stop docker.service docker.socket; \
         mv --force /root/metadata /var/lib/docker/devicemapper/devicemapper/metadata; \
         systemctl reset-failed docker.service docker.socket; systemctl start docker.socket")?;

    // Neither the bus nor systemd's own socket: started by a client, through the socket that systemd listens on.
    let bus = "systemctl stop dbus.socket dbus.service; mv /run/systemd/private /run/systemd/private-away";
    host.sh(bus)?;
    let answer = host.sh_timeout("docker ps --quiet", Duration::from_secs(90));
    host.sh("mv /run/systemd/private-away /run/systemd/private; systemctl start dbus.socket")?;
    let answer = answer?;
    ensure!(answer.ok(), "without D-Bus Docker does not start: {answer:?}");
    let journal = watch::journal(host)?;
    let said = journal.lines().rev().find(|line| line.starts_with("preflight-verdict"));
    println!("    {}", said.unwrap_or("preflight said nothing"));
    ensure!(
        said.is_some_and(|said| said.contains("Docker may start")),
        "no new verdict:\n{journal}"
    );
    Ok(())
}
