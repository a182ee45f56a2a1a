//! Ends one process of thinguard with SIGKILL, lets one of its system calls fail, or does something before it, at a chosen call.
//!
//! strace's `inject` counts the calls of every process apart, and so its N-th call would also hit the main process, the helper
//! and every look. This hits one process alone: the child that does the deed, known by its opening of the lock, or the main
//! process.
//!
//! ```text
//! crash WHO WHAT -- PROGRAM [ARGUMENT...]    starts a program
//! crash WHO WHAT -p PID                      follows the children that this process makes from now on, and leaves when one was hit
//! WHO   deed | main
//! WHAT  list | kill CALL | fail CALL ERRNO | after CALL COMMAND
//! CALL  a number, which counts that process' calls from 1, from the lock or from the start; or a name, for the first of it
//! ```
//!
//! `crash io DEVICE BLOCK` writes 64 KiB past the page cache and reads them back.
//!
//! Prints `hit N NAME`, or `missed` where the process ended before that call; `list` prints each call. The call at which
//! a process is killed is not carried out; that of `after` waits until the shell has done the command.

mod calls;
mod io;
mod trace;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::unistd::Pid;

use trace::{At, Plan, Tracer, What, Who};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crash: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Seconds until this ends itself, and with it the program that it started.
const LIMIT: u32 = 60;

fn run() -> Result<()> {
    nix::unistd::alarm::set(LIMIT);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["io", device, block] = words.as_slice() {
        return io::write_and_read(device, block.parse()?);
    }
    let (who, rest) = match words.as_slice() {
        ["deed", rest @ ..] => (Who::Deed, rest),
        ["main", rest @ ..] => (Who::Main, rest),
        _ => bail!("say deed or main"),
    };
    let (what, rest) = match rest {
        ["list", rest @ ..] => (What::List, rest),
        ["kill", call, rest @ ..] => (What::Kill(at(call)), rest),
        ["fail", call, errno, rest @ ..] => (What::Fail(at(call), errno_of(errno)?), rest),
        ["after", call, command, rest @ ..] => (What::After(at(call), (*command).to_owned()), rest),
        _ => bail!("say list, kill CALL, fail CALL ERRNO or after CALL COMMAND"),
    };
    let plan = Plan { who, what };
    let tracer = match rest {
        ["-p", pid] => Tracer::follow(plan, Pid::from_raw(pid.parse()?))?,
        ["--", program, arguments @ ..] => Tracer::start(plan, Command::new(program).args(arguments))?,
        _ => bail!("say -p PID or -- PROGRAM"),
    };
    tracer.run().context("tracing")
}

fn at(call: &str) -> At {
    call.parse().map_or_else(|_| At::Name(call.to_owned()), At::Number)
}

fn errno_of(name: &str) -> Result<Errno> {
    Ok(match name {
        "EIO" => Errno::EIO,
        "ENOSPC" => Errno::ENOSPC,
        "EBUSY" => Errno::EBUSY,
        "EINTR" => Errno::EINTR,
        other => bail!("no such error is known here: {other}"),
    })
}
