//! Loop devices as sysfs shows them, with directory trees. Real ones: tests/loop_devices.rs.

use super::*;
use crate::kernel::test_dir::TestDir;
use std::fs;
use std::os::unix::fs::symlink;

/// A tree in which `7:0` is a loop device with these attributes.
fn tree(attributes: &[(&str, &str)]) -> TestDir {
    let dir = TestDir::new();
    let device = dir.path().join("sys/devices/virtual/block/loop0");
    fs::create_dir_all(device.join("loop")).unwrap();
    fs::create_dir_all(dir.path().join("sys/dev/block")).unwrap();
    symlink(
        "../../devices/virtual/block/loop0",
        dir.path().join("sys/dev/block/7:0"),
    )
    .unwrap();
    for (name, text) in attributes {
        fs::write(device.join(name), text).unwrap();
    }
    dir
}

const DOCKERS: [(&str, &str); 1] = [("loop/backing_file", "/var/lib/docker/devicemapper/devicemapper/data\n")];

#[test]
fn reads_dockers_loop() {
    let expected = LoopBacking {
        device: "loop0".into(),
        file: "/var/lib/docker/devicemapper/devicemapper/data".into(),
        deleted: false,
    };
    assert_eq!(backing(tree(&DOCKERS).path(), 7, 0).unwrap(), Some(expected));
}

#[test]
fn names_of_files_are_taken_as_they_are() {
    for (text, file, deleted) in [
        ("/a/data (deleted)\n", "/a/data", true),
        ("/a/data (deleted)", "/a/data", true),
        ("/a/da ta \n", "/a/da ta ", false),
        ("/a/da\\040ta\n", "/a/da\\040ta", false),
        ("/a/two\nlines\n", "/a/two\nlines", false),
        ("/a/(deleted)\n", "/a/(deleted)", false),
    ] {
        let dir = tree(&[("loop/backing_file", text)]);
        let found = backing(dir.path(), 7, 0).unwrap().unwrap();
        assert_eq!((found.file.as_str(), found.deleted), (file, deleted), "{text:?}");
    }
}

#[test]
fn what_has_no_file_is_no_loop() {
    assert_eq!(backing(tree(&[]).path(), 7, 0).unwrap(), None);
    assert_eq!(
        backing(tree(&[("loop/backing_file", "\n")]).path(), 7, 0).unwrap(),
        None
    );
}

#[test]
fn what_makes_no_sense_is_an_error() {
    assert_eq!(
        backing(tree(&DOCKERS).path(), 7, 1).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    let dir = tree(&DOCKERS);
    let link = dir.path().join("sys/dev/block/7:0");
    fs::remove_file(&link).unwrap();
    fs::rename(
        dir.path().join("sys/devices/virtual/block/loop0"),
        dir.path().join("sys/devices/virtual/block/sda"),
    )
    .unwrap();
    symlink("../../devices/virtual/block/sda", &link).unwrap();
    assert_eq!(
        backing(dir.path(), 7, 0).unwrap_err().kind(),
        io::ErrorKind::InvalidData
    );
    let dir = tree(&[]);
    fs::write(dir.path().join("sys/dev/block/7:0/loop/backing_file"), b"/\xff\n").unwrap();
    assert_eq!(
        backing(dir.path(), 7, 0).unwrap_err().kind(),
        io::ErrorKind::InvalidData
    );
}

#[test]
fn only_loop_devices_are_opened() {
    for name in ["", "loop", "loop0/..", "../sda", "loop-control", "sda", "loop1x"] {
        assert!(LoopDevice::open(Path::new("/dev"), name).is_err(), "{name}");
    }
    let dir = TestDir::new();
    fs::write(dir.path().join("loop0"), "a file").unwrap();
    symlink("/dev/null", dir.path().join("loop1")).unwrap();
    for name in ["loop0", "loop1", "loop2"] {
        assert!(LoopDevice::open(dir.path(), name).is_err(), "{name}");
    }
}
