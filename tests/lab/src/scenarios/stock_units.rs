//! The units that Docker's packagers ship, as they stand in `tests/trees`, each started and refused by a real systemd with our
//! drop-in behind them. Debian's dockerd stands in for theirs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "preflight-after-every-stock-unit",
    about: "each packager's unit: preflight is heard under -u docker before dockerd, knows the driver, refusals end; the guard knows the daemon",
    snapshot: Snapshot::Stopped,
    slow: Some("dockerd is started and stopped under eight units"),
    run: after_every_stock_unit,
}];

/// Directories of `tests/trees` that hold a packager's unit which is not Debian's own, and whether a start is refused under it: once
/// for each `Restart=` that there is, and below a shell.
const TREES: &[(&str, bool)] = &[
    ("centos-7.2-docker-1.10.3", true),
    ("centos-7.4-docker-1.12.6", false),
    ("centos-7.9-docker-1.13.1", false),
    ("centos-7-docker-ce-18.09", true),
    ("oracle-linux-7-docker-engine-17.06", true),
    ("amazon-linux-2-docker-20.10", false),
    ("fault-docker-ce-24-after-devicemapper", false),
];

/// Debian's dockerd under the names of Red Hat's builds, without the flags and values that only those have.
const RED_HATS: &str = r#"#!/bin/bash
args=()
while [ $# -gt 0 ]; do
    case $1 in
        daemon | --authorization-plugin=* | --userland-proxy-path=* | --init-path=* | --seccomp-profile=*) ;;
        --default-runtime=* | --signature-verification=*) ;;
        --add-runtime | --containerd | --add-registry) shift ;;
        *) args+=("$1") ;;
    esac
    shift
done
exec /usr/sbin/dockerd "${args[@]}"
"#;

/// What the units name and Debian has not.
const SURROUNDINGS: &str = r#"
set -e
ln -s /usr/sbin/dockerd /usr/bin/dockerd
ln -s dockerd-current /usr/bin/docker-current
printf '#!/bin/sh\nexec systemd-cat -t docker\n' > /usr/bin/forward-journald
mkdir -p /usr/libexec/docker /etc/sysconfig
printf '#!/bin/sh\necho DOCKER_ADD_RUNTIMES= > /run/docker/runtimes.env\n' > /usr/libexec/docker/docker-setup-runtimes.sh
chmod 755 /usr/bin/forward-journald /usr/libexec/docker/docker-setup-runtimes.sh
cd /etc/systemd/system
for unit in rhel-push-plugin registries docker-containerd docker-cleanup; do
    printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' > $unit.service
done
printf '[Socket]\nListenStream=/run/rhel-push-plugin.sock\n' > rhel-push-plugin.socket
printf '[Timer]\nOnCalendar=yearly\n' > docker-cleanup.timer
cp /etc/docker/daemon.json /root/daemon.json
"#;

/// The storage options of the lab's daemon.json, in the unquoted form that docker-storage-setup wrote on RHEL 7.2.
const STORAGE: &str = "DOCKER_STORAGE_OPTIONS=--storage-driver devicemapper --storage-opt dm.loopdatasize=512M \
    --storage-opt dm.loopmetadatasize=64M --storage-opt dm.fs=xfs --storage-opt dm.basesize=3G\n";

const START: &str = "systemctl start";
const LIMIT: Duration = Duration::from_secs(120);

fn after_every_stock_unit(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.put("/usr/bin/dockerd-current", 0o755, RED_HATS.as_bytes())?;
    host.sh(SURROUNDINGS)?;
    watch::start(host)?;
    let trees = host.paths().root.join("tests/trees");
    for (tree, refused) in TREES {
        let root = trees.join(tree).join("root");
        put_unit(host, &root, "docker.service").with_context(|| format!("the unit of {tree}"))?;
        starts(host, "docker.service").with_context(|| format!("with the unit of {tree}"))?;
        stops(host, "docker.service").with_context(|| format!("with the unit of {tree}"))?;
        if *refused {
            is_refused_once(host).with_context(|| format!("with the unit of {tree}"))?;
        }
    }
    figures.add("stock units", TREES.len(), "");
    docker_latest(host, &trees.join("centos-7.4-docker-1.12.6/root"))
}

