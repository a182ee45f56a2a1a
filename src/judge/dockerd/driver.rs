//! The storage driver: what dockerd refuses while it chooses one, and about the options of others than devicemapper.

use crate::docker::drivers::{Problem, WITH_STATE};
use crate::docker::names;
use crate::model::{Code, Finding};

pub(super) fn finding(problem: &Problem, data_root: &str) -> Finding {
    match problem {
        Problem::NotBuiltIn { named, version, exists } => {
            let driver = &named.value;
            let (message, remedy) = if *exists && driver == names::DEVICEMAPPER {
                (
                    format!(
                        "Docker {version} has no devicemapper driver any more: it was removed in 25.0; the containers and images in \
                         its pool stay on the disk"
                    ),
                    "go back to Docker 24.0, or save the images (docker save) there and move to overlay2; delete nothing before"
                        .to_owned(),
                )
            } else if *exists {
                (
                    format!("Docker {version} has no storage driver {driver}"),
                    format!("choose another driver ({})", named.place),
                )
            } else {
                (
                    format!(
                        "dockerd would refuse the storage driver {driver:?}: driver not supported (names are case-sensitive)"
                    ),
                    format!("write one of {} ({})", WITH_STATE.join(", "), named.place),
                )
            };
            Finding::refuse(Code::StorageDriverUnknown, driver)
                .says(message)
                .at(&named.place)
                .next(remedy)
        }
        Problem::Ambiguous { found, certain } => Finding::refuse(Code::StorageDriverAmbiguous, "storage-driver")
            .says(format!(
                "no storage driver is named and {data_root} holds the state of several: {}; dockerd from 1.7 on refuses to choose",
                found.join(", ")
            ))
            .at(data_root)
            .next("name the one whose containers you want (\"storage-driver\" in daemon.json, or --storage-driver)")
            .if_certain(*certain),
        Problem::NotNamed { driver } => Finding::refuse(Code::StorageDriverNotNamed, driver)
            .says(format!(
                "dockerd would refuse to start: prior storage driver {driver} is deprecated and will be removed in a future release; \
                 update the daemon configuration and explicitly choose this storage driver to continue using it"
            ))
            .at(format!("{data_root}/{driver}"))
            .next(format!("add \"storage-driver\": \"{driver}\" to /etc/docker/daemon.json")),
        Problem::OptionOfAnother {
            option,
            why,
            driver_not_named,
            certain,
        } => Finding::refuse(Code::StorageOptionOfAnotherDriver, &option.value)
            .says(format!("dockerd would refuse the storage option {:?}: {why}", option.value))
            .at(&option.place)
            .next(if *driver_not_named {
                "name the driver: \"storage-driver\": \"devicemapper\" in daemon.json, or --storage-driver=devicemapper".to_owned()
            } else {
                format!("remove it, or name the driver that it is for ({})", option.place)
            })
            .if_certain(*certain),
        Problem::WrongFilesystem { driver } => Finding::refuse(Code::StorageDriverWrongFilesystem, driver)
            .says(format!(
                "the storage driver {driver} works on {driver} alone, and {data_root} is on another filesystem: prerequisites for \
                 driver not satisfied (wrong filesystem?)"
            ))
            .at(data_root)
            .next("choose another storage driver, or mount such a filesystem there"),
    }
}
