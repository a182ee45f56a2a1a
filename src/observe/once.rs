//! What only commands that run once ask for: what lies in Docker's data root.

use super::{Ask, Observer, Sense, state};
use crate::docker::direct_lvm;
use crate::docker::names::DEFAULT_PIDFILE;
use crate::kernel::errand::Porter;
use std::time::Duration;

impl Observer {
    /// Asks what lies in Docker's data root.
    pub fn look_at_root(&mut self, porter: &Porter, now: Duration) {
        let Some(config) = self.config() else { return };
        let options = &config.options;
        let devices = [&options.data_dev, &options.metadata_dev, &options.direct_lvm_device];
        let devices = devices.into_iter().flatten().map(|device| device.value.clone());
        let direct = options.direct_lvm_device.as_ref().map(|_| direct_lvm::POOL);
        let ask = Ask::State(state::Question {
            root: self.root.clone(),
            data_root: config.data_root.value.clone(),
            pidfile: config
                .pidfile
                .as_ref()
                .map_or(DEFAULT_PIDFILE.into(), |pidfile| pidfile.value.clone()),
            thin_pool_device: config.thin_pool_device().or(direct).map(str::to_owned),
            devices: devices.filter(|device| !device.is_empty()).collect(),
            driver: config.driver.as_ref().map(|driver| driver.value.clone()),
            unit: self.settings.docker.unit.clone(),
        });
        self.ask(porter, Sense::State, &ask, now);
    }
}
