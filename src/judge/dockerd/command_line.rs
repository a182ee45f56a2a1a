//! What dockerd makes of its command line: flags it does not know, and words it does not take.

use crate::docker::Sourced;
use crate::docker::build::Build;
use crate::docker::command_line::Problem;
use crate::docker::known;
use crate::model::{Code, Finding};

pub(super) fn finding(problem: &Problem, build: &Build) -> Finding {
    const REFUSED: &str = "dockerd would refuse its command line";
    let read = known::exact(build);
    let flag = |code, spelling: &Sourced<String>| {
        Finding::refuse(code, &spelling.value)
            .at(format!("flag {} of {}", spelling.value, spelling.place))
            .if_certain(read.is_some())
    };
    let stray = |word: &Sourced<String>| {
        Finding::refuse(Code::CommandLineStrayWord, &word.value).at(format!("word {:?} of {}", word.value, word.place))
    };
    match problem {
        Problem::Unknown { spelling, meant } => flag(Code::FlagUnknown, spelling)
            .says(match read {
                Some(version) => format!(
                    "dockerd {version} would refuse its command line: unknown flag: {}",
                    spelling.value
                ),
                None => format!(
                    "no dockerd that is known here has the flag {}, and dockerd refuses flags that it does not know",
                    spelling.value
                ),
            })
            .next(match meant {
                Some(meant) => format!("did you mean {meant}? otherwise {}", remove(spelling)),
                None => remove(spelling),
            }),
        Problem::Doubtful { spelling } => flag(Code::FlagUnknown, spelling)
            .says(format!(
                "some releases of this Docker know the flag {}, others refuse it",
                spelling.value
            ))
            .next(remove(spelling))
            .if_certain(false),
        Problem::NoValue { spelling } => flag(Code::FlagRejected, spelling)
            .says(format!("{REFUSED}: flag needs an argument: {}", spelling.value))
            .next(correct(spelling)),
        Problem::BadValue { spelling, why } => flag(Code::FlagValueInvalid, spelling)
            .says(format!("{REFUSED}: invalid argument for {}: {why}", spelling.value))
            .next(correct(spelling)),
        Problem::NoSuchCommand { word } => stray(word)
            .says(format!(
                "this version's docker does not know {}, and starts no daemon by it",
                word.value
            ))
            .next(format!(
                "start the daemon in {} as this version has it: dockerd from 1.12 on, docker daemon before",
                word.place
            )),
        Problem::Stray { word } => stray(word)
            .says(format!(
                "{REFUSED}: it accepts no arguments, and {:?} is neither a flag nor a flag's value",
                word.value
            ))
            .next(if word.value.is_empty() {
                let origin = &word.place;
                format!("write $NAME in place of ${{NAME}} in {origin}: an empty variable is then no word at all")
            } else {
                format!(
                    "remove {:?} from {}, or write it as --flag={}",
                    word.value, word.place, word.value
                )
            })
            .if_certain(read.is_some()),
        Problem::OneDash {
            word,
            letter,
            value,
            meant,
            refused,
        } => Finding::refuse(Code::FlagOneDash, &word.value)
            .says(format!(
                "dockerd takes {} for the flag -{letter} with the value {value:?}",
                word.value
            ))
            .at(format!("flag -{letter} of {}", word.place))
            .next(format!("write it with two dashes, --{meant}, in {}", word.place))
            .if_certain(*refused),
        Problem::NoStart { spelling, checks } => Finding::warn(Code::FlagNotAStart, &spelling.value)
            .says(if *checks {
                format!("with {} dockerd checks its configuration and ends", spelling.value)
            } else {
                format!("with {} dockerd prints what it is asked for and ends", spelling.value)
            })
            .at(format!("flag {} of {}", spelling.value, spelling.place))
            .next(remove(spelling)),
    }
}

fn remove(spelling: &Sourced<String>) -> String {
    format!("remove {} from {}", spelling.value, spelling.place)
}

fn correct(spelling: &Sourced<String>) -> String {
    format!("correct the flag {} of {}", spelling.value, spelling.place)
}
