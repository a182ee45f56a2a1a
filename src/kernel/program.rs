//! A program run to hear what it says, for no longer than a given time. For errands only: to start a program may itself block.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// More than this nobody who is asked for one line says.
const MOST_SAID: usize = 64 << 10;

/// What a program complains about in a few lines.
const MOST_COMPLAINT: usize = 4 << 10;

/// Characters of a line that are worth repeating.
const LONGEST_WORDS: usize = 200;

/// What a program left.
#[derive(Debug)]
pub struct Heard {
    /// Its standard output, whole.
    pub said: Vec<u8>,
    /// The beginning of what it wrote to its standard error.
    pub complaint: Vec<u8>,
    /// How it ended.
    pub status: ExitStatus,
}

/// Runs a program as [`hear`] does, and takes what it says if it succeeds.
///
/// # Errors
/// As [`hear`], or the program fails.
pub fn says(program: &Path, arguments: &[&str], limit: Duration) -> io::Result<Vec<u8>> {
    let heard = hear(program, arguments, limit, MOST_SAID)?;
    match heard.status.success() {
        true => Ok(heard.said),
        false => Err(io::Error::other(heard.status.to_string())),
    }
}

/// Runs a program without environment, terminal or input, and takes what it writes to its standard output until it closes it, at most
/// `most` bytes. One that is not done in time is killed and not waited for: it may be in D state.
///
/// # Errors
/// The program cannot be started, says too much (`InvalidData`) or takes too long (`TimedOut`).
pub fn hear(program: &Path, arguments: &[&str], limit: Duration, most: usize) -> io::Result<Heard> {
    let until = Instant::now() + limit;
    let mut child = plain(program, arguments)?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (Some(mut output), Some(mut errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut complaint = Vec::new();
    let said = listen(&mut output, &mut errors, &mut complaint, until, most);
    // Who has closed its output ends at once, or is none that we know.
    while said.is_ok() && Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            // What it said last; a child of its own that has the pipe still is not waited for.
            while is_ready(&errors) && drain(&mut errors, &mut complaint)? {}
            return said.map(|said| Heard {
                said,
                complaint,
                status,
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    said.and(Err(io::ErrorKind::TimedOut.into()))
}

/// Runs a program that changes something to its end, however long that takes: to kill it could leave the change half made. Gives
/// the last of its words on either output.
///
/// # Errors
/// The program cannot be started, or it fails; the text is what it said.
pub fn does(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let output = plain(program, arguments)?.output()?;
    let words: Vec<_> = [&output.stdout, &output.stderr]
        .into_iter()
        .flat_map(|bytes| last_line(bytes))
        .collect();
    match output.status.success() {
        true => Ok(words.join("; ")),
        false => Err(io::Error::other(format!("{}: {}", output.status, words.join("; ")))),
    }
}

/// A program without environment, terminal or input.
fn plain(program: &Path, arguments: &[&str]) -> io::Result<Command> {
    let usual = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // An errand has the kernel reap its children, and then no one can tell how they ended.
    // SAFETY: SIG_DFL runs no code.
    unsafe { sigaction(Signal::SIGCHLD, &usual) }?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null());
    Ok(command)
}

/// The last line that says anything, cut to a length fit for a message.
fn last_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().take(LONGEST_WORDS).collect())
}

/// Reads all of `output`. What comes from `errors` is taken too, or the program would wait for a reader.
fn listen(
    output: &mut (impl Read + AsFd),
    errors: &mut (impl Read + AsFd),
    complaint: &mut Vec<u8>,
    until: Instant,
    most: usize,
) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    let mut may_complain = true;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let (spoke, complained) = {
            let mut fds = vec![PollFd::new(output.as_fd(), PollFlags::POLLIN)];
            if may_complain {
                fds.push(PollFd::new(errors.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Err(nix::errno::Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => {}
            }
            let ready = |at: usize| fds.get(at).and_then(PollFd::any).unwrap_or(false);
            (ready(0), ready(1))
        };
        if complained {
            may_complain = drain(errors, complaint)?;
        }
        if spoke {
            match output.read(&mut chunk)? {
                0 => return Ok(said),
                n if said.len() + n > most => return Err(io::ErrorKind::InvalidData.into()),
                n => said.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            }
        }
    }
}

/// Takes one read's worth, and keeps the beginning of it all; whether there may be more.
fn drain(errors: &mut impl Read, complaint: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    let n = errors.read(&mut chunk)?;
    let room = MOST_COMPLAINT.saturating_sub(complaint.len()).min(n);
    complaint.extend_from_slice(chunk.get(..room).unwrap_or_default());
    Ok(n > 0)
}

/// Whether a read returns at once.
fn is_ready(pipe: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> io::Result<Vec<u8>> {
        says(Path::new("/bin/sh"), &["-c", script], limit)
    }

    #[test]
    fn what_is_said_is_heard() {
        let long = Duration::from_secs(20);
        assert_eq!(shell("echo a; echo no >&2; echo b", long).unwrap(), b"a\nb\n");
        assert_eq!(shell("cat", long).unwrap(), b"", "there is no input");
        assert_eq!(shell("echo $HOME$DOCKER_HOST; pwd", long).unwrap(), b"\n/\n");
        assert!(shell("echo a; exit 3", long).is_err());
        assert_eq!(
            shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", long)
                .unwrap_err()
                .kind(),
            io::ErrorKind::InvalidData
        );
        assert!(says(Path::new("/no/such/program"), &[], long).is_err());
    }

    #[test]
    fn complaints_are_heard_and_cut() {
        let heard = |script: &str| hear(Path::new("/bin/sh"), &["-c", script], Duration::from_secs(20), 10).unwrap();
        let both = heard("echo a; echo b >&2; exit 7");
        assert_eq!(
            (both.said.as_slice(), both.complaint.as_slice()),
            (&b"a\n"[..], &b"b\n"[..])
        );
        assert_eq!(both.status.code(), Some(7));
        // After the output is closed, and more than a pipe holds before it is.
        assert_eq!(heard("exec >&-; echo late >&2").complaint, b"late\n");
        let flood = heard(
            "i=0; while [ $i -lt 4000 ]; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2; i=$((i+1)); done; echo end",
        );
        assert_eq!(
            (flood.said.as_slice(), flood.complaint.len()),
            (&b"end\n"[..], MOST_COMPLAINT)
        );
        // A child that goes on with the error pipe alone holds nobody up.
        let began = Instant::now();
        assert_eq!(heard("sleep 15 >/dev/null & echo a").said, b"a\n");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_is_done_is_waited_for() {
        let done = |script: &str| does(Path::new("/bin/sh"), &["-c", script]);
        assert_eq!(done("echo a; echo; echo '  b '; echo c >&2").unwrap(), "b; c");
        assert_eq!(done("sleep 0.1; echo $HOME").unwrap(), "");
        let refused = done("echo before; echo 'no room' >&2; exit 5").unwrap_err().to_string();
        assert!(refused.contains("exit status: 5: before; no room"), "{refused}");
        assert!(does(Path::new("/no/such/program"), &[]).is_err());
    }

    #[test]
    fn who_does_not_end_is_not_waited_for() {
        for script in [
            "exec sleep 60",
            "echo a; exec sleep 60",
            "exec sleep 60 >/dev/null",
            "trap '' TERM; exec sleep 60 >&-",
        ] {
            let began = Instant::now();
            let error = shell(script, Duration::from_millis(200)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}");
            assert!(began.elapsed() < Duration::from_secs(10));
        }
    }
}
