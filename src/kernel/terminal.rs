//! The size of a terminal (ioctl_tty(2), TIOCGWINSZ).

use nix::libc;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Columns and lines of the terminal behind a descriptor; `None` where there is none, or it does not know.
pub fn size(terminal: BorrowedFd<'_>) -> Option<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptor is open for the call, and the kernel writes no more than one `winsize` there.
    let told = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    (told == 0 && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    #[test]
    fn what_is_no_terminal_has_no_size() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(super::size(reader.as_fd()), None);
    }
}
