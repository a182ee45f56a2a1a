//! `cargo lab pictures`: the pictures of README, made from what a real host said.

mod svg;

use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::host::Host;
use crate::machine::Snapshot;
use crate::paths::Paths;
use crate::{fault, snapshots, watch};

/// What a prompt looks like, in bold.
const PROMPT: &str = "\u{1b}[1m# ";
const OFF: &str = "\u{1b}[0m";
/// Columns of the pictures. Longer lines are wrapped, as a terminal does.
const COLUMNS: usize = 110;

/// Makes all of them anew, in `packaging/pictures`.
pub fn pictures() -> Result<ExitCode> {
    let mut host = snapshots::restored(Snapshot::Low)?;
    host.build_guard()?;
    let cured = cured(&mut host)?;
    keep(
        "hang-cured",
        "dockerd hangs, thinguard is started, dockerd answers",
        &cured,
    )?;
    host.restore(Snapshot::Running);
    let filling = status(&mut host)?;
    keep("status", "thinguard status while two containers write", &filling)?;
    Ok(ExitCode::SUCCESS)
}

fn keep(name: &str, title: &str, screen: &str) -> Result<()> {
    let path = Paths::find()?.root.join(format!("packaging/pictures/{name}.svg"));
    fs::write(&path, svg::terminal(title, screen, COLUMNS))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// A command at the prompt with what it prints there. A time limit stands for the reader's patience.
fn shown(host: &mut Host, command: &str) -> Result<String> {
    let output = host.sh_timeout(&terminal(command), Duration::from_secs(60))?;
    Ok(format!("{PROMPT}{command}{OFF}\n{}", output.stdout.replace('\r', "")))
}

/// So that the command has a terminal, and says what it says on one.
fn terminal(command: &str) -> String {
    format!(
        "TERM=xterm LANG=C.UTF-8 script --quiet --return --command 'stty cols {COLUMNS}; {command}' /dev/null < /dev/null"
    )
}

/// The hang of the field reports, and its cure.
fn cured(host: &mut Host) -> Result<String> {
    let mut hang = fault::hang_dockerd(host, Duration::from_secs(5))?;
    host.install_guard()?;
    let task = format!(
        "ps -Lo pid,stat,wchan:24,comm {} | grep -e STAT -e \" D\"",
        hang.daemon.pid
    );
    let mut screen = shown(host, "timeout 20 docker info || echo no answer")?;
    screen += &shown(host, &task)?;
    screen += &format!("{PROMPT}systemctl start thinguard{OFF}\n");
    let seconds = watch::start_and_await_info(host)?;
    host.wait_for("docker rm to come back", Duration::from_secs(60), |host| {
        hang.remove.done(host)
    })?;
    ensure!(host.dockerd()? == hang.daemon, "dockerd was restarted");
    // Without the evidence, which would fill the page.
    screen += &shown(
        host,
        "journalctl -t thinguard -o cat --no-pager | grep -e ^guard- -e ^pool- -e ^deed-",
    )?;
    screen += &shown(host, "docker info --format \"it answers, on {{.Driver}}\"")?;
    screen += &shown(host, "systemctl show -p MainPID docker")?;
    println!("docker info answered {seconds:.1} s after the guard's start");
    Ok(screen)
}

/// The status of a pool that fills, with its guard.
fn status(host: &mut Host) -> Result<String> {
    host.install_guard()?;
    watch::start(host)?;
    for name in ["web", "database"] {
        host.sh(&format!(
            "docker run -d --name {name} --network none busybox sh -c \
             'i=0; while [ $i -lt 400 ]; do dd if=/dev/zero of=/f$i bs=1M count=2 oflag=direct; i=$((i + 1)); sleep 1; done; exec sleep 100000'"
        ))?;
    }
    // Long enough for a rate, and for one growth.
    watch::await_line(host, "deed-done", Duration::from_secs(240))?;
    thread::sleep(Duration::from_secs(40));
    shown(host, "thinguard status")
}
