//! The real file on a real loop device (root; skipped with the reason otherwise), and what must be refused.

use super::*;
use crate::kernel::test_dir::TestDir;
use std::os::unix::fs::symlink;
use std::process::Command;

/// Detaches its loop device in the end.
struct Detach(String);

impl Drop for Detach {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .args(["--detach", &format!("/dev/{}", self.0)])
            .status();
    }
}

fn attach(file: &Path, options: &[&str]) -> Option<Detach> {
    File::create(file).unwrap().set_len(8 << 20).unwrap();
    match Command::new("losetup")
        .args(["--find", "--show"])
        .args(options)
        .arg(file)
        .output()
    {
        Ok(output) if output.status.success() => Some(Detach(
            String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .trim_start_matches("/dev/")
                .to_owned(),
        )),
        other => {
            eprintln!("skipped: needs root and loop devices: {other:?}");
            None
        }
    }
}

fn numbers(name: &str) -> String {
    let (major, minor) = LoopDevice::open(Path::new("/dev"), name).unwrap().numbers();
    format!("{major}:{minor}")
}

#[test]
fn the_file_and_its_device_grow_and_the_size_is_synced() {
    let dir = TestDir::new();
    let path = dir.path().join("data");
    let Some(device) = attach(&path, &[]) else { return };
    let store = LoopFile::open(&path, Path::new("/dev"), &device.0, &numbers(&device.0)).unwrap();
    for size in [16u64 << 20, (1 << 30) + 4096, 3 << 30] {
        store.lengthen_file(size).unwrap();
        store.make_size_durable().unwrap();
        store.tell_loop().unwrap();
        assert_eq!((store.file_size().unwrap(), store.loop_size().unwrap()), (size, size));
    }
    assert!(
        store
            .lengthen_file(4096)
            .unwrap_err()
            .to_string()
            .contains("has grown meanwhile")
    );
    assert_eq!(store.file_size().unwrap(), 3 << 30, "never shorter");
}

#[test]
fn any_other_file_or_device_is_refused() {
    let dir = TestDir::new();
    let (path, other) = (dir.path().join("data"), dir.path().join("other"));
    let Some(device) = attach(&path, &[]) else { return };
    std::fs::copy(&path, &other).unwrap();
    symlink(&path, dir.path().join("link")).unwrap();
    let dev = Path::new("/dev");
    let right = numbers(&device.0);
    let refuses = |path: &Path, name: &str, numbers: &str, why: &str| {
        let told = format!("{:#}", LoopFile::open(path, dev, name, numbers).unwrap_err());
        assert!(told.contains(why), "{told}");
    };
    refuses(&other, &device.0, &right, "is not the file that");
    refuses(&dir.path().join("link"), &device.0, &right, "open ");
    refuses(dir.path(), &device.0, &right, "open ");
    refuses(Path::new("/dev/null"), &device.0, &right, "not a regular file");
    refuses(&path, &device.0, "7:4095", "the pool is on device 7:4095");
    refuses(&path, "sda", &right, "no name of a loop device");
}

#[test]
fn a_loop_that_is_not_the_whole_file_is_refused() {
    for (options, why) in [
        (["--offset", "4096"].as_slice(), "begin"),
        (&["--sizelimit", "1048576"], "limit"),
        (&["--read-only"], "read-only"),
    ] {
        let dir = TestDir::new();
        let path = dir.path().join("data");
        let Some(device) = attach(&path, options) else { return };
        let told = LoopFile::open(&path, Path::new("/dev"), &device.0, &numbers(&device.0))
            .unwrap_err()
            .to_string();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn files_of_any_size_are_synced() {
    let dir = TestDir::new();
    let path = dir.path().join("data");
    let Some(device) = attach(&path, &[]) else { return };
    let loop_device = LoopDevice::open(Path::new("/dev"), &device.0).unwrap();
    for size in [0, 1, 4096, 65535, 65536, 65537, 1 << 40] {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(dir.path().join("f"))
            .unwrap();
        file.set_len(size).unwrap();
        let device = LoopDevice::open(Path::new("/dev"), &device.0).unwrap();
        LoopFile {
            file,
            device,
            name: "f".into(),
        }
        .make_size_durable()
        .unwrap();
    }
    assert!(loop_device.set_capacity().is_ok());
}
