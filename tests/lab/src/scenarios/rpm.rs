//! The packages: built twice to the same bytes, and on a host installed, booted, upgraded, made to refuse, and erased without a trace.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::progress;
use crate::rpm::{self, Packages};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rpm-builds-the-same-twice",
        about: "two builds in two places are the same bytes; the binary needs no library, the package nothing that EL7 has not",
        snapshot: Snapshot::Stopped,
        slow: Some("the spec file compiles the release once more, elsewhere"),
        run: builds_the_same_twice,
    },
    Scenario {
        name: "rpm-from-install-to-erase",
        about: "installed beside a running Docker, booted, upgraded, made to refuse, erased: Docker is never touched, nothing is left",
        snapshot: Snapshot::Running,
        slow: Some("the host is booted once, and Docker is started five times"),
        run: from_install_to_erase,
    },
];

fn builds_the_same_twice(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let binary = host.build_guard()?;
    let built = rpm::twice(host.paths(), &binary)?;
    let packages = &built.packages;
    figures.add("sha256 of both builds", rpm::sha256(&packages.guard)?, "");
    figures.add(
        "size of the package",
        std::fs::metadata(&packages.guard)?.len() >> 10,
        "KiB",
    );

    let dynamic = progress::output(
        Command::new("readelf")
            .args(["--dynamic", "--version-info", "--wide"])
            .arg(&binary),
    )?;
    ensure!(
        !dynamic.contains("NEEDED") && !dynamic.contains("GLIBC_"),
        "the binary needs libraries of its host:\n{dynamic}"
    );
    for package in packages.all() {
        holds_for_el7(package)?;
    }
    let lint = Command::new("rpmlint")
        .arg("--config")
        .arg(host.paths().root.join("packaging/rpm/rpmlint.toml"))
        .args(packages.all())
        .output()
        .context("rpmlint")?;
    let said = String::from_utf8_lossy(&lint.stdout);
    ensure!(
        said.contains(" 0 errors, 0 warnings"),
        "rpmlint:\n{said}{}",
        String::from_utf8_lossy(&lint.stderr)
    );
    Ok(())
}

/// What rpm 4.11 reads, and what a host with any Docker or none fulfils.
fn holds_for_el7(package: &std::path::Path) -> Result<()> {
    let ask = |arguments: &[&str]| progress::output(Command::new("rpm").arg("-qp").args(arguments).arg(package));
    let compressor = ask(&["--qf", "%{PAYLOADCOMPRESSOR}"])?;
    ensure!(compressor == "gzip", "payload: {compressor}");
    for line in ask(&["--requires"])?.lines() {
        let known = ["systemd", "/bin/sh", "thinguard = "]
            .iter()
            .any(|it| line.starts_with(it))
            || [
                "CompressedFileNames",
                "FileDigests",
                "PayloadFilesHavePrefix",
                "TildeInVersions",
            ]
            .iter()
            .any(|it| line.starts_with(&format!("rpmlib({it})")));
        ensure!(known, "{} requires '{line}'", package.display());
    }
    let scripts = ask(&["--scripts"])?;
    ensure!(
        !scripts.contains("docker.service"),
        "a scriptlet touches docker.service:\n{scripts}"
    );
    let weak = ask(&["--recommends", "--suggests", "--supplements", "--enhances"])?;
    ensure!(weak.trim().is_empty(), "weak dependencies: {weak}");
    Ok(())
}

/// Debian's rpm warns that it is not the one that owns this host.
const RPM: &str = "rpm --force-debian";

fn put(host: &mut Host, packages: &Packages, release: &str) -> Result<String> {
    let mut paths = Vec::new();
    for (package, name) in packages.all().into_iter().zip(["guard", "preflight"]) {
        let path = format!("/root/{name}-{release}.rpm");
        host.put(&path, 0o644, &std::fs::read(package)?)?;
        paths.push(path);
    }
    Ok(paths.join(" "))
}

fn docker_is_untouched(host: &mut Host, daemon: &crate::pool::Daemon) -> Result<()> {
    ensure!(host.dockerd()? == *daemon, "dockerd is another one");
    let reload = host.sh("systemctl show -p NeedDaemonReload docker.service thinguard.service")?;
    ensure!(!reload.contains("yes"), "systemd has not read the units: {reload}");
    Ok(())
}

