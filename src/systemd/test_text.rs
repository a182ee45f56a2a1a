//! The escapes of the fixtures: `\n`, `\r`, `\t`, `\\` and `\xHH`.

/// The bytes that an escaped text stands for.
pub(super) fn plain(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let escape = (c == '\\').then(|| chars.next().expect("an escape"));
        match escape {
            None => bytes.extend(c.to_string().bytes()),
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
            }
            Some(other) => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes
}
