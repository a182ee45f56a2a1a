//! A program run to hear what it says, for no longer than a given time. For errands only: to start a program may itself block.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// More than this nobody who is asked for one line says.
const MOST_SAID: usize = 64 << 10;

/// Characters of a line that are worth repeating.
const LONGEST_WORDS: usize = 200;

/// Runs a program without environment, terminal or input, and takes what it writes to its standard output until it closes it. One
/// that is not done in time is killed and not waited for: it may be in D state.
///
/// # Errors
/// The program cannot be started, fails, says too much (`InvalidData`) or takes too long (`TimedOut`).
pub fn says(program: &Path, arguments: &[&str], limit: Duration) -> io::Result<Vec<u8>> {
    let until = Instant::now() + limit;
    let mut child = plain(program, arguments)?
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let said = match child.stdout.take() {
        Some(mut output) => listen(&mut output, until),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    };
    // Who has closed its output ends at once, or is none that we know.
    while said.is_ok() && Instant::now() < until {
        match child.try_wait()? {
            Some(status) if status.success() => return said,
            Some(status) => return Err(io::Error::other(status.to_string())),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
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

fn listen(output: &mut (impl Read + AsFd), until: Instant) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(output.as_fd(), PollFlags::POLLIN)], timeout) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => {}
        }
        match output.read(&mut chunk)? {
            0 => return Ok(said),
            n if said.len() + n > MOST_SAID => return Err(io::ErrorKind::InvalidData.into()),
            n => said.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
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
