//! Locks on real files.

use super::*;
use crate::kernel::test_dir::TestDir;

#[test]
fn only_root_may_open_it() {
    let dir = TestDir::new();
    let path = dir.path().join("run/one.lock");
    let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
    open(&path).unwrap();
    assert_eq!(mode(), 0o600);
    // What an earlier release made.
    fs::write(&path, "123\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    open(&path).unwrap();
    assert_eq!((mode(), fs::read_to_string(&path).unwrap().as_str()), (0o600, "123\n"));
}

#[test]
fn no_link_is_followed() {
    let dir = TestDir::new();
    let (target, link) = (dir.path().join("target"), dir.path().join("link.lock"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    open(&link).unwrap_err();
    assert!(!target.exists());
}

#[test]
fn a_lock_is_seen_for_as_long_as_it_is_held() {
    let dir = TestDir::new();
    let path = dir.path().join("one.lock");
    assert!(!is_held(&path), "there is no file");
    let file = open(&path).unwrap();
    assert!(!is_held(&path));
    file.try_lock().unwrap();
    assert!(is_held(&path));
    drop(file);
    assert!(!is_held(&path));
}
