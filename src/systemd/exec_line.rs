//! The Exec line grammar: from the argv systemd holds for `ExecStart=` to the argv of the daemon, as systemd expands it and,
//! for `sh -c '… | forward-journald'` units, as the shell does after it. Pure.

mod shell;

use std::collections::BTreeMap;

/// The command an Exec line comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Its words, expanded.
    pub argv: Vec<String>,
    /// A shell stands between systemd and this command, so the unit's main process may be that shell.
    pub by_shell: bool,
    /// Variables that the shell text sets for this command alone (`DOCKER_DRIVER=… exec dockerd`).
    pub assignments: BTreeMap<String, String>,
}

/// The command that `argv`, as systemd gives it over D-Bus (split into words, not expanded), comes to in `environment`.
/// Of a shell's text only the first simple command is read, up to an unquoted `|`, `;`, `&` or line end, without its
/// redirections.
///
/// # Errors
/// Says what of the shell's text is not understood; the command is then not known.
pub fn command(argv: &[String], environment: &BTreeMap<String, String>) -> Result<Command, String> {
    let argv = expand(argv, environment);
    let Some(text) = shell_text(&argv) else {
        return Ok(Command {
            argv,
            ..Command::default()
        });
    };
    let mut words = shell::first_command(text, environment)?.into_iter().peekable();
    let mut assignments = BTreeMap::new();
    while let Some((key, value)) = words
        .peek()
        .and_then(|word| word.split_once('='))
        .filter(|(key, _)| is_name(key))
    {
        assignments.insert(key.to_owned(), value.to_owned());
        words.next();
    }
    words.next_if(|word| word == "exec");
    Ok(Command {
        argv: words.collect(),
        by_shell: true,
        assignments,
    })
}

/// Expands words as systemd does (systemd.service(5), "Command lines"; v219 `shared/util.c`, `replace_env_argv`): a word
/// that is `$X` becomes the words of X's value, none if X is not set; `${X}` anywhere becomes the value as it is; `$$` is
/// `$`; `$X` inside a word stays. `${X:-y}` is left as it is (systemd before 232 makes it empty).
pub fn expand(argv: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    for word in argv {
        match word.strip_prefix('$').filter(|name| !name.starts_with(['{', '$'])) {
            Some(name) => words.extend(environment.get(name).map(|value| split(value)).unwrap_or_default()),
            None => words.push(expand_braces(word, environment)),
        }
    }
    words
}

/// `${X}` and `$$` within a word (v219 `shared/util.c`, `replace_env`).
fn expand_braces(word: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let braced = behind
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            .filter(|(name, _)| is_name(name));
        if let Some((name, tail)) = braced {
            expanded.push_str(environment.get(name).map_or("", String::as_str));
            rest = tail;
        } else {
            expanded.push('$');
            rest = behind.strip_prefix('$').unwrap_or(behind);
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Splits a variable's value into words with quote removal (v219 `shared/util.c`, `unquote_first_word` with
/// `UNQUOTE_RELAX`): both quotes work the same, a backslash makes the next character plain in and out of them, and a quote
/// that is not closed ends with the text.
pub fn split(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                let word = word.get_or_insert_default();
                word.extend(chars.next());
            }
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The text after `-c` where these words start a shell with one.
fn shell_text(argv: &[String]) -> Option<&str> {
    let (program, rest) = argv.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if !matches!(name, "sh" | "bash" | "dash") {
        return None;
    }
    let at = rest
        .iter()
        .position(|word| !word.starts_with("--") && !word.starts_with('+'))?;
    let cluster = rest[at].strip_prefix('-')?;
    cluster
        .contains('c')
        .then(|| rest.get(at + 1))
        .flatten()
        .map(String::as_str)
}

/// Whether systemd and the shell take this for a variable's name.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
