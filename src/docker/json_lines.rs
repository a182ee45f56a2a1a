//! What serde_json leaves out of a JSON text: the lines of the keys of its top-level object and of the items of their arrays, and the
//! values of repeated keys.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A JSON value; of an object at the top every entry, the repeated ones too.
#[derive(Debug, Clone, PartialEq)]
pub enum Top {
    /// An object.
    Object(Vec<(String, Value)>),
    /// `null`.
    Null,
    /// Something else.
    Other,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Top, D::Error> {
        deserializer.deserialize_any(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Top::Object(entries))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Top, A::Error> {
        while items.next_element::<Value>()?.is_some() {}
        Ok(Top::Other)
    }

    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Top, E> {
        Ok(Top::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Top, E> {
        Ok(Top::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Top, E> {
        Ok(Top::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Top, E> {
        Ok(Top::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Top, E> {
        Ok(Top::Other)
    }
}

/// Lines (from 1) of one key of the top-level object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyLines {
    /// The key's own line.
    pub line: usize,
    /// Lines of the items, where its value is an array.
    pub items: Vec<usize>,
    /// The lines of each time that the key occurs.
    pub all: Vec<usize>,
}

/// The lines of all keys of the object at the start of `text`; of a repeated key, the last one's. On a text that is no
/// JSON it returns something of no use, and never panics.
pub fn lines(text: &str) -> BTreeMap<String, KeyLines> {
    let mut keys: BTreeMap<String, KeyLines> = BTreeMap::new();
    let mut current: Option<String> = None;
    let (mut line, mut at, mut stack, mut expect_key) = (1, 0, Vec::new(), false);
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let top = stack.len() == 1 && stack[0] == b'{';
        if is_item(byte) && stack == [b'{', b'['] {
            // Any byte that can begin a value; the rest of a word such as `true` is passed over below.
            if let Some(entry) = current.as_ref().and_then(|key| keys.get_mut(key)) {
                entry.items.push(line);
            }
        }
        match byte {
            b'\n' => line += 1,
            b'{' | b'[' => {
                expect_key = byte == b'{' && stack.is_empty();
                stack.push(byte);
            }
            b'}' | b']' => {
                stack.pop();
                if stack.is_empty() {
                    break;
                }
            }
            b',' => expect_key = top,
            b'"' => {
                let end = string_end(bytes, at);
                if top && expect_key {
                    let key: String = text
                        .get(at..end)
                        .and_then(|raw| serde_json::from_str(raw).ok())
                        .unwrap_or_default();
                    let entry = keys.entry(key.clone()).or_default();
                    entry.line = line;
                    entry.items.clear();
                    entry.all.push(line);
                    current = Some(key);
                    expect_key = false;
                }
                at = end;
                continue;
            }
            b if is_item(b) => {
                while bytes
                    .get(at)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
                {
                    at += 1;
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// How deep arrays and objects are open at the end of this part of a text.
pub fn depth(part: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = part.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at = string_end(part, at);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    depth
}

/// Whether a value may begin with this byte.
fn is_item(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'{' | b'[' | b'-')
}

/// The end of the string that begins at `at`, behind its closing quote.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_keys_and_items() {
        let text = "{\n \"a\": 1, \"b\\u0063\":\n [\n\"x\", {\"a\": [2]}, true,\n-1\n],\n\"n\":{\"a\":\n[1]},\n\"a\":\"\\\"{\"\n}\n{\"z\":1}";
        let found = lines(text);
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "bc", "n"]);
        assert_eq!(
            found["a"],
            KeyLines {
                line: 9,
                items: vec![],
                all: vec![2, 9]
            }
        );
        assert_eq!(
            found["bc"],
            KeyLines {
                line: 2,
                items: vec![4, 4, 4, 5],
                all: vec![2]
            }
        );
        assert_eq!(
            found["n"],
            KeyLines {
                line: 7,
                items: vec![],
                all: vec![7]
            }
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~\n\\\\\"{}\\[\\]:,ü]{0,80}") {
            lines(&text);
        }
    }
}
