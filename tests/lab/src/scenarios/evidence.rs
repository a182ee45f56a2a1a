//! What the guard keeps for those who look later: lines of the kernel's log, tasks with their stacks, the pool's history.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "evidence-of-lost-writes",
        about: "writes below a pool that says rw fail, and a container's filesystem is shut down: both are told, nothing is done",
        snapshot: Snapshot::Running,
        slow: None,
        run: kernel_tells_of_lost_writes,
    },
    Scenario {
        name: "evidence-is-kept",
        about: "dockerd hangs in D state on a full pool: before the growth that cures it the journal gets all that was seen",
        snapshot: Snapshot::Hung,
        slow: None,
        run: evidence_is_kept,
    },
    Scenario {
        name: "evidence-of-goroutines",
        about: "dockerd is silent because containerd is stopped: it is asked once what it waits for, and goes on as the same",
        snapshot: Snapshot::Running,
        slow: None,
        run: evidence_of_goroutines,
    },
];

/// The entry's `MESSAGE_ID`, which programs rely on.
const EVIDENCE: &str = "390ffc1a0f974340bcba999234975c1f";

/// All entries with evidence, oldest first: the line, and the bundle below it.
fn bundles(host: &mut Host) -> Result<Vec<String>> {
    let said = host.sh(&format!("journalctl -b MESSAGE_ID={EVIDENCE} -o json --all --no-pager"))?;
    said.lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line)?;
            let text = |field: &str| entry[field].as_str().map(str::to_owned);
            let message = text("MESSAGE").with_context(|| format!("an entry whose message is no text: {line}"))?;
            ensure!(!message.contains('\n'), "rsyslog cuts it: {message}");
            Ok(format!("{message}\n{}", text("THINGUARD_EVIDENCE").unwrap_or_default()))
        })
        .collect()
}

