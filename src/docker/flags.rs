//! The daemon's command line, after systemd and the shell have expanded it: the flags this program needs, each with its
//! place.

use super::{Sourced, names};

/// What the command line of a daemon says. Lists keep their order; of a repeated single value the last one wins, as in
/// pflag (Docker ≥1.13) and mflag (before).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-s`, `--storage-driver`
    pub storage_driver: Option<Sourced<String>>,
    /// `--storage-opt`, in order: Docker applies them in order.
    pub storage_opts: Vec<Sourced<String>>,
    /// `-g`, `--graph`: the data root until 17.05, deprecated after, fatal from 23.0.
    pub graph: Option<Sourced<String>>,
    /// `--data-root`, from 17.05.
    pub data_root: Option<Sourced<String>>,
    /// `--config-file`
    pub config_file: Option<Sourced<String>>,
    /// `-H`, `--host`, in order.
    pub hosts: Vec<Sourced<String>>,
    /// `-p`, `--pidfile`
    pub pidfile: Option<Sourced<String>>,
    /// `--live-restore`
    pub live_restore: Option<Sourced<bool>>,
    /// `--userns-remap`
    pub userns_remap: Option<Sourced<String>>,
    /// `--exec-root`
    pub exec_root: Option<Sourced<String>>,
    /// All words, the program's name among them: [`super::command_line`] reads every flag off them once the version is known.
    pub words: Vec<Sourced<String>>,
    /// Flags of ours that dockerd would reject, with its reason: a missing value, a boolean that is none.
    pub rejected: Vec<Sourced<String>>,
}

/// The flags we read (moby `cmd/dockerd/config_unix.go`, `config_common_unix.go`, `options.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    StorageDriver,
    StorageOpt,
    Graph,
    DataRoot,
    ConfigFile,
    Host,
    Pidfile,
    LiveRestore,
    UsernsRemap,
    ExecRoot,
}

/// What one letter of a short flag means.
enum Short {
    /// One of ours: takes a value.
    Ours(Flag),
    /// Not ours, takes a value: `-b bridge`, `-G group`, `-l level`, `-e exec-driver`.
    Value,
    /// Not ours, takes none: `-D`, `-d`, `-v`, `-h`.
    Switch,
    /// Unheard of.
    Unknown,
}

fn long(name: &str) -> Option<Flag> {
    Some(match name {
        "storage-driver" => Flag::StorageDriver,
        "storage-opt" => Flag::StorageOpt,
        "graph" => Flag::Graph,
        "data-root" => Flag::DataRoot,
        "config-file" => Flag::ConfigFile,
        "host" => Flag::Host,
        "pidfile" => Flag::Pidfile,
        "live-restore" => Flag::LiveRestore,
        "userns-remap" => Flag::UsernsRemap,
        "exec-root" => Flag::ExecRoot,
        _ => return None,
    })
}

fn short(letter: char) -> Short {
    match letter {
        's' => Short::Ours(Flag::StorageDriver),
        'g' => Short::Ours(Flag::Graph),
        'H' => Short::Ours(Flag::Host),
        'p' => Short::Ours(Flag::Pidfile),
        'b' | 'e' | 'G' | 'l' => Short::Value,
        'D' | 'd' | 'v' | 'h' => Short::Switch,
        _ => Short::Unknown,
    }
}

/// Whether this command line starts a daemon: `dockerd …` in any of its names, or `docker …` with the command `daemon`
/// (1.8 to 1.11) or the flag `-d` (before), and not `docker run -d …`.
pub fn is_daemon(argv: &[String]) -> bool {
    let Some((program, rest)) = argv.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if !names::is_daemon_comm(name) || name.starts_with("dockerd") {
        return names::is_daemon_comm(name);
    }
    let mut may_be_value = false;
    for word in rest {
        match word.as_str() {
            "daemon" | "-d" | "--daemon" | "-d=true" | "--daemon=true" => return true,
            "-D" | "--debug" | "--tls" | "--tlsverify" => may_be_value = false,
            flag if flag.starts_with('-') => may_be_value = !flag.contains('='),
            _ if may_be_value => may_be_value = false,
            _ => return false,
        }
    }
    false
}

