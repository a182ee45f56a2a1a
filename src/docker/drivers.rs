//! Which storage driver dockerd takes, by name, by what it finds in the data root or by its own list; and what the drivers other
//! than devicemapper refuse.

use super::build::{Build, Flavour, Version};
use super::options::{key_value, switch};
use super::{Sourced, known, names, size};
use crate::model::{Bytes, Code, Finding, Severity};

/// What dockerd will choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Named by flag, file or environment.
    Named(String),
    /// By its directory in the data root.
    Prior(String),
    /// Nothing is named and nothing is there: the first of its list that works on this host.
    FirstThatWorks,
    /// Not to be told from here; the text says why.
    Unknown(String),
}

impl Choice {
    /// The driver, where it is certain.
    pub fn certain(&self) -> Option<&str> {
        match self {
            Choice::Named(driver) | Choice::Prior(driver) => Some(driver),
            Choice::FirstThatWorks | Choice::Unknown(_) => None,
        }
    }

    /// dockerd certainly uses devicemapper.
    pub fn is_devicemapper(&self) -> bool {
        self.certain() == Some(names::DEVICEMAPPER)
    }
}

/// A driver's directory in the data root.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Prior {
    /// `overlay2`
    pub driver: String,
    /// Nothing is in it; from 17.12 on it does not count then.
    pub empty: bool,
}

/// Drivers that have had a directory of their name in the data root, in the order of 20.10's list (moby
/// `daemon/graphdriver/driver_linux.go`). `vfs` never counts as prior state.
pub const WITH_STATE: [&str; 8] = [
    "btrfs",
    "zfs",
    "overlay2",
    "fuse-overlayfs",
    "aufs",
    "overlay",
    "devicemapper",
    "vfs",
];

/// What upstream's packages for Linux are built with, between these versions (the second excluded; moby
/// `daemon/graphdriver/register/`, build tags; facts 5.1). Debian leaves none of them out.
const BUILT_IN: [(&str, Version, Version); 8] = [
    ("aufs", Version::new(0, 0, 0), Version::new(24, 0, 0)),
    ("btrfs", Version::new(0, 0, 0), Version::new(u16::MAX, 0, 0)),
    ("devicemapper", Version::new(0, 0, 0), Version::new(25, 0, 0)),
    ("fuse-overlayfs", Version::new(20, 10, 0), Version::new(u16::MAX, 0, 0)),
    ("overlay", Version::new(0, 0, 0), Version::new(24, 0, 0)),
    ("overlay2", Version::new(1, 12, 0), Version::new(u16::MAX, 0, 0)),
    ("vfs", Version::new(0, 0, 0), Version::new(u16::MAX, 0, 0)),
    ("zfs", Version::new(0, 0, 0), Version::new(u16::MAX, 0, 0)),
];

/// What dockerd chooses (moby v20.10.27 `daemon/graphdriver/driver.go:195-240`), and what it refuses while choosing. `prior` is
/// `None` where the data root could not be read.
pub fn choose(
    named: Option<&Sourced<String>>,
    prior: Option<&[Prior]>,
    data_root: &str,
    build: &Build,
) -> (Choice, Vec<Finding>) {
    let mut findings = Vec::new();
    if let Some(named) = named {
        findings.extend(named_findings(named, build));
        return (Choice::Named(named.value.clone()), findings);
    }
    let Some(prior) = prior else {
        return (Choice::Unknown("the data root cannot be read".into()), findings);
    };
    let counts = |dir: &&Prior| !dir.empty || build.at_least(17, 12, 0) == Some(false);
    let found: Vec<&str> = prior
        .iter()
        .filter(counts)
        .map(|dir| dir.driver.as_str())
        .filter(|name| *name != "vfs")
        .collect();
    let choice = match found.as_slice() {
        [] if prior.iter().any(|dir| dir.driver != "vfs") && build.version.is_none() => {
            Choice::Unknown("Docker's version is not known, and an empty driver's directory counts in some".into())
        }
        [] => Choice::FirstThatWorks,
        // 25.0 and static builds know no devicemapper and so do not see its state.
        [one] if *one == names::DEVICEMAPPER && build.at_least(25, 0, 0) != Some(false) => {
            Choice::Unknown("Docker's version is not known, and from 25.0 on it has no devicemapper".into())
        }
        [one] => Choice::Prior((*one).to_owned()),
        several => {
            findings.push(several_priors(several, data_root, build));
            Choice::Unknown(format!("{data_root} has directories of {}", several.join(", ")))
        }
    };
    if let Choice::Prior(driver) = &choice {
        findings.extend(deprecated_prior(driver, data_root, build));
    }
    (choice, findings)
}

