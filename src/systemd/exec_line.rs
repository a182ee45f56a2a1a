//! The Exec line grammar: from the argv systemd holds for `ExecStart=` to the argv of the daemon, as systemd expands it and,
//! for `sh -c '… | forward-journald'` units, as the shell does after it. Pure.

mod shell;
mod text;

pub use text::{Line, parse_line};

use super::words::split;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A word of a command, and the variable that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The word, expanded.
    pub text: String,
    /// The variable whose value the word is or has in it; of several the last. `None` where it stands in the line itself.
    pub variable: Option<String>,
}

/// The command an Exec line comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its words, expanded.
    pub words: Vec<Word>,
    /// A shell stands between systemd and this command, so the unit's main process may be that shell.
    pub by_shell: bool,
    /// Variables that the shell text sets for this command alone (`DOCKER_DRIVER=… exec dockerd`).
    pub assignments: BTreeMap<String, String>,
}

impl Command {
    /// The words without their origins.
    pub fn argv(&self) -> Vec<String> {
        self.words.iter().map(|word| word.text.clone()).collect()
    }
}

/// The command that `argv`, as systemd gives it over D-Bus (split into words, not expanded), comes to in `environment` under
/// systemd `version`. Of a shell's text only the first simple command is read, up to an unquoted `|`, `;`, `&` or line end,
/// without its redirections.
///
/// # Errors
/// Says what of the shell's text is not understood, or why systemd itself cannot expand the line; the command is then not
/// known.
pub fn command(argv: &[String], environment: &BTreeMap<String, String>, version: u16) -> Result<Command, String> {
    let words = expand(argv, environment, version)?;
    let Some(text) = shell_text(&words) else {
        return Ok(Command {
            words,
            ..Command::default()
        });
    };
    let mut words = shell::first_command(text, environment)?.into_iter().peekable();
    let mut assignments = BTreeMap::new();
    while let Some((key, value)) = words
        .peek()
        .and_then(|word| word.text.split_once('='))
        .filter(|(key, _)| is_name(key))
    {
        assignments.insert(key.to_owned(), value.to_owned());
        words.next();
    }
    words.next_if(|word| word.text == "exec");
    Ok(Command {
        words: words.collect(),
        by_shell: true,
        assignments,
    })
}

/// Expands words as systemd does (systemd.service(5), "Command lines"; `replace_env_argv` in `shared/util.c` of 219, in
/// `basic/env-util.c` since 233): a word that is `$X` becomes the words of X's value, none if X is not set; `${X}` anywhere becomes
/// the value as it is; `$$` is `$`; `$X` inside a word stays. A word that begins with `$$` is a variable's name up to 226, and
/// so becomes nothing. `${X:-y}` is left as it is since 233; before, it is the value of a variable that cannot be.
///
/// # Errors
/// A variable's value that this systemd cannot split; it then does not start the service.
pub fn expand(argv: &[String], environment: &BTreeMap<String, String>, version: u16) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    for word in argv {
        let alone = word
            .strip_prefix('$')
            .filter(|name| !(name.starts_with('{') || version >= 227 && name.starts_with('$')));
        match alone {
            Some(name) => {
                let value = environment.get(name).map_or("", String::as_str);
                let values = split(value, version).map_err(|why| format!("systemd cannot expand ${name}: {why}"))?;
                words.extend(values.into_iter().map(|text| Word {
                    text,
                    variable: Some(name.to_owned()),
                }));
            }
            None => words.push(expand_braces(word, environment, version)),
        }
    }
    Ok(words)
}

/// `${X}` and `$$` within a word (`replace_env`, since 239 `replace_env_n`, since 254 `replace_env_full`).
fn expand_braces(word: &str, environment: &BTreeMap<String, String>, version: u16) -> Word {
    let mut text = String::new();
    let mut variable = None;
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('$') {
        text.push_str(before);
        let Some(inner) = behind.strip_prefix('{') else {
            text.push('$');
            rest = behind.strip_prefix('$').unwrap_or(behind);
            continue;
        };
        // What stands in open braces is not looked at, not even for `$$`.
        let ends = |c: char| c == '}' || c == ':' && version >= 233;
        let Some((name, tail)) = inner.split_once(ends) else {
            rest = &rest[before.len()..];
            break;
        };
        if inner[name.len()..].starts_with(':') {
            text.extend(["${", name, ":"]);
        } else if let Some(value) = environment.get(name) {
            text.push_str(value);
            variable = Some(name.to_owned());
        }
        rest = tail;
    }
    text.push_str(rest);
    Word { text, variable }
}

/// The text after `-c` where these words start a shell with one.
fn shell_text(words: &[Word]) -> Option<&str> {
    let (program, rest) = words.split_first()?;
    let name = program.text.rsplit('/').next().unwrap_or(&program.text);
    if !matches!(name, "sh" | "bash" | "dash") {
        return None;
    }
    let mut rest = rest
        .iter()
        .skip_while(|word| word.text.starts_with("--") || word.text.starts_with('+'));
    let cluster = rest.next()?.text.strip_prefix('-')?;
    let text = rest.next()?;
    cluster.contains('c').then_some(&text.text)
}

/// Whether systemd and the shell take this for a variable's name.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
