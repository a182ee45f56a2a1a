//! The grammar of `EnvironmentFile=` as each version of systemd reads it, with warnings for what people write for a shell. Pure.

mod reader;

use reader::Reader;
use std::collections::BTreeMap;

/// One assignment that systemd takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable's name.
    pub key: String,
    /// Its value, quotes removed. No `$X` in it is expanded: systemd does not.
    pub value: String,
    /// The line, from 1, on which the name stands.
    pub line: usize,
}

/// Something that does not mean what it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// What systemd makes of it.
    pub why: String,
    /// systemd drops it: what the line should set stays unset.
    pub dropped: bool,
    /// What to write in its place.
    pub remedy: &'static str,
}

/// What systemd reads from an environment file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The assignments in order; of a repeated key the last one counts.
    pub assignments: Vec<Assignment>,
    /// Lines that do not mean what they seem to, by line.
    pub warnings: Vec<Warning>,
    /// Why systemd takes nothing at all from the file. It then goes on without it where `-` stands before the path, and else
    /// does not start the service.
    pub rejected: Option<String>,
}

impl EnvironmentFile {
    /// The variables the file sets, the last assignment of each.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.assignments
            .iter()
            .map(|set| (set.key.clone(), set.value.clone()))
            .collect()
    }
}

/// systemd's limit of a file, in bytes (`READ_FULL_BYTES_MAX`: 4 MiB up to 249, more since): a longer file is rejected.
const MAX_BYTES: usize = 4 << 20;

/// Reads an environment file as systemd `version` does (systemd.exec(5); `parse_env_file_internal` in `shared/fileio.c` of 219,
/// `basic/env-file.c` since 240). RHEL 7's 219 has the same text as upstream's. What changed:
///
/// | since | |
/// |---|---|
/// | 239 | a value may have line ends (`basic/env-util.c`, `env_value_is_valid`) |
/// | 240 | a file with a zero byte is rejected; before, reading ends there (`basic/fileio.c`, `read_full_stream`) |
/// | 241 | in single quotes a backslash is itself; in double quotes it goes only before `"` and a line end |
/// | 247 | in double quotes it goes before `"`, a backslash, a backtick, `$` and a line feed |
/// | 248 | a value may have any control character |
/// | 254 | a comment ends with its line, even behind a backslash |
pub fn parse(bytes: &[u8], version: u16) -> EnvironmentFile {
    let mut reader = Reader::new(version);
    if bytes.len() > MAX_BYTES && version < 250 {
        return rejected("it is larger than 4 MiB".into());
    }
    let mut text = bytes;
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        if version >= 240 {
            return rejected("it has a zero byte".into());
        }
        text = bytes.get(..at).unwrap_or_default();
        let line = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
        reader.drop_line(
            line,
            "a zero byte: systemd reads nothing behind it".into(),
            "remove the byte",
        );
    }
    let mut file = match reader.read(text) {
        Ok(file) => file,
        Err(why) => return rejected(why),
    };
    file.warnings.sort_by_key(|warning| warning.line);
    file
}

/// What no variable's value may have (`basic/env-util.c`, `env_value_is_valid`).
pub(super) fn is_forbidden(c: char, version: u16) -> bool {
    let control = c < ' ' || c == '\x7f';
    match version {
        ..239 => control && c != '\t',
        239..248 => control && c != '\t' && c != '\n',
        _ => false,
    }
}

fn rejected(why: String) -> EnvironmentFile {
    EnvironmentFile {
        rejected: Some(why),
        ..EnvironmentFile::default()
    }
}

#[cfg(test)]
mod tests;