/// Whether the rules of this version were read for this build.
fn is_read(build: &Build) -> bool {
    build.is_upstream() || known::exact(build).is_some()
}

fn named_findings(named: &Sourced<String>, build: &Build) -> Option<Finding> {
    let driver = named.value.as_str();
    // A name with these is a plugin's.
    if driver.contains(['/', ':']) {
        return None;
    }
    let version = build.version.filter(|_| is_read(build))?;
    let row = BUILT_IN.iter().find(|(name, ..)| *name == driver);
    if row.is_some_and(|(_, since, until)| (*since..*until).contains(&version)) {
        return None;
    }
    let (message, remedy) = match row {
        Some(_) if driver == names::DEVICEMAPPER => (
            format!("Docker {version} has no devicemapper driver any more: it was removed in 25.0; the containers and images in its pool stay on the disk"),
            "go back to Docker 24.0, or save the images (docker save) there and move to overlay2; delete nothing before".to_owned(),
        ),
        Some(_) => (format!("Docker {version} has no storage driver {driver}"), format!("choose another driver ({})", named.place)),
        None => (
            format!("dockerd would refuse the storage driver {driver:?}: driver not supported (names are case-sensitive)"),
            format!("write one of {} ({})", WITH_STATE.join(", "), named.place),
        ),
    };
    Some(refuse(
        Code::StorageDriverUnknown,
        driver,
        message,
        &named.place,
        remedy,
    ))
}

fn several_priors(found: &[&str], data_root: &str, build: &Build) -> Finding {
    // Only what is certainly built in counts for certain.
    let certain = found
        .iter()
        .filter(|name| ["overlay2", "overlay", names::DEVICEMAPPER].contains(name))
        .count();
    // moby v1.7.1 `daemon/graphdriver/driver.go`, `checkPriorDriver`; v24.0.9, `New`.
    let sure = is_read(build)
        && build.at_least(1, 7, 1) == Some(true)
        && build.at_least(24, 0, 0) == Some(false)
        && certain > 1;
    let severity = if sure { Severity::Refuse } else { Severity::Warn };
    Finding {
        severity,
        ..refuse(
            Code::StorageDriverAmbiguous,
            "storage-driver",
            format!(
                "no storage driver is named and {data_root} holds the state of several: {}; dockerd from 1.7 on refuses to choose",
                found.join(", ")
            ),
            data_root,
            "name the one whose containers you want (\"storage-driver\" in daemon.json, or --storage-driver)".into(),
        )
    }
}

/// From 23.0 a deprecated driver is taken only by name (moby PR #43378).
fn deprecated_prior(driver: &str, data_root: &str, build: &Build) -> Option<Finding> {
    let deprecated = matches!(driver, "devicemapper" | "aufs" | "overlay");
    let refuses =
        build.is_upstream() && build.at_least(23, 0, 0) == Some(true) && build.at_least(25, 0, 0) == Some(false);
    (deprecated && refuses).then(|| {
        refuse(
            Code::StorageDriverNotNamed,
            driver,
            format!(
                "dockerd would refuse to start: prior storage driver {driver} is deprecated and will be removed in a future release; \
                 update the daemon configuration and explicitly choose this storage driver to continue using it"
            ),
            &format!("{data_root}/{driver}"),
            format!("add \"storage-driver\": \"{driver}\" to /etc/docker/daemon.json"),
        )
    })
}

