//! The nouns of the house: what was seen, what is thought of it, what is to be done. No IO, no clock, no log.

mod answer;
mod bytes;
mod code;
mod consumer;
mod daemon;
mod deed;
mod evidence;
mod finding;
mod journal_entry;
mod lvm;
mod pool;
mod seen;
mod settings;
mod snapshot;
mod time;
mod unit_fault;

pub use answer::Answer;
pub use bytes::Bytes;
pub use code::{Code, Ground};
pub use consumer::Consumer;
pub use daemon::{ActiveState, Containers, Daemon, Probe, StuckTask, Task, TaskState, Unit, socket_of};
pub use deed::{Deed, DeedCounts, Outcome, Target};
pub use evidence::{Evidence, KernelEvent, KernelLine, Stack, Whose, Witness, Witnesses};
pub use finding::{Finding, Severity};
pub use journal_entry::JournalEntry;
pub use lvm::{Autoextend, Lvm, LvmPool};
pub use pool::{Backing, BackingFile, Device, Mode, Pool, Usage};
pub use seen::Seen;
pub use settings::{
    Allow, CureSettings, DataDefaults, DockerSettings, EvidenceSettings, GoroutineDump, GrowthDefaults, GrowthSettings,
    HostSettings, LvmSettings, MetadataDefaults, MetricsSettings, PreflightSettings, RestartSettings, Settings,
    WatchSettings, When, parse_duration, parse_size,
};
pub use snapshot::{Disk, Host, Snapshot};
pub use time::{date_and_time, time_words};
pub use unit_fault::UnitFault;
