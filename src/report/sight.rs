//! The pool in sight when a line is written: its figures as fields beside the message, in bytes, for programs that read the journal.

use super::json::{HostReport, PoolReport};
use crate::model::{Bytes, Lvm, Seen, Snapshot};

/// Fields with their values.
pub type Fields = Vec<(&'static str, String)>;

/// The live pool of a look, if one was seen.
pub fn of_snapshot(seen: &Snapshot) -> Fields {
    let Seen::Known(Some(pool)) = &seen.pool else {
        return Fields::new();
    };
    let below = match &pool.lvm {
        Lvm::No => seen.host.known().map(|host| host.free_bytes),
        Lvm::Asked(Seen::Known(said)) => Some(said.group_free),
        Lvm::NotAsked | Lvm::Asked(Seen::Unknown(_)) => None,
    };
    let used = |usage: &crate::model::Usage| (usage.used(), usage.total());
    fields(&pool.name, used(&pool.data), used(&pool.metadata), below)
}

/// A pool as reported, active or not, with what lies below it.
pub fn of_report(pool: &PoolReport, below: Option<&HostReport>) -> Fields {
    let used = |usage: &super::json::UsageReport| (usage.used_bytes, usage.total_bytes);
    let below = below.map(|host| host.free_bytes);
    fields(&pool.name, used(&pool.data), used(&pool.metadata), below)
}

/// Of a device whose size the kernel does not tell (a pool that failed) there are no figures.
fn fields(name: &str, data: (Bytes, Bytes), metadata: (Bytes, Bytes), below: Option<Bytes>) -> Fields {
    let mut fields = Fields::new();
    if !name.is_empty() {
        fields.push(("THINGUARD_POOL", name.to_owned()));
    }
    for ([used_name, total_name], (used, total)) in [
        (["THINGUARD_DATA_USED", "THINGUARD_DATA_TOTAL"], data),
        (["THINGUARD_METADATA_USED", "THINGUARD_METADATA_TOTAL"], metadata),
    ] {
        if total > Bytes(0) {
            fields.push((used_name, used.0.to_string()));
            fields.push((total_name, total.0.to_string()));
        }
    }
    if let Some(free) = below {
        fields.push(("THINGUARD_HOST_FREE", free.0.to_string()));
    }
    fields
}

#[cfg(test)]
mod tests;
