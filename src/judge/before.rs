//! What is known before a start of Docker: gathered once, and judged once.

use crate::docker::configuration::Configuration;
use crate::docker::drivers::{self, Choice};
use crate::docker::state::RootState;
use crate::kernel::superblock::{self, Superblock};
use crate::model::{Bytes, Disk, LvmPool, Seen};

/// All that was learnt before a start, gathered once.
#[derive(Debug, Clone)]
pub struct Before {
    /// What dockerd is told.
    pub config: Configuration,
    /// The storage driver that it will take.
    pub choice: Choice,
    /// What lies in its data root.
    pub root: Seen<RootState>,
    /// The pool's files.
    pub disk: Seen<Disk>,
    /// The superblock, if the pool is not active and there is a metadata file.
    pub superblock: Option<Seen<Result<Superblock, superblock::Error>>>,
    /// That of the device which `dm.metadatadev` names, under the same condition.
    pub named_superblock: Option<Seen<Result<Superblock, superblock::Error>>>,
    /// What LVM says of an active pool of its own.
    pub lvm: Option<LvmPool>,
}

/// dockerd's defaults (moby, daemon/graphdriver/devmapper/deviceset.go: defaultDataLoopbackSize, defaultMetaDataLoopbackSize).
pub const DEFAULT_LOOP_DATA: Bytes = Bytes::gib(100);
/// See [`DEFAULT_LOOP_DATA`].
pub const DEFAULT_LOOP_METADATA: Bytes = Bytes::gib(2);

impl Before {
    /// What is known of a start before its disk is looked at.
    pub fn new(config: Configuration, root: Seen<RootState>) -> Before {
        let prior = root.known().and_then(|root| root.drivers.as_deref());
        let not_yet = || Seen::unknown("not looked at");
        Before {
            choice: drivers::choose(config.driver.as_ref(), prior, &config.build),
            config,
            root,
            disk: not_yet(),
            superblock: None,
            named_superblock: None,
            lvm: None,
        }
    }

    /// Whether no pool was ever made on the device of `dm.metadatadev`, or nothing in it; `None` where that is not known.
    pub(super) fn named_pool_is_empty(&self) -> Option<bool> {
        match self.named_superblock.as_ref()?.known()? {
            Ok(superblock) => Some(superblock.data_used == 0 && superblock.transaction_id == 0),
            Err(superblock::Error::NeverFormatted) => Some(true),
            Err(_) => None,
        }
    }

    /// Whether the pool's files may be those that dockerd will use.
    pub fn uses_files(&self) -> bool {
        self.choice.certain().is_none() || self.choice.is_devicemapper()
    }

    /// Whether nothing is known of the driver.
    pub(super) fn may_be_any_driver(&self) -> bool {
        self.choice.certain().is_none() && self.choice != Choice::FirstThatWorks
    }

    /// `dm.loopdatasize`: dockerd lengthens a shorter file to it, to 100 GiB where it is not set (docker 1.9 and later).
    pub(super) fn loop_data_size(&self) -> Bytes {
        let size = self.config.options.loop_data_size.as_ref();
        size.map_or(DEFAULT_LOOP_DATA, |size| size.value)
    }

    /// `dm.loopmetadatasize`, 2 GiB where it is not set.
    pub(super) fn loop_metadata_size(&self) -> Bytes {
        let size = self.config.options.loop_metadata_size.as_ref();
        size.map_or(DEFAULT_LOOP_METADATA, |size| size.value)
    }

    /// The options name no other pool than that of the loop files.
    pub fn on_loop_files(&self) -> bool {
        self.config.options.data_on_loop() && self.config.options.metadata_on_loop()
    }
}
