//! What only commands that run once ask for: what lies on disk where no pool is active.

use super::{Ask, Observer, Sense, state};
use crate::docker::direct_lvm;
use crate::docker::names::DEFAULT_PIDFILE;
use crate::docker::state::RootState;
use crate::kernel::errand::Porter;
use crate::kernel::lvm::VolumeGroup;
use crate::kernel::superblock::{self, Superblock};
use crate::model::Seen;
use std::time::Duration;

impl Observer {
    /// The superblock that `sense` was asked for.
    pub fn superblock(&self, sense: Sense, now: Duration) -> Seen<Result<Superblock, superblock::Error>> {
        self.seen(sense, now)
    }

    /// Docker's data root, as asked for.
    pub fn root_state(&self, now: Duration) -> Seen<RootState> {
        self.seen(Sense::State, now)
    }

    /// The volume group of the pool that `dm.thinpooldev` names, as asked for.
    pub fn volume_group(&self, now: Duration) -> Seen<VolumeGroup> {
        self.seen(Sense::VolumeGroup, now)
    }

    /// Asks for the room of a volume group.
    pub fn look_at_volume_group(&mut self, porter: &Porter, name: &str, now: Duration) {
        self.ask(
            porter,
            Sense::VolumeGroup,
            &Ask::VolumeGroup { name: name.to_owned() },
            now,
        );
    }

    /// Asks what lies in Docker's data root.
    pub fn look_at_root(&mut self, porter: &Porter, now: Duration) {
        let Some(config) = self.config() else { return };
        let ask = Ask::State(state::Question {
            root: self.root.clone(),
            data_root: config.data_root.value.clone(),
            pidfile: config
                .pidfile
                .as_ref()
                .map_or(DEFAULT_PIDFILE.into(), |pidfile| pidfile.value.clone()),
            thin_pool_device: config.thin_pool_device().map(str::to_owned).or_else(|| {
                let direct = config.options.direct_lvm_device.is_some();
                direct.then(|| direct_lvm::POOL.to_owned())
            }),
            devices: [
                &config.options.data_dev,
                &config.options.metadata_dev,
                &config.options.direct_lvm_device,
            ]
            .into_iter()
            .flatten()
            .map(|device| device.value.clone())
            .filter(|device| !device.is_empty())
            .collect(),
            driver: config.driver.as_ref().map(|driver| driver.value.clone()),
            unit: self.settings.docker.unit.clone(),
        });
        self.ask(porter, Sense::State, &ask, now);
    }

    /// Asks for the superblock of metadata whose pool is not active. What may hang has a sense of its own.
    pub fn read_superblock(&mut self, porter: &Porter, sense: Sense, path: &str, now: Duration) {
        self.ask(
            porter,
            sense,
            &Ask::Superblock {
                root: self.root.clone(),
                path: path.to_owned(),
            },
            now,
        );
    }
}
