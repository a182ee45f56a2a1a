//! The kill sweep: growth ended by SIGKILL around each call that changes something and at a sample of the others, and each call that could
//! fail failing in turn.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "kill-sweep",
        about: "growth killed around every change, and every call failing: the pool does I/O, nothing shrinks, the next run completes",
        snapshot: Snapshot::Running,
        slow: Some("each of a hundred and more system calls is struck in a growth of its own"),
        run: kill_sweep,
    },
    Scenario {
        name: "watch-growth-killed",
        about: "the guard's own growths killed at system call after system call: the pool does I/O, nothing shrinks, the guard grows on",
        snapshot: Snapshot::Running,
        slow: Some("the guard grows the pool once for each of thirty calls that are struck"),
        run: watch_growth_killed,
    },
];

const PRELUDE: &str = include_str!("kill_sweep.sh");

/// For one sweep; under emulation on a busy computer.
const SWEEP_LIMIT: Duration = Duration::from_secs(1200);

/// The calls of a growth that change something, in their order.
const CHANGES: &[&str] = &[
    "ftruncate",
    "msync",
    "ioctl:LOOP_SET_CAPACITY",
    "ioctl:DM_TABLE_LOAD",
    "ioctl:DM_DEV_SUSPEND",
];

/// Beside the calls around a change one in so many is struck. With this variable set every call of the child that grows is, and every
/// call that can fail fails with each error.
const ONE_IN: u32 = 6;
const EVERY_CALL: &str = "LAB_EVERY_CALL";

/// What one sweep did.
#[derive(Debug, Default)]
struct Swept {
    /// Names of the calls that were struck.
    calls: Vec<String>,
    by_itself: u32,
    by_the_next_run: u32,
}

fn kill_sweep(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.install_crash()?;
    host.sh(&format!("{PRELUDE}\nset -e\nprobe"))?;
    let daemon = host.dockerd()?;
    let changes = CHANGES.join("|");
    // Which calls fail with each error, and how many calls lie between two strikes.
    let (each_error, every, of_the_main) = match std::env::var_os(EVERY_CALL) {
        Some(_) => (".*", 1, 20),
        None => (changes.as_str(), ONE_IN, 40),
    };
    // The steps are small, for hundreds of growths of one pool. What fails at a file fails the same for both devices.
    for (what, steps, must_have) in [
        (
            "data growth killed",
            format!("kills data 1048576 '{changes}' {every}"),
            CHANGES,
        ),
        (
            "metadata growth killed",
            format!("kills metadata 65536 '{changes}' {every}"),
            CHANGES,
        ),
        (
            "a call of data growth failed",
            format!("failures data 1048576 'ioctl|openat|flock|.?truncate|.*sync' '{each_error}'"),
            CHANGES,
        ),
        (
            "a call of metadata growth failed",
            format!("failures metadata 65536 ioctl '{each_error}'"),
            &CHANGES[2..],
        ),
        (
            "main process of a growth killed",
            format!("main_process data 1048576 {of_the_main}"),
            &[],
        ),
    ] {
        let begun = Instant::now();
        let swept = sweep(host, &steps)?;
        figures.add(what, format!("{} times", swept.calls.len()), "");
        figures.add(
            "    then complete by itself, and by the next run",
            format!(
                "{} and {}, in {} s",
                swept.by_itself,
                swept.by_the_next_run,
                watch::seconds(begun)
            ),
            "",
        );
        for call in must_have {
            ensure!(
                swept.calls.iter().any(|struck| struck == call),
                "{what}: no {call} was struck"
            );
        }
        ensure!(swept.by_the_next_run > 0, "{what}: nothing was left for a next run");
    }
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}

fn watch_growth_killed(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.install_crash()?;
    host.sh(&format!("{PRELUDE}\nset -e\nprobe"))?;
    let daemon = host.dockerd()?;
    // Until a growth is asked for none is wanted.
    host.put(
        "/etc/thinguard.d/50-lab.toml",
        0o644,
        b"[data]\nbelow_free_percent = 0\n",
    )?;
    watch::start(host)?;
    let guard = "systemctl show -p MainPID -p NRestarts thinguard";
    let first = host.sh(guard)?;
    let begun = Instant::now();
    let swept = sweep(host, &format!("watched data {ONE_IN} '{}'", CHANGES.join("|")))?;
    figures.add(
        "the guard's growth of data killed",
        format!("{} times in {} s", swept.calls.len(), watch::seconds(begun)),
        "",
    );
    figures.add("    at", swept.calls.join(", "), "");
    for call in CHANGES {
        ensure!(swept.calls.iter().any(|struck| struck == call), "no {call} was struck");
    }
    figures.add(
        "    then complete by itself, and by the guard's next try",
        format!("{} and {}", swept.by_itself, swept.by_the_next_run),
        "",
    );
    ensure!(swept.by_the_next_run as usize >= CHANGES.len(), "{swept:?}");
    ensure!(
        (swept.by_itself + swept.by_the_next_run) as usize == swept.calls.len(),
        "{swept:?}"
    );
    ensure!(host.sh(guard)? == first, "the guard is another one");
    let journal = watch::journal(host)?;
    ensure!(
        journal.contains("deed-failed: grow the data device") && journal.contains("the child ended without an answer"),
        "no death was told:\n{journal}"
    );
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}

/// Runs one sweep of the script. Any case that went wrong fails it, with all of them told.
fn sweep(host: &mut Host, steps: &str) -> Result<Swept> {
    let output = host.sh_timeout(&format!("{PRELUDE}\n{steps}"), SWEEP_LIMIT)?;
    ensure!(output.ok(), "{steps}: {output:?}");
    let mut swept = Swept::default();
    let mut bad = Vec::new();
    for line in output.stdout.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["case", .., call] => swept.calls.push((*call).to_owned()),
            ["complete", "by-itself"] => swept.by_itself += 1,
            ["complete", "by-the-next-run"] => swept.by_the_next_run += 1,
            ["bad", ..] => bad.push(line),
            _ => bail!("{steps} said: {line}"),
        }
    }
    ensure!(
        bad.is_empty(),
        "{steps}: {} of {} went wrong:\n{}",
        bad.len(),
        bad.len() + swept.calls.len(),
        bad.join("\n")
    );
    Ok(swept)
}
