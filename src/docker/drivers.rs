//! Which storage driver dockerd takes, by name, by what it finds in the data root or by its own list; and what the drivers other
//! than devicemapper refuse.

use super::build::{Build, Flavour, Version};
use super::options::{key_value, switch};
use super::{Sourced, known, names, size};
use crate::model::Bytes;

/// What dockerd will choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Named by flag, file or environment.
    Named(String),
    /// By its directory in the data root.
    Prior(String),
    /// Nothing is named and nothing is there: the first of its list that works on this host.
    FirstThatWorks,
    /// Nothing is named, and these have state in the data root.
    Several(Vec<String>),
    /// Not to be told from here; the text says why.
    Unknown(String),
}

impl Choice {
    /// The driver, where it is certain.
    pub fn certain(&self) -> Option<&str> {
        match self {
            Choice::Named(driver) | Choice::Prior(driver) => Some(driver),
            Choice::FirstThatWorks | Choice::Several(_) | Choice::Unknown(_) => None,
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

/// What dockerd refuses about its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The driver that is named is not in this build.
    NotBuiltIn {
        /// Its name.
        named: Sourced<String>,
        /// The build's version.
        version: Version,
        /// Other versions have it; else no Docker has a driver of this name.
        exists: bool,
    },
    /// Nothing is named, and several have state in the data root: from 1.7 on it refuses to choose.
    Ambiguous {
        /// Those that have.
        found: Vec<String>,
        /// This build certainly has more than one of them.
        certain: bool,
    },
    /// From 23.0 on a deprecated driver is taken only by name (moby PR #43378).
    NotNamed {
        /// The driver with state in the data root.
        driver: String,
    },
    /// An option that the driver does not read.
    OptionOfAnother {
        /// The option.
        option: Sourced<String>,
        /// Docker's words.
        why: String,
        /// It is devicemapper's, and no driver is named.
        driver_not_named: bool,
        /// This build certainly refuses it.
        certain: bool,
    },
    /// btrfs and zfs need a filesystem of their own kind.
    WrongFilesystem {
        /// The driver, and the filesystem that it needs.
        driver: String,
    },
}

/// What dockerd chooses (moby v20.10.27 `daemon/graphdriver/driver.go:195-240`). `prior` is `None` where the data root could not be
/// read.
pub fn choose(named: Option<&Sourced<String>>, prior: Option<&[Prior]>, build: &Build) -> Choice {
    if let Some(named) = named {
        return Choice::Named(named.value.clone());
    }
    let Some(prior) = prior else {
        return Choice::Unknown("the data root cannot be read".into());
    };
    let counts = |dir: &&Prior| !dir.empty || build.at_least(17, 12, 0) == Some(false);
    let found: Vec<&str> = prior
        .iter()
        .filter(counts)
        .map(|dir| dir.driver.as_str())
        .filter(|name| *name != "vfs")
        .collect();
    match found.as_slice() {
        [] if prior.iter().any(|dir| dir.driver != "vfs") && build.version.is_none() => {
            Choice::Unknown("Docker's version is not known, and an empty driver's directory counts in some".into())
        }
        [] => Choice::FirstThatWorks,
        // 25.0 and static builds know no devicemapper and so do not see its state.
        [one] if *one == names::DEVICEMAPPER && build.at_least(25, 0, 0) != Some(false) => {
            Choice::Unknown("Docker's version is not known, and from 25.0 on it has no devicemapper".into())
        }
        [one] => Choice::Prior((*one).to_owned()),
        several => Choice::Several(several.iter().map(|&name| name.to_owned()).collect()),
    }
}

/// What dockerd refuses while it chooses.
pub fn problem(choice: &Choice, named: Option<&Sourced<String>>, build: &Build) -> Option<Problem> {
    match choice {
        Choice::Named(_) => not_built_in(named?, build),
        Choice::Several(found) => {
            // Only what is certainly built in counts for certain.
            let built_in = ["overlay2", "overlay", names::DEVICEMAPPER];
            let there = found.iter().filter(|name| built_in.contains(&name.as_str())).count();
            // moby v1.7.1 `daemon/graphdriver/driver.go`, `checkPriorDriver`; v24.0.9, `New`.
            let refuses = build.at_least(1, 7, 1) == Some(true) && build.at_least(24, 0, 0) == Some(false);
            Some(Problem::Ambiguous {
                found: found.clone(),
                certain: is_read(build) && refuses && there > 1,
            })
        }
        Choice::Prior(driver) => {
            let deprecated = matches!(driver.as_str(), "devicemapper" | "aufs" | "overlay");
            let refuses = build.at_least(23, 0, 0) == Some(true) && build.at_least(25, 0, 0) == Some(false);
            let driver = driver.clone();
            (deprecated && refuses && build.is_upstream()).then_some(Problem::NotNamed { driver })
        }
        Choice::FirstThatWorks | Choice::Unknown(_) => None,
    }
}

/// Whether the rules of this version were read for this build.
fn is_read(build: &Build) -> bool {
    build.is_upstream() || known::exact(build).is_some()
}

fn not_built_in(named: &Sourced<String>, build: &Build) -> Option<Problem> {
    // A name with these is a plugin's.
    if named.value.contains(['/', ':']) {
        return None;
    }
    let version = build.version.filter(|_| is_read(build))?;
    let row = BUILT_IN.iter().find(|(name, ..)| *name == named.value);
    let has = row.is_some_and(|(_, since, until)| (*since..*until).contains(&version));
    (!has).then(|| Problem::NotBuiltIn {
        named: named.clone(),
        version,
        exists: row.is_some(),
    })
}

/// What another driver than devicemapper refuses about its options, or `FirstThatWorks` about those of devicemapper.
pub fn other_options(
    choice: &Choice,
    options: &[Sourced<String>],
    (filesystem, aufs): (Option<i64>, Option<bool>),
    build: &Build,
) -> Option<Problem> {
    let (driver, unnamed) = match choice {
        Choice::Named(driver) | Choice::Prior(driver) => (driver.as_str(), false),
        Choice::FirstThatWorks if build.is_upstream() => (first_to_read(build)?, true),
        _ => return None,
    };
    // Before 17.09 aufs came first, which reads no options and may work.
    let sure = !unnamed || aufs == Some(false) || build.at_least(17, 9, 0) == Some(true);
    options.iter().find_map(|option| {
        let why = reads(driver, &option.value, filesystem, build).err()?;
        Some(Problem::OptionOfAnother {
            option: option.clone(),
            why,
            driver_not_named: unnamed && option.value.trim().to_lowercase().starts_with("dm."),
            certain: is_read(build) && sure,
        })
    })
}

/// The driver that reads the options first where none is named and aufs does not work: zfs in 1.7, which reads them before it looks for
/// its tools, and overlay2 from 1.13 on, where it stands before devicemapper (moby v1.7.1, v1.13.1 and v17.09.0-ce
/// `daemon/graphdriver/driver_linux.go`, `priority`).
fn first_to_read(build: &Build) -> Option<&'static str> {
    let version = build.version?;
    match (version.major, version.minor) {
        (1, 7) => Some("zfs"),
        _ if version >= Version::new(1, 13, 0) => Some("overlay2"),
        _ => None,
    }
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
        "zfs" => match key_value(option)? {
            (key, _) if key == ZFS_DATASET => Ok(()),
            (key, _) => Err(format!("Unknown option {key}")),
        },
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

/// A dataset of its own: zfs then does not look at the data root's filesystem (moby v1.7.1 to v24.0.9
/// `daemon/graphdriver/zfs/zfs.go`, `Init`).
const ZFS_DATASET: &str = "zfs.fsname";

/// Whether a driver other than devicemapper can work on this filesystem at all: btrfs and zfs need their own.
pub fn wrong_filesystem(
    choice: &Choice,
    options: &[Sourced<String>],
    filesystem: Option<i64>,
    build: &Build,
) -> Option<Problem> {
    const BTRFS: i64 = 0x9123_683e;
    const ZFS: i64 = 0x2fc1_2fc1;
    let driver = choice.certain()?;
    let needed = match driver {
        "btrfs" => BTRFS,
        "zfs" => ZFS,
        _ => return None,
    };
    let dataset = options
        .iter()
        .any(|option| matches!(key_value(&option.value), Ok((key, value)) if key == ZFS_DATASET && !value.is_empty()));
    if driver == "zfs" && dataset {
        return None;
    }
    let wrong = build.flavour != Flavour::Unknown && filesystem.is_some_and(|magic| magic != needed);
    let driver = driver.to_owned();
    wrong.then_some(Problem::WrongFilesystem { driver })
}

#[cfg(test)]
mod tests;
