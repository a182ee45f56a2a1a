//! What the devicemapper driver refuses about its options.

use crate::docker::Sourced;
use crate::docker::build::Version;

/// What the driver refuses about an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The option, or the name of one of those that do not go together, with its place.
    pub option: Sourced<String>,
    /// What is wrong with it.
    pub what: Fault,
    /// This build certainly refuses it.
    pub certain: bool,
}

/// What may be wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No such option, or none yet.
    Unknown {
        /// Its name.
        key: String,
        /// The first upstream version that knows it.
        since: Option<Version>,
    },
    /// No version that knows the option takes this value, and those that do not know it refuse it as well.
    Invalid {
        /// Its name; `None` where there is no `=`.
        key: Option<String>,
        /// Docker's words.
        why: String,
    },
    /// It does not go with another one.
    Conflict(Conflict),
}

/// Options that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// `dm.thinp_…` without `dm.directlvm_device`.
    WithoutDevice,
    /// One of `dm.thinp_percent` and `dm.thinp_metapercent` alone.
    HalfThePercents,
    /// Both together over 100.
    TooMuch,
    /// `dm.directlvm_device` with `dm.thinpooldev`.
    TwoPools,
    /// `dm.datadev` and `dm.metadatadev` name one device.
    OneDevice,
    /// Deferred deletion without deferred removal.
    DeletionWithoutRemoval,
    /// The same, where deletion is on because nothing says otherwise (from 17.07 on).
    DeletionByDefault,
}
