//! A tree of files for one test, removed when the test ends, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) struct TestTree(PathBuf);

impl TestTree {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("thinguard-tree-{}-{number}-delete-me", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        TestTree(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn place(&self, path: &str) -> PathBuf {
        let place = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
        place
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        fs::write(self.place(path), text).expect("a file");
    }

    pub(super) fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.place(path)).expect("a link");
    }
}

impl Drop for TestTree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