fn from_install_to_erase(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let binary = host.build_guard()?;
    let first = rpm::build(host.paths(), "one", 1, Some(&binary))?;
    let second = rpm::build(host.paths(), "two", 2, Some(&binary))?;
    let stub = rpm::stub(&first.directory().join("stub"))?;
    host.put("/root/stub.rpm", 0o644, &std::fs::read(stub)?)?;
    let one = put(host, &first.packages, "1")?;
    let two = put(host, &second.packages, "2")?;
    host.sh(&format!("{RPM} --initdb; {RPM} -i /root/stub.rpm"))?;

    let daemon = host.dockerd()?;
    let installed = host.sh(&format!("{RPM} -i {one} 2>&1"))?;
    ensure!(installed.trim().is_empty(), "rpm -i says: {installed}");
    docker_is_untouched(host, &daemon)?;
    units_are_sound(host, figures)?;

    host.sh("systemctl enable docker.service thinguard.service 2>&1")?;
    host.reboot()?;
    watched_from_boot_on(host)?;
    journal_explains(host)?;

    upgraded(host, &two)?;
    refusal_does_not_loop(host)?;
    erased(host)
}

fn units_are_sound(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let said = host.sh("systemd-analyze verify thinguard.service 2>&1 | grep -v 'man thinguard' || true")?;
    let ours: Vec<_> = said.lines().filter(|line| line.contains("thinguard")).collect();
    ensure!(ours.is_empty(), "systemd-analyze verify: {ours:?}");
    let exposure = host.sh("systemd-analyze security --no-pager thinguard.service | tail -n 1")?;
    figures.add("systemd-analyze security", exposure.trim(), "");
    every_exposure_has_a_reason(host)
}

/// Each has a row in packaging/README.md, under the words of systemd.
fn every_exposure_has_a_reason(host: &mut Host) -> Result<()> {
    // In a table a bar is written with a backslash.
    let reasons = std::fs::read_to_string(host.paths().root.join("packaging/README.md"))?.replace("\\|", "|");
    let exposed = host.sh("systemd-analyze security --no-pager --json=short thinguard.service | \
         jq -r '.[] | select(.set == false and .exposure != null and .exposure != \"0.0\") | .name'")?;
    ensure!(exposed.lines().count() > 20, "systemd-analyze security: {exposed}");
    for name in exposed.lines() {
        let name = if name.starts_with("SystemCallFilter=") {
            "SystemCallFilter="
        } else {
            name
        };
        ensure!(
            reasons.contains(&format!("`{name}`")),
            "packaging/README.md does not tell why {name} is exposed"
        );
    }
    Ok(())
}

fn watched_from_boot_on(host: &mut Host) -> Result<()> {
    host.wait_for(
        "Docker and its guard after the boot",
        Duration::from_secs(240),
        |host| {
            let states = host.sh_timeout(
                "systemctl is-active docker.service && systemctl is-active thinguard.service",
                Duration::from_secs(30),
            )?;
            Ok(states.ok().then_some(()))
        },
    )?;
    let docker = host.sh("journalctl -b -u docker.service -o cat --no-pager")?;
    let verdict = docker.find("preflight-verdict: Docker may start");
    let start = docker.find("msg=\"Starting up\"");
    ensure!(
        matches!((verdict, start), (Some(verdict), Some(start)) if verdict < start),
        "preflight did not run before dockerd:\n{docker}"
    );
    let beat = "systemctl show -p WatchdogTimestampMonotonic --value thinguard.service";
    let before = host.sh(beat)?;
    ensure!(before.trim() != "0", "no heartbeat");
    host.wait_for("the next heartbeat", Duration::from_secs(60), |host| {
        Ok((host.sh(beat)? != before).then_some(()))
    })?;
    // Left by tmpfiles.d before either of them began.
    host.sh("test -d /run/thinguard")?;
    Ok(())
}

fn journal_explains(host: &mut Host) -> Result<()> {
    let said = host.sh("journalctl -b -x -t thinguard --no-pager")?;
    for part in [
        "Subject: thinguard begins to watch",
        "thinguard has checked Docker's storage before its start: start",
    ] {
        ensure!(said.contains(part), "`journalctl -x` does not say '{part}':\n{said}");
    }
    Ok(())
}

