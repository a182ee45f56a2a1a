//! thinguard's own service in the guest: started, read, timed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::figures::Figures;
use crate::host::Host;

/// Starts the guard; returns once it has said READY.
pub fn start(host: &mut Host) -> Result<()> {
    host.sh("systemctl start thinguard").map(drop)
}

/// Settings that make an incident pass quickly: what takes a minute on a production host takes seconds here.
pub fn hurry(host: &mut Host) -> Result<()> {
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[restart]\nafter_silence = \"10s\"\n[watch]\ninterval = \"2s\"\nsilent_after = \"5s\"\nsettle = \"3s\"\n",
    )
}

/// A drop-in that has systemd wait for a heartbeat for 12 s instead of 30, and so the guard send one each 6 s.
pub const OFTEN: (&str, u32, &[u8]) = (
    "/etc/systemd/system/thinguard.service.d/lab.conf",
    0o644,
    b"[Service]\nWatchdogSec=12\n",
);

/// What the guard has said, a line each.
pub fn journal(host: &mut Host) -> Result<String> {
    host.sh("journalctl -b -t thinguard -o cat --no-pager")
}

/// Waits for a line that contains `part`, and gives the newest one.
pub fn await_line(host: &mut Host, part: &str, limit: Duration) -> Result<String> {
    await_lines(host, part, 1, limit)?;
    let journal = journal(host)?;
    let newest = journal.lines().rev().find(|line| line.contains(part));
    newest.map(str::to_owned).context("the journal has lost a line")
}

/// Waits until so many lines contain `part`; gives the last of them.
pub fn await_lines(host: &mut Host, part: &str, count: usize, limit: Duration) -> Result<String> {
    await_behind(host, 0, part, count, limit)
}

/// The same behind the first `skipped` lines. The guest itself waits, with one journalctl that follows the journal: to ask again and again
/// would take half of an emulated processor from those who are waited for.
pub fn await_behind(host: &mut Host, skipped: usize, part: &str, count: usize, limit: Duration) -> Result<String> {
    // sed looks ahead for the last line, and tail keeps lines back; mawk, told that it is interactive, takes each as it comes.
    let script = format!(
        "exec 3< <(exec journalctl -b -t thinguard -o cat --no-pager --follow --no-tail)
         part={} mawk -W interactive 'NR > {skipped} && index($0, ENVIRON[\"part\"]) \
         {{ print; if (++seen == {count}) exit }}' <&3
         kill $!",
        quoted(part)
    );
    let said = host.wait_by_script(&format!("the guard to say '{part}'"), &script, limit)?;
    said.lines().last().map(str::to_owned).context("no journal")
}

/// One word for the guest's shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Starts the guard on a host whose daemon hangs; gives the seconds until a `docker info` that was put before is answered, by the
/// guest's own clock.
pub fn start_and_await_info(host: &mut Host) -> Result<f64> {
    let uptime = "cut -d ' ' -f 1 /proc/uptime";
    let mut info = host.spawn(&format!("docker info > /dev/null && {uptime}"))?;
    let begun: f64 = host.sh(uptime)?.trim().parse()?;
    start(host)?;
    let answered = host.wait_for("docker info to answer", Duration::from_secs(60), |host| info.done(host))?;
    let answered: f64 = answered.stdout.trim().parse().context("docker info failed")?;
    Ok(answered - begun)
}

/// When the guard first said a line that contains `part`, by the guest's uptime in seconds.
pub fn first_said(host: &mut Host, part: &str) -> Result<f64> {
    let all = said_at(host, part)?;
    all.first().copied().with_context(|| format!("'{part}' was not said"))
}

/// The same, the last time.
pub fn last_said(host: &mut Host, part: &str) -> Result<f64> {
    let all = said_at(host, part)?;
    all.last().copied().with_context(|| format!("'{part}' was not said"))
}

fn said_at(host: &mut Host, part: &str) -> Result<Vec<f64>> {
    let lines = host.sh("journalctl -b -t thinguard -o short-monotonic --no-pager")?;
    let stamp = |line: &str| {
        line.trim_start_matches('[')
            .split(']')
            .next()
            .unwrap_or_default()
            .trim()
            .parse()
    };
    let said = lines.lines().filter(|line| line.contains(part));
    Ok(said.map(stamp).collect::<Result<_, _>>()?)
}

/// EL7's journald drops what a service writes beyond so much in 30 s (systemd 219: `RateLimitInterval=30s`, `RateLimitBurst=1000`).
const JOURNALD_TAKES: usize = 1000;

/// Fails if a journald of EL7's would have dropped lines of the guard; tells how many there were in the busiest 30 s.
pub fn stays_within_journalds_limit(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let said = said_at(host, " thinguard[")?;
    let within = |first: &f64| said.iter().filter(|at| (*first..first + 30.0).contains(*at)).count();
    let busiest = said.iter().map(within).max().unwrap_or(0);
    figures.add("lines of the guard in its busiest 30 s", busiest, "");
    ensure!(busiest < JOURNALD_TAKES, "{busiest} lines in 30 s");
    Ok(())
}

/// Seconds since, with a tenth.
pub fn seconds(since: Instant) -> String {
    format!("{:.1}", since.elapsed().as_secs_f32())
}
