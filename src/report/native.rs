//! journald's native protocol: fields of an entry as bytes (systemd: docs/JOURNAL_NATIVE_PROTOCOL.md).

/// Longest value of a field, in bytes: with the few fields we have, a datagram stays below the socket's buffer.
const LONGEST_VALUE: usize = 8 * 1024;

/// Adds a field.
pub(super) fn put(entry: &mut Vec<u8>, name: &'static str, value: &str) {
    let mut value = value.to_owned();
    cut(&mut value, LONGEST_VALUE);
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

/// Shortens to at most `limit` bytes, at a character's edge.
pub(super) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let mut end = limit;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}
