//! The fault table: what each fault makes the guard say and do, and that its heart beats on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::host::Host;
use crate::watch;

/// One fault. Scripts run as root in the guest.
pub struct Case {
    /// For people.
    pub name: &'static str,
    /// Makes it.
    pub make: &'static str,
    /// Lines of the guard's journal with these parts must follow; with none, no finding may be told at all.
    pub said: &'static [&'static str],
    /// What the guard's status line must show meanwhile; empty: anything.
    pub shown: &'static str,
    /// The deeds that must be begun, and no others: the beginning of each one's words, and how it must end.
    pub done: &'static [(&'static str, Ends)],
    /// Takes the fault away.
    pub undo: &'static str,
    /// Lines that must follow then.
    pub over: &'static [&'static str],
}

/// How a deed ends.
#[derive(Clone, Copy)]
pub enum Ends {
    Done,
    Failed,
}

/// Looks come often, and a request counts as silent soon; but not what a daemon of an emulated host needs beside another one at work.
pub const HURRY: &str = "[watch]\ninterval = \"2s\"\nsilent_after = \"10s\"\n";

/// How long the guard may take to say it. Emulated hosts are slow.
const SAYS: Duration = Duration::from_secs(60);

/// More than systemd's own limit for the heartbeat: at that it ends the guard, and another one is found in its place.
const BEAT: Duration = Duration::from_secs(60);

/// Goes through the cases on one host, on which the guard runs.
pub fn run(host: &mut Host, cases: &[Case]) -> Result<()> {
    let guard = who(host)?;
    for case in cases {
        one(host, case, &guard).with_context(|| format!("fault '{}'", case.name))?;
        println!("    fault '{}': {} deeds, heartbeat", case.name, case.done.len());
    }
    Ok(())
}

fn one(host: &mut Host, case: &Case, guard: &str) -> Result<()> {
    let before = lines(host)?.len();
    host.sh(case.make).context("making it")?;
    for part in case.said {
        await_new(host, before, part)?;
    }
    if !case.shown.is_empty() {
        shows(host, case.shown)?;
    }
    for (deed, ends) in case.done {
        let ends = match ends {
            Ends::Done => "deed-done",
            Ends::Failed => "deed-failed",
        };
        await_new(host, before, &format!("{ends}: {deed}"))?;
    }
    // Whatever it was, judgement goes on with it.
    beats(host, guard)?;
    let new = lines(host)?.split_off(before);
    for begun in new.iter().filter_map(|line| line.strip_prefix("deed-begun: ")) {
        ensure!(
            case.done.iter().any(|(wanted, _)| begun.starts_with(wanted)),
            "a deed that nothing asked for: {begun}"
        );
    }
    // The lines of a bundle are indented: the pool's history may have the same moment twice in one second.
    for line in new.iter().filter(|line| !line.starts_with(' ')) {
        let times = new.iter().filter(|other| *other == line).count();
        ensure!(times <= 2, "said {times} times: {line}");
    }
    if case.said.is_empty() && case.done.is_empty() {
        ensure!(new.is_empty(), "it is no fault to the guard, and yet: {new:?}");
    }
    let before = lines(host)?.len();
    host.sh(case.undo).context("taking it away")?;
    for part in case.over {
        await_new(host, before, part)?;
    }
    if case.said.is_empty() {
        // What is said proves as much.
        beats(host, guard)?;
    }
    Ok(())
}

/// What the guard has said so far.
pub fn lines(host: &mut Host) -> Result<Vec<String>> {
    Ok(watch::journal(host)?.lines().map(str::to_owned).collect())
}

/// Waits for a line with this part behind the first `before` lines.
pub fn await_new(host: &mut Host, before: usize, part: &str) -> Result<()> {
    let said = watch::await_behind(host, before, part, 1, SAYS);
    said.map(drop).or_else(|error| {
        let new = lines(host)?.split_off(before);
        Err(error).with_context(|| format!("it said {new:?}"))
    })
}

/// Waits until the status line has this part.
pub fn shows(host: &mut Host, part: &str) -> Result<()> {
    host.wait_for(&format!("the status line to show '{part}'"), SAYS, |host| {
        let status = host.sh("systemctl show -p StatusText --value thinguard")?;
        Ok(status.contains(part).then_some(()))
    })
}

/// Which guard it is.
pub fn who(host: &mut Host) -> Result<String> {
    Ok(heart(host)?.0)
}

/// Which guard it is, and when systemd heard of it last.
fn heart(host: &mut Host) -> Result<(String, u64)> {
    let said = host.sh("systemctl show -p MainPID -p NRestarts -p WatchdogTimestampMonotonic thinguard")?;
    let value = |name: &str| -> Result<String> {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.with_context(|| format!("no {name} in {said}"))?.to_owned())
    };
    let guard = format!("process {}, start {}", value("MainPID=")?, value("NRestarts=")?);
    Ok((guard, value("WatchdogTimestampMonotonic=")?.parse()?))
}

/// Waits for the next heartbeat of that same guard.
pub fn beats(host: &mut Host, guard: &str) -> Result<()> {
    let last = heart(host)?.1;
    host.wait_for("a heartbeat", BEAT, |host| {
        let (now, beat) = heart(host)?;
        ensure!(now == guard, "the guard was {guard} and is {now}");
        Ok((beat > last).then_some(()))
    })
}
