//! Real loop devices on real sparse files: growth as far as it goes without device-mapper. Needs root; skips, and says why, without.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use thinguard::kernel::dm::Control;
use thinguard::kernel::grow::{GrowOrder, grow};
use thinguard::kernel::loop_device::{LoopDevice, backing};
use thinguard::model::{Bytes, Target};

/// A sparse file with a loop device on it. Both go when the test ends, however it ends.
struct Attached {
    dir: PathBuf,
    file: PathBuf,
    device: String,
}

impl Attached {
    /// `None`, with the reason printed, where this machine or user cannot.
    fn new(test: &str, size: Bytes) -> Option<Self> {
        let skip = |why: &str| {
            eprintln!("skipped: {why}");
            None::<Self>
        };
        if !nix_is_root() {
            return skip("not root");
        }
        if !Path::new("/dev/loop-control").exists() {
            return skip("no /dev/loop-control");
        }
        let dir = std::env::temp_dir().join(format!("thinguard-{test}-{}-delete-me", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut attached = Attached {
            file: dir.join("data"),
            dir,
            device: String::new(),
        };
        File::create(&attached.file).unwrap().set_len(size.0).unwrap();
        match Command::new("losetup")
            .args(["--find", "--show"])
            .arg(&attached.file)
            .output()
        {
            Ok(output) if output.status.success() => {
                let path = String::from_utf8(output.stdout).unwrap();
                attached.device = path.trim().trim_start_matches("/dev/").to_owned();
                Some(attached)
            }
            Ok(output) => skip(&format!("losetup: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => skip(&format!("losetup: {error}")),
        }
    }

    fn open(&self) -> LoopDevice {
        LoopDevice::open(Path::new("/dev"), &self.device).unwrap()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.device.is_empty() {
            let _ = Command::new("losetup")
                .args(["--detach", &format!("/dev/{}", self.device)])
                .status();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn nix_is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

#[test]
fn a_longer_file_makes_a_longer_device() {
    let Some(attached) = Attached::new("longer", Bytes::mib(64)) else {
        return;
    };
    let device = attached.open();
    assert_eq!(device.size().unwrap(), Bytes::mib(64));
    File::options()
        .write(true)
        .open(&attached.file)
        .unwrap()
        .set_len(Bytes::gib(3).0)
        .unwrap();
    assert_eq!(
        device.size().unwrap(),
        Bytes::mib(64),
        "the device does not see it by itself"
    );
    device.set_capacity().unwrap();
    assert_eq!(device.size().unwrap(), Bytes::gib(3));
    device.set_capacity().unwrap();
    assert_eq!(device.size().unwrap(), Bytes::gib(3));
    assert!(
        fs::metadata(&attached.file).unwrap().blocks() < 16,
        "the file stays sparse"
    );
}

#[test]
fn the_kernel_says_which_file_it_is() {
    let Some(attached) = Attached::new("which", Bytes::mib(1)) else {
        return;
    };
    let device = attached.open();
    let (major, minor) = device.numbers();
    let about = fs::metadata(&attached.file).unwrap();
    let told = device.attached().unwrap();
    assert_eq!((told.file_device, told.file_inode), (about.dev(), about.ino()));
    assert_eq!((told.offset, told.size_limit, told.read_only), (0, 0, false));

    let seen = backing(Path::new("/"), major, minor).unwrap().unwrap();
    assert_eq!(Path::new(&seen.file), attached.file.canonicalize().unwrap());
    assert_eq!(seen.device, attached.device);
    assert!(!seen.deleted);
    fs::remove_file(&attached.file).unwrap();
    let seen = backing(Path::new("/"), major, minor).unwrap().unwrap();
    assert!(seen.deleted);
    assert_eq!(Path::new(&seen.file), attached.file);
}

#[test]
fn without_device_mapper_growth_changes_nothing() {
    let Some(attached) = Attached::new("nothing", Bytes::mib(8)) else {
        return;
    };
    let order = GrowOrder {
        pool: "thinguard-test-there-is-no-such-pool".into(),
        target: Target::Data,
        file: attached.file.to_str().unwrap().into(),
        loop_device: attached.device.clone(),
        to: Bytes::mib(16),
        expect_params: "7:1 7:0 128 32768 1 skip_block_zeroing".into(),
        dm_control: "/dev/mapper/control".into(),
        dev: "/dev".into(),
        lock: attached.dir.join("deed.lock"),
    };
    let error = format!("{:#}", grow(&order).unwrap_err());
    let expected = match Control::open(&order.dm_control) {
        Ok(_) => "has no device",
        Err(_) => "device-mapper is not available",
    };
    assert!(error.contains(expected), "{error}");
    assert_eq!(fs::metadata(&attached.file).unwrap().len(), Bytes::mib(8).0);
    assert_eq!(attached.open().size().unwrap(), Bytes::mib(8));
    assert!(
        fs::metadata(format!("/dev/{}", attached.device))
            .unwrap()
            .file_type()
            .is_block_device()
    );
}
