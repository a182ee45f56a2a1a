//! Which Docker is installed: its version and whose build it is. Rules of upstream's sources hold to the letter only where both
//! are known, since Red Hat's and others' builds carry changes of later versions.

mod bytes;
pub mod decide;
pub mod os_release;
pub mod package;
pub mod written;

use serde::{Deserialize, Serialize};

/// An upstream version number, `18.9.9` for 18.09.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// 1, 17, 18 …
    pub major: u16,
    /// 13 in 1.13.1; 9 in 18.09.9.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

impl Version {
    /// `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version { major, minor, patch }
    }
}

impl std::fmt::Display for Version {
    /// As Docker writes it: two digits for the month from 17.03 to 20.10.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Version { major, minor, patch } = self;
        match major {
            17..=20 => write!(f, "{major}.{minor:02}.{patch}"),
            _ => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

/// Who built it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// docker-engine, docker-ce: Docker's own packages.
    Upstream,
    /// Debian's docker.io, which follows upstream.
    Debian,
    /// `docker` and `docker-latest` of RHEL, CentOS and Fedora (projectatomic/docker), with changes of later versions.
    RedHat,
    /// Oracle Linux's docker-engine.
    Oracle,
    /// Amazon Linux's docker.
    Amazon,
    /// Not known.
    Unknown,
}

/// What is known of the installed Docker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its version.
    pub version: Option<Version>,
    /// Whose it is.
    pub flavour: Flavour,
    /// What told so, for people: `package docker.io 20.10.24+dfsg1-1 (/var/lib/dpkg/status)`.
    pub evidence: String,
}

impl Build {
    /// Nothing is known; the loosest rules hold.
    pub fn unknown() -> Build {
        Build {
            version: None,
            flavour: Flavour::Unknown,
            evidence: String::new(),
        }
    }

    /// Whether this is that upstream version or a later one; `None` where the version is not known.
    pub fn at_least(&self, major: u16, minor: u16, patch: u16) -> Option<bool> {
        Some(self.version? >= Version::new(major, minor, patch))
    }

    /// Upstream's sources of this version tell what it does, to the letter.
    pub fn is_upstream(&self) -> bool {
        self.version.is_some() && matches!(self.flavour, Flavour::Upstream | Flavour::Debian)
    }
}
