//! Storage options that stand where packages keep them and do not reach the daemon.

use crate::judge::before::Before;
use crate::model::{Code, Finding, Seen};

/// One rule: an option in a known place that is not on the daemon's line, nor in its file.
pub(super) fn not_read(before: &Before) -> Vec<Finding> {
    let Seen::Known(root) = &before.root else {
        return Vec::new();
    };
    let config = &before.config;
    let arrived = |value: &str| config.storage_opts.iter().any(|option| option.value == value);
    let lost = root
        .options_elsewhere
        .iter()
        .filter(|kept| !kept.set_aside)
        .map(|kept| &kept.option)
        .filter(|option| !arrived(&option.value));
    lost.map(|option| {
        Finding::warn(Code::StorageOptionNotRead, &option.value)
            .says(format!(
                "the storage option {} of {} does not reach the daemon: neither its command line nor daemon.json has it",
                option.value, option.place
            ))
            .at(&option.place)
            .next(format!(
                "write it into \"storage-opts\" of /etc/docker/daemon.json if it is meant to count, or remove it ({})",
                option.place
            ))
    })
    .collect()
}
