//! Following a program and its children from system call to system call, and striking at the chosen one.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::calls;

/// The deed's child is the one that opens a path with this end.
const LOCK: &[u8] = b"/deed.lock";

/// The deed's child opens it among its first calls: a child that has made more is another one, and runs on without us.
const FIRST_CALLS: u64 = 16;

/// Whose calls are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Deed,
    Main,
}

/// Which call.
pub enum At {
    /// The one of this number, from 1.
    Number(u64),
    /// The first of this name.
    Name(String),
}

/// What happens at the chosen call.
pub enum What {
    List,
    Kill(At),
    Fail(At, Errno),
    /// This shell command runs first.
    After(At, String),
}

impl At {
    fn is(&self, number: u64, name: &str) -> bool {
        match self {
            At::Number(wanted) => *wanted == number,
            At::Name(wanted) => wanted == name,
        }
    }
}

pub struct Plan {
    pub who: Who,
    pub what: What,
}

/// What is known of one process.
#[derive(Default)]
struct Traced {
    /// 0 the program, 1 its helper, 2 the helper's children.
    generation: u32,
    /// Its last stop was at the beginning of a call.
    in_call: bool,
    /// It is the one whose calls are counted.
    chosen: bool,
    /// Calls seen; of the chosen one, those from its choice on.
    calls: u64,
    /// Set in the place of the call's result when the call returns.
    error: Option<Errno>,
}

pub struct Tracer {
    plan: Plan,
    /// The main process was there before, and outlives us.
    following: bool,
    processes: HashMap<Pid, Traced>,
    hit: bool,
}

impl Tracer {
    /// Starts a program, which dies with us.
    pub fn start(plan: Plan, command: &mut Command) -> Result<Tracer> {
        // SAFETY: between fork and exec this makes one system call and touches no memory of the parent.
        unsafe {
            command.pre_exec(|| ptrace::traceme().map_err(std::io::Error::from));
        }
        let child = command.spawn().context("cannot start the program")?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        waitpid(pid, None)?;
        ptrace::setoptions(pid, options() | Options::PTRACE_O_EXITKILL)?;
        let main = Traced {
            chosen: plan.who == Who::Main,
            ..Traced::default()
        };
        let tracer = Tracer {
            plan,
            following: false,
            processes: HashMap::from([(pid, main)]),
            hit: false,
        };
        tracer.go_on(pid, None)?;
        Ok(tracer)
    }

    /// Follows the children of a helper that runs.
    pub fn follow(plan: Plan, helper: Pid) -> Result<Tracer> {
        ptrace::seize(helper, options()).context("cannot follow the process")?;
        let known = Traced {
            generation: 1,
            ..Traced::default()
        };
        Ok(Tracer {
            plan,
            following: true,
            processes: HashMap::from([(helper, known)]),
            hit: false,
        })
    }

