//! The ladder of cures: what a restart does to containers, and how many there are of them.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::{Host, Job};
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "containers-survive-a-restart",
        about: "a restart with live-restore off and on, at the start limit, after a cure: the journal says before it what becomes of a container",
        snapshot: Snapshot::Running,
        slow: Some("three restarts of Docker"),
        run: containers_survive,
    },
    Scenario {
        name: "restart-storm-stays-in-budget",
        about: "incident after incident, the guard restarted between: no more restarts than the budget, then it is told, and growth goes on",
        snapshot: Snapshot::Running,
        slow: Some("three incidents and two restarts of Docker"),
        run: storm,
    },
];

/// Settings with which an incident takes seconds, and two restarts are all that there are.
fn hurry(host: &mut Host) -> Result<()> {
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[restart]\nafter_silence = \"3s\"\ncool_down = \"1s\"\nbudget = 2\n[watch]\nsilent_after = \"2s\"\nsettle = \"2s\"\n",
    )
}

/// A cheap incident: the pool is suspended for as long as nobody at it is taken to be, and the daemon, which has stopped to answer, does
/// not come back when the guard has resumed the pool.
fn incident(host: &mut Host) -> Result<()> {
    let pool = host.pool_status()?.name;
    host.sh(&format!("dmsetup suspend --noflush --nolockfs {pool}"))?;
    fault::hold_driver(host)
}

/// Waits until so many lines of the journal contain `part`; gives the newest one.
pub(super) fn await_lines(host: &mut Host, part: &str, count: usize) -> Result<String> {
    watch::await_lines(host, part, count, Duration::from_secs(180))
}

const DONE: &str = "deed-done: restart the Docker service";
const BEGUN: &str = "deed-begun: restart the Docker service";

/// Runs a container and waits until the guard can have heard of it; gives its main process.
fn run_sleeper(host: &mut Host, name: &str) -> Result<u32> {
    host.sh(&format!(
        "docker run -d --name {name} --network none busybox sleep 100000"
    ))?;
    let pid = sleeper(host, name)?;
    // The guard asks every 5 s while all is well.
    host.pass(Duration::from_secs(8));
    Ok(pid)
}

/// The main process of a container; 0 where it does not run.
fn sleeper(host: &mut Host, name: &str) -> Result<u32> {
    let said = host.sh(&format!("docker inspect --format '{{{{.State.Pid}}}}' {name}"))?;
    Ok(said.trim().parse()?)
}

fn containers_survive(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    hurry(host)?;
    watch::start(host)?;

    fault::prepare_to_hold_driver(host)?;
    let mut knocker = exhaust_start_limit(host)?;
    let first = run_sleeper(host, "stops")?;
    incident(host)?;
    await_lines(host, DONE, 1)?;
    forgiven(host, &mut knocker)?;
    let begun = await_lines(host, BEGUN, 1)?;
    println!("    {begun}");
    ensure!(
        begun.contains("it stops 1 container, for live-restore is off"),
        "{begun}"
    );
    ensure!(begun.contains("(TimeoutStopSec)"), "{begun}");
    ensure!(
        sleeper(host, "stops")? == 0,
        "process {first} survived without live-restore"
    );

    // Docker counts the one that it stopped among those that run until it is removed.
    host.sh("docker rm -f stops")?;
    host.sh(
        "sed -i 's/^{/{\"live-restore\":true,/' /etc/docker/daemon.json && systemctl reload docker && \
         for i in $(seq 20); do docker info --format '{{.LiveRestoreEnabled}}' | grep true && exit 0; sleep 1; done; exit 1",
    )?;
    let before = run_sleeper(host, "survives")?;
    incident(host)?;
    await_lines(host, DONE, 2)?;
    let begun = await_lines(host, BEGUN, 2)?;
    println!("    {begun}");
    ensure!(
        begun.contains("the 1 container keeps running (live-restore)"),
        "{begun}"
    );
    let after = sleeper(host, "survives")?;
    ensure!(after == before, "process {before} of the container is now {after}");
    after_every_cure(host)?;
    let after = sleeper(host, "survives")?;
    ensure!(after == before, "process {before} of the container is now {after}");
    host.sh(&format!(
        "grep -q sleep /proc/{before}/comm && docker exec survives true"
    ))
    .map(drop)
}

