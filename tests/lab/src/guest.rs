//! Scripts in the guest: started, waited for, and killed when their time is over.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use crate::machine::Machine;

/// How long a restored guest may take to answer. Measured 1.3 s under TCG.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long a killed script may take to be reaped before it is given up as stuck in the kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);

/// What a script left. `code` is `None` when its time was over and it was killed.
#[derive(Debug, Clone)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// A snapshot's clock stands at the time it was made.
pub fn set_clock(machine: &mut Machine) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    sh(
        machine,
        &format!("date -s @{}.{:03}", now.as_secs(), now.subsec_millis()),
        ANSWER_LIMIT,
    )
    .map(drop)
}

pub fn sh(machine: &mut Machine, script: &str, limit: Duration) -> Result<String> {
    let output = run(machine, script, limit)?;
    match output.code {
        Some(0) => Ok(output.stdout),
        Some(code) => bail!(
            "in the guest: exit code {code} of\n{script}\n{}{}",
            output.stdout,
            output.stderr
        ),
        None => {
            bail!(
                "in the guest: not done after {} s:\n{script}\n{}{}",
                limit.as_secs(),
                output.stdout,
                output.stderr
            )
        }
    }
}

pub fn run(machine: &mut Machine, script: &str, limit: Duration) -> Result<Output> {
    let pid = start(machine, script)?;
    if let Some(output) = await_end(machine, pid, limit)? {
        return Ok(output);
    }
    machine.agent.exec("/bin/kill", &["-KILL", "--", &format!("-{pid}")])?;
    let partial = await_end(machine, pid, REAP_LIMIT)?;
    let (stdout, stderr) = partial.map(|output| (output.stdout, output.stderr)).unwrap_or_default();
    Ok(Output {
        code: None,
        stdout,
        stderr,
    })
}

/// A session of its own makes the script's pid the process group that a timeout kills.
pub fn start(machine: &mut Machine, script: &str) -> Result<i64> {
    machine.agent.exec("/usr/bin/setsid", &["/bin/bash", "-c", script])
}

fn await_end(machine: &mut Machine, pid: i64, limit: Duration) -> Result<Option<Output>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(output) = poll(machine, pid)? {
            return Ok(Some(output));
        }
        let waited = begun.elapsed();
        if waited > limit {
            return Ok(None);
        }
        thread::sleep(pause);
        // The agent writes a line to the guest's journal for each question: what takes long is asked about the more rarely.
        pause = (pause * 2).min((waited / 16).clamp(Duration::from_millis(100), Duration::from_secs(1)));
    }
}

pub fn poll(machine: &mut Machine, pid: i64) -> Result<Option<Output>> {
    let ended = machine.agent.exec_status(pid)?;
    Ok(ended.map(|ended| Output {
        code: Some(ended.code),
        stdout: ended.stdout,
        stderr: ended.stderr,
    }))
}