    /// Until all processes have ended; or, where we follow, until the chosen one has.
    pub fn run(mut self) -> Result<()> {
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => continue,
                Err(Errno::ECHILD) => break,
                other => other?,
            };
            match status {
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) => {
                    let chosen = self.processes.remove(&pid).is_some_and(|process| process.chosen);
                    if chosen && self.following {
                        break;
                    }
                }
                WaitStatus::PtraceSyscall(pid) => self.call(pid)?,
                // The first stop of a new child; later ones of the same kind are signals on their way.
                WaitStatus::Stopped(pid, signal) => {
                    let known = self.processes.contains_key(&pid);
                    self.learn(pid);
                    self.go_on(pid, known.then_some(signal))?;
                }
                WaitStatus::PtraceEvent(pid, ..) => {
                    self.learn(pid);
                    self.go_on(pid, None)?;
                }
                _ => {}
            }
        }
        if !self.hit && !matches!(self.plan.what, What::List) {
            println!("missed");
        }
        Ok(())
    }

    fn learn(&mut self, pid: Pid) {
        if self.processes.contains_key(&pid) {
            return;
        }
        let parent = parent(pid).and_then(|parent| self.processes.get(&parent));
        let generation = parent.map_or(2, |parent| parent.generation + 1);
        let new = Traced {
            generation,
            ..Traced::default()
        };
        self.processes.insert(pid, new);
    }

    /// Lets it run: to its next call where its calls matter, or else to its next signal or child.
    fn go_on(&self, pid: Pid, signal: Option<Signal>) -> Result<()> {
        let process = self.processes.get(&pid);
        let matters = process.is_some_and(|process| match self.plan.who {
            Who::Main => process.chosen,
            Who::Deed => process.chosen || (process.generation >= 2 && process.calls < FIRST_CALLS),
        });
        let went = match matters {
            true => ptrace::syscall(pid, signal),
            false => ptrace::cont(pid, signal),
        };
        match went {
            // Killed by someone meanwhile; its end is reported next.
            Err(Errno::ESRCH) => Ok(()),
            other => other.context("cannot let the process go on"),
        }
    }

    /// A stop at the beginning or the end of a call.
    fn call(&mut self, pid: Pid) -> Result<()> {
        match self.at_call(pid) {
            Ok(()) => self.go_on(pid, None),
            Err(error) if error.downcast_ref() == Some(&Errno::ESRCH) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn at_call(&mut self, pid: Pid) -> Result<()> {
        let Some(process) = self.processes.get_mut(&pid) else {
            return Ok(());
        };
        process.in_call = !process.in_call;
        if !process.in_call {
            if let Some(errno) = process.error.take() {
                let mut registers = ptrace::getregs(pid)?;
                registers.rax = (-(errno as i64)) as u64;
                ptrace::setregs(pid, registers)?;
            }
            return Ok(());
        }
        let mut registers = ptrace::getregs(pid)?;
        let call = registers.orig_rax;
        if !process.chosen && self.plan.who == Who::Deed && call == calls::OPENAT {
            process.chosen = path(pid, registers.rsi)?.ends_with(LOCK);
            process.calls = 0;
        }
        process.calls += 1;
        if !process.chosen {
            return Ok(());
        }
        let name = calls::name(call, registers.rsi);
        let number = process.calls;
        match &self.plan.what {
            What::List => println!("{number} {name}"),
            What::Kill(at) if !self.hit && at.is(number, &name) => {
                self.hit = true;
                println!("hit {number} {name}");
                kill(pid, Signal::SIGKILL)?;
            }
            What::Fail(at, errno) if !self.hit && at.is(number, &name) => {
                self.hit = true;
                println!("hit {number} {name}");
                // No such call: the kernel does nothing, and its ENOSYS is replaced at the end.
                registers.orig_rax = u64::MAX;
                ptrace::setregs(pid, registers)?;
                process.error = Some(*errno);
            }
            What::After(at, command) if !self.hit && at.is(number, &name) => {
                self.hit = true;
                println!("hit {number} {name}");
                let status = Command::new("sh").args(["-c", command]).status()?;
                ensure!(status.success(), "{command}: {status}");
            }
            What::Kill(_) | What::Fail(..) | What::After(..) => {}
        }
        Ok(())
    }
}

fn options() -> Options {
    Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEFORK
}

/// From /proc/PID/status.
fn parent(pid: Pid) -> Option<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok().map(Pid::from_raw)
}

/// A text in the process' memory, up to its NUL.
fn path(pid: Pid, address: u64) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    while text.len() < 4096 {
        let at = address + text.len() as u64;
        let word = ptrace::read(pid, at as ptrace::AddressType)?.to_ne_bytes();
        match word.iter().position(|byte| *byte == 0) {
            Some(end) => {
                text.extend_from_slice(&word[..end]);
                break;
            }
            None => text.extend_from_slice(&word),
        }
    }
    Ok(text)
}
