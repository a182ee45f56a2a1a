//! One line for each long step with the time it took, and outside commands that are logged and bounded in time.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};

use crate::{cleanup, times};

/// Does one step of the preparations and tells how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whole lines, since others may be written meanwhile.
    eprintln!("lab: {what} ...");
    let begun = Instant::now();
    let done = work();
    let took = begun.elapsed();
    times::note_step(what, took);
    let end = if done.is_ok() { "done in" } else { "failed after" };
    eprintln!("lab: {what}: {end} {:.1} s", took.as_secs_f32());
    done
}

/// Runs a command with its output appended to `log`; shows the end of the log when it fails.
pub fn logged(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let mut file = append_to(log)?;
    writeln!(file, "\n+ {command:?}")?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = run(command, limit)?;
    if !status.success() {
        bail!(
            "{} failed ({status}); the end of {}:\n{}",
            name(command),
            log.display(),
            tail(log, 25)
        );
    }
    Ok(())
}

/// Runs a command that must succeed and gives its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", name(command)))?;
    if !done.status.success() {
        bail!(
            "{command:?} failed ({}): {}",
            done.status,
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Runs a command to its end, or kills it when `limit` has passed.
pub fn run(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    let mut child = cleanup::spawn_tied(command, Signal::SIGTERM)?;
    let status = wait(&mut child, limit);
    if status.is_err() {
        end(&mut child);
    }
    cleanup::forget_child(&child);
    status.with_context(|| name(command))
}

/// Waits for a child without ever waiting longer than `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > limit {
            bail!("not done after {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// SIGTERM first: mmdebstrap takes down its mounts on that.
fn end(child: &mut Child) {
    let _ = kill(cleanup::pid_of(child), Signal::SIGTERM);
    if wait(child, Duration::from_secs(20)).is_err() {
        let _ = child.kill();
        let _ = wait(child, Duration::from_secs(5));
    }
}

/// Opens a log for appending.
pub fn append_to(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}

/// The last `lines` lines of a file, as far as it can be read.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
