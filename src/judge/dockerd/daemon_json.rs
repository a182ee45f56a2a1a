//! What dockerd makes of its daemon.json.

use crate::docker::build::Build;
use crate::docker::daemon_json::{DaemonJson, Fault, Problem};
use crate::docker::known;
use crate::model::{Code, Finding};

pub(super) fn finding(problem: &Problem, file: &DaemonJson, build: &Build) -> Finding {
    let place = &problem.place;
    let malformed = |why: &str, remedy: &str| told(Code::DaemonJsonMalformed, problem, file, why, remedy);
    match &problem.what {
        Fault::Unreadable(why) => unreadable(&file.path, why, problem.refused.is_some()),
        Fault::ByteOrderMark => malformed(
            "begins with a byte-order mark, which dockerd before 23.0 refuses: invalid character 'ï' looking for beginning of value",
            "remove it",
        ),
        Fault::Empty => malformed(
            "is empty, which dockerd before 23.0 refuses: EOF",
            "write {} into it, or remove the file",
        ),
        Fault::TextBehind => malformed(
            "has text after the JSON object: dockerd before 23.0 does not read it, later ones refuse the file",
            "remove what follows the closing brace",
        ),
        Fault::NoObject => malformed(
            "is not JSON that dockerd reads: the top level is not an object { … }",
            "correct the file",
        ),
        Fault::Syntax(why) => malformed(&format!("is not JSON that dockerd reads: {why}"), "correct the file"),
        Fault::Repeated { key, times } => told(
            Code::DaemonJsonKeyRepeated,
            problem,
            file,
            &format!("has the key \"{key}\" {times} times; this last one counts, and objects are merged"),
            "keep one of them",
        ),
        Fault::UnknownKey { name, meant } => {
            let why = match known::exact(build) {
                Some(version) => format!(
                    "dockerd {version} would refuse the file: the following directives don't match any configuration option: {name}"
                ),
                None => format!(
                    "no dockerd that is known here has the key \"{name}\", and dockerd refuses keys that it does not know"
                ),
            };
            let remedy = match meant {
                Some(meant) => format!("did you mean \"{meant}\"? otherwise remove \"{name}\""),
                None => format!("remove \"{name}\""),
            };
            told(Code::DaemonJsonKeyUnknown, problem, file, &why, &remedy)
        }
        Fault::FlagName { name, key } => without_effect(
            problem,
            file,
            &format!("\"{name}\" has no effect: it is the name of a flag, not of a key"),
            &match key {
                Some(key) => format!("write \"{key}\" in place of \"{name}\""),
                None => format!("remove \"{name}\""),
            },
        ),
        Fault::Proxy(name) => without_effect(
            problem,
            file,
            &format!("\"{name}\" has no effect: it is the name of a flag, not of a key"),
            &format!("write it into \"proxies\": {{\"{name}\": …}}"),
        ),
        Fault::Inside { name, top } => without_effect(
            problem,
            file,
            &format!("\"{name}\" has no effect inside \"{top}\": dockerd reads its keys at the top level alone"),
            &format!("move \"{name}\" out of \"{top}\""),
        ),
        Fault::WrongType { key, wanted } => Finding::refuse(Code::DaemonJsonWrongType, &file.path)
            .says(format!(
                "{place}: dockerd would refuse the file: the value of \"{key}\" is not {wanted}"
            ))
            .at(place)
            .next(format!("correct the value ({place})"))
            .if_certain(problem.refused.is_some()),
    }
}

fn told(code: Code, problem: &Problem, file: &DaemonJson, why: &str, remedy: &str) -> Finding {
    let place = &problem.place;
    let finding = match problem.refused {
        Some(true) => Finding::refuse(code, &file.path),
        // The file is read all the same.
        Some(false) if code == Code::DaemonJsonMalformed => Finding::note(code, &file.path),
        Some(false) => Finding::warn(code, &file.path),
        None => Finding::refuse(code, &file.path).if_certain(false),
    };
    finding
        .says(format!("{place}: {why}"))
        .at(place)
        .next(format!("{remedy} ({place})"))
}

fn without_effect(problem: &Problem, file: &DaemonJson, why: &str, remedy: &str) -> Finding {
    told(Code::DaemonJsonKeyWithoutEffect, problem, file, why, remedy)
}

fn unreadable(path: &str, why: &str, for_dockerd_too: bool) -> Finding {
    Finding::refuse(Code::DaemonJsonUnreadable, path)
        .says(if for_dockerd_too {
            format!("dockerd would refuse to start: unable to configure the Docker daemon with file {path}: {why}")
        } else {
            format!("thinguard cannot read {path}: {why}; what it says is not known")
        })
        .at(path)
        .next(format!(
            "put the file there as a plain file, or correct --config-file ({path})"
        ))
        .if_certain(for_dockerd_too)
}
