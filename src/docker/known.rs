//! Which flags and which keys of daemon.json a build of dockerd knows, and what type each value has.

mod builds;
mod flags;
mod keys;
mod shape;

use super::build::{Build, Version};
use builds::{House, Span};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub use builds::exact;
pub use shape::{go_int, go_ip, mismatch};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true`, `false`; as a flag it takes no following word.
    Bool,
    /// A string.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A whole number of 32 bits, from 0 on.
    Uint,
    /// Strings; the flag may be repeated.
    List,
    /// Strings by name: `log-opts`.
    Map,
    /// Maps by name: `default-network-opts`.
    MapOfMaps,
    /// Booleans by name: `features`.
    Switches,
    /// An IP address.
    Ip,
    /// IP addresses.
    IpList,
    /// A size with a unit, in quotes: `default-shm-size`.
    Size,
    /// Address pools: `[{"base": "10.0.0.0/8", "size": 24}]`.
    Pools,
    /// Limits by name: `{"nofile": {"Name": "nofile", "Hard": 1, "Soft": 1}}`.
    Ulimits,
    /// OCI runtimes by name: `{"kata": {"path": "/usr/bin/kata-runtime"}}`.
    Runtimes,
    /// The proxies that dockerd itself goes by: `{"http-proxy": "…"}`, from 23.0.
    Proxies,
    /// An object that is not looked into.
    Object,
}

/// A flag of `dockerd`.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without dashes.
    pub long: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// The key that sets the same thing in daemon.json: another name where the flag is a `NamedOption`.
    pub key: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// The old flag parser (before 1.13) takes it with one dash too.
    bare: bool,
    span: Span,
}

impl Flag {
    const fn until(mut self, major: u16, minor: u16, patch: u16) -> Flag {
        self.span.until = Some(Version::new(major, minor, patch));
        self
    }

    const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    const fn bare(mut self) -> Flag {
        self.bare = true;
        self
    }

    const fn red_hat(mut self) -> Flag {
        self.span.house = House::RedHat;
        self
    }

    const fn some_of_red_hat(mut self) -> Flag {
        self.span.house = House::SomeOfRedHat;
        self
    }

    /// Whether some releases of the version know it and others do not.
    pub fn is_doubtful(&self, build: &Build) -> bool {
        self.span.house == House::SomeOfRedHat && exact(build).is_some()
    }

    /// Whether it takes no following word.
    pub fn is_switch(&self) -> bool {
        self.kind == Kind::Bool
    }
}

const fn flag(long: &'static str, key: &'static str, kind: Kind, since: (u16, u16, u16)) -> Flag {
    Flag {
        long,
        short: None,
        key,
        kind,
        bare: false,
        span: Span::since(since),
    }
}

/// A key of daemon.json.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    name: &'static str,
    kind: Kind,
    span: Span,
}

impl Key {
    const fn until(mut self, major: u16, minor: u16, patch: u16) -> Key {
        self.span.until = Some(Version::new(major, minor, patch));
        self
    }

    const fn red_hat(mut self) -> Key {
        self.span.house = House::RedHat;
        self
    }

    const fn some_of_red_hat(mut self) -> Key {
        self.span.house = House::SomeOfRedHat;
        self
    }

    fn is(&self, name: &str, build: &Build) -> bool {
        self.name == name && self.span.holds(build)
    }
}

const fn key(name: &'static str, kind: Kind, since: (u16, u16, u16)) -> Key {
    Key {
        name,
        kind,
        span: Span::since(since),
    }
}

/// The flags of this build; of one that is not known to the letter, those of all.
fn flags_of(build: &Build) -> impl Iterator<Item = &'static Flag> {
    // Where several rows hold, the newest one is the first to be seen.
    let rows = flags::UPSTREAM.iter().chain(flags::RED_HAT);
    let mut rows: Vec<&Flag> = rows.filter(|flag| flag.span.holds(build)).collect();
    rows.sort_by_key(|flag| std::cmp::Reverse(flag.span.since));
    rows.into_iter()
}

/// The flag of this name, without dashes.
pub fn flag_long(name: &str, build: &Build) -> Option<&'static Flag> {
    flags_of(build).find(|flag| flag.long == name)
}

/// The flag of this letter.
pub fn flag_short(letter: char, build: &Build) -> Option<&'static Flag> {
    flags_of(build).find(|flag| flag.short == Some(letter))
}

/// The flag that the old parser takes with a single dash before its long name: `-bip`.
pub fn flag_bare(name: &str, build: &Build) -> Option<&'static Flag> {
    flags_of(build).find(|flag| flag.bare && flag.long == name)
}

/// Whether dockerd lets this key pass: a flag bears its name, or names it as its key (`findConfigurationConflicts`).
pub fn lets_pass(name: &str, build: &Build) -> bool {
    flags_of(build).any(|flag| flag.long == name || flag.key == name)
        || keys::WITHOUT_FLAG.iter().any(|key| key.is(name, build))
        || (exact(build).is_none() && !decoded(name, build).is_empty())
}

/// The types that dockerd may decode the key's value into: one for a known version, none for a key that it does not read.
pub fn decoded(name: &str, build: &Build) -> Vec<Kind> {
    let rows = keys::DECODED.iter().filter(|key| key.is(name, build));
    rows.map(|key| key.kind).collect()
}

/// Whether every version that lets the key pass decodes it: an upstream key that was never dropped and has one type, and that no flag
/// lets pass before.
pub fn always_decoded(name: &str) -> bool {
    let mut rows = keys::DECODED.iter().filter(|key| key.name == name);
    let (Some(key), None) = (rows.next(), rows.next()) else {
        return false;
    };
    let mut flags = flags::UPSTREAM
        .iter()
        .filter(|flag| flag.long == name || flag.key == name);
    key.span
        == Span {
            until: None,
            house: House::Upstream,
            ..key.span
        }
        && flags.all(|flag| flag.span.since >= key.span.since)
}

/// Whether an object under this key is its value, rather than a drawer whose keys count as if they stood at the top.
pub fn is_flat(name: &str, build: &Build) -> bool {
    keys::FLAT.iter().any(|key| key.is(name, build))
}

/// The keys as dockerd compares them with its flags, each with the top-level key it stands under and its value
/// (`configValuesSet`).
pub fn flattened<'a>(object: &'a Map<String, Value>, build: &Build) -> BTreeMap<&'a str, (&'a str, &'a Value)> {
    let mut flat = BTreeMap::new();
    for (name, value) in object {
        match value {
            Value::Object(inner) if !is_flat(name, build) => {
                flat.extend(inner.iter().map(|(key, value)| (key.as_str(), (name.as_str(), value))));
            }
            _ => _ = flat.insert(name.as_str(), (name.as_str(), value)),
        }
    }
    flat
}

/// The keys that dockerd would not let pass, each with the top-level key it stands under.
pub fn unknown_keys<'a>(object: &'a Map<String, Value>, build: &Build) -> Vec<(&'a str, &'a str)> {
    let flat = flattened(object, build).into_iter();
    flat.filter(|(name, _)| !lets_pass(name, build))
        .map(|(name, (top, _))| (name, top))
        .collect()
}

/// Whether dockerd takes the same thing from this flag and from its key at once: `skipDuplicates`, from v18.09.0, and up to 1.12 the
/// flags that client and daemon shared, whose names its search for conflicts never matches (moby v1.12.6 `pkg/mflag/flag.go`,
/// `mergeVal.Name`).
pub fn may_be_doubled(flag: &Flag, build: &Build) -> bool {
    const SHARED: [&str; 7] = [
        "debug",
        "log-level",
        "tls",
        "tlscacert",
        "tlscert",
        "tlskey",
        "tlsverify",
    ];
    match flag.key {
        "runtimes" => exact(build).is_none_or(|version| version >= Version::new(18, 9, 0)),
        key if SHARED.contains(&key) => exact(build).is_none_or(|version| version < Version::new(1, 13, 0)),
        _ => false,
    }
}

/// The key that was probably meant.
pub fn nearest_key(name: &str, build: &Build) -> Option<&'static str> {
    let keys = keys::DECODED.iter().filter(|key| key.span.holds(build));
    nearest(name, keys.map(|key| key.name).filter(|key| lets_pass(key, build)))
}

/// The long flag that was probably meant.
pub fn nearest_flag(name: &str, build: &Build) -> Option<&'static str> {
    nearest(name, flags_of(build).map(|flag| flag.long))
}

/// The closest by edits, where those are few against the length. Long words are no typing errors and are not compared.
fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.chars().count() > 40 {
        return None;
    }
    let plain = name.trim_start_matches('-').to_lowercase().replace('_', "-");
    let near = candidates.map(|candidate| (edits(&plain, candidate), candidate));
    let few = 1.max(plain.len() / 5);
    near.filter(|(distance, _)| *distance <= few)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        let steps = row.iter().zip(row.iter().skip(1)).zip(&other);
        let mut left = line + 1;
        for ((diagonal, above), b) in steps {
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
