//! Which Docker package is installed: dpkg's status file, and the names that yum and rpm leave in directories. Pure.
//!
//! The RPM database takes the rpm library to read as a database; yum keeps a directory for each installed package (EL7, Amazon
//! Linux 2, Oracle Linux 7), and EL7's documentation and licence directories carry the version. Elsewhere the database's bytes are
//! searched for a package's header, which may be one that is removed and not yet overwritten.

use super::{bytes, written};

/// Who installed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// dpkg: Debian, Ubuntu.
    Dpkg,
    /// rpm, yum, dnf.
    Rpm,
}

/// An installed package that holds a Docker daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Who installed it.
    pub manager: Manager,
    /// `docker-ce`
    pub name: String,
    /// As the packager writes it: `18.06.1.ce`, `5:24.0.9-1~debian.12~bookworm`.
    pub version: String,
    /// RPM's release, `203.git0be3e21.el7_8`; empty where it is not known.
    pub release: String,
    /// Where this is read from.
    pub source: String,
}

/// Debian packages with the daemon in them: Debian's, Docker's of three generations, and Microsoft's.
const DEBS: [&str; 6] = [
    "docker.io",
    "docker-ce",
    "docker-engine",
    "docker-ee",
    "moby-engine",
    "lxc-docker",
];

/// RPM packages with the daemon in them.
const RPMS: [&str; 6] = [
    "docker",
    "docker-latest",
    "docker-ce",
    "docker-ee",
    "docker-engine",
    "moby-engine",
];

impl Package {
    /// Whether the daemon at `path` can be this package's, by the names that the packages use: Red Hat's `docker` and
    /// `docker-latest` stand beside each other. A daemon in another directory was put there by hand.
    pub fn may_own(&self, path: &str) -> bool {
        let Some((directory, file)) = path.rsplit_once('/') else {
            return false;
        };
        if !matches!(directory, "/usr/bin" | "/usr/sbin" | "/bin" | "/sbin") {
            return false;
        }
        match self.name.as_str() {
            "docker-latest" => file.ends_with("-latest"),
            "docker" => !file.ends_with("-latest"),
            _ => !file.ends_with("-latest") && !file.ends_with("-current"),
        }
    }
}

/// The Docker packages of dpkg's status file that are installed, not merely known or half removed (dpkg(1), "PACKAGE STATES").
pub fn dpkg_status(text: &str, source: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|stanza| dpkg_stanza(stanza, source))
        .collect()
}

fn dpkg_stanza(stanza: &str, source: &str) -> Option<Package> {
    let field = |name: &str| {
        stanza.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let name = field("Package")?;
    // Docker's first packages were named after their version, `lxc-docker-1.9.1`, with `lxc-docker` to pull in the newest.
    let known = DEBS.contains(&name) || name.starts_with("lxc-docker-");
    let installed = known && field("Status")?.split_whitespace().nth(2) == Some("installed");
    let version = field("Version")?;
    (installed && written::is_version_text(version)).then(|| Package {
        manager: Manager::Dpkg,
        name: name.to_owned(),
        version: version.to_owned(),
        release: String::new(),
        source: source.to_owned(),
    })
}

/// Whether dpkg's list of a package's files holds `path`. `/usr/sbin` and `/sbin` may be one directory.
pub fn dpkg_list_holds(list: &str, path: &str) -> bool {
    let short = |path: &str| path.strip_prefix("/usr").unwrap_or(path).to_owned();
    let wanted = short(path);
    list.lines().any(|line| short(line) == wanted)
}

/// The package that a directory of yum's is for: `PKGID-NAME-VERSION-RELEASE-ARCH` (yum `rpmsack.py`, `_get_dir_name`), where
/// the package id is a SHA-1 in hexadecimal digits.
pub fn yumdb_entry(entry: &str, source: &str) -> Option<Package> {
    let (id, rest) = entry.split_once('-')?;
    if id.is_empty() || !id.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let (rest, _arch) = rest.rsplit_once('-')?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    rpm(name, version, release, source)
}

/// The package that a directory of documentation or licences is for: `NAME-VERSION`, as EL7's rpm names it. Newer ones leave the
/// version away.
pub fn doc_directory(entry: &str, source: &str) -> Option<Package> {
    let (name, version) = entry.rsplit_once('-')?;
    rpm(name, version, "", source)
}

/// The packages whose headers begin in this piece of an RPM database. A header's data are its tags' values in their order: the
/// locale `C`, name, version, release, each with a zero byte (rpm 4.18 `rpmtag.h`: 100, 1000, 1001, 1002; seen so in a database
/// that it made). All of the database's formats keep them as they are.
pub fn rpm_headers(piece: &[u8], source: &str) -> Vec<Package> {
    const START: &[u8] = b"C\0docker";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = piece.get(from..).and_then(|rest| bytes::find(rest, START)) {
        from += at + START.len();
        found.extend(
            piece
                .get(from - b"docker".len()..)
                .and_then(|header| rpm_header(header, source)),
        );
    }
    found
}

fn rpm_header(header: &[u8], source: &str) -> Option<Package> {
    let mut values = header.split(|byte| *byte == 0);
    let mut next = || std::str::from_utf8(values.next()?).ok();
    let package = rpm(next()?, next()?, next()?, source)?;
    // The release is whole only if its zero byte is there.
    (values.next().is_some() && is_release(&package.release)).then_some(package)
}

fn is_release(text: &str) -> bool {
    (1..=written::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn rpm(name: &str, version: &str, release: &str, source: &str) -> Option<Package> {
    (RPMS.contains(&name) && written::is_version_text(version)).then(|| Package {
        manager: Manager::Rpm,
        name: name.to_owned(),
        version: version.to_owned(),
        release: release.to_owned(),
        source: source.to_owned(),
    })
}

#[cfg(test)]
mod tests;
