//! Tests of `lines`: what systemd's own reading of unit files gave.

use super::*;
use crate::systemd::test_text::plain;

#[test]
fn as_systemds_own_reading() {
    let mut rows = 0;
    for row in include_str!("../../../../tests/fixtures/systemd/units.tsv").lines() {
        let mut fields = row.split('\t');
        let (Some(versions), Some(text)) = (fields.next(), fields.next()) else {
            continue;
        };
        let text = plain(text);
        let expected: Vec<Vec<u8>> = fields.map(plain).collect();
        for version in versions.split(',').map(|version| version.parse().expect("a version")) {
            let shown = items(&text, version).into_iter().map(|(_, item)| match item {
                Item::Setting { section, key, value } => format!("{section}/{key}={value}").into_bytes(),
                Item::End(_) => b"!".to_vec(),
                Item::Include(_) => b"?".to_vec(),
                // Only in what was read by RHEL 7.2's 219.
                Item::Doubt(_) => Vec::new(),
            });
            let shown: Vec<_> = shown.filter(|item| !item.is_empty()).collect();
            assert_eq!(shown, expected, "{:?} by {version}", String::from_utf8_lossy(&text));
            rows += 1;
        }
    }
    assert!(rows > 2000, "{rows}");
}
