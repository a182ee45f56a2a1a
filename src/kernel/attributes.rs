//! Attributes of a file beyond its mode (chattr(1)), by ioctl.

use nix::libc::c_long;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

/// `FS_IMMUTABLE_FL`, linux/fs.h: nobody may open the file to write to it, root neither.
const IMMUTABLE: c_long = 0x10;

nix::ioctl_read!(
    /// `FS_IOC_GETFLAGS`; declared with a long, of which filesystems write the lower half.
    get_flags,
    b'f',
    1,
    c_long
);

/// Whether the plain file at `path` is immutable; `None` where that cannot be told, as on filesystems without attributes.
pub fn immutable(path: &Path) -> Option<bool> {
    // Opening a pipe would wait for its other end.
    std::fs::metadata(path).ok().filter(|file| file.is_file())?;
    let file = File::open(path).ok()?;
    let mut flags: c_long = 0;
    // SAFETY: the kernel writes no more than a long to the address, which is that of a live long.
    unsafe { get_flags(file.as_raw_fd(), &raw mut flags) }.ok()?;
    Some(flags & IMMUTABLE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_is_not_immutable() {
        assert_ne!(immutable(Path::new(file!())), Some(true));
        assert_eq!(immutable(Path::new("/dev/null")), None);
        assert_eq!(immutable(Path::new("/nonsense")), None);
    }
}
