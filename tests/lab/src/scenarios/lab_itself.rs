//! Scenarios that prove the lab: the host is a real one, and the failure is the real one.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "host-is-real",
        about: "dockerd 20.10 runs containers on a thin pool over two loop files",
        snapshot: Snapshot::Running,
        slow: None,
        run: host_is_real,
    },
    Scenario {
        name: "stopped-host-starts",
        about: "a cleanly stopped Docker leaves no pool, and makes it again when it starts",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: stopped_host_starts,
    },
    Scenario {
        name: "failure-is-real",
        about: "a full pool hangs dockerd in D state, and nothing in the host cures it",
        snapshot: Snapshot::Hung,
        slow: None,
        run: failure_is_real,
    },
];

fn host_is_real(host: &mut Host, _: &mut Figures) -> Result<()> {
    let version = host.sh("docker version --format '{{.Server.Version}}'")?;
    ensure!(version.starts_with("20.10."), "dockerd is {version}");
    let files = host.sh("losetup --list --noheadings --output BACK-FILE | sort")?;
    ensure!(
        files == "/var/lib/docker/devicemapper/devicemapper/data\n/var/lib/docker/devicemapper/devicemapper/metadata\n",
        "loop files: {files}"
    );
    let own_disk = host.sh("findmnt --noheadings --output SOURCE,FSTYPE --target /var/lib/docker/containers")?;
    ensure!(
        own_disk.split_whitespace().eq(["/dev/vdb", "ext4"]),
        "/var/lib/docker is on {own_disk}"
    );

    let before = host.pool_status()?;
    ensure!(
        before.mode == "rw" && !before.needs_check && !before.errors_if_no_space,
        "{before:?}"
    );
    ensure!(
        before.data.total == 8_192 && before.sectors == 1_048_576,
        "not 512 MiB: {before:?}"
    );
    let said =
        host.sh("docker run --network none busybox sh -c 'dd if=/dev/zero of=/f bs=1M count=50 && sync && echo here'")?;
    ensure!(said == "here\n", "the container said {said:?}");
    let after = host.pool_status()?;
    ensure!(
        after.data.used >= before.data.used + 800,
        "50 MB are 800 blocks: {before:?}, {after:?}"
    );
    Ok(())
}

fn stopped_host_starts(host: &mut Host, figures: &mut Figures) -> Result<()> {
    ensure!(host.pool_status().is_err(), "the pool is there");
    ensure!(
        host.sh("losetup --list --noheadings")?.is_empty(),
        "loop devices are there"
    );
    ensure!(host.dockerd().is_err(), "dockerd is there");
    let begun = Instant::now();
    host.sh("systemctl start docker.service")?;
    figures.add("dockerd start", format!("{:.1}", begun.elapsed().as_secs_f32()), "s");
    ensure!(host.pool_status()?.mode == "rw", "the pool is not writable");
    ensure!(
        fault::info_answers(host, Duration::from_secs(20))?,
        "dockerd does not answer"
    );
    Ok(())
}

/// How the hang comes about is seen when the state is made, with each image.
fn failure_is_real(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let mut hang = fault::hung(host)?;
    ensure!(host.dockerd()? == hang.daemon, "dockerd is another one");
    let ps = host.sh_timeout("docker ps --quiet", Duration::from_secs(10))?;
    figures.add("docker ps", if ps.ok() { "answers" } else { "is silent" }, "");

    host.pass(Duration::from_secs(30));

    let still = fault::stuck_tasks(host, hang.daemon)?;
    ensure!(
        still.contains(&hang.task),
        "the hang cured itself: {:?} became {still:?}",
        hang.task
    );
    ensure!(hang.remove.done(host)?.is_none(), "`docker rm` came back");
    ensure!(
        !fault::info_answers(host, Duration::from_secs(5))?,
        "`docker info` answers"
    );
    fault::await_kernels_report(host, &hang).map(drop)
}
