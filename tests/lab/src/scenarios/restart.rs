//! The last resort: a daemon that stays silent on a cured pool is restarted, once; one that is silent for another cause is not.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{screens, watch};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "stuck-after-the-cure",
        about: "the pool ran out and the daemon answers no more: growth, settling, one safe restart with what requires Docker, no second one",
        snapshot: Snapshot::Low,
        slow: Some("two incidents, each with silence, settling and a cool-down that must be seen to pass"),
        run: stuck_after_the_cure,
    },
    Scenario {
        name: "time-nobody-looked",
        about: "the guard stands still for over a minute while the daemon is stuck: no restart at once, and one when silence was seen to last",
        snapshot: Snapshot::Low,
        slow: Some("a minute must pass"),
        run: time_nobody_looked,
    },
    Scenario {
        name: "guard-restarted-during-its-restart",
        about: "a guard that is restarted while Docker is: the next one waits, tells the end, and gives nothing of the budget back",
        snapshot: Snapshot::Low,
        slow: Some("Docker's stop is made slow, and its restart awaited"),
        run: guard_restarted_during_its_restart,
    },
    Scenario {
        name: "operator-stops-docker-meanwhile",
        about: "an operator stops Docker and its socket while the guard restarts it: it stays down",
        snapshot: Snapshot::Low,
        slow: Some("Docker's stop is made slow, and that no start follows must be seen"),
        run: operator_stops_docker_meanwhile,
    },
    Scenario {
        name: "operator-masks-docker-meanwhile",
        about: "an operator masks Docker while the guard restarts it: it stays down",
        snapshot: Snapshot::Low,
        slow: Some("Docker's stop is made slow, and that no start follows must be seen"),
        run: operator_masks_docker_meanwhile,
    },
    Scenario {
        name: "silent-for-another-cause",
        about: "the daemon is silent on a healthy pool: reported with its evidence, and left alone, whatever befalls the pool then",
        snapshot: Snapshot::Running,
        slow: Some("silence must pass without a restart, three times"),
        run: silent_for_another_cause,
    },
];

fn stuck_after_the_cure(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let first = host.dockerd()?;
    watch::hurry(host)?;
    fault::require_docker(host)?;
    fault::finish_filling(host)?;
    screens::check(host, "exhausted")?;
    fault::hold_driver(host)?;
    fault::hang_a_start(host)?;
    let begun = Instant::now();
    watch::start(host)?;
    watch::await_line(host, "deed-done: grow the data device", Duration::from_secs(60))?;
    ensure!(host.dockerd()? == first, "restarted before the growth had settled");
    // What would not start again is not stopped: a typo since the daemon's start.
    host.sh("cp -p /etc/docker/daemon.json /root/ && sed -i 's/\"dm.loopdatasize/\"dm.nosuch=1\", &/' /etc/docker/daemon.json")?;
    let against = "preflight would refuse the start that follows: storage-option-unknown";
    println!("    {}", watch::await_line(host, against, Duration::from_secs(240))?);
    ensure!(host.dockerd()? == first, "stopped all the same");
    host.sh("mv /root/daemon.json /etc/docker/daemon.json")?;
    let done = watch::await_line(host, "deed-done: restart the Docker service", Duration::from_secs(240))?;
    ensure!(
        done.contains("started again with it: lab-app.service, lab-late.service"),
        "not told: {done}"
    );
    figures.add(
        "guard's start to a restarted daemon that answers",
        watch::seconds(begun),
        "s",
    );
    println!("    {done}");
    let second = host.dockerd()?;
    ensure!(second.pid != first.pid, "the daemon is the old one");
    ensure!(
        fault::info_answers(host, Duration::from_secs(20))?,
        "docker info does not answer"
    );
    let daemons = host.sh("pgrep -xc dockerd")?;
    ensure!(daemons.trim() == "1", "{daemons} daemons");
    app_is_back(host)?;

    // A second incident, seen by a new life of the guard: the cool-down outlives it.
    host.sh("systemctl stop thinguard; docker rm -f writer-1 writer-2 > /dev/null")?;
    fault::fill_pool(host)?;
    fault::hold_driver(host)?;
    watch::start(host)?;
    let held = watch::await_line(host, "cooling down after the last one", Duration::from_secs(120))?;
    println!("    {held}");
    host.pass(Duration::from_secs(10));
    ensure!(host.dockerd()? == second, "a second restart inside the cool-down");
    let restarts = watch::journal(host)?.matches("deed-begun: restart").count();
    ensure!(restarts == 2, "{restarts} restarts, one of which was not begun");
    Ok(())
}

