//! Before Docker starts: growth of a pool that is nearly full on the disk, refusal of half a pool, and a guard that is not there.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "preflight-grows-an-active-pool",
        about: "dockerd was killed and left its pool active and nearly full: it is grown on line before dockerd comes back",
        snapshot: Snapshot::Running,
        slow: None,
        run: grows_an_active_pool,
    },
    Scenario {
        name: "preflight-grows-before-the-start",
        about: "a pool that is nearly full on the disk is grown before dockerd starts on it",
        snapshot: Snapshot::Running,
        slow: None,
        run: grows_before_the_start,
    },
    Scenario {
        name: "preflight-refuses-half-a-pool",
        about: "with the metadata file gone Docker is held back; with the guard gone too it is started",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: refuses_half_a_pool,
    },
    Scenario {
        name: "preflight-refusal-is-overruled",
        about: "the line that a refusal ends with starts Docker in spite of it",
        snapshot: Snapshot::Stopped,
        slow: None,
        run: refusal_is_overruled,
    },
];

fn grows_an_active_pool(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    fault::ballast(host, 60 << 20)?;
    let (first, daemon) = (host.pool_status()?.data.total, host.dockerd()?);
    // Its unit starts it again by itself. The guard does not run, so growth can only be preflight's.
    host.sh("systemctl kill --signal KILL --kill-who main docker.service")?;
    let journal = host.wait_for("another dockerd that answers", Duration::from_secs(90), |host| {
        let state = host.sh_timeout("systemctl is-active docker.service", Duration::from_secs(5))?;
        let back = state.stdout.trim() == "active" && host.dockerd()? != daemon;
        match back && fault::info_answers(host, Duration::from_secs(20))? {
            true => host
                .sh("journalctl -b -u docker.service -t thinguard -o cat --no-pager")
                .map(Some),
            false => Ok(None),
        }
    })?;
    for said in [
        "deed-done: grow the data device from 512 MiB",
        "preflight-verdict: Docker may start",
    ] {
        ensure!(journal.contains(said), "the journal does not say '{said}':\n{journal}");
    }
    let pool = host.pool_status()?;
    ensure!(pool.data.total > first && pool.mode == "rw", "not grown: {pool:?}");
    figures.add(
        "data blocks before and after",
        format!("{first}, {}", pool.data.total),
        "",
    );
    Ok(())
}

fn grows_before_the_start(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    fault::ballast(host, 60 << 20)?;
    host.sh("systemctl stop docker.service docker.socket")?;
    ensure!(host.pool_status().is_err(), "the pool did not go");
    // By hand it only says what it would do.
    let said = host.sh_timeout("thinguard preflight", Duration::from_secs(30))?;
    println!("{}", indent(&said.stdout));
    ensure!(
        said.code == Some(0) && said.stdout.contains("WARN pool-low"),
        "{said:?}"
    );
    let size = "stat -c %s /var/lib/docker/devicemapper/devicemapper/data";
    ensure!(
        host.sh(size)?.trim() == (512 << 20).to_string(),
        "preflight by hand changed the file"
    );

    host.sh("systemctl start docker.service")?;
    figures.add(
        "data file after the start",
        host.sh(size)?.trim().parse::<u64>()? >> 20,
        "MiB",
    );
    let pool = host.pool_status()?;
    ensure!(
        pool.data.total > 8192 && pool.mode == "rw",
        "dockerd runs on the old size: {pool:?}"
    );
    let journal = host.sh("journalctl -b -u docker.service -t thinguard -o cat --no-pager")?;
    for said in [
        "deed-done: grow the data device from 512 MiB",
        "preflight-verdict: Docker may start",
    ] {
        ensure!(
            journal.contains(said),
            "`journalctl -u docker` does not say '{said}':\n{journal}"
        );
    }
    let verdict = journal
        .lines()
        .rev()
        .find(|line| line.starts_with("preflight-verdict"))
        .unwrap_or_default();
    println!("    {verdict}");
    ensure!(
        fault::info_answers(host, Duration::from_secs(20))?,
        "docker info does not answer"
    );
    Ok(())
}

fn refuses_half_a_pool(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh("mv /var/lib/docker/devicemapper/devicemapper/metadata /root/")?;
    let started = host.sh_timeout("systemctl start docker.service", Duration::from_secs(60))?;
    ensure!(!started.ok(), "Docker was started on half a pool");
    ensure!(
        host.sh("ls /var/lib/docker/devicemapper/devicemapper")? == "data\n",
        "an empty metadata file was made"
    );
    let said = watch::await_line(host, "pool-half-missing", Duration::from_secs(30))?;
    println!("    {said}");
    let json = host.sh_timeout("thinguard preflight --json", Duration::from_secs(30))?;
    ensure!(json.code == Some(1), "{json:?}");
    let report: serde_json::Value = serde_json::from_str(&json.stdout)?;
    ensure!(
        report["verdict"] == "refuse" && report["findings"][0]["code"] == "pool-half-missing",
        "{report}"
    );

    host.sh("rm /usr/sbin/thinguard; systemctl reset-failed docker.service docker.socket")?;
    let starts = "journalctl -b -u docker.service -o cat --no-pager | grep -c 'msg=\"Starting up\"'";
    let before = host.sh(starts)?;
    host.sh_timeout("systemctl start docker.service", Duration::from_secs(60))?;
    ensure!(
        host.sh(starts)? != before,
        "without the guard dockerd was not even started"
    );
    Ok(())
}

fn refusal_is_overruled(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh("mv /var/lib/docker/devicemapper/devicemapper/metadata /root/")?;
    let started = host.sh_timeout("systemctl start docker.service", Duration::from_secs(60))?;
    ensure!(!started.ok(), "Docker was started on half a pool");
    let said = host.sh_timeout("thinguard preflight", Duration::from_secs(30))?.stdout;
    let last = said.lines().last().unwrap_or_default();
    let Some((_, overrule)) = last.split_once("until the link is removed: ") else {
        bail!("a refusal does not end with the way past it:\n{said}");
    };
    println!("    {overrule}");
    // Debian's unit tries again by itself, and each try begins without the file.
    for place in [
        "journalctl -b -u docker.service -o cat --no-pager",
        "for _ in 1 2 3 4 5 6; do cat /run/thinguard/deny-docker && break; sleep 1; done",
    ] {
        let told = host.sh(place)?;
        ensure!(
            told.contains(&format!("To overrule it: {overrule}")),
            "`{place}` does not name it:\n{told}"
        );
    }
    let starts = "journalctl -b -u docker.service -o cat --no-pager | grep -c 'msg=\"Starting up\"'";
    let before = host.sh(starts)?;
    host.sh_timeout(overrule, Duration::from_secs(90))?;
    ensure!(host.sh(starts)? != before, "dockerd was not even started");
    // With the mask nothing is checked any more.
    let verdicts = "journalctl -b -t thinguard -o cat --no-pager | grep -c preflight-verdict";
    let before = host.sh(verdicts)?;
    host.sh_timeout("systemctl restart docker.service", Duration::from_secs(90))?;
    ensure!(host.sh(verdicts)? == before, "preflight ran although it was masked");
    Ok(())
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
