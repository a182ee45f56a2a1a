//! What befalls a host under soak, and how often.

use anyhow::{Result, ensure};

use super::{Dice, Soak};

/// One kind of step.
pub struct Step {
    pub what: &'static str,
    /// Among all weights, how often.
    weight: u64,
    pub act: fn(&mut Soak<'_>) -> Result<()>,
}

/// All kinds.
pub const STEPS: &[Step] = &[
    Step {
        what: "a container writes files",
        weight: 8,
        act: write,
    },
    Step {
        what: "a container deletes files",
        weight: 3,
        act: delete,
    },
    Step {
        what: "a container comes, writes and goes",
        weight: 3,
        act: churn,
    },
    Step {
        what: "the guard is killed",
        weight: 2,
        act: kill_guard,
    },
    Step {
        what: "the guard is restarted",
        weight: 1,
        act: restart_guard,
    },
    Step {
        what: "growth by hand is killed",
        weight: 3,
        act: kill_growth,
    },
    Step {
        what: "the pool is left suspended",
        weight: 1,
        act: suspend_pool,
    },
    Step {
        what: "the host filesystem is frozen for seconds",
        weight: 2,
        act: freeze,
    },
    Step {
        what: "dockerd is stopped by a signal for seconds",
        weight: 2,
        act: stop_daemon,
    },
    Step {
        what: "the host filesystem is full for seconds",
        weight: 2,
        act: fill_host,
    },
];

/// One of them, by weight.
pub fn choose(dice: &mut Dice) -> &'static Step {
    let mut left = dice.roll(STEPS.iter().map(|step| step.weight).sum());
    let chosen = STEPS.iter().find(|step| {
        let here = left < step.weight;
        left = left.saturating_sub(step.weight);
        here
    });
    chosen.unwrap_or(&STEPS[0])
}

fn write(soak: &mut Soak<'_>) -> Result<()> {
    let (container, files, mebibytes) = (soak.dice.roll(2), 1 + soak.dice.roll(3), 8 + soak.dice.roll(40));
    soak.sh(&format!("write keeper-{container} {files} {mebibytes}"))
        .map(drop)
}

fn delete(soak: &mut Soak<'_>) -> Result<()> {
    let container = soak.dice.roll(2);
    soak.sh(&format!("delete keeper-{container}")).map(drop)
}

fn churn(soak: &mut Soak<'_>) -> Result<()> {
    let mebibytes = 8 + soak.dice.roll(64);
    soak.sh(&format!("churn {mebibytes}")).map(drop)
}

fn kill_guard(soak: &mut Soak<'_>) -> Result<()> {
    soak.sh("systemctl kill -s KILL --kill-who=main thinguard")?;
    soak.expect_another_guard()
}

fn restart_guard(soak: &mut Soak<'_>) -> Result<()> {
    soak.sh("systemctl restart thinguard")?;
    soak.expect_another_guard()
}

fn kill_growth(soak: &mut Soak<'_>) -> Result<()> {
    let (call, mebibytes) = (1 + soak.dice.roll(45), 1 + soak.dice.roll(16));
    soak.sh(&format!("kill_growth {call} {mebibytes}")).map(drop)
}

fn suspend_pool(soak: &mut Soak<'_>) -> Result<()> {
    // Whoever resumes it is the guard: nobody else is there.
    soak.sh("dmsetup suspend --noflush $pool").map(drop)
}

fn freeze(soak: &mut Soak<'_>) -> Result<()> {
    let seconds = 2 + soak.dice.roll(6);
    soak.sh(&format!("freeze {seconds}")).map(drop)
}

fn stop_daemon(soak: &mut Soak<'_>) -> Result<()> {
    let seconds = 2 + soak.dice.roll(6);
    soak.sh(&format!("stop_daemon {seconds}")).map(drop)
}

fn fill_host(soak: &mut Soak<'_>) -> Result<()> {
    let seconds = 2 + soak.dice.roll(4);
    let said = soak.sh(&format!("fill_host {seconds}"))?;
    ensure!(said.trim() == "filled", "the host was not full: {said}");
    Ok(())
}
