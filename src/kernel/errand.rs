//! Errands: work that may never return, done by a child process so that the caller cannot hang with it.
//!
//! A small helper is forked once at start, while all is well. For each errand it forks a child, without exec, which does
//! the work, writes its answer into a pipe and ends. The caller polls the pipe. A child that enters D state is left alone:
//! its pipe stays open and silent, and that silence is what the caller reports. Threads would not do: one thread in D state
//! keeps its whole process from ending, and so keeps systemd from restarting the guard.

mod request;
mod slot;
mod undone;

pub use request::{Kind, Request, answer, decode, encode};
pub use slot::Slot;
pub use undone::Undone;

use super::memory;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, setpgid};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::catch_unwind;
use std::time::Duration;

/// What a child does: a request's kind and bytes in, answer bytes out. It may block for ever; it must not assume anything that the
/// caller learnt after the helper was forked.
pub type Worker = fn(Kind, &[u8]) -> Vec<u8>;

/// Largest request, in bytes. Requests are names and paths, never contents.
const MAX_REQUEST: usize = 64 * 1024;

/// Largest answer, in bytes; more than this from a child is a fault, not an answer (`/info` of a large host is some 20 KiB).
const MAX_ANSWER: usize = 8 << 20;

/// The caller's end of the helper.
#[derive(Debug)]
pub struct Porter {
    socket: OwnedFd,
}

impl Porter {
    /// Forks the helper. To be called once, before any thread is started and before the surroundings can turn bad. `locked` keeps
    /// its memory from being swapped out: a helper whose pages must come from a hung disk sends nobody any more.
    ///
    /// # Errors
    /// When the kernel refuses a socket pair or a process.
    pub fn start(worker: Worker, locked: bool) -> io::Result<Porter> {
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
            .map_err(io::Error::from)?;
        // SAFETY: the process has a single thread (the rule of this function), so the child may allocate and lock.
        match unsafe { fork() }.map_err(io::Error::from)? {
            ForkResult::Parent { .. } => Ok(Porter { socket: ours }),
            ForkResult::Child => {
                drop(ours);
                let_go_of_output(locked);
                if locked {
                    // The caller tells of the same refusal for itself.
                    let _ = memory::lock();
                }
                let _ = catch_unwind(|| serve(theirs, worker));
                end_process()
            }
        }
    }

    /// Sends a child out with this request. Does not wait for anything.
    ///
    /// # Errors
    /// [`Undone::NotSent`]: the helper is gone, it has too many requests waiting, or no pipe is to be had.
    pub fn send(&self, request: &Request) -> Result<Errand, Undone> {
        self.try_send(request)
            .map_err(|error| Undone::NotSent(error.to_string()))
    }

    fn try_send(&self, request: &Request) -> io::Result<Errand> {
        if request.body.len() >= MAX_REQUEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "errand request is too large",
            ));
        }
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let fds = [writer.as_raw_fd()];
        sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(&[request.kind as u8]), IoSlice::new(&request.body)],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(Errand {
            pipe: reader.into(),
            answer: Vec::new(),
        })
    }

    /// Becomes readable when the helper has died.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How far an errand is.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// The child is still at it, or stuck.
    Pending,
    /// The child ended and this is all that it said.
    Answered(Vec<u8>),
    /// The child ended without an answer, or said too much.
    Lost,
}

/// One child on its way.
#[derive(Debug)]
pub struct Errand {
    pipe: std::fs::File,
    answer: Vec<u8>,
}

impl Errand {
    /// Readable when there is progress.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Takes what has arrived. Never blocks.
    pub fn progress(&mut self) -> Progress {
        let mut chunk = [0; 4096];
        loop {
            match self.pipe.read(&mut chunk) {
                Ok(0) if self.answer.is_empty() => return Progress::Lost,
                Ok(0) => return Progress::Answered(std::mem::take(&mut self.answer)),
                Ok(n) if self.answer.len() + n > MAX_ANSWER => return Progress::Lost,
                Ok(n) => self.answer.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Pending,
                Err(_) => return Progress::Lost,
            }
        }
    }
}

/// The one wait for children and signals: until one of these is readable or the time is over. Tells which are readable.
///
/// # Errors
/// The kernel refuses; being interrupted is none.
pub fn wait<'a>(fds: impl IntoIterator<Item = BorrowedFd<'a>>, longest: Duration) -> nix::Result<Vec<bool>> {
    let timeout = PollTimeout::try_from(longest.as_millis().max(1)).unwrap_or(PollTimeout::MAX);
    let mut fds: Vec<_> = fds.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(fds.iter().map(|fd| fd.any().unwrap_or(false)).collect()),
        Err(error) => Err(error),
    }
}

/// The helper's life: one child for each request, until the caller is gone.
fn serve(socket: OwnedFd, worker: Worker) {
    restore_signals();
    // Ctrl-C at a terminal is for the caller, who decides what becomes of errands; it must not tear a deed in two.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    let mut request = vec![0; MAX_REQUEST];
    loop {
        let Some((length, answer_to)) = receive(&socket, &mut request) else {
            return;
        };
        // SAFETY: the helper has a single thread.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                // Or a child that outlives the helper would hide from the caller that the helper has died.
                drop(socket);
                let work = || Some(worker(Kind::from_byte(request[0])?, &request[1..length]));
                let answer = catch_unwind(work).ok().flatten().unwrap_or_default();
                let _ = std::fs::File::from(answer_to).write_all(&answer);
                end_process()
            }
            // A refused fork shows as an errand that is lost: the pipe closes here.
            Ok(ForkResult::Parent { .. }) | Err(_) => drop(answer_to),
        }
    }
}

/// Waits for the next request and the pipe to answer it; `None` when the caller has gone.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(usize, OwnedFd)> {
    loop {
        let mut space = cmsg_space!([std::os::fd::RawFd; 1]);
        let mut parts = [IoSliceMut::new(buffer)];
        let message = match recvmsg::<()>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ) {
            Err(Errno::EINTR) => continue,
            // A host short of memory is no reason to leave it unguarded.
            Err(Errno::ENOMEM | Errno::ENOBUFS) => {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            Err(_) => return None,
            Ok(message) => message,
        };
        if message.bytes == 0 {
            return None;
        }
        let fd = message.cmsgs().ok()?.find_map(|part| match part {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        })?;
        // SAFETY: the kernel has just made this descriptor for us and nobody else knows of it.
        return Some((message.bytes, unsafe { OwnedFd::from_raw_fd(fd) }));
    }
}

/// A child that is stuck must not hold the pipe open that a caller of the command reads to its end: monitoring would hang with it.
/// The guard's own children keep its standard error, which is the journal and has no end.
fn let_go_of_output(keep_errors: bool) {
    // A host without /dev/null has the streams as they were.
    let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") else {
        return;
    };
    let _ = dup2_stdin(&null).and_then(|()| dup2_stdout(&null));
    if !keep_errors {
        let _ = dup2_stderr(&null);
    }
}

/// Children are reaped by the kernel, and the caller's blocked signals do not concern the helper.
fn restore_signals() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::SA_NOCLDWAIT, SigSet::empty());
    // SAFETY: SIG_IGN runs no code.
    let _ = unsafe { sigaction(Signal::SIGCHLD, &ignore) };
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// Ends a forked process at once: no destructors or exit handlers of the process it was forked from.
fn end_process() -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { nix::libc::_exit(0) }
}

#[cfg(test)]
mod tests;
