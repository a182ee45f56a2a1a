//! How the daemon is started: the unit, its files, and a command line that is not known.

use crate::docker::configuration::{Configuration, Odd};
use crate::model::{Code, Finding, UnitFault};

pub(super) fn odd(odd: &Odd, unit: &str) -> Finding {
    let code = if odd.dropped {
        Code::EnvironmentFileLineDropped
    } else {
        Code::EnvironmentFileOdd
    };
    Finding::warn(code, unit)
        .says(format!("{}: {}", odd.place, odd.why))
        .at(&odd.place)
        .next(&odd.remedy)
}

/// The line is not known, or systemd will not start the unit at all.
pub(super) fn line_unknown(config: &Configuration, unit: &str) -> Option<Finding> {
    let why = config.line_unknown.as_ref()?;
    let next = match config.unit_fault {
        None => return Some(unread(why, unit)),
        Some(UnitFault::Missing) => {
            return Some(
                Finding::warn(Code::UnitNotFound, unit)
                    .says(format!("there is nothing to judge: {why}"))
                    .at(unit)
                    .next("name Docker's unit with --unit, or give its start command with --exec-line 'dockerd ...'"),
            );
        }
        Some(UnitFault::Masked) => format!("systemctl unmask {unit}"),
        Some(UnitFault::Refused) => {
            format!(
                "systemctl status {unit} and systemd-analyze verify {unit} name the line; correct it, then systemctl daemon-reload"
            )
        }
    };
    Some(
        Finding::refuse(Code::UnitWillNotStart, unit)
            .says(format!(
                "systemd will not start Docker, whatever the storage says: {why}"
            ))
            .at(unit)
            .next(next),
    )
}

fn unread(why: &str, unit: &str) -> Finding {
    Finding::warn(Code::CommandLineUnknown, unit)
        .says(format!("flags on the daemon's command line are not known: {why}"))
        .at(format!("ExecStart= of {unit}"))
        .next("give the line by hand: thinguard preflight --exec-line 'dockerd ...'")
}
