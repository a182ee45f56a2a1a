//! Small ELF files made here, in all the ways in which a Docker binary keeps its version; and files that are none.

use super::*;
use proptest::prelude::*;

/// A file with these sections, by name, kind, link and bytes, loaded at 0x10000 more than their offset.
pub(crate) fn file(parts: &[(&str, u32, u32, &[u8])]) -> Vec<u8> {
    let mut names = vec![0];
    let mut body = vec![0; HEADER_BYTES];
    let mut table = vec![0; SECTION_BYTES];
    let mut add = |body: &mut Vec<u8>, (name, kind, link, bytes): (&str, u32, u32, &[u8])| {
        let offset = body.len() as u64;
        let mut entry = vec![0; SECTION_BYTES];
        entry[0..4].copy_from_slice(&(names.len() as u32).to_le_bytes());
        entry[4..8].copy_from_slice(&kind.to_le_bytes());
        entry[0x10..0x18].copy_from_slice(&(offset + 0x10000).to_le_bytes());
        entry[0x18..0x20].copy_from_slice(&offset.to_le_bytes());
        entry[0x20..0x28].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        entry[0x28..0x2c].copy_from_slice(&link.to_le_bytes());
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        body.extend_from_slice(bytes);
        table.extend_from_slice(&entry);
        names.clone()
    };
    let mut all_names = vec![0];
    for part in parts {
        all_names = add(&mut body, *part);
    }
    all_names.extend_from_slice(b".shstrtab\0");
    add(&mut body, (".shstrtab", 3, 0, &all_names));
    let count = parts.len() as u16 + 2;
    body[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let offset = body.len() as u64;
    body[0x28..0x30].copy_from_slice(&offset.to_le_bytes());
    body[0x3a..0x3c].copy_from_slice(&(SECTION_BYTES as u16).to_le_bytes());
    body[0x3c..0x3e].copy_from_slice(&count.to_le_bytes());
    body[0x3e..0x40].copy_from_slice(&(count - 1).to_le_bytes());
    body.extend_from_slice(&table);
    body
}

/// A program whose linker was told the version, not stripped, as docker-ce's 20.10: text, names and one symbol.
pub(crate) fn with_symbol(version: &str, before: &[u8]) -> Vec<u8> {
    let mut text = before.to_vec();
    text.extend_from_slice(version.as_bytes());
    text.push(0);
    let mut names = b"\0main.main".to_vec();
    names.extend_from_slice(SYMBOL);
    let mut symbols = vec![0; SYMBOL_BYTES];
    let mut entry = vec![0; SYMBOL_BYTES];
    entry[0..4].copy_from_slice(&(b"\0main.main\0".len() as u32).to_le_bytes());
    entry[8..16].copy_from_slice(&((HEADER_BYTES + 0x10000 + before.len()) as u64).to_le_bytes());
    entry[16..24].copy_from_slice(&(version.len() as u64 + 1).to_le_bytes());
    symbols.extend_from_slice(&entry);
    file(&[
        (".rodata", 1, 0, &text),
        (".strtab", 3, 0, &names),
        (".symtab", SYMTAB, 2, &symbols),
    ])
}

fn parts(file: &[u8]) -> (Vec<Section>, Vec<u8>) {
    let table = header(&file[..HEADER_BYTES]).unwrap();
    let sections = sections(&file[table.offset as usize..]);
    assert_eq!(sections.len(), usize::from(table.count));
    let names = &sections[usize::from(table.names)];
    let names = file[names.offset as usize..][..names.size as usize].to_vec();
    (sections, names)
}

#[test]
fn sections_are_found_by_name() {
    let file = file(&[(".rodata", 1, 0, b"abc"), (".rodata.more", 1, 0, b"defg")]);
    let (sections, names) = parts(&file);
    assert_eq!(named(&sections, &names, ".rodata").unwrap().size, 3);
    assert_eq!(named(&sections, &names, ".rodata.more").unwrap().size, 4);
    assert_eq!(named(&sections, &names, ".text"), None);
    assert_eq!(named(&sections, &[], ".rodata"), None);
}

#[test]
fn a_symbol_leads_to_the_version() {
    let file = with_symbol("20.10.24", b"other text");
    let (sections, _) = parts(&file);
    let [_, _, strings, symbols, _] = sections.as_slice() else {
        panic!("{sections:?}")
    };
    let bytes = |section: &Section| &file[section.offset as usize..][..section.size as usize];
    let name = symbol_name(bytes(strings)).unwrap();
    let (address, size) = symbol(bytes(symbols), name as u32).unwrap();
    let offset = offset_of(&sections, address).unwrap() as usize;
    assert_eq!(symbol_text(&file[offset..][..size as usize]), Some("20.10.24"));
    assert_eq!(symbol(bytes(symbols), 7), None);
    assert_eq!(offset_of(&sections, 0), None);
    assert_eq!(offset_of(&sections, u64::MAX), None);
}

#[test]
fn linker_flags_tell_the_version() {
    for (piece, wanted) in [
        // Debian's docker.io 20.10.24+dfsg1-1+deb12u1+b6, `.go.buildinfo`.
        (
            "build\t-ldflags=\" \\t\\t-w \\t-X \\\"github.com/docker/docker/dockerversion.Version=20.10.24+dfsg1\\\" \\t-X \
             \\\"github.com/docker/docker/dockerversion.GitCommit=5d6db84\\\"",
            Some("20.10.24+dfsg1"),
        ),
        (
            "-X github.com/docker/docker/dockerversion.Version=24.0.9 -X",
            Some("24.0.9"),
        ),
        ("-X github.com/docker/docker/dockerversion.Version=24.0", None),
        ("-X github.com/docker/docker/dockerversion.Version= -X", None),
        ("-X github.com/docker/docker/dockerversion.Version=dev -X", None),
        ("-X github.com/docker/docker/dockerversion.Version", None),
        ("-X github.com/docker/cli/cli/version.Version=24.0.9 -X", None),
    ] {
        assert_eq!(linker_flag(piece.as_bytes()), wanted, "{piece}");
    }
}

#[test]
fn the_agents_name_tells_the_version() {
    for (piece, wanted) in [
        // Joined by the compiler from "Docker-Client/" + Version + " (" + GOOS + ")", among other constants.
        ("no such hostDocker-Client/1.10.3 (linux)DockerFile", Some("1.10.3")),
        ("Docker-Client/17.05.0-ce (linux)", Some("17.05.0-ce")),
        ("unknown (linux) Docker/1.9.1 (linux)", Some("1.9.1")),
        // From 17.06 the parts are joined when it runs.
        ("Docker-Client/go1.8.3 (linux)", None),
        ("Docker-Client/ (linux)", None),
        ("Docker-Client/1.10.3", None),
        ("containerd/1.2.3 (linux)", None),
        ("1.10.3 (linux)", None),
        (" (linux) (linux)", None),
        ("", None),
    ] {
        assert_eq!(agent(piece.as_bytes()), wanted, "{piece}");
    }
}

#[test]
fn other_files_have_no_sections() {
    let mut good = file(&[]);
    assert!(header(&good[..HEADER_BYTES]).is_some());
    assert!(header(&good[..HEADER_BYTES - 1]).is_none());
    assert!(header(b"#!/bin/sh\n. /etc/sysconfig/docker").is_none());
    assert!(header(&[]).is_none());
    // 32 bits; big-endian; no sections; too many.
    for (at, byte) in [(4, 1), (5, 2), (0x3c, 0), (0x3d, 0xff)] {
        let before = std::mem::replace(&mut good[at], byte);
        assert!(header(&good[..HEADER_BYTES]).is_none(), "{at}");
        good[at] = before;
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), at: u32, address: u64) {
        let _ = header(&bytes);
        let sections = sections(&bytes);
        let _ = named(&sections, &bytes, ".rodata");
        let _ = offset_of(&sections, address);
        let _ = symbol_name(&bytes);
        let _ = symbol(&bytes, at);
        let _ = symbol_text(&bytes);
        let _ = linker_flag(&bytes);
        let _ = agent(&bytes);
        for start in [&b"github.com/docker/docker/dockerversion.Version="[..], b"Docker-Client/", b"Docker/"] {
            let joined = [start, &bytes[..], b" (linux)"].concat();
            let _ = linker_flag(&joined);
            let _ = agent(&joined);
        }
    }

    #[test]
    fn a_version_is_found_wherever_it_stands(before in proptest::collection::vec(any::<u8>(), 0..200), text in "[1-9][0-9]?\\.[0-9]{1,2}\\.[0-9]{1,2}(-ce)?") {
        let joined = [&before[..], b"\nDocker-Client/", text.as_bytes(), b" (linux)"].concat();
        prop_assert_eq!(agent(&joined), Some(text.as_str()));
    }
}
