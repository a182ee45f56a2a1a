//! Rules on options that do not go together.

use super::{StorageOptions, is_set};
use crate::docker::Sourced;
use crate::docker::build::{Build, Flavour};
use crate::model::Code;

impl StorageOptions {
    /// All rules on options that do not go together (moby v20.10.27 `device_setup.go:26-46`, `deviceset.go:1654-1720`).
    pub(super) fn combinations(&mut self, build: &Build) {
        let [percent, metadata_percent, ..] = self
            .direct_lvm_numbers
            .each_ref()
            .map(|n| n.as_ref().map_or(0, |n| n.value));
        let numbers = self
            .direct_lvm_numbers
            .iter()
            .flatten()
            .find(|number| number.value != 0)
            .cloned();
        match self.direct_lvm_device.clone().filter(|device| !device.value.is_empty()) {
            None => {
                if let Some(number) = numbers {
                    let why = "must provide device path in `dm.directlvm_device` in order to configure direct-lvm";
                    self.together(
                        &number.place,
                        "dm.directlvm_device",
                        why,
                        "name the device, or remove the dm.thinp_* options",
                    );
                }
            }
            Some(device) => {
                if (percent > 0) != (metadata_percent > 0) {
                    let why = "must set both `dm.thinp_percent` and `dm.thinp_metapercent` if either is specified";
                    self.together(&device.place, "dm.thinp_percent", why, "set both, or neither");
                }
                if percent + metadata_percent > 100 {
                    let why = "combined `dm.thinp_percent` and `dm.thinp_metapercent` must not be greater than 100";
                    self.together(&device.place, "dm.thinp_percent", why, "lower one of them");
                }
                if is_set(&self.thin_pool_dev) {
                    let why = "cannot setup direct-lvm when `dm.thinpooldev` is also specified";
                    self.together(&device.place, "dm.thinpooldev", why, "keep one of the two");
                }
            }
        }
        self.deferred(build);
    }

    fn deferred(&mut self, build: &Build) {
        let off = |option: &Option<Sourced<bool>>| option.as_ref().is_some_and(|on| !on.value);
        let on = |option: &Option<Sourced<bool>>| option.as_ref().is_some_and(|on| on.value);
        let why = "devmapper: Deferred deletion can not be enabled as deferred removal is not enabled. Enable deferred removal \
                   using --storage-opt dm.use_deferred_removal=true parameter";
        let remedy = "set both dm.use_deferred_removal and dm.use_deferred_deletion to the same value";
        let removal = self.deferred_removal.clone();
        let deletion = self.deferred_deletion.clone();
        match (removal, deletion) {
            (Some(removal), _) if on(&self.deferred_deletion) && off(&self.deferred_removal) => {
                self.together(&removal.place, "dm.use_deferred_removal", why, remedy);
            }
            // Removal is off by default before 17.07; in Red Hat's 1.12.6 and 1.13.1 it is on since 2017-06-15.
            (None, Some(deletion)) if deletion.value && removal_is_off(build) => {
                self.together(&deletion.place, "dm.use_deferred_deletion", why, remedy);
            }
            // From 17.07 deletion is on by default where kernel and libdm can do it. Docker's packages for hosts whose libdm could not
            // ended before 18.09.
            (Some(removal), None)
                if !removal.value && build.is_upstream() && build.at_least(18, 9, 0) == Some(true) =>
            {
                let why = format!("{why} (deletion is on by default since 17.07)");
                self.together(&removal.place, "dm.use_deferred_removal", &why, remedy);
            }
            (Some(removal), None) if !removal.value && !removal_is_off(build) => {
                self.warn(
                    Code::StorageOptionsConflict,
                    &Sourced::new("dm.use_deferred_removal=false".into(), removal.place),
                    format!(
                        "Docker from 17.07 on and Red Hat's from 1.12.6 on may refuse dm.use_deferred_removal=false alone: {why}"
                    ),
                    remedy.into(),
                );
            }
            _ => {}
        }
    }
}

/// Whether deferred removal is certainly off where it is not set.
fn removal_is_off(build: &Build) -> bool {
    match build.flavour {
        Flavour::RedHat => build.at_least(1, 12, 6) == Some(false),
        _ => build.is_upstream() && build.at_least(17, 7, 0) == Some(false),
    }
}
