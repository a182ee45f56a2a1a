//! What the journal has of the guard, read back: its own lines and nobody else's.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Scenario;
use crate::figures::Figures;
use crate::host::{Host, Output};
use crate::machine::Snapshot;
use crate::{fault, watch};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "history-tells-what-was-done",
    about: "thinguard history: incidents and deeds in their order, forged lines left out, and clear words where nothing can be read",
    snapshot: Snapshot::Running,
    slow: None,
    run: history_tells_what_was_done,
}];

/// `MESSAGE_ID` of deeds that are done, which programs rely on.
const DEED_DONE: &str = "d0ffe7980c144ad189cb93fd263c27b2";

fn history_tells_what_was_done(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let said = exits(host, "thinguard history", 0)?;
    ensure!(
        said.stdout.is_empty() && said.stderr.contains("no incident"),
        "{said:?}"
    );

    watch::start(host)?;
    fault::ballast(host, 64 << 20)?;
    watch::await_line(host, "deed-done: grow the data device", Duration::from_secs(60))?;
    // Anyone may write to the journal whatever he likes.
    host.sh(&format!(
        "printf 'MESSAGE_ID={DEED_DONE}\\nSYSLOG_IDENTIFIER=thinguard\\nTHINGUARD_CODE=deed-done\\n_UID=0\\nMESSAGE=forged\\n' | \
         setpriv --reuid=65534 --regid=65534 --clear-groups logger --journald"
    ))?;
    ensure!(
        host.sh(&format!("journalctl -o cat MESSAGE_ID={DEED_DONE}"))?
            .contains("forged"),
        "the journal has not taken the forged line"
    );

    let said = exits(host, "thinguard history", 0)?.stdout;
    println!(
        "{}",
        said.lines().map(|line| format!("    {line}\n")).collect::<String>()
    );
    ensure!(!said.contains("forged"), "{said}");
    let place = |part: &str| said.find(part).with_context(|| format!("no '{part}' in:\n{said}"));
    ensure!(place("  deed-begun")? < place("  deed-done")?, "{said}");
    ensure!(
        !said.contains("guard-started") && !said.contains("evidence-kept"),
        "{said}"
    );

    let lines = exits(host, "thinguard history --since=-1h --json", 0)?.stdout;
    let done = lines
        .lines()
        .map(serde_json::from_str::<Value>)
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .find(|line| line["event"] == "deed-done")
        .context("no deed in JSON")?;
    ensure!(
        done["deed"]
            .as_str()
            .is_some_and(|deed| deed.starts_with("grow the data device")),
        "{done}"
    );
    local_time_is_shown(host, done["time"].as_str().context("no time")?)?;

    let said = exits(host, "thinguard history --since=2099-01-01", 0)?;
    ensure!(said.stdout.is_empty(), "{said:?}");
    let said = exits(host, "thinguard history --since=whenever", 64)?;
    ensure!(said.stderr.contains("--since"), "{said:?}");
    let said = exits(
        host,
        "setpriv --reuid=65534 --regid=65534 --clear-groups thinguard history",
        3,
    )?;
    ensure!(said.stderr.contains("run it as root"), "{said:?}");
    host.sh("mv /usr/bin/journalctl /usr/bin/journalctl.away")?;
    let said = exits(host, "thinguard history", 3)?;
    ensure!(said.stderr.contains("there is no journalctl"), "{said:?}");
    Ok(())
}

/// Five and a half hours ahead of UTC, whatever the host's own zone.
fn local_time_is_shown(host: &mut Host, time: &str) -> Result<()> {
    let said = exits(host, "TZ=LAB-05:30 thinguard history", 0)?.stdout;
    let wanted = host.sh(&format!("TZ=LAB-05:30 date -d {time} '+%F %T'"))?;
    ensure!(
        said.lines().any(|line| line.starts_with(wanted.trim())),
        "no line of {wanted}:\n{said}"
    );
    Ok(())
}

fn exits(host: &mut Host, command: &str, code: i32) -> Result<Output> {
    let output = host.sh_timeout(command, Duration::from_secs(40))?;
    ensure!(
        output.code == Some(code),
        "`{command}` was to exit with {code}: {output:?}"
    );
    Ok(output)
}
