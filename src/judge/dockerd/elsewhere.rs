//! Storage options that stand where packages or operators keep them and do not reach the daemon.

use crate::docker::elsewhere::{OptionElsewhere, Origin};
use crate::judge::before::Before;
use crate::model::{Code, Finding, Seen};

/// One rule: an option in a known place that is not on the daemon's line, nor in its file.
pub(super) fn not_read(before: &Before, unit: &str) -> Vec<Finding> {
    let Seen::Known(root) = &before.root else {
        return Vec::new();
    };
    let lost = root.options_elsewhere.iter().filter(|kept| is_lost(before, kept));
    lost.map(|kept| finding(kept, unit)).collect()
}

fn is_lost(before: &Before, kept: &OptionElsewhere) -> bool {
    let config = &before.config;
    match kept.origin {
        Origin::SetAside => false,
        // What was made of it has other words: any storage option counts, and a driver that needs none.
        Origin::Setup => config.storage_opts.is_empty() && config.driver.is_none(),
        Origin::Package | Origin::DropIn => config
            .storage_opts
            .iter()
            .all(|option| option.value != kept.option.value),
    }
}

fn finding(kept: &OptionElsewhere, unit: &str) -> Finding {
    let option = &kept.option;
    let (message, remedy) = match kept.origin {
        Origin::Setup => (
            format!(
                "docker-storage-setup is to make a pool ({}), and the daemon gets no storage option: it has not run, or failed, and \
                 Docker would begin on loop files",
                option.value
            ),
            "before Docker starts for the first time: run docker-storage-setup, and read what it says (systemctl status \
             docker-storage-setup)"
                .to_owned(),
        ),
        Origin::DropIn => (
            not_reached(kept),
            format!(
                "a drop-in ends in .conf, its settings stand below a line [Service], and systemctl daemon-reload reads it; see what \
                 systemd has with systemctl cat {unit}"
            ),
        ),
        Origin::Package | Origin::SetAside => (
            not_reached(kept),
            format!(
                "write it into \"storage-opts\" of /etc/docker/daemon.json if it is meant to count, or remove it ({})",
                option.place
            ),
        ),
    };
    Finding::warn(Code::StorageOptionNotRead, &option.value)
        .says(message)
        .at(&option.place)
        .next(remedy)
}

fn not_reached(kept: &OptionElsewhere) -> String {
    format!(
        "the storage option {} of {} does not reach the daemon: neither its command line nor daemon.json has it",
        kept.option.value, kept.option.place
    )
}
