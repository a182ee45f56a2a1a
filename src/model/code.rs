//! The codes of findings: stable names in kebab-case that explain themselves, and what the program needs to know of each.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a finding about a start rests on: where any of it is a guess, the finding refuses nothing (law 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// What this process sees for itself.
    Unit,
    /// The words of the daemon's command line, and the file and the environment that belong to it.
    Line,
    /// The driver or a path that the configuration names: the command line and the whole of daemon.json.
    Driver,
    /// The storage options, which count for one driver alone.
    Options,
    /// What lies in the data root, whatever the driver.
    DataRoot,
    /// What devicemapper would use in the data root or on devices.
    Pool,
    /// A pool or a daemon that runs: the guard watches it, and dockerd starts on it.
    Running,
}

macro_rules! codes {
    ($($name:ident = $text:literal on $ground:ident,)*) => {
        /// Stable name of a kind of finding. Other programs rely on the spelling.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $text] #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// As it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }

            /// What a finding with this code rests on.
            pub const fn ground(self) -> Ground {
                match self {
                    $(Code::$name => Ground::$ground,)*
                }
            }
        }
    };
}

codes! {
    // The pool and what is below it.
    PoolLow = "pool-low" on Running,
    PoolMetadataLow = "pool-metadata-low" on Running,
    PoolExhausted = "pool-exhausted" on Running,
    PoolReadOnly = "pool-read-only" on Running,
    PoolFailed = "pool-failed" on Running,
    PoolNeedsCheck = "pool-needs-check" on Running,
    PoolVanished = "pool-vanished" on Running,
    PoolSuspended = "pool-suspended" on Running,
    PoolUnknown = "pool-unknown" on Running,
    HostFilesystemFull = "host-filesystem-full" on Running,
    HostFilesystemOvercommitted = "host-filesystem-overcommitted" on Running,
    HostFilesystemUnknown = "host-filesystem-unknown" on Running,
    HostFilesystemReadOnly = "host-filesystem-read-only" on Running,
    VolumeGroupFull = "volume-group-full" on Running,
    LoopWriteErrors = "loop-write-errors" on Running,
    ContainerFilesystemShutDown = "container-filesystem-shut-down" on Running,
    LvmExtendsThePool = "lvm-extends-the-pool" on Running,
    LvmDoesNotExtend = "lvm-does-not-extend" on Running,
    LvmPoolNotMonitored = "lvm-pool-not-monitored" on Running,
    LvmUnknown = "lvm-unknown" on Running,
    // The daemon.
    DaemonHungOnPool = "daemon-hung-on-pool" on Running,
    DaemonStuck = "daemon-stuck" on Running,
    RestartAfterCure = "restart-after-cure" on Running,
    RestartNotPossible = "restart-not-possible" on Running,
    HangIncurable = "hang-incurable" on Running,
    DaemonRefuses = "daemon-refuses" on Running,
    DaemonSilent = "daemon-silent" on Running,
    DaemonSlow = "daemon-slow" on Running,
    DaemonTasksStuck = "daemon-tasks-stuck" on Running,
    DaemonRestarting = "daemon-restarting" on Running,
    DaemonFailed = "daemon-failed" on Running,
    DaemonStillThere = "daemon-still-there" on Driver,
    UnitUnknown = "unit-unknown" on Running,
    // What lies on the disk before a start.
    MetadataFeatureUnknown = "metadata-feature-unknown" on Pool,
    NoPoolYet = "no-pool-yet" on Pool,
    PoolLeftActive = "pool-left-active" on Running,
    PoolHalfMissing = "pool-half-missing" on Pool,
    PoolFilesMissing = "pool-files-missing" on Pool,
    PoolFresh = "pool-fresh" on Pool,
    PoolIsAnother = "pool-is-another" on Pool,
    PoolFileDeleted = "pool-file-deleted" on Pool,
    PoolFileOdd = "pool-file-odd" on Pool,
    PoolFileTooShort = "pool-file-too-short" on Pool,
    DockerImageListUnreadable = "docker-image-list-unreadable" on Pool,
    DockerVolumeStoreBroken = "docker-volume-store-broken" on DataRoot,
    PidfileIsADirectory = "pidfile-is-a-directory" on Driver,
    PoolFileImmutable = "pool-file-immutable" on Pool,
    PoolFileEmptied = "pool-file-emptied" on Pool,
    SuperblockBlank = "superblock-blank" on Pool,
    SuperblockDamaged = "superblock-damaged" on Pool,
    SuperblockUnreadable = "superblock-unreadable" on Pool,
    SuperblockOfLaterVersion = "superblock-of-later-version" on Pool,
    DockerDeviceFilesNotAllRead = "docker-device-files-not-all-read" on Pool,
    DockerDeviceFileUnreadable = "docker-device-file-unreadable" on Pool,
    DockerDeviceSetUnreadable = "docker-device-set-unreadable" on Pool,
    DataRootNotADirectory = "data-root-not-a-directory" on DataRoot,
    DataRootReadOnly = "data-root-read-only" on DataRoot,
    DataRootNotMounted = "data-root-not-mounted" on DataRoot,
    LiveRestoreInSwarm = "live-restore-in-swarm" on DataRoot,
    DataRootFull = "data-root-full" on DataRoot,
    ContainersOfAnotherDriver = "containers-of-another-driver" on DataRoot,
    NoLoopDevices = "no-loop-devices" on Pool,
    NoThinPools = "no-thin-pools" on Pool,
    SemaphoresUsedUp = "semaphores-used-up" on Pool,
    ThinPoolMissing = "thin-pool-missing" on Pool,
    ThinPoolIsNone = "thin-pool-is-none" on Pool,
    ThinPoolInUse = "thin-pool-in-use" on Pool,
    NotOnLoopFiles = "not-on-loop-files" on Pool,
    // Storage options and drivers.
    LoopMode = "loop-mode" on Pool,
    DevicemapperDeprecated = "devicemapper-deprecated" on Pool,
    XfsRetriesForever = "xfs-retries-forever" on Pool,
    XfsRetriesNotSupported = "xfs-retries-not-supported" on Pool,
    FilesystemOptionIgnored = "filesystem-option-ignored" on Pool,
    MetadataLargerThanKernelUses = "metadata-larger-than-kernel-uses" on Pool,
    BlockSizeChanged = "block-size-changed" on Pool,
    BlockSizeImpossible = "block-size-impossible" on Pool,
    LoopSizeImpossible = "loop-size-impossible" on Pool,
    PoolDeviceMissing = "pool-device-missing" on Pool,
    PoolDeviceInUse = "pool-device-in-use" on Pool,
    BaseSizeTooSmall = "base-size-too-small" on Pool,
    BaseSizeIgnored = "base-size-ignored" on Pool,
    DirectLvmChanged = "direct-lvm-changed" on Pool,
    DirectLvmDropped = "direct-lvm-dropped" on Pool,
    DirectLvmSetupUnreadable = "direct-lvm-setup-unreadable" on Pool,
    StorageOptionNotRead = "storage-option-not-read" on Line,
    StorageOptionUnknown = "storage-option-unknown" on Options,
    StorageOptionInvalid = "storage-option-invalid" on Options,
    StorageOptionsConflict = "storage-options-conflict" on Options,
    StorageOptionOfAnotherDriver = "storage-option-of-another-driver" on Options,
    StorageDriverUnknown = "storage-driver-unknown" on Driver,
    StorageDriverAmbiguous = "storage-driver-ambiguous" on DataRoot,
    StorageDriverNotNamed = "storage-driver-not-named" on DataRoot,
    StorageDriverWrongFilesystem = "storage-driver-wrong-filesystem" on DataRoot,
    StorageDriverNotInKernel = "storage-driver-not-in-kernel" on Driver,
    OtherStorageDriver = "other-storage-driver" on Driver,
    OverlayKernelTooOld = "overlay-kernel-too-old" on Driver,
    OverlayTechnologyPreview = "overlay-technology-preview" on Driver,
    // Docker's configuration.
    DaemonJsonMalformed = "daemon-json-malformed" on Line,
    DaemonJsonUnreadable = "daemon-json-unreadable" on Line,
    DaemonJsonKeyRepeated = "daemon-json-key-repeated" on Line,
    DaemonJsonKeyUnknown = "daemon-json-key-unknown" on Line,
    DaemonJsonKeyWithoutEffect = "daemon-json-key-without-effect" on Line,
    DaemonJsonWrongType = "daemon-json-wrong-type" on Line,
    DaemonJsonInvalidValue = "daemon-json-invalid-value" on Line,
    OptionSetTwice = "option-set-twice" on Line,
    FlagRejected = "flag-rejected" on Line,
    FlagUnknown = "flag-unknown" on Line,
    FlagOneDash = "flag-one-dash" on Line,
    FlagNotAStart = "flag-not-a-start" on Line,
    CommandLineStrayWord = "command-line-stray-word" on Line,
    FlagValueInvalid = "flag-value-invalid" on Line,
    GraphIsGone = "graph-is-gone" on Line,
    EnvironmentFileOdd = "environment-file-odd" on Line,
    EnvironmentFileLineDropped = "environment-file-line-dropped" on Line,
    CommandLineUnknown = "command-line-unknown" on Line,
    UnitNotFound = "unit-not-found" on Unit,
    UnitWillNotStart = "unit-will-not-start" on Unit,
    ConfigurationUnknown = "configuration-unknown" on Unit,
    DockerVersionUnknown = "docker-version-unknown" on Unit,
    // thinguard itself.
    GuardNotRunning = "guard-not-running" on Unit,
    SettingsInvalid = "settings-invalid" on Unit,
    MetricsNotWritten = "metrics-not-written" on Unit,
}

