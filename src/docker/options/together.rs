//! Rules on options that do not go together.

use super::{Conflict, StorageOptions, is_set};
use crate::docker::Sourced;
use crate::docker::build::{Build, Flavour};

impl StorageOptions {
    /// All rules on options that do not go together (moby v20.10.27 `device_setup.go:26-46`, `deviceset.go:1654-1720`).
    pub(super) fn combinations(&mut self, build: &Build) {
        let number = |number: &Option<Sourced<u64>>| number.as_ref().map_or(0, |number| number.value);
        let [percent, metadata_percent, ..] = self.direct_lvm_numbers.each_ref().map(number);
        let mut numbers = self.direct_lvm_numbers.iter().flatten();
        let first = numbers.find(|number| number.value != 0).cloned();
        let device = self.direct_lvm_device.clone().filter(|device| !device.value.is_empty());
        match (device, first) {
            (None, None) => {}
            (None, Some(first)) => {
                self.together(Conflict::WithoutDevice, "dm.directlvm_device", &first.place, true);
            }
            (Some(device), _) => {
                if (percent > 0) != (metadata_percent > 0) {
                    self.together(Conflict::HalfThePercents, "dm.thinp_percent", &device.place, true);
                }
                if percent + metadata_percent > 100 {
                    self.together(Conflict::TooMuch, "dm.thinp_percent", &device.place, true);
                }
                if is_set(&self.thin_pool_dev) {
                    self.together(Conflict::TwoPools, "dm.thinpooldev", &device.place, true);
                }
            }
        }
        self.one_device();
        self.deferred(build);
    }

    /// The second of two devices that are one is busy by then, whatever is on it.
    fn one_device(&mut self) {
        let Some(data) = self.data_dev.clone().filter(|data| !data.value.is_empty()) else {
            return;
        };
        let same = self
            .metadata_dev
            .as_ref()
            .is_some_and(|metadata| metadata.value == data.value);
        if same && self.no_foreign_pool() {
            self.together(Conflict::OneDevice, "dm.datadev", &data.place, true);
        }
    }

    fn deferred(&mut self, build: &Build) {
        const REMOVAL: &str = "dm.use_deferred_removal";
        match (self.deferred_removal.clone(), self.deferred_deletion.clone()) {
            (Some(removal), Some(deletion)) if deletion.value && !removal.value => {
                self.together(Conflict::DeletionWithoutRemoval, REMOVAL, &removal.place, true);
            }
            (None, Some(deletion)) if deletion.value && removal_is_off(build) => {
                let name = "dm.use_deferred_deletion";
                self.together(Conflict::DeletionWithoutRemoval, name, &deletion.place, true);
            }
            // From 17.07 deletion is on by default where kernel and libdm can do it. Docker's packages for hosts whose libdm could not
            // ended before 18.09.
            (Some(removal), None) if !removal.value && !removal_is_off(build) => {
                let certain = build.is_upstream() && build.at_least(18, 9, 0) == Some(true);
                self.together(Conflict::DeletionByDefault, REMOVAL, &removal.place, certain);
            }
            _ => {}
        }
    }
}

/// Whether deferred removal is certainly off where it is not set: before 17.07; in Red Hat's 1.12.6 and 1.13.1 it is on since 2017-06-15.
fn removal_is_off(build: &Build) -> bool {
    match build.flavour {
        Flavour::RedHat => build.at_least(1, 12, 6) == Some(false),
        _ => build.is_upstream() && build.at_least(17, 7, 0) == Some(false),
    }
}
