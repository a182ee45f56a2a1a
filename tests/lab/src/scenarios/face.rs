//! The commands by hand: exit codes, JSON and what they change; and an operator's stop, which the guard must not undo.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "commands-keep-their-contract",
        about: "status and grow by hand: exit codes, JSON, and a pool that only ever grows",
        snapshot: Snapshot::Running,
        slow: Some("Docker is restarted three times"),
        run: commands_keep_their_contract,
    },
    Scenario {
        name: "stopped-docker-stays-stopped",
        about: "an operator stops Docker while its socket listens: no look of the guard starts it again",
        snapshot: Snapshot::Running,
        slow: None,
        run: stopped_docker_stays_stopped,
    },
];

/// Runs a command and checks its exit code; gives what it printed.
fn exits(host: &mut Host, command: &str, code: i32) -> Result<String> {
    let output = host.sh_timeout(command, Duration::from_secs(30))?;
    ensure!(
        output.code == Some(code),
        "`{command}` was to exit with {code}: {output:?}"
    );
    Ok(output.stdout + &output.stderr)
}

fn commands_keep_their_contract(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    exits(host, "thinguard", 64)?;
    exits(host, "thinguard status --nonsense", 64)?;
    exits(host, "thinguard grow --data 12parsecs", 64)?;
    exits(host, "thinguard --version", 0)?;
    a_masked_unit_will_not_start(host)?;

    // The pool is small, so it is low, and nobody guards it.
    let said = exits(host, "thinguard status", 1)?;
    println!(
        "{}",
        said.lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    ensure!(said.starts_with("thinguard WARNING: guard-not-running"), "{said}");
    let status: Value = serde_json::from_str(&exits(host, "thinguard status --json", 1)?)?;
    let pool = host.pool_status()?;
    ensure!(
        status["pool"]["data"]["total_bytes"] == pool.data.total << 16,
        "{status}"
    );
    ensure!(status["pool"]["data"]["used_bytes"] == pool.data.used << 16, "{status}");
    ensure!(
        status["pool"]["mode"] == "rw" && status["daemon"]["answers"] == "yes",
        "{status}"
    );
    ensure!(
        status["daemon"]["main_pid"] == host.dockerd()?.pid && status["guard"]["running"] == false,
        "{status}"
    );

    filled_by_a_container(host)?;
    let watched = exits(
        host,
        "timeout --preserve-status 10 thinguard status --watch 1 --json",
        1,
    )?;
    let answers = watched
        .lines()
        .map(serde_json::from_str::<Value>)
        .collect::<Result<Vec<_>, _>>()?;
    ensure!(
        answers.len() >= 2 && answers.iter().all(|it| it["pool"]["mode"] == "rw"),
        "{watched}"
    );
    let said = exits(
        host,
        "setpriv --reuid=65534 --regid=65534 --clear-groups thinguard status",
        3,
    )?;
    ensure!(
        said.starts_with("thinguard UNKNOWN") && said.contains("run as root to see"),
        "{said}"
    );
    ensure!(said.lines().all(|line| line.len() <= 80), "{said}");

    grown_as_planned(host)?;
    watch::start(host)?;
    let shown = host.sh("systemctl show -p StatusText --value thinguard")?;
    println!("    systemctl status thinguard: {}", shown.trim());
    ensure!(
        shown.contains("of 1.50 GiB data") && shown.contains("host room"),
        "{shown}"
    );
    exits(host, "thinguard status", 0)?;

    host.put(
        "/etc/thinguard.d/10-typo.toml",
        0o644,
        b"[data]\nbelow_free = 5\n[restart]\nallow = never\n",
    )?;
    // A mistake hides neither the pool nor itself, and what is off has no restarts left.
    let said = exits(host, "thinguard status", 1)?;
    for shown in [
        "settings-invalid",
        "/etc/thinguard.d/10-typo.toml:2",
        " of 1.50 GiB ",
        "headroom",
    ] {
        ensure!(said.contains(shown), "no '{shown}' in {said}");
    }
    ensure!(!said.contains("restarts left"), "{said}");
    host.sh("systemctl restart thinguard")?;
    watch::await_line(
        host,
        "settings-ignored: /etc/thinguard.d/10-typo.toml:2",
        Duration::from_secs(10),
    )?;
    // A mistyped prohibition forbids, and the guard says so.
    watch::await_line(host, "restarts are off", Duration::from_secs(10))?;
    watch::await_line(host, "and never restarts it", Duration::from_secs(10))?;
    switched_off_in_one_line(host)
}

/// What a dry run plans is what then is; what cannot be is refused with the reason.
fn grown_as_planned(host: &mut Host) -> Result<()> {
    let first = host.pool_status()?;
    let said = exits(host, "thinguard grow --data +1G --metadata 128M --dry-run", 0)?;
    for wanted in [
        "would grow the metadata device from 64 MiB to 128 MiB",
        "would grow the data device from 512 MiB to 1.50 GiB",
        "ioctl(/dev/loop0, LOOP_SET_CAPACITY)",
        "then       a fresh status must show the new size",
    ] {
        ensure!(said.contains(wanted), "no '{wanted}': {said}");
    }
    println!(
        "{}",
        said.lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    let planned = said.lines().rev().find_map(|line| line.trim().strip_prefix("loaded: "));
    let planned = planned.map(str::to_owned).context("the plan shows no table")?;
    for (wish, why) in [
        ("--data 256M", "never shrinks"),
        ("--data 1T", "can honour"),
        ("--data 30T", "more than a pool can have"),
        ("--metadata 20G", "more than the kernel uses"),
    ] {
        let said = exits(host, &format!("thinguard grow {wish}"), 3)?;
        ensure!(said.contains(why), "{wish}: {said}");
    }
    ensure!(host.pool_status()? == first, "a plan or a refusal changed the pool");

    // A frozen filesystem holds the first step up, and on a terminal that is said.
    let said = exits(
        host,
        "fsfreeze -f /var/lib/docker; (sleep 5; fsfreeze -u /var/lib/docker) & \
         script -qec 'thinguard grow --data +1G --metadata 128M' /dev/null",
        0,
    )?;
    for wanted in ["waiting for the kernel, 2 s", "  verified   1.50 GiB in 24576 blocks, "] {
        ensure!(said.contains(wanted), "no '{wanted}': {said}");
    }
    let grown = host.pool_status()?;
    ensure!(
        grown.data.total == 3 * first.data.total && grown.metadata.total == 2 * first.metadata.total,
        "{grown:?}"
    );
    let table = host.sh(&format!("dmsetup table {}", grown.name))?;
    ensure!(table.trim() == planned, "planned '{planned}', and there is '{table}'");
    Ok(())
}

/// A container that has written is told by its name, with what it has written at least.
/// By hand, beside the running Docker, whose next start systemd would refuse.
fn a_masked_unit_will_not_start(host: &mut Host) -> Result<()> {
    exits(host, "thinguard preflight", 0)?;
    host.sh("systemctl mask docker.service")?;
    let said = exits(host, "thinguard preflight", 1)?;
    ensure!(said.contains("unit-will-not-start"), "{said}");
    host.sh("systemctl unmask docker.service").map(drop)
}

fn filled_by_a_container(host: &mut Host) -> Result<()> {
    host.sh(
        "docker run -d --name eater --network none busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=40 oflag=direct; exec sleep 100000'",
    )?;
    let mebibytes = host.wait_for("the container to fill the pool", Duration::from_secs(60), |host| {
        let status: Value = serde_json::from_str(&exits(host, "thinguard status --json", 1)?)?;
        let eater = &status["pool"]["consumers"][0];
        let mapped = eater["mapped_bytes"].as_u64().unwrap_or(0) >> 20;
        Ok((eater["name"] == "eater" && mapped >= 40).then_some(mapped))
    })?;
    ensure!(mebibytes < 400, "{mebibytes} MiB of a pool of 512 MiB");
    let said = exits(host, "thinguard status", 1)?;
    ensure!(said.contains("  filled by  eater "), "{said}");
    host.sh("docker rm -f eater").map(drop)
}

/// The lines that README gives for this, to the letter.
fn switched_off_in_one_line(host: &mut Host) -> Result<()> {
    let verdicts = "journalctl -b -t thinguard -o cat --no-pager | grep -c preflight-verdict";
    // With the typo preflight could not judge, said so, and let Docker start.
    host.sh("systemctl restart docker.service")?;
    watch::await_line(host, "preflight-verdict: could not judge", Duration::from_secs(30))?;
    host.sh("rm /etc/thinguard.d/10-typo.toml && systemctl restart docker.service")?;
    watch::await_line(host, "preflight-verdict: Docker may start", Duration::from_secs(30))?;
    let before = host.sh(verdicts)?;
    host.sh("mkdir -p /etc/systemd/system/docker.service.d && \
         ln -s /dev/null /etc/systemd/system/docker.service.d/50-thinguard.conf && systemctl daemon-reload")?;
    host.sh("systemctl restart docker.service")?;
    ensure!(host.sh(verdicts)? == before, "preflight ran although it was masked");
    host.sh("systemctl disable --now thinguard")?;
    let state = host.sh_timeout("systemctl is-active thinguard", Duration::from_secs(10))?;
    ensure!(state.stdout.trim() == "inactive", "thinguard is {}", state.stdout);
    Ok(())
}

fn stopped_docker_stays_stopped(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    // So that the guard is at rest, its last look old, when Docker is stopped.
    host.sh("thinguard grow --data 8G")?;
    host.pass(Duration::from_secs(12));
    host.sh("systemctl stop docker.service")?;
    ensure!(
        host.sh("systemctl is-active docker.socket")?.trim() == "active",
        "the socket does not listen"
    );
    host.pass(Duration::from_secs(20));
    let state = host.sh_timeout("systemctl is-active docker.service", Duration::from_secs(10))?;
    ensure!(state.stdout.trim() == "inactive", "docker.service is {}", state.stdout);
    let shown = host.sh("systemctl show -p StatusText --value thinguard")?;
    ensure!(shown.contains("docker.service is dead"), "{shown}");
    host.sh("systemctl start docker.service && docker info > /dev/null")?;
    Ok(())
}