/// Docker may be started once in an hour, and has been. Somebody keeps knocking at its socket, so that systemd tries to start it, and so
/// the socket fails too.
fn exhaust_start_limit(host: &mut Host) -> Result<Job> {
    host.sh(
        "mkdir -p /run/systemd/system/docker.service.d && \
         printf '[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=1\\n' > /run/systemd/system/docker.service.d/lab.conf && \
         systemctl daemon-reload && systemctl restart docker.service",
    )?;
    host.spawn(
        "while [ ! -e /run/lab-enough ]; do perl -MSocket -e 'alarm 1; socket(my $s, PF_UNIX, SOCK_STREAM, 0); \
         connect($s, sockaddr_un(\"/run/docker.sock\"))'; sleep 0.2; done",
    )
}

/// The guard's start ran into the limit, which it lifted for the service and its socket.
fn forgiven(host: &mut Host, knocker: &mut Job) -> Result<()> {
    let said = host.sh("journalctl -b -u docker.service -u docker.socket -o cat --no-pager")?;
    ensure!(
        said.contains("Start request repeated too quickly"),
        "the start limit was not met:\n{said}"
    );
    ensure!(
        said.contains("Failed with result 'service-start-limit-hit'"),
        "the socket did not fail:\n{said}"
    );
    let states = host.sh("systemctl is-active docker.service docker.socket")?;
    ensure!(states == "active\nactive\n", "service and socket are {states}");
    host.sh("touch /run/lab-enough; rm /run/systemd/system/docker.service.d/lab.conf; systemctl daemon-reload")?;
    host.wait_for("the knocker to end", Duration::from_secs(20), |host| knocker.done(host))
        .map(drop)
}

/// A daemon that comes out of its hang by itself once the pool is well is restarted all the same where the operator wants that, and
/// once.
fn after_every_cure(host: &mut Host) -> Result<()> {
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[restart]\nwhen = \"after-every-cure\"\nafter_silence = \"5m\"\ncool_down = \"1s\"\nbudget = 9\n\
          [watch]\nsilent_after = \"2s\"\nsettle = \"2s\"\n",
    )?;
    host.sh("systemctl reload thinguard")?;
    watch::await_line(host, "settings-reloaded: ", Duration::from_secs(30))?;
    let resumed = "deed-done: resume the suspended pool";
    let before = watch::journal(host)?.matches(resumed).count();
    let daemon = host.dockerd()?;
    incident(host)?;
    await_lines(host, resumed, before + 1)?;
    ensure!(host.dockerd()? == daemon, "restarted while it was silent");
    fault::release_driver(host)?;
    let begun = await_lines(host, BEGUN, 3)?;
    println!("    {begun}");
    ensure!(begun.contains("because restart-after-cure: "), "{begun}");
    await_lines(host, DONE, 3)?;
    host.pass(Duration::from_secs(8));
    let restarts = watch::journal(host)?.matches(BEGUN).count();
    ensure!(restarts == 3, "{restarts} restarts: one for each cure");
    Ok(())
}

fn storm(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    hurry(host)?;
    watch::start(host)?;
    for number in 1..=2 {
        incident(host)?;
        await_lines(host, DONE, number)?;
        host.sh("systemctl restart thinguard")?;
    }
    let daemon = host.dockerd()?;
    incident(host)?;
    let told = await_lines(host, "restart-budget-spent: ", 1)?;
    println!("    {told}");
    // Another life of the guard has no other budget. What it waits for before a restart is over after these seconds.
    host.sh("systemctl restart thinguard")?;
    let first = host.pool_status()?.data.total;
    fault::ballast(host, 64 << 20)?;
    host.wait_for("the pool to grow", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })?;
    host.pass(Duration::from_secs(10));
    ensure!(host.dockerd()? == daemon, "the daemon is another one");
    let restarts = watch::journal(host)?.matches(BEGUN).count();
    ensure!(restarts == 2, "{restarts} restarts");
    figures.add("restarts in three incidents, of a budget of two", restarts, "");
    host.sh("kill -CONT $(systemctl show -p MainPID --value docker.service)")?;
    watch::await_line(
        host,
        "daemon-stuck: docker.service: over after",
        Duration::from_secs(60),
    )
    .map(drop)
}
