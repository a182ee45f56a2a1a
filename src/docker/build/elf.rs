//! Where a Go program of ours keeps its version: enough of ELF's tables to find it, a piece of the file at a time. Pure.
//!
//! Up to 19.03 Docker's version is a constant (moby v18.09.0 `hack/make/.go-autogen`): it stands alone only where the compiler
//! has joined it to its neighbours, in the client's `"Docker-Client/" + Version + " (" + GOOS + ")"` (v1.10.3 `api/client/cli.go`,
//! v17.05.0-ce `cli/command/cli.go`) and, up to 1.10, the server's. From 20.10 the linker puts it into a variable (v20.10.24
//! `hack/make/.go-autogen`, `-X`): its symbol leads to it, and Go 1.18 and later keep the linker's flags in `.go.buildinfo`.

use super::bytes::find;
use super::written;

/// Bytes of the file's header.
pub const HEADER_BYTES: usize = 64;
/// Bytes of an entry in the table of sections.
pub const SECTION_BYTES: usize = 64;
/// Bytes of an entry in a table of symbols.
pub const SYMBOL_BYTES: usize = 24;
/// More sections than this are no program's: dockerd 20.10 has 34.
const MOST_SECTIONS: u16 = 512;
/// The kind of the table of all symbols, which `strip` removes.
pub const SYMTAB: u32 = 2;
/// The kind of the table that the dynamic linker needs, which stays. Position-independent Go programs list all there.
pub const DYNSYM: u32 = 11;
/// Sections of this kind have no bytes in the file.
const NOBITS: u32 = 8;

/// The symbol of the version's bytes, as it stands in a table of names: with the zero byte before and behind.
pub const SYMBOL: &[u8] = b"\0github.com/docker/docker/dockerversion.Version.str\0";

/// How much two pieces of a section must share, so that nothing is cut in two.
pub const OVERLAP: usize = 128;

/// Where the table of sections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Offset in the file.
    pub offset: u64,
    /// Entries.
    pub count: u16,
    /// The section with the names of all.
    pub names: u16,
}

/// A part of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Section {
    /// Offset of its name in the section of names.
    pub name: u32,
    /// [`SYMTAB`], [`DYNSYM`] …
    pub kind: u32,
    /// Where it is loaded.
    pub address: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// The section that belongs to it: of a table of symbols the one with their names.
    pub link: u32,
}

/// Reads the header of a 64-bit little-endian ELF file; `None` for any other file, and for one without sections.
pub fn header(bytes: &[u8]) -> Option<Table> {
    // \x7fELF, 64 bits, little-endian (elf(5)).
    let table = Table {
        offset: u64_at(bytes, 0x28)?,
        count: u16_at(bytes, 0x3c)?,
        names: u16_at(bytes, 0x3e)?,
    };
    let ours = bytes.starts_with(b"\x7fELF\x02\x01") && usize::from(u16_at(bytes, 0x3a)?) == SECTION_BYTES;
    (ours && (1..=MOST_SECTIONS).contains(&table.count)).then_some(table)
}

/// Reads the table of sections.
pub fn sections(table: &[u8]) -> Vec<Section> {
    table.chunks_exact(SECTION_BYTES).filter_map(section).collect()
}

fn section(bytes: &[u8]) -> Option<Section> {
    let kind = u32_at(bytes, 4)?;
    Some(Section {
        name: u32_at(bytes, 0)?,
        kind,
        address: u64_at(bytes, 0x10)?,
        offset: u64_at(bytes, 0x18)?,
        size: if kind == NOBITS { 0 } else { u64_at(bytes, 0x20)? },
        link: u32_at(bytes, 0x28)?,
    })
}

/// The section with this name.
pub fn named(sections: &[Section], names: &[u8], wanted: &str) -> Option<Section> {
    let is_it = |section: &&Section| {
        let rest = names.get(section.name as usize..).unwrap_or_default();
        rest.strip_prefix(wanted.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&0))
    };
    sections.iter().find(is_it).copied()
}

/// Where in the file the bytes at `address` are, by the sections.
pub fn offset_of(sections: &[Section], address: u64) -> Option<u64> {
    sections
        .iter()
        .filter(|section| section.address != 0)
        .find_map(|section| {
            let inside = address.checked_sub(section.address)?;
            (inside < section.size).then(|| section.offset.checked_add(inside))?
        })
}

/// Where [`SYMBOL`]'s name begins in this piece of a table of names.
pub fn symbol_name(piece: &[u8]) -> Option<usize> {
    find(piece, SYMBOL).map(|at| at + 1)
}

/// Address and size of the symbol whose name is at `name`, if it is in this piece of a table of symbols.
pub fn symbol(piece: &[u8], name: u32) -> Option<(u64, u64)> {
    let entry = piece
        .chunks_exact(SYMBOL_BYTES)
        .find(|entry| u32_at(entry, 0) == Some(name))?;
    Some((u64_at(entry, 8)?, u64_at(entry, 16)?))
}

/// The version in the bytes that the symbol leads to: text and a zero byte.
pub fn symbol_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes.strip_suffix(b"\0").unwrap_or(bytes)).ok()?;
    written::is_version_text(text).then_some(text)
}

/// The version among the linker's flags (Go `debug/buildinfo`; moby v20.10.24 `hack/make/.go-autogen`).
pub fn linker_flag(piece: &[u8]) -> Option<&str> {
    const FLAG: &[u8] = b"github.com/docker/docker/dockerversion.Version=";
    let behind = piece.get(find(piece, FLAG)? + FLAG.len()..)?;
    let end = behind.iter().position(|byte| !is_of_version(*byte))?;
    let text = std::str::from_utf8(behind.get(..end)?).ok()?;
    written::is_version_text(text).then_some(text)
}

/// The version in the name that client or server give themselves: `Docker-Client/1.10.3 (linux)`.
pub fn agent(piece: &[u8]) -> Option<&str> {
    const SYSTEM: &[u8] = b" (linux)";
    let mut from = 0;
    while let Some(at) = piece.get(from..).and_then(|rest| find(rest, SYSTEM)) {
        let before = piece.get(..from + at)?;
        let start = before.iter().rposition(|byte| !is_of_version(*byte)).unwrap_or(0);
        let (name, text) = before.split_at(start);
        let ours = name.ends_with(b"Docker-Client") || name.ends_with(b"Docker");
        let text = text.strip_prefix(b"/").and_then(|text| std::str::from_utf8(text).ok());
        if let Some(text) = text.filter(|text| ours && written::is_version_text(text)) {
            return Some(text);
        }
        from += at + SYSTEM.len();
    }
    None
}

fn is_of_version(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'~' | b'_')
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
pub(crate) mod tests;
