//! Packages in an RPM database, read a piece at a time: no more of it in memory than one piece, and an end in time.

use crate::docker::build::package::{self, Package};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Pieces share so many bytes: a header's first values are shorter.
const OVERLAP: usize = 256;

/// A longer database is not read.
const MOST_BYTES: u64 = 256 << 20;

/// The packages with a daemon in them whose headers are in this database, as far as it is read until `until`.
pub fn rpm_packages(file: &File, source: &str, until: Instant) -> Vec<Package> {
    let size = file.metadata().map_or(0, |file| file.len());
    let mut found = Vec::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < size && size <= MOST_BYTES && Instant::now() < until {
        let length = usize::try_from(size - at).map_or(PIECE, |rest| rest.min(PIECE));
        let Some(bytes) = piece.get_mut(..length) else { break };
        if file.read_exact_at(bytes, at).is_err() {
            break;
        }
        found.extend(package::rpm_headers(bytes, source));
        at += match length {
            PIECE => (PIECE - OVERLAP) as u64,
            last => last as u64,
        };
    }
    found
}
