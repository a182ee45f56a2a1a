//! Storage options that devicemapper refuses.

use crate::docker::options::{Conflict, Fault, OF_OLD_RED_HAT, Problem};
use crate::model::{Code, Finding};

pub(super) fn finding(problem: &Problem) -> Finding {
    let (option, place) = (&problem.option.value, &problem.option.place);
    let finding = match &problem.what {
        Fault::Unknown { key, since } => {
            let known_from = match since {
                _ if key == OF_OLD_RED_HAT => "only Red Hat's Docker 1.6 to 1.8 know it".to_owned(),
                Some(since) => format!("known from Docker {since} on"),
                None => "no published Docker knows it".to_owned(),
            };
            let message = if problem.certain {
                format!(
                    "dockerd would refuse the storage option {option:?}: devmapper: Unknown option {key} ({known_from})"
                )
            } else {
                format!("dockerd may not know the storage option {option:?} and then ends at once: {known_from}")
            };
            let remedy = match since {
                Some(since) => format!("remove {key} ({place}), or install Docker {since} or later"),
                None => format!("check the spelling of {key}, or remove it ({place})"),
            };
            Finding::refuse(Code::StorageOptionUnknown, option)
                .says(message)
                .next(remedy)
        }
        Fault::Invalid { key, why } => Finding::refuse(Code::StorageOptionInvalid, option)
            .says(format!("dockerd would refuse the storage option {option:?}: {why}"))
            .next(match key {
                Some(key) => format!("correct the value of {key} ({place})"),
                None => format!("write it as key=value ({place})"),
            }),
        Fault::Conflict(conflict) => {
            let (why, remedy) = words(*conflict);
            let may = if problem.certain { "would" } else { "may" };
            Finding::refuse(Code::StorageOptionsConflict, option)
                .says(format!("dockerd {may} refuse the storage options: {why}"))
                .next(format!("{remedy} ({place})"))
        }
    };
    finding.at(place).if_certain(problem.certain)
}

/// Docker's words, and the next step.
fn words(conflict: Conflict) -> (&'static str, &'static str) {
    match conflict {
        Conflict::WithoutDevice => (
            "must provide device path in `dm.directlvm_device` in order to configure direct-lvm",
            "name the device, or remove the dm.thinp_* options",
        ),
        Conflict::HalfThePercents => (
            "must set both `dm.thinp_percent` and `dm.thinp_metapercent` if either is specified",
            "set both, or neither",
        ),
        Conflict::TooMuch => (
            "combined `dm.thinp_percent` and `dm.thinp_metapercent` must not be greater than 100",
            "lower one of them",
        ),
        Conflict::TwoPools => (
            "cannot setup direct-lvm when `dm.thinpooldev` is also specified",
            "keep one of the two",
        ),
        Conflict::OneDevice => (
            "dm.datadev and dm.metadatadev name one device, and the kernel makes no pool of one: Device or resource busy",
            "name two devices",
        ),
        Conflict::DeletionWithoutRemoval => (
            "devmapper: Deferred deletion can not be enabled as deferred removal is not enabled. Enable deferred removal using \
             --storage-opt dm.use_deferred_removal=true parameter",
            "set both dm.use_deferred_removal and dm.use_deferred_deletion to the same value",
        ),
        Conflict::DeletionByDefault => (
            "devmapper: Deferred deletion can not be enabled as deferred removal is not enabled. Enable deferred removal using \
             --storage-opt dm.use_deferred_removal=true parameter (deletion is on by default since 17.07, and in Red Hat's builds from 1.12.6 on)",
            "set both dm.use_deferred_removal and dm.use_deferred_deletion to the same value",
        ),
    }
}
