//! One block written to a device and read back, past the page cache.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use anyhow::{Context, Result, ensure};
use nix::libc::O_DIRECT;

/// Size of a block of Docker's pools.
const BLOCK: usize = 64 << 10;

/// Direct I/O wants memory at a multiple of this.
const ALIGNMENT: usize = 4096;

/// Writes block number `block` of the device and reads it back.
///
/// # Errors
/// Where either fails, or another content comes back.
pub fn write_and_read(device: &str, block: u64) -> Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(O_DIRECT)
        .open(device)
        .with_context(|| format!("open {device}"))?;
    let at = block * BLOCK as u64;
    let mut memory = vec![0; BLOCK + ALIGNMENT];
    let start = memory.as_ptr().align_offset(ALIGNMENT);
    let buffer = &mut memory[start..start + BLOCK];
    let content = |index: usize| (index as u64).wrapping_mul(block.wrapping_add(7)).to_le_bytes()[0] | 1;
    for (index, byte) in buffer.iter_mut().enumerate() {
        *byte = content(index);
    }
    file.write_all_at(buffer, at).context("write to a new block")?;
    buffer.fill(0);
    file.read_exact_at(buffer, at).context("read it back")?;
    let right = buffer.iter().enumerate().all(|(index, byte)| *byte == content(index));
    ensure!(right, "another content came back");
    Ok(())
}
