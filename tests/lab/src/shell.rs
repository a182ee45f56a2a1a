//! `cargo lab shell`: a root console in a fresh host, on the user's own terminal.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use anyhow::{Result, bail};
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};

use crate::machine::Snapshot;
use crate::{cleanup, progress, snapshots};

/// Restores a host, installs the guard (starting nothing), and hands over the console until the user quits.
pub fn shell(snapshot: Snapshot) -> Result<ExitCode> {
    if !stdin().is_terminal() {
        bail!("a shell needs a terminal");
    }
    let settings = tcgetattr(stdin())?;
    cleanup::remember_terminal(settings.clone());
    let mut host = snapshots::prepare()?;
    let built = host.build_guard();
    progress::step(&format!("restores a host: {}", snapshot.about()), || {
        host.restore_on_terminal(snapshot)
    })?;
    // QEMU holds the terminal raw from here on, hence the carriage returns.
    if let Err(error) = built.and_then(|_| host.install_guard()) {
        eprint!("\r\nlab: thinguard is not installed: {error:#}\r\n");
    }
    eprint!("\r\nlab: press Enter for the prompt; Ctrl-A x ends it and throws the host away\r\n");
    let attended = host.attend();
    tcsetattr(stdin(), SetArg::TCSADRAIN, &settings)?;
    attended.map(|()| ExitCode::SUCCESS)
}