fn upgraded(host: &mut Host, packages: &str) -> Result<()> {
    let daemon = host.dockerd()?;
    let guard = "systemctl show -p MainPID --value thinguard.service";
    let before = host.sh(guard)?;
    host.sh("printf '[watch]\\ninterval = \"7s\"\\n' >> /etc/thinguard.toml")?;
    let said = host.sh(&format!("{RPM} -U {packages} 2>&1"))?;
    ensure!(!said.contains("error"), "rpm -U says: {said}");
    docker_is_untouched(host, &daemon)?;
    host.sh("grep -q 'interval = \"7s\"' /etc/thinguard.toml")?;
    host.wait_for("the guard to be the new one", Duration::from_secs(60), |host| {
        let state = host.sh_timeout("systemctl is-active thinguard.service", Duration::from_secs(30))?;
        Ok((state.ok() && host.sh(guard)? != before).then_some(()))
    })
}

fn refusal_does_not_loop(host: &mut Host) -> Result<()> {
    host.sh(
        "systemctl stop docker.service docker.socket && mv /var/lib/docker/devicemapper/devicemapper/metadata /root/",
    )?;
    let started = host.sh_timeout("systemctl start docker.service", Duration::from_secs(60))?;
    ensure!(!started.ok(), "Docker was started on half a pool");
    // Debian's unit tries again three times within a minute, and then no more.
    host.wait_for("the start to be given up", Duration::from_secs(90), |host| {
        let state = host.sh("systemctl show -p ActiveState -p SubState docker.service")?;
        Ok(state.contains("ActiveState=failed").then_some(()))
    })?;
    let said = host.sh_timeout("thinguard preflight", Duration::from_secs(30))?.stdout;
    let Some((_, overrule)) = said
        .lines()
        .last()
        .and_then(|line| line.split_once("until the link is removed: "))
    else {
        bail!("a refusal does not end with the way past it:\n{said}");
    };
    let starts = "journalctl -b -u docker.service -o cat --no-pager | grep -c 'msg=\"Starting up\"'";
    let before = host.sh(starts)?;
    host.sh_timeout(overrule, Duration::from_secs(90))?;
    ensure!(host.sh(starts)? != before, "the printed line did not start dockerd");
    host.sh(
        "systemctl stop docker.service docker.socket; rm /etc/systemd/system/docker.service.d/50-thinguard.conf; \
         mv /root/metadata /var/lib/docker/devicemapper/devicemapper/ && systemctl daemon-reload && \
         systemctl reset-failed docker.service docker.socket",
    )?;
    let started = host.sh_timeout("systemctl start docker.service", Duration::from_secs(120))?;
    ensure!(started.ok(), "put right, Docker does not start: {started:?}");
    Ok(())
}

fn erased(host: &mut Host) -> Result<()> {
    let daemon = host.dockerd()?;
    host.sh(&format!("{RPM} -e thinguard-preflight thinguard"))?;
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    for (what, script) in [
        (
            "a drop-in",
            "systemctl show -p DropInPaths docker.service | grep thinguard",
        ),
        (
            "a line before the start",
            "systemctl show -p ExecStartPre docker.service | grep thinguard",
        ),
        (
            "an old reading of the unit",
            "systemctl show -p NeedDaemonReload docker.service | grep yes",
        ),
        ("a failed unit", "systemctl --failed --no-legend | grep thinguard"),
        ("a process", "pgrep -x thinguard"),
        // The edited settings are the administrator's and are kept under another name.
        (
            "a file",
            "find / -xdev -name '*thinguard*' ! -path '/root/*' ! -path '/etc/thinguard.toml.rpmsave' | grep .",
        ),
        ("/run/thinguard", "ls -d /run/thinguard"),
    ] {
        let left = host.sh_timeout(script, Duration::from_secs(60))?;
        ensure!(!left.ok(), "{what} is left: {}", left.stdout);
    }
    let restarted = host.sh_timeout("systemctl restart docker.service", Duration::from_secs(120))?;
    ensure!(restarted.ok(), "Docker does not restart: {restarted:?}");
    Ok(())
}