/// What another driver than devicemapper refuses about its options, or `FirstThatWorks` about those of devicemapper.
pub fn other_options(
    choice: &Choice,
    options: &[Sourced<String>],
    filesystem: Option<i64>,
    build: &Build,
) -> Vec<Finding> {
    let (driver, unnamed) = match choice {
        Choice::Named(driver) | Choice::Prior(driver) => (driver.as_str(), false),
        // Before 17.09 aufs came first, which reads no options and may work.
        Choice::FirstThatWorks if build.is_upstream() && build.at_least(17, 9, 0) == Some(true) => ("overlay2", true),
        _ => return Vec::new(),
    };
    let severity = if is_read(build) {
        Severity::Refuse
    } else {
        Severity::Warn
    };
    let bad = options
        .iter()
        .find_map(|option| Some((option, reads(driver, &option.value, filesystem, build).err()?)));
    bad.map(|(option, why)| {
        let mut remedy = format!("remove it, or name the driver that it is for ({})", option.place);
        if unnamed && option.value.trim().to_lowercase().starts_with("dm.") {
            remedy = "name the driver: \"storage-driver\": \"devicemapper\" in daemon.json, or --storage-driver=devicemapper".into();
        }
        Finding {
            severity,
            ..refuse(
                Code::StorageOptionOfAnotherDriver,
                &option.value,
                format!("dockerd would refuse the storage option {:?}: {why}", option.value),
                &option.place,
                remedy,
            )
        }
    })
    .into_iter()
    .collect()
}

/// XFS (statfs(2), `f_type`).
pub const XFS_MAGIC: i64 = 0x5846_5342;

/// Whether this driver takes the option (moby v20.10.24 `overlay2/overlay.go`, `overlay/overlay.go`, `vfs/driver.go`).
fn reads(driver: &str, option: &str, filesystem: Option<i64>, build: &Build) -> Result<(), String> {
    let from = |major, minor, patch| build.at_least(major, minor, patch) == Some(true);
    match driver {
        "overlay2" => {
            let (key, value) = key_value(option)?;
            match key.as_str() {
                "overlay2.override_kernel_check" if from(24, 0, 0) => Err(format!("overlay2: unknown option {key}")),
                "overlay2.override_kernel_check" => switch(value).map(drop),
                // From 17.07 on, and in Red Hat's 1.12.6 and 1.13.1 (tag walk of `overlay2/overlay.go`).
                "overlay2.size" if from(17, 7, 0) || build.flavour == Flavour::RedHat => {
                    match size::ram_in_bytes(value, build)? {
                        Bytes(1..) if filesystem.is_some_and(|magic| magic != XFS_MAGIC) => {
                            Err("Storage Option overlay2.size only supported for backingFS XFS".into())
                        }
                        _ => Ok(()),
                    }
                }
                _ => Err(format!("overlay2: unknown option {key}")),
            }
        }
        "overlay" if from(18, 6, 3) => {
            let (key, _) = key_value(option)?;
            Err(format!("overlay: unknown option {key}"))
        }
        "vfs" if from(19, 3, 0) => {
            let (_, value) = key_value(option)?;
            match option.split('=').next().unwrap_or_default().trim() {
                "size" => size::ram_in_bytes(value, build).map(drop),
                key => Err(format!("unknown option {key} for vfs")),
            }
        }
        _ => Ok(()),
    }
}

/// Whether a driver other than devicemapper can work on this filesystem at all: btrfs and zfs need their own.
pub fn wrong_filesystem(choice: &Choice, filesystem: Option<i64>, data_root: &str, build: &Build) -> Option<Finding> {
    const BTRFS: i64 = 0x9123_683e;
    const ZFS: i64 = 0x2fc1_2fc1;
    let driver = choice.certain()?;
    let needed = match driver {
        "btrfs" => BTRFS,
        "zfs" => ZFS,
        _ => return None,
    };
    (build.flavour != Flavour::Unknown && filesystem.is_some_and(|magic| magic != needed)).then(|| {
        refuse(
            Code::StorageDriverWrongFilesystem,
            driver,
            format!("the storage driver {driver} works on {driver} alone, and {data_root} is on another filesystem: prerequisites for driver not satisfied (wrong filesystem?)"),
            data_root,
            "choose another storage driver, or mount such a filesystem there".into(),
        )
    })
}

fn refuse(code: Code, subject: &str, message: String, place: &str, remedy: String) -> Finding {
    Finding::refuse(code, subject).says(message).at(place).next(remedy)
}

#[cfg(test)]
mod tests;
