//! Hangs told apart: six causes on one host, six verdicts, one deed. And the hang that growth cannot end.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use super::ladder::await_lines;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "hangs-told-apart",
        about: "pool exhausted, frozen filesystem, SIGSTOP, containerd stopped, udev stopped, rpm in /info: six verdicts, and one deed: growth",
        snapshot: Snapshot::Hung,
        slow: Some("six hangs, each with its verdict and its end awaited"),
        run: told_apart,
    },
    Scenario {
        name: "xfs-gives-up-where-nothing-can-grow",
        about: "dockerd hangs on a full pool and the host is full: told that a reboot is needed; allowed to, XFS gives up and dockerd goes on",
        snapshot: Snapshot::Hung,
        slow: None,
        run: gives_up,
    },
];

const PATIENCE: Duration = Duration::from_secs(120);

/// Settings of this host: fast looks, no restart within the scenario, and what else the case needs.
fn set(host: &mut Host, more: &str) -> Result<()> {
    let text = format!(
        "[restart]\nafter_silence = \"1h\"\n[watch]\ninterval = \"2s\"\nsilent_after = \"3s\"\nsettle = \"3s\"\n{more}"
    );
    host.put("/etc/thinguard.d/90-lab.toml", 0o644, text.as_bytes())?;
    host.sh("systemctl restart thinguard").map(drop)
}

/// Sends a signal to the main process of a service.
fn signal(host: &mut Host, signal: &str, unit: &str) -> Result<()> {
    host.sh(&format!("kill -{signal} $(systemctl show -p MainPID --value {unit})"))
        .map(drop)
}

/// Waits for this finding with these words, ends the cause, and waits until the finding is over.
fn seen_and_over(
    host: &mut Host,
    code: &str,
    words: &str,
    nth: usize,
    end: impl FnOnce(&mut Host) -> Result<()>,
) -> Result<()> {
    // A cured daemon may wait for udev for a moment as well: the code counts too.
    let said = host.wait_for(&format!("{code} with '{words}'"), PATIENCE, |host| {
        let journal = watch::journal(host)?;
        let mut lines = journal.lines();
        let said = lines.find(|line| line.starts_with(&format!("{code}: ")) && line.contains(words));
        Ok(said.map(str::to_owned))
    })?;
    println!("    {said}");
    end(host)?;
    await_lines(host, &format!("{code}: docker.service: over after"), nth).map(drop)
}

fn told_apart(host: &mut Host, _: &mut Figures) -> Result<()> {
    let hang = fault::hung(host)?;
    host.install_guard()?;
    set(host, "[data]\nbelow_free_percent = 0\n")?;
    let said = watch::await_line(host, "the pool ran out while it waits", PATIENCE)?;
    println!("    {said}");
    ensure!(said.starts_with("daemon-hung-on-pool: "), "another verdict: {said}");
    set(host, "")?;
    watch::await_line(host, "deed-done: grow the data device", PATIENCE)?;
    ensure!(fault::info_answers(host, PATIENCE)?, "growth has not cured the hang");

    host.sh("docker run -d --name frozen --network none busybox sleep 100000")?;
    // Before docker cp: while that waits it holds the container, and docker inspect would wait for it.
    let mount = host.sh(
        "findmnt -rn -o TARGET -S /dev/mapper/$(docker inspect --format '{{.GraphDriver.Data.DeviceName}}' frozen) | head -n 1",
    )?;
    let mount = mount.trim();
    host.sh(&format!("fsfreeze --freeze {mount}"))?;
    let mut copy = host.spawn("docker cp /etc/hostname frozen:/hostname")?;
    seen_and_over(host, "daemon-tasks-stuck", "a frozen filesystem", 1, |host| {
        host.sh(&format!("fsfreeze --unfreeze {mount}"))?;
        let copied = host.wait_for("docker cp to come back", PATIENCE, |host| copy.done(host))?;
        ensure!(copied.ok(), "docker cp failed: {copied:?}");
        Ok(())
    })?;

    fault::stop_by_signal(host)?;
    seen_and_over(
        host,
        "daemon-silent",
        "are stopped by a signal or a tracer; nothing points",
        1,
        |host| signal(host, "CONT", "docker.service"),
    )?;

    signal(host, "STOP", "containerd.service")?;
    seen_and_over(host, "daemon-silent", "it waits for containerd[", 2, |host| {
        signal(host, "CONT", "containerd.service")
    })?;

    signal(host, "STOP", "systemd-udevd.service")?;
    let mut run = host.spawn("docker run --rm --network none busybox true")?;
    seen_and_over(host, "daemon-silent", "waits for udev (", 3, |host| {
        signal(host, "CONT", "systemd-udevd.service")?;
        let ran = host.wait_for("docker run to come back", PATIENCE, |host| run.done(host))?;
        ensure!(ran.ok(), "docker run failed: {ran:?}");
        Ok(())
    })?;

    // As Red Hat's 1.10 and 1.12 do it, but for who started the process.
    host.sh("cp /bin/sleep /root/rpm; /root/rpm 1000 > /dev/null 2>&1 & \
         echo $! > /sys/fs/cgroup$(systemctl show -p ControlGroup --value docker)/cgroup.procs")?;
    fault::hold_info(host)?;
    seen_and_over(host, "daemon-slow", "it waits for rpm[", 1, |host| {
        host.sh("docker run --rm --network none busybox true && pkill -x rpm")?;
        fault::release_info(host)
    })?;

    ensure!(host.dockerd()? == hang.daemon, "dockerd is another one");
    let journal = watch::journal(host)?;
    let deeds: Vec<_> = journal
        .lines()
        .filter(|line| line.starts_with("deed-begun: "))
        .collect();
    ensure!(
        deeds.len() == 1 && deeds[0].contains("grow the data device"),
        "not one growth alone: {deeds:#?}"
    );
    Ok(())
}

fn gives_up(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    // Less than the reserve of 1 GiB is left.
    host.sh(
        "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 900 * 1048576)) /var/lib/docker/filler",
    )?;
    let hang = fault::hung(host)?;
    set(host, "[cure]\nxfs_give_up_after = \"5s\"\n")?;
    let said = watch::await_line(host, "hang-incurable: ", PATIENCE)?;
    println!("    {said}");
    for words in ["needs a reboot", "free space there", "[cure] xfs_give_up = false"] {
        ensure!(said.contains(words), "not '{words}': {said}");
    }
    ensure!(!watch::journal(host)?.contains("deed-begun"), "a deed was begun");

    set(host, "[cure]\nxfs_give_up = true\nxfs_give_up_after = \"5s\"\n")?;
    let done = watch::await_line(host, "deed-done: have XFS give up", PATIENCE)?;
    println!("    {done}");
    // One container after the other: the second one's filesystem may have to give up as well.
    let mut remove = hang.remove;
    host.wait_for("docker rm to come back", Duration::from_secs(240), |host| {
        remove.done(host)
    })?;
    ensure!(fault::info_answers(host, PATIENCE)?, "dockerd still hangs");
    ensure!(host.dockerd()? == hang.daemon, "dockerd is another one");
    let journal = watch::journal(host)?;
    figures.add("give-ups", journal.matches("deed-done: have XFS give up").count(), "");
    ensure!(
        !journal.contains("restart the Docker service"),
        "a restart was begun:\n{journal}"
    );
    Ok(())
}
