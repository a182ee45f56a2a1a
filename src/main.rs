//! The front door: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    thinguard::cli::main(std::env::args_os())
}
