//! Settings that line and file do not go together in.

use crate::docker::build::Build;
use crate::docker::configuration::{Configuration, Problem};
use crate::model::{Code, Finding};

pub(super) fn finding(problem: &Problem, config: &Configuration) -> Finding {
    match problem {
        Problem::Twice { key, flag, file } => Finding::refuse(Code::OptionSetTwice, key)
            .says(format!(
                "unable to configure the Docker daemon with file {}: the following directives are specified both as a flag and in the \
                 configuration file: {key}: (from flag: {}, from file: {})",
                config.file.path, flag.value, file.value
            ))
            .at(format!("{}; {}", flag.place, file.place))
            .next(format!(
                "remove \"{key}\" from {}, or remove the {}",
                file.place, flag.place
            )),
        Problem::TwoRoots { graph, root, flags } => {
            let (why, which) = if *flags {
                ("cannot specify both \"--graph\" and \"--data-root\" option", "--graph")
            } else {
                (
                    "cannot specify both \"graph\" and \"data-root\" config file options",
                    "\"graph\"",
                )
            };
            Finding::refuse(Code::OptionSetTwice, "data-root")
                .says(why)
                .at(format!("{}; {}", graph.place, root.place))
                .next(format!("remove {which} ({})", graph.place))
        }
        Problem::GraphIsGone { graph } => Finding::refuse(Code::GraphIsGone, "graph")
            .says(gone(&config.build))
            .at(&graph.place)
            .next(format!("write data-root in place of graph ({})", graph.place)),
        Problem::Value(breach) => {
            let (code, place) = match &breach.flag {
                Some(flag) => (Code::FlagValueInvalid, format!("flag {} of {}", flag.value, flag.place)),
                None => (Code::DaemonJsonInvalidValue, config.file.place_of(breach.name)),
            };
            Finding::refuse(code, breach.name)
                .says(format!(
                    "{place}: dockerd would refuse the value of {}: {}",
                    breach.name, breach.why
                ))
                .next(format!("correct the value ({place})"))
                .at(place)
        }
    }
}

fn gone(build: &Build) -> &'static str {
    match build.at_least(24, 0, 0) {
        Some(true) => "dockerd from 24.0 on does not know \"graph\" any more",
        _ => "dockerd would refuse it: the \"graph\" config file option is deprecated; use \"data-root\" instead",
    }
}
