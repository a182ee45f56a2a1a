//! The journal's catalog has a text for each kind of event, and no other.

use std::collections::BTreeMap;
use std::path::Path;
use thinguard::report::event::Kind;

/// Message id to its whole entry, as `journalctl --update-catalog` splits the file (systemd: man/journalctl, catalog.c).
fn entries() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/thinguard.catalog");
    let text = std::fs::read_to_string(path).unwrap();
    let mut entries = BTreeMap::new();
    for entry in format!("\n{text}").split("\n-- ").skip(1) {
        let (id, entry) = entry.split_once('\n').unwrap();
        assert!(
            entries.insert(id.to_owned(), entry.to_owned()).is_none(),
            "{id} is there twice"
        );
    }
    entries
}

#[test]
fn every_event_is_explained_and_nothing_else() {
    let mut entries = entries();
    for kind in Kind::ALL {
        if let Some(id) = kind.message_id() {
            assert!(
                entries.remove(id).is_some(),
                "{}: {id} is not in the catalog",
                kind.code()
            );
        }
    }
    assert!(entries.is_empty(), "no event has these ids: {:?}", entries.keys());
}

#[test]
fn every_entry_has_its_head_and_a_body() {
    for (id, entry) in entries() {
        let (head, body) = entry.split_once("\n\n").unwrap();
        assert!(
            id.len() == 32 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
        assert!(head.starts_with("Subject: "), "{id}");
        assert!(head.contains("\nDefined-By: thinguard"), "{id}");
        assert!(head.contains("\nDocumentation: man:thinguard"), "{id}");
        assert!(!body.trim().is_empty(), "{id}");
    }
}
