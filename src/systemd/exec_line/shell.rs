//! The words of the first simple command of a POSIX shell text, for the units that run Docker through `sh -c`.

use super::{Word, is_name};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The words of the first simple command of `text` (POSIX.1-2017, Shell Command Language, 2.2 to 2.7): quoting, `$X` and
/// `${X}` with splitting at blanks and without quote removal of values, redirections left out. File name patterns are not
/// expanded.
///
/// # Errors
/// Names what is beyond this reading: substitutions, other parameter expansions, here-documents, an open quote.
pub fn first_command(text: &str, environment: &BTreeMap<String, String>) -> Result<Vec<Word>, String> {
    let mut lexer = Lexer {
        chars: text.chars().peekable(),
        environment,
        words: Words::default(),
    };
    lexer.run()?;
    lexer.words.finish();
    Ok(lexer.words.done)
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    environment: &'a BTreeMap<String, String>,
    words: Words,
}

/// The words so far, and the one that is being read.
#[derive(Default)]
struct Words {
    done: Vec<Word>,
    current: Option<String>,
    /// The variable that the current word, or part of it, came from.
    variable: Option<String>,
    /// The current word is so far plain text: digits then may be a file descriptor before `>`.
    plain: bool,
    /// The next word is a redirection's file.
    drop_next: bool,
}

impl Words {
    fn push(&mut self, c: char, plain: bool) {
        self.plain = plain && (self.plain || self.current.is_none());
        self.current.get_or_insert_default().push(c);
    }

    /// A quote makes a word even if nothing is in it.
    fn begin_quoted(&mut self) {
        self.plain = false;
        self.current.get_or_insert_default();
    }

    fn finish(&mut self) {
        let variable = self.variable.take();
        if let Some(text) = self.current.take()
            && !std::mem::take(&mut self.drop_next)
        {
            self.done.push(Word { text, variable });
        }
    }

    fn redirect(&mut self) {
        let descriptor = |word: &String| self.plain && word.bytes().all(|b| b.is_ascii_digit());
        if self.current.as_ref().is_some_and(descriptor) {
            self.current = None;
        }
        self.finish();
        self.drop_next = true;
    }
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.chars.next() {
            match c {
                ' ' | '\t' => self.words.finish(),
                '\n' => {
                    self.words.finish();
                    if !self.words.done.is_empty() {
                        return Ok(());
                    }
                }
                '|' | ';' | '&' => return Ok(()),
                '(' | ')' | '`' => return Err(format!("the shell text has {c:?}, which is not understood")),
                '#' if self.words.current.is_none() => while self.chars.next_if(|c| *c != '\n').is_some() {},
                '>' | '<' => self.redirection(c)?,
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => match self.chars.next() {
                    Some('\n') => {}
                    Some(c) => self.words.push(c, false),
                    None => self.words.push('\\', false),
                },
                '$' => {
                    let (value, variable) = self.expansion()?;
                    for c in value.chars() {
                        match c {
                            ' ' | '\t' | '\n' => self.words.finish(),
                            c => {
                                self.words.push(c, false);
                                self.words.variable.clone_from(&variable);
                            }
                        }
                    }
                }
                c => self.words.push(c, true),
            }
        }
        Ok(())
    }

    fn redirection(&mut self, first: char) -> Result<(), String> {
        self.words.redirect();
        if first == '<' && self.chars.peek() == Some(&'<') {
            return Err("the shell text has a here-document, which is not understood".into());
        }
        while self.chars.next_if(|c| matches!(c, '>' | '<' | '&' | '|')).is_some() {}
        Ok(())
    }

    fn single_quoted(&mut self) -> Result<(), String> {
        self.words.begin_quoted();
        for c in self.chars.by_ref() {
            match c {
                '\'' => return Ok(()),
                c => self.words.push(c, false),
            }
        }
        Err("the shell text has a quote that is not closed".into())
    }

    fn double_quoted(&mut self) -> Result<(), String> {
        self.words.begin_quoted();
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return Ok(()),
                '`' => return Err("the shell text has a command substitution, which is not understood".into()),
                '$' => {
                    let (value, variable) = self.expansion()?;
                    value.chars().for_each(|c| self.words.push(c, false));
                    self.words.variable = variable.or(self.words.variable.take());
                }
                '\\' => match self.chars.next_if(|c| matches!(c, '$' | '`' | '"' | '\\' | '\n')) {
                    Some('\n') => {}
                    Some(c) => self.words.push(c, false),
                    None => self.words.push('\\', false),
                },
                c => self.words.push(c, false),
            }
        }
        Err("the shell text has a quote that is not closed".into())
    }

    /// The value of what follows a `$` and the variable's name; the `$` itself where that is no expansion.
    fn expansion(&mut self) -> Result<(String, Option<String>), String> {
        let mut name = String::new();
        match self.chars.peek().copied() {
            Some('{') => {
                self.chars.next();
                loop {
                    match self.chars.next() {
                        Some('}') => break,
                        Some(c) => name.push(c),
                        None => return Err("the shell text has a ${ that is not closed".into()),
                    }
                }
                if !is_name(&name) {
                    return Err(format!("the shell text has ${{{name}}}, which is not understood"));
                }
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
            }
            Some(c) if c.is_ascii_digit() || "(@*#?-$!'\"".contains(c) => {
                return Err(format!("the shell text has ${c}, which is not understood"));
            }
            _ => return Ok(("$".into(), None)),
        }
        Ok((self.environment.get(&name).cloned().unwrap_or_default(), Some(name)))
    }
}

#[cfg(test)]
mod tests;
