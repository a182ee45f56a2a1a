//! Memory that stays: the process locked into it, but for the tables for unwinding, which nobody reads.

use nix::libc;
use nix::sys::mman::{MlockAllFlags, MmapAdvise, madvise, mlockall, munlock};
use nix::unistd::{SysconfVar, sysconf};
use std::ffi::{c_int, c_void};
use std::io;
use std::ops::Range;
use std::ptr::NonNull;

/// Keeps all pages of the process in memory: a page of the program that must be read back from a hung disk is a hang.
///
/// # Errors
/// When the limit or the capability is missing; the guard works without, less surely.
pub fn lock() -> io::Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?;
    // Best effort: where they cannot be told, they cost a tenth of the program more.
    let _ = let_go(unwind_tables());
    Ok(())
}

/// Lets the kernel take back the whole pages of a part of the program that is only read, and hardly ever. Whoever reads there all the
/// same has them read from the file again.
fn let_go(part: Range<usize>) -> io::Result<usize> {
    let page = sysconf(SysconfVar::PAGE_SIZE)?
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(4096);
    let start = part.start.next_multiple_of(page);
    let length = (part.end / page * page).saturating_sub(start);
    let Some(place) = NonNull::new(start as *mut c_void).filter(|_| length > 0) else {
        return Ok(0);
    };
    // SAFETY: these pages belong to a segment of this program that is mapped for its whole life; unlocking changes nothing that is
    // read or written.
    unsafe { munlock(place, length) }?;
    // SAFETY: the segment is mapped privately from the program's file and is not writable, so no page of it differs from the file,
    // and each that is dropped comes back with the same bytes.
    unsafe { madvise(place, length, MmapAdvise::MADV_DONTNEED) }?;
    Ok(length)
}

/// Where the tables for unwinding are: from their index to the end of its segment, where linkers put them last. A panic ends the
/// process (`panic = "abort"`), so that nothing unwinds. Empty where there are none, or where the segment is not only read.
fn unwind_tables() -> Range<usize> {
    let mut found = 0..0;
    // SAFETY: the callback has the signature that is asked for, gets the pointer of `found`, which lives until the call returns, and
    // keeps neither pointer.
    unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
    found
}

/// Called with the program itself first (dl_iterate_phdr(3)); ends the iteration there.
unsafe extern "C" fn first_object(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the C library passes a description that is valid during the call.
    let info = unsafe { &*info };
    // SAFETY: it says how many headers there are at that place, for as long as the program lives.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let range = tables(info.dlpi_addr, headers).unwrap_or(0..0);
    // SAFETY: the caller passes a pointer to its own range.
    unsafe { *found.cast::<Range<usize>>() = range };
    1
}

/// The tables by a program's headers (elf(5)), with `base` added to its addresses.
fn tables(base: u64, headers: &[libc::Elf64_Phdr]) -> Option<Range<usize>> {
    let index = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME)?;
    let end = |header: &libc::Elf64_Phdr| header.p_vaddr.checked_add(header.p_memsz);
    let segment = headers.iter().find(|header| {
        header.p_type == libc::PT_LOAD
            && header.p_flags == libc::PF_R
            && header.p_vaddr <= index.p_vaddr
            && end(header) >= end(index)
    })?;
    let start = usize::try_from(base.checked_add(index.p_vaddr)?).ok()?;
    Some(start..usize::try_from(base.checked_add(end(segment)?)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u32, flags: u32, from: u64, length: u64) -> libc::Elf64_Phdr {
        libc::Elf64_Phdr {
            p_type: kind,
            p_flags: flags,
            p_offset: 0,
            p_vaddr: from,
            p_paddr: 0,
            p_filesz: length,
            p_memsz: length,
            p_align: 4096,
        }
    }

    #[test]
    fn tables_end_with_their_segment() {
        let index = header(libc::PT_GNU_EH_FRAME, libc::PF_R, 0x7000, 0x100);
        let read_only = header(libc::PT_LOAD, libc::PF_R, 0, 0x9000);
        let code = header(libc::PT_LOAD, libc::PF_R | libc::PF_X, 0xa000, 0x9000);
        let writable = header(libc::PT_LOAD, libc::PF_R | libc::PF_W, 0, 0x9000);
        assert_eq!(tables(0x10_0000, &[read_only, code, index]), Some(0x10_7000..0x10_9000));
        for none in [
            &[read_only, code][..],
            &[code, index],
            &[writable, index],
            &[header(libc::PT_LOAD, libc::PF_R, 0, 0x7080), index],
            &[header(libc::PT_LOAD, libc::PF_R, u64::MAX - 1, u64::MAX), index],
        ] {
            assert_eq!(tables(0x10_0000, none), None);
        }
        assert_eq!(tables(u64::MAX, &[read_only, index]), None);
    }

    #[test]
    fn what_is_let_go_comes_back_as_it_was() {
        let part = unwind_tables();
        assert!(part.len() > 4 * 4096, "no tables: {part:?}");
        // SAFETY: the range is a part of this program's own segment, which is readable and stays mapped.
        let bytes = unsafe { std::slice::from_raw_parts(part.start as *const u8, part.len()) };
        let before = crc32c::crc32c(bytes);
        assert!(let_go(part.clone()).unwrap() > 4 * 4096);
        assert_eq!(crc32c::crc32c(bytes), before);
        // And it is still fit for its purpose, in a program that does unwind.
        assert!(std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(1))).is_err());
    }
}