/// Reads the command line of a daemon; `origin` says whose it is (`docker.service's ExecStart`). `None` when it starts no
/// daemon. Flags we do not know are passed over together with a following word that is no flag: dockerd takes no other
/// words, so such a word can only be their value.
pub fn parse(argv: &[String], origin: &str) -> Option<Flags> {
    let words: Vec<_> = argv.iter().map(|word| Sourced::new(word.clone(), origin)).collect();
    parse_words(&words)
}

/// Like `parse`, where the words come from different places: of the unit, of files with variables. A flag's place is that of
/// its value, where this is a word of its own.
pub fn parse_words(words: &[Sourced<String>]) -> Option<Flags> {
    let argv: Vec<String> = words.iter().map(|word| word.value.clone()).collect();
    if !is_daemon(&argv) {
        return None;
    }
    let mut reader = Reader {
        flags: Flags {
            words: words.to_vec(),
            ..Flags::default()
        },
        words: words.get(1..)?.iter(),
        origin: "",
    };
    while let Some(word) = reader.words.next() {
        reader.origin = &word.place;
        match word.value.strip_prefix("--") {
            Some("") => break,
            Some(body) => reader.long(body, "--"),
            None => match word.value.strip_prefix('-') {
                Some("") | None => {}
                Some(body) => reader.single_dash(body),
            },
        }
    }
    Some(reader.flags)
}

struct Reader<'a> {
    flags: Flags,
    words: std::slice::Iter<'a, Sourced<String>>,
    /// Where the present word comes from.
    origin: &'a str,
}

impl Reader<'_> {
    fn long(&mut self, body: &str, dashes: &str) {
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let Some(flag) = long(name) else {
            return;
        };
        self.take(flag, &format!("{dashes}{name}"), value);
    }

    /// `-s x`, `-s=x`, `-sx`, `-Ds x`; and `-storage-opt x`, which Docker's old mflag took for the long flag.
    fn single_dash(&mut self, body: &str) {
        let name = body.split_once('=').map_or(body, |(name, _)| name);
        if long(name).is_some() {
            return self.long(body, "-");
        }
        for (at, letter) in body.char_indices() {
            let rest = &body[at + letter.len_utf8()..];
            let value = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest));
            match short(letter) {
                Short::Ours(flag) => return self.take(flag, &format!("-{letter}"), value),
                Short::Switch if rest.starts_with('=') => return,
                Short::Switch => {}
                Short::Value | Short::Unknown => return,
            }
        }
    }

    fn take(&mut self, flag: Flag, spelling: &str, value: Option<&str>) {
        let at = |origin: &str| format!("flag {spelling} of {origin}");
        let place = at(self.origin);
        if flag == Flag::LiveRestore {
            match go_bool(value.unwrap_or("true")) {
                Some(on) => self.flags.live_restore = Some(Sourced::new(on, place)),
                None => self.reject(
                    format!("invalid boolean value {:?} for {spelling}", value.unwrap_or("")),
                    place,
                ),
            }
            return;
        }
        // A flag that needs a value eats the next word whatever it looks like, in pflag and in mflag.
        let next = || {
            self.words
                .next()
                .map(|word| Sourced::new(word.value.clone(), at(&word.place)))
        };
        let Some(sourced) = value.map(|value| Sourced::new(value.to_owned(), &*place)).or_else(next) else {
            return self.reject(format!("flag needs an argument: {spelling}"), place);
        };
        let flags = &mut self.flags;
        match flag {
            Flag::StorageOpt => flags.storage_opts.push(sourced),
            Flag::Host => flags.hosts.push(sourced),
            Flag::StorageDriver => flags.storage_driver = Some(sourced),
            Flag::Graph => flags.graph = Some(sourced),
            Flag::DataRoot => flags.data_root = Some(sourced),
            Flag::ConfigFile => flags.config_file = Some(sourced),
            Flag::Pidfile => flags.pidfile = Some(sourced),
            Flag::UsernsRemap => flags.userns_remap = Some(sourced),
            Flag::ExecRoot => flags.exec_root = Some(sourced),
            Flag::LiveRestore => {}
        }
    }

    fn reject(&mut self, why: String, place: String) {
        self.flags.rejected.push(Sourced::new(why, place));
    }
}

/// Go's `strconv.ParseBool`, which pflag, mflag and the boolean storage options use: it takes no `yes` and no `on`.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
