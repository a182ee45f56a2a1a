//! The one writer of answers and complaints. What cannot be written ends no deed and no program: it is remembered, and changes the exit code.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

/// An answer that could not be written (sysexits.h, `EX_IOERR`).
const NOT_WRITTEN: u8 = 74;

/// The first error of standard output.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints an answer; whether it could be written.
pub fn say(text: &str) -> bool {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) => {
            let _ = LOST.set(error);
            false
        }
    }
}

/// Prints to standard error what is no answer. Where that cannot be written either, nobody is to be told.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The exit code of a command that ends with `code`: another one where its answer could not be written. A reader that has gone away has
/// seen enough, and needs no word of it.
pub fn exit(code: ExitCode) -> ExitCode {
    match LOST.get() {
        None => code,
        Some(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                complain(&format!("thinguard: the answer cannot be written: {error}\n"));
            }
            ExitCode::from(NOT_WRITTEN)
        }
    }
}
