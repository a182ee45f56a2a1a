//! Lengthening a file whose pool is not active: dockerd makes the pool as large as its files when it starts.

use super::store::DeedLock;
use crate::model::Bytes;
use anyhow::{Context, Result, ensure};
use nix::libc;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes the file at `path` at least `to` long and that size durable. A longer one is left as it is.
///
/// # Errors
/// When another deed runs, when it is no regular file, or when the filesystem refuses.
pub fn lengthen_offline(path: &Path, to: Bytes, lock: &Path) -> Result<()> {
    let _lock = DeedLock::take(lock)?;
    let told = || path.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK);
    let file = options.open(path).with_context(told)?;
    let about = file.metadata().with_context(told)?;
    ensure!(about.is_file(), "{} is not a regular file", path.display());
    if about.len() < to.0 {
        file.set_len(to.0).with_context(told)?;
    }
    file.sync_all().with_context(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::test_dir::TestDir;
    use std::fs;

    #[test]
    fn files_only_get_longer() {
        let dir = TestDir::new();
        let (file, lock) = (dir.path().join("data"), dir.path().join("lock"));
        fs::write(&file, b"contents").unwrap();
        lengthen_offline(&file, Bytes::mib(8), &lock).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 8 << 20);
        lengthen_offline(&file, Bytes(3), &lock).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 8 << 20);
        assert!(fs::read(&file).unwrap().starts_with(b"contents"));
        assert!(lengthen_offline(&dir.path().join("missing"), Bytes(1), &lock).is_err());
        assert!(lengthen_offline(dir.path(), Bytes(1), &lock).is_err());
    }
}
