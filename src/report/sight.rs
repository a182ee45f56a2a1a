//! The pool in sight when a line is written: its figures as fields beside the message, in bytes, for programs that read the journal.

use super::json::{HostReport, PoolReport};
use crate::model::Bytes;

/// Fields with their values.
pub type Fields = Vec<(&'static str, String)>;

/// A pool, active or not, with what lies below it. Of a device whose size the kernel does not tell (a pool that failed) there are no
/// figures.
pub fn fields(pool: &PoolReport, below: Option<&HostReport>) -> Fields {
    let mut fields = Fields::new();
    if !pool.name.is_empty() {
        fields.push(("THINGUARD_POOL", pool.name.clone()));
    }
    for (used, total, usage) in [
        ("THINGUARD_DATA_USED", "THINGUARD_DATA_TOTAL", &pool.data),
        ("THINGUARD_METADATA_USED", "THINGUARD_METADATA_TOTAL", &pool.metadata),
    ] {
        if usage.total_bytes > Bytes(0) {
            fields.push((used, usage.used_bytes.0.to_string()));
            fields.push((total, usage.total_bytes.0.to_string()));
        }
    }
    if let Some(host) = below {
        fields.push(("THINGUARD_HOST_FREE", host.free_bytes.0.to_string()));
    }
    fields
}

#[cfg(test)]
mod tests;