/// The guard itself stands still for a minute, as it does in a virtual machine that is stunned: that is no minute of silence.
fn time_nobody_looked(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard_with(&[(
        "/etc/systemd/system/thinguard.service.d/lab.conf",
        0o644,
        b"[Service]\nWatchdogSec=0\n",
    )])?;
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[restart]\nafter_silence = \"60s\"\n[watch]\nsilent_after = \"3s\"\nsettle = \"3s\"\nlook_deadline = \"3s\"\n",
    )?;
    fault::finish_filling(host)?;
    fault::hold_driver(host)?;
    watch::start(host)?;
    watch::await_line(host, "deed-done: grow the data device", Duration::from_secs(60))?;
    watch::await_line(host, "daemon-stuck: ", Duration::from_secs(60))?;
    let guard = "$(systemctl show -p MainPID --value thinguard)";
    host.sh(&format!("kill -STOP {guard}"))?;
    host.pass(Duration::from_secs(70));
    host.sh(&format!("kill -CONT {guard}"))?;
    host.pass(Duration::from_secs(10));
    ensure!(
        !watch::journal(host)?.contains("deed-begun: restart"),
        "time in which nobody looked was counted as silence:\n{}",
        watch::journal(host)?
    );
    watch::await_line(host, "deed-begun: restart", Duration::from_secs(120)).map(drop)
}

/// Makes the guard restart Docker, whose stop then takes a while, and waits until that is under way.
fn restart_slowly(host: &mut Host) -> Result<()> {
    host.install_guard()?;
    watch::hurry(host)?;
    let slow = b"[Service]\nExecStop=/bin/sleep 15\n";
    host.put("/etc/systemd/system/docker.service.d/90-lab-slow.conf", 0o644, slow)?;
    fault::require_docker(host)?;
    fault::finish_filling(host)?;
    fault::hold_driver(host)?;
    watch::start(host)?;
    watch::await_line(host, "deed-begun: restart the Docker service", Duration::from_secs(240))?;
    host.wait_for("the stop to begin", Duration::from_secs(30), |host| {
        let state = host.sh("systemctl show -p ActiveState --value docker")?;
        Ok((state.trim() == "deactivating").then_some(()))
    })?;
    ensure!(!fault::app_is_up(host)?, "lab-app is not stopped with Docker");
    Ok(())
}

/// What was stopped with Docker has been started after it.
fn app_is_back(host: &mut Host) -> Result<()> {
    host.wait_for("lab-app to be up again", Duration::from_secs(30), |host| {
        Ok(fault::app_is_up(host)?.then_some(()))
    })
}

fn guard_restarted_during_its_restart(host: &mut Host, _: &mut Figures) -> Result<()> {
    restart_slowly(host)?;
    let before = host.sh("jq -c .restarts /run/thinguard/watch.json")?;
    host.sh("systemctl restart thinguard")?;
    watch::await_line(
        host,
        "completing the restart of docker.service",
        Duration::from_secs(30),
    )?;
    let said = host.sh_timeout("thinguard status", Duration::from_secs(30))?.stdout;
    ensure!(said.contains("daemon-restarting"), "status does not tell: {said}");
    let done = watch::await_line(host, "deed-done: restart the Docker service", Duration::from_secs(180))?;
    println!("    {done}");
    let journal = watch::journal(host)?;
    for wrong in ["daemon-failed", "deed-failed: restart", "not begun"] {
        ensure!(!journal.contains(wrong), "'{wrong}' was said:\n{journal}");
    }
    let after = host.sh("jq -c .restarts /run/thinguard/watch.json")?;
    ensure!(
        before == after && before.trim().len() > 2,
        "restarts were {before}, are {after}"
    );
    let daemons = host.sh("pgrep -xc dockerd")?;
    ensure!(daemons.trim() == "1", "{daemons} daemons");
    app_is_back(host)
}

fn operator_stops_docker_meanwhile(host: &mut Host, _: &mut Figures) -> Result<()> {
    restart_slowly(host)?;
    stays_down(
        host,
        "systemctl --no-block stop docker.service docker.socket",
        "docker.socket was stopped too",
    )
}

fn operator_masks_docker_meanwhile(host: &mut Host, _: &mut Figures) -> Result<()> {
    restart_slowly(host)?;
    stays_down(host, "systemctl mask --runtime docker.service", "it is masked")?;
    // What the line says lifts it; the first command alone would not.
    host.sh("systemctl unmask docker.service; systemctl unmask --runtime docker.service")?;
    let state = host.sh("systemctl show -p LoadState --value docker")?;
    ensure!(state.trim() == "loaded", "it is still {state}");
    Ok(())
}