impl Code {
    /// The daemon hangs, or does not answer for a cause that is not known.
    pub const fn is_hang(self) -> bool {
        matches!(
            self,
            Code::DaemonHungOnPool | Code::DaemonStuck | Code::HangIncurable | Code::DaemonSilent
        )
    }

    /// The pool has little or nothing left of one of its devices.
    pub const fn is_low(self) -> bool {
        matches!(self, Code::PoolLow | Code::PoolMetadataLow | Code::PoolExhausted)
    }

    /// Says already how the daemon is.
    pub const fn is_about_daemon(self) -> bool {
        self.is_hang()
            || matches!(
                self,
                Code::DaemonRefuses
                    | Code::DaemonSlow
                    | Code::DaemonTasksStuck
                    | Code::DaemonRestarting
                    | Code::DaemonFailed
            )
    }

    /// Gives the reason for a restart of Docker.
    pub const fn asks_for_restart(self) -> bool {
        matches!(self, Code::DaemonStuck | Code::RestartAfterCure)
    }

    /// What would have to be known to judge a start is not.
    pub const fn leaves_start_unjudged(self) -> bool {
        matches!(
            self,
            Code::PoolUnknown | Code::ConfigurationUnknown | Code::UnitNotFound
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    /// By spelling: the order in which lists show them.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}