fn evidence_is_kept(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let hang = fault::hung(host)?;
    let report = fault::await_kernels_report(host, &hang)?;
    watch::start_and_await_info(host)?;
    ensure!(host.dockerd()? == hang.daemon, "dockerd is another one");

    let told = host.wait_for("evidence with stacks", Duration::from_secs(30), |host| {
        let bundles = bundles(host)?;
        Ok(bundles
            .iter()
            .any(|text| text.contains("xfs_ail_push_all_sync [xfs] < "))
            .then_some(bundles))
    })?;
    let all = told.join("\n");
    println!(
        "{}",
        told[0].lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    figures.add(
        "longest bundle",
        told.iter().map(String::len).max().unwrap_or_default(),
        "bytes",
    );
    ensure!(
        told[0].starts_with("evidence-kept: before 'grow the data device from 512 MiB"),
        "the first is not about the growth: {}",
        told[0]
    );
    let stuck = format!("dockerd[{}/{}] D for", hang.daemon.pid, hang.task.tid);
    for part in [
        stuck.as_str(),
        "kernel xfsaild/dm-",
        "kernel kworker/",
        "out of data space",
        "switching pool to out-of-data-space",
        report.as_str(),
        "of it kept in reserve",
    ] {
        ensure!(all.contains(part), "the evidence does not hold '{part}':\n{all}");
    }
    let history = host.sh("thinguard history --evidence")?;
    for part in [
        "  evidence-kept",
        "    tasks, innermost function first:",
        stuck.as_str(),
    ] {
        ensure!(
            history.contains(part),
            "history --evidence does not show '{part}':\n{history}"
        );
    }
    // In the order of the journal: first what was seen, then what was done about it.
    let journal = watch::journal(host)?;
    let at = |part: &str| {
        journal
            .find(part)
            .with_context(|| format!("no '{part}' in:\n{journal}"))
    };
    ensure!(
        at("evidence-kept: before 'grow")? < at("deed-begun: grow")?,
        "evidence after the deed:\n{journal}"
    );
    Ok(())
}

fn kernel_tells_of_lost_writes(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let daemon = host.dockerd()?;
    host.sh("docker run -d --name writer --network none busybox sleep 100000")?;
    watch::start(host)?;

    // The container's own filesystem gives itself up, as XFS does when it cannot write its log.
    host.sh(
        "cd /proc/$(docker inspect --format '{{.State.Pid}}' writer)/root && xfs_io -x -c 'shutdown' . && ! ls > /dev/null 2>&1",
    )?;
    let told = watch::await_line(host, "container-filesystem-shut-down: ", Duration::from_secs(60))?;
    println!("    {told}");
    let volume = host.sh("docker inspect --format '{{.GraphDriver.Data.DeviceName}}' writer")?;
    ensure!(told.contains(volume.trim()), "the volume {volume} is not named: {told}");
    host.sh("docker stop -t 1 writer && docker start writer")?;
    watch::await_line(
        host,
        &format!("container-filesystem-shut-down: {}: over after", volume.trim()),
        Duration::from_secs(60),
    )?;

    // A sparse file on a filesystem without room: the pool says rw all the time.
    // The metadata get their room beforehand, or the pool would turn read-only for the same cause. The console of an emulated host
    // is too slow for a kernel that reports each failed write.
    host.sh("dmesg --console-level 1 && fallocate -l 64M /var/lib/docker/devicemapper/devicemapper/metadata")?;
    host.sh("free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 8 * 1048576)) /var/lib/docker/filler")?;
    host.sh_timeout(
        "docker exec writer sh -c 'dd if=/dev/zero of=/f bs=1M count=24 oflag=direct; true'",
        Duration::from_secs(120),
    )?;
    let kernel = host.sh("dmesg")?;
    ensure!(
        kernel.contains("error, dev loop0"),
        "the kernel does not tell of a failed write:\n{kernel}"
    );
    let told = watch::await_line(host, "loop-write-errors: ", Duration::from_secs(60))?;
    println!("    {told}");
    ensure!(told.contains("failed writes of loop0"), "{told}");
    let pool = host.pool_status()?;
    ensure!(pool.mode == "rw" && !pool.needs_check, "{pool:?}");
    let status = host.sh_timeout("thinguard status", Duration::from_secs(30))?;
    ensure!(
        status.code == Some(2) && status.stdout.contains("loop-write-errors"),
        "status: {status:?}"
    );
    ensure!(!watch::journal(host)?.contains("deed-begun"), "a deed was begun");
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}

fn evidence_of_goroutines(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let daemon = host.dockerd()?;
    watch::hurry(host)?;
    host.put(
        "/etc/thinguard.d/91-dump.toml",
        0o644,
        b"[evidence]\ngoroutine_dump = \"when-silent\"\n",
    )?;
    watch::start(host)?;
    host.sh("pkill -STOP -x containerd")?;
    let told = watch::await_line(
        host,
        "evidence-kept: dockerd has written its goroutines to ",
        Duration::from_secs(120),
    );
    let told = told.with_context(|| watch::journal(host).unwrap_or_default())?;
    println!("    {told}");
    let (_, file) = told.rsplit_once(" to ").context("no file is named")?;
    let goroutines = host.sh(&format!("cat {file}"))?;
    ensure!(
        goroutines.contains("goroutine "),
        "{file} holds no goroutines: {goroutines}"
    );
    // Once in a silence, however long it lasts.
    host.pass(Duration::from_secs(10));
    let files = host.sh("ls /var/run/docker/goroutine-stacks-*.log | wc -l")?;
    ensure!(files.trim() == "1", "{files} files");
    let hang = bundles(host)?
        .into_iter()
        .any(|text| text.starts_with("evidence-kept: daemon-silent: "));
    ensure!(hang, "the hang was told without evidence");
    host.sh("pkill -CONT -x containerd")?;
    watch::await_line(
        host,
        "daemon-silent: docker.service: over after",
        Duration::from_secs(60),
    )?;
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    ensure!(!watch::journal(host)?.contains("deed-begun"), "a deed was begun");
    Ok(())
}