/// The operator's order calls the start off.
fn stays_down(host: &mut Host, order: &str, why: &str) -> Result<()> {
    host.sh(order)?;
    let said = watch::await_line(host, "docker.service is not started again", Duration::from_secs(120))?;
    println!("    {said}");
    for part in [why, "systemctl start docker.service lab-app.service"] {
        ensure!(said.contains(part), "not told: {part}: {said}");
    }
    host.wait_for("Docker to be down", Duration::from_secs(120), |host| {
        let state = host.sh("systemctl show -p ActiveState --value docker")?;
        Ok(matches!(state.trim(), "inactive" | "failed").then_some(()))
    })?;
    ensure!(!fault::app_is_up(host)?, "lab-app was started");
    // Also for the next guard, which finds no intent.
    host.sh("systemctl restart thinguard")?;
    host.pass(Duration::from_secs(15));
    let state = host.sh("systemctl show -p ActiveState --value docker; ls /run/thinguard")?;
    ensure!(
        !state.starts_with("active") && !state.contains("restart-intent"),
        "it was started against the operator: {state}"
    );
    Ok(())
}

fn silent_for_another_cause(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let daemon = host.dockerd()?;
    watch::hurry(host)?;
    watch::start(host)?;
    fault::stop_by_signal(host)?;
    let said = watch::await_line(host, "daemon-silent: ", Duration::from_secs(60))?;
    ensure!(said.contains("none of its tasks is in D state"), "no evidence: {said}");
    println!("    {said}");
    host.pass(Duration::from_secs(25));
    ensure!(host.dockerd()? == daemon, "the daemon is another one");
    let journal = watch::journal(host)?;
    ensure!(
        !journal.contains("restart the Docker service"),
        "a restart was begun:\n{journal}"
    );
    let status = host.sh_timeout("thinguard status", Duration::from_secs(30))?;
    ensure!(
        status.code == Some(2) && status.stdout.contains("daemon-silent"),
        "status: {status:?}"
    );

    // Trouble of the pool that comes later does not make it the pool's hang.
    let pool = host.pool_status()?.name;
    host.sh(&format!("dmsetup suspend --noflush --nolockfs {pool}"))?;
    watch::await_line(host, "deed-done: resume", Duration::from_secs(60))?;
    host.pass(Duration::from_secs(20));
    ensure!(host.dockerd()? == daemon, "the daemon is another one");
    let said = host.sh_timeout("thinguard status --json", Duration::from_secs(30))?;
    ensure!(
        said.stdout.contains("it was so while the pool was still well"),
        "status: {said:?}"
    );
    ensure!(
        !watch::journal(host)?.contains("deed-begun: restart"),
        "a restart was begun"
    );
    host.sh("kill -CONT $(systemctl show -p MainPID --value docker.service)")?;
    watch::await_line(
        host,
        "daemon-silent: docker.service: over after",
        Duration::from_secs(60),
    )?;
    // Only an answer to a question that was put after the pool's trouble ends that; the one that came now was put before.
    host.pass(Duration::from_secs(12));
    silent_beside_a_slow_pool(host)
}

/// Each look at the pool takes two seconds, as under a storm of writes: the daemon is asked all the same.
fn silent_beside_a_slow_pool(host: &mut Host) -> Result<()> {
    host.sh("mkfifo /run/lab-end")?;
    let slow = host.spawn(
        "helper=$(pgrep -P $(systemctl show -p MainPID --value thinguard.service)); \
         strace -qq -f -o /dev/null -p $helper -e trace=ioctl -e inject=ioctl:delay_enter=500000 & \
         read -r end < /run/lab-end; kill $!",
    )?;
    host.wait_for("slow looks", Duration::from_secs(30), |host| {
        Ok((host.sh("pgrep -cx strace || true")?.trim() == "1").then_some(()))
    })?;
    host.pass(Duration::from_secs(5));
    fault::stop_by_signal(host)?;
    host.wait_for("silence beside slow looks", Duration::from_secs(60), |host| {
        let told = watch::journal(host)?
            .matches("daemon-silent: docker.service: /info has been")
            .count();
        Ok((told >= 2).then_some(()))
    })?;
    host.sh("echo > /run/lab-end; kill -CONT $(systemctl show -p MainPID --value docker.service)")?;
    drop(slow);
    Ok(())
}
