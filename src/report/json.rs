//! The answers of `preflight --json` and `status --json`. Other programs rely on the names: add, never rename or remove.

mod status;

pub use status::{Answers, CannotSee, DaemonReport, GuardReport, Health, LastDeed, Part, StatusReport, is_forbidden};

use crate::docker::build::Build;
use crate::model::{Answer, BackingFile, Bytes, Consumer, Finding, Mode, Pool, Usage};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// Answer of `thinguard preflight`.
#[derive(Debug, Clone, Serialize)]
pub struct PreflightReport<'a> {
    /// May Docker start?
    pub verdict: Answer,
    /// What was found, worst first.
    pub findings: &'a [Finding],
    /// Which Docker is installed; `None` when nothing of the configuration could be read.
    #[serde(serialize_with = "docker")]
    pub docker: Option<&'a Build>,
    /// Storage driver that dockerd would use; `None` where it takes the first that works, or that is not known.
    pub driver: Option<&'a str>,
    /// For people only: nobody names that driver; dockerd takes it because its state is in the data root.
    #[serde(skip)]
    pub driver_found: bool,
    /// Docker's data root.
    pub data_root: Option<&'a str>,
    /// The pool, where there is one.
    pub pool: Option<PoolReport>,
    /// Room to grow.
    pub headroom: Option<HeadroomReport>,
    /// Time taken.
    pub elapsed_ms: u64,
    /// For people only: the shell line that starts Docker in spite of a refusal.
    #[serde(skip)]
    pub overrule: Option<String>,
}

/// The version as one word.
fn docker<S: Serializer>(build: &Option<&Build>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(build) = build else {
        return serializer.serialize_none();
    };
    let mut fields = serializer.serialize_struct("Docker", 3)?;
    fields.serialize_field("version", &build.version.map(|version| version.to_string()))?;
    fields.serialize_field("flavour", &build.flavour)?;
    fields.serialize_field("evidence", &build.evidence)?;
    fields.end()
}

/// Room that the pool truly has: the smaller of its free blocks and what the host filesystem can still give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadroomReport {
    /// That room.
    pub headroom_bytes: Bytes,
    /// By how much the pool promises more than the host has; 0 when it does not.
    pub overcommit_bytes: Bytes,
    /// The filesystem below.
    pub host: Option<HostReport>,
}

/// A thin pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    /// Device-mapper name; empty in the tree of another host, where it cannot be told.
    pub name: String,
    /// What it does with I/O; `None` when it is not active.
    pub mode: Option<Mode>,
    /// It must be repaired off line.
    pub needs_check: bool,
    /// All I/O waits.
    pub suspended: bool,
    /// Data device.
    pub data: UsageReport,
    /// Metadata device.
    pub metadata: UsageReport,
    /// Its files, where it lies on loop devices and they could be looked at.
    pub files: Vec<BackingFile>,
    /// The filesystem of the files.
    pub host: Option<HostReport>,
    /// Room that is truly there.
    pub headroom_bytes: Option<Bytes>,
    /// By how much the pool promises more than the host has.
    pub overcommit_bytes: Option<Bytes>,
    /// The active volumes that most is mapped of, the largest first.
    #[serde(default)]
    pub consumers: Vec<Consumer>,
    /// Active volumes in all; `None` where they were not looked at.
    #[serde(default)]
    pub active_volumes: Option<u64>,
    /// What will be full first at the rate seen; `None` while nothing fills, or nobody has watched.
    pub forecast: Option<ForecastReport>,
}

impl From<&Pool> for PoolReport {
    fn from(pool: &Pool) -> Self {
        PoolReport {
            name: pool.name.clone(),
            mode: Some(pool.mode),
            needs_check: pool.needs_check,
            suspended: pool.suspended,
            data: (&pool.data).into(),
            metadata: (&pool.metadata).into(),
            files: [&pool.data_file, &pool.metadata_file]
                .iter()
                .filter_map(|file| file.known().cloned())
                .collect(),
            ..PoolReport::default()
        }
    }
}

/// Use of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// Bytes in use.
    pub used_bytes: Bytes,
    /// Bytes in all.
    pub total_bytes: Bytes,
    /// Bytes in one block.
    pub block_bytes: u64,
    /// How fast it fills, bytes per second; `None` where nobody has watched.
    pub fill_bytes_per_s: Option<Bytes>,
    /// Seconds until it is full, at its present size and at that rate; `None` while it does not fill.
    pub full_in_s: Option<u64>,
    /// With less than this free it is to grow, after the settings; `None` where nobody would grow it.
    pub low_bytes: Option<Bytes>,
}

/// What will be full first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastReport {
    /// `data`, `metadata`, or `host` for the filesystem below down to its reserve.
    pub of: String,
    /// Seconds until then.
    pub full_in_s: u64,
    /// At this rate, in bytes per second.
    pub bytes_per_s: Bytes,
    /// In words.
    pub text: String,
}

impl From<&Usage> for UsageReport {
    fn from(usage: &Usage) -> Self {
        UsageReport {
            used_bytes: usage.used(),
            total_bytes: usage.total(),
            block_bytes: usage.block_bytes,
            ..UsageReport::default()
        }
    }
}

/// What the pool can grow into: the filesystem below its files, or its volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// The directory asked about, or `volume group NAME`.
    pub path: String,
    /// All of it.
    pub total_bytes: Bytes,
    /// Free space, or extents that no volume has.
    pub free_bytes: Bytes,
    /// What of it the settings leave alone.
    pub reserve_bytes: Bytes,
}
