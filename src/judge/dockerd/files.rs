//! How the daemon is started: the unit, its files, and a command line that is not known.

use crate::docker::configuration::{Configuration, Odd};
use crate::model::{Code, Finding};

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

pub(super) fn line_unknown(config: &Configuration, unit: &str) -> Option<Finding> {
    let why = config.line_unknown.as_ref()?;
    Some(
        Finding::warn(Code::CommandLineUnknown, unit)
            .says(format!("flags on the daemon's command line are not known: {why}"))
            .at(format!("ExecStart= of {unit}"))
            .next("give the line by hand: thinguard preflight --exec-line 'dockerd ...'"),
    )
}