/// Puts the unit, the vendor's drop-in and the environment files of a tree into the host.
fn put_unit(host: &mut Host, root: &Path, name: &str) -> Result<()> {
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/docker.service"))?;
    host.sh("rm -rf /etc/sysconfig/* /etc/systemd/system/docker.service.d")?;
    host.put(&format!("/etc/systemd/system/{name}"), 0o644, unit.as_bytes())?;
    let drop_in = "etc/systemd/system/docker.service.d/docker-sysconfig.conf";
    let vendors = fs::read(root.join(drop_in)).ok();
    if let Some(vendors) = &vendors {
        host.put(&format!("/{drop_in}"), 0o644, vendors)?;
    }
    for file in ["docker", "docker-network"] {
        if let Ok(text) = fs::read(root.join("etc/sysconfig").join(file)) {
            host.put(&format!("/etc/sysconfig/{file}"), 0o644, &text)?;
        }
    }
    // The driver is named in one place alone: where this packager has its users name it.
    let by_file = unit.contains("docker-storage") || vendors.is_some();
    if by_file {
        host.put("/etc/sysconfig/docker-storage", 0o644, STORAGE.as_bytes())?;
    }
    let keep = if by_file {
        "del(.\"storage-driver\", .\"storage-opts\")"
    } else {
        "."
    };
    // A socket that nobody is handed would take the clients' questions and never answer.
    let socket = if unit.contains("fd://") {
        "systemctl unmask -q docker.socket; systemctl start docker.socket"
    } else {
        "systemctl stop docker.socket; systemctl mask -q docker.socket"
    };
    host.sh(&format!(
        "jq '{keep}' /root/daemon.json > /etc/docker/daemon.json && systemctl daemon-reload && {{ {socket}; }} 2>&1"
    ))
    .map(drop)
}

/// What the journal has of a unit since a script began.
fn heard(host: &mut Host, unit: &str, script: &str) -> Result<(bool, String)> {
    let cursor = host.sh("journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'")?;
    let done = host.sh_timeout(script, LIMIT)?;
    let said = host.sh(&format!(
        "journalctl -b -u {unit} -o cat --no-pager --after-cursor '{}'",
        cursor.trim()
    ))?;
    Ok((done.ok(), said))
}

fn starts(host: &mut Host, unit: &str) -> Result<()> {
    let (started, said) = heard(host, unit, &format!("{START} {unit}"))?;
    ensure!(started, "{unit} did not start:\n{said}");
    let verdict = said.find("preflight-verdict: Docker may start");
    let start = said.find("Starting up");
    ensure!(
        said.matches("preflight-verdict").count() == 1
            && matches!((verdict, start), (Some(verdict), Some(start)) if verdict < start),
        "preflight was not heard once and before dockerd:\n{said}"
    );
    // By hand beside the running daemon it speaks of the next start.
    let judged = host.sh(&format!(
        "thinguard preflight --unit {unit} --json | jq -r '[.driver, .verdict] | join(\" \")'"
    ))?;
    ensure!(
        judged.trim() == "devicemapper start",
        "beside the daemon preflight says: {judged}"
    );
    host.wait_for("the guard to know the daemon", Duration::from_secs(30), |host| {
        let daemon =
            host.sh("thinguard status --json | jq -r '.daemon | [.unit, .active_state, .answers] | join(\" \")'")?;
        Ok((daemon.trim() == format!("{unit} active yes")).then_some(()))
    })
}

fn stops(host: &mut Host, unit: &str) -> Result<()> {
    let stopped = host.sh_timeout(&format!("systemctl stop {unit}"), LIMIT)?;
    ensure!(stopped.ok(), "{unit} does not stop: {stopped:?}");
    let left = host.sh_timeout("pgrep -l -x dockerd", Duration::from_secs(20))?;
    ensure!(!left.ok(), "a daemon is left: {}", left.stdout);
    Ok(())
}

/// A refusal holds whatever `Restart=` says, and comes to an end.
fn is_refused_once(host: &mut Host) -> Result<()> {
    let metadata = "/var/lib/docker/devicemapper/devicemapper/metadata";
    host.sh(&format!("mv {metadata} /root/"))?;
    let (started, _) = heard(host, "docker.service", &format!("{START} docker.service"))?;
    ensure!(!started, "Docker was started on half a pool");
    host.wait_for("the start to be given up", Duration::from_secs(60), |host| {
        let state = host.sh("systemctl show -p ActiveState --value docker.service")?;
        Ok((state.trim() == "failed").then_some(()))
    })?;
    ensure!(
        host.sh_timeout(&format!("ls {metadata}"), Duration::from_secs(20))?
            .stdout
            .is_empty(),
        "dockerd ran, and made an empty metadata file"
    );
    host.sh(&format!(
        "mv /root/metadata {metadata}; systemctl reset-failed docker.service; systemctl reset-failed docker.socket || true"
    ))
    .map(drop)
}

/// The lines of packaging/README.md, run as they stand there.
fn docker_latest(host: &mut Host, root: &Path) -> Result<()> {
    let readme = fs::read_to_string(host.paths().root.join("packaging/README.md"))?;
    let (_, rest) = readme
        .split_once("covered by one link:\n\n")
        .context("packaging/README.md does not tell how docker-latest is covered")?;
    let lines: Vec<_> = rest.lines().map_while(|line| line.strip_prefix("    ")).collect();
    ensure!(lines.len() > 3, "packaging/README.md: {lines:?}");
    put_unit(host, root, "docker-latest.service")?;
    host.sh("mkdir -p /etc/thinguard.d; rm /etc/systemd/system/docker.service")?;
    host.sh(&format!("set -e\n{}\nsystemctl reload thinguard", lines.join("\n")))?;
    starts(host, "docker-latest.service")?;
    stops(host, "docker-latest.service")
}
