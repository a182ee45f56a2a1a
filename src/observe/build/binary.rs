//! The version in a daemon's own file, and packages in an RPM database, read a piece at a time: no more of a file in memory than
//! one piece, and an end in time.

use crate::docker::build::elf::{self, Section};
use crate::docker::build::package::{self, Package};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Sections that are longer are not read: `.rodata` of dockerd 20.10 has 6 MiB, its names 7 MiB.
const MOST_BYTES: u64 = 256 << 20;

/// The version text in this file; `None` where it is no program of Docker's, where the version cannot be told from what else
/// is in it, or where `until` comes first.
pub fn version(file: &File, until: Instant) -> Option<String> {
    let mut header = [0; elf::HEADER_BYTES];
    file.read_exact_at(&mut header, 0).ok()?;
    let table = elf::header(&header)?;
    let mut entries = vec![0; usize::from(table.count) * elf::SECTION_BYTES];
    file.read_exact_at(&mut entries, table.offset).ok()?;
    let sections = elf::sections(&entries);
    let names = read(file, sections.get(usize::from(table.names))?)?;
    let named = |name: &str| elf::named(&sections, &names, name);
    // What the linker was told is the least to read.
    let flag = named(".go.buildinfo").and_then(|section| {
        scan(file, &section, until, elf::OVERLAP, |piece, _| {
            elf::linker_flag(piece).map(str::to_owned)
        })
    });
    flag.or_else(|| by_symbol(file, &sections, until)).or_else(|| {
        scan(file, &named(".rodata")?, until, elf::OVERLAP, |piece, _| {
            elf::agent(piece).map(str::to_owned)
        })
    })
}

/// The packages with a daemon in them whose headers are in this RPM database, as far as it is read until `until`.
pub fn rpm_packages(file: &File, source: &str, until: Instant) -> Vec<Package> {
    let mut found = Vec::new();
    let whole = Section {
        size: file.metadata().map_or(0, |file| file.len()),
        ..Section::default()
    };
    scan(file, &whole, until, elf::OVERLAP, |piece, _| {
        found.extend(package::rpm_headers(piece, source));
        None::<()>
    });
    found
}

/// Follows the version's symbol: its name, its entry, its bytes.
fn by_symbol(file: &File, sections: &[Section], until: Instant) -> Option<String> {
    let mut tables = sections
        .iter()
        .filter(|section| matches!(section.kind, elf::SYMTAB | elf::DYNSYM));
    tables.find_map(|table| {
        let names = sections.get(table.link as usize)?;
        let name = scan(file, names, until, elf::OVERLAP, |piece, at| {
            elf::symbol_name(piece).and_then(|inside| u32::try_from(at + inside as u64).ok())
        })?;
        let (address, size) = scan(file, table, until, 0, |piece, _| elf::symbol(piece, name))?;
        let mut bytes = vec![0; usize::try_from(size).ok().filter(|size| *size <= elf::OVERLAP)?];
        file.read_exact_at(&mut bytes, elf::offset_of(sections, address)?)
            .ok()?;
        elf::symbol_text(&bytes).map(str::to_owned)
    })
}

/// A whole section, if it is a short one.
fn read(file: &File, section: &Section) -> Option<Vec<u8>> {
    let size = usize::try_from(section.size).ok().filter(|size| *size <= PIECE)?;
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, section.offset).ok()?;
    Some(bytes)
}

/// Shows `look` a section in pieces that share `overlap` bytes, each with its offset in the section, until it has found
/// something or the time is over.
fn scan<T>(
    file: &File,
    section: &Section,
    until: Instant,
    overlap: usize,
    mut look: impl FnMut(&[u8], u64) -> Option<T>,
) -> Option<T> {
    if section.size > MOST_BYTES {
        return None;
    }
    // Pieces end where an entry does.
    let most = PIECE - PIECE % elf::SYMBOL_BYTES;
    let mut piece = vec![0; most];
    let mut at = 0;
    while at < section.size && Instant::now() < until {
        let length = usize::try_from(section.size - at).map_or(most, |rest| rest.min(most));
        let bytes = piece.get_mut(..length)?;
        file.read_exact_at(bytes, section.offset.checked_add(at)?).ok()?;
        if let Some(found) = look(bytes, at) {
            return Some(found);
        }
        if section.size - at <= most as u64 {
            break;
        }
        at += (most - overlap) as u64;
    }
    None
}
