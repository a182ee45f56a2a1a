//! Whose builds of which version were read, so that their rules hold to the letter.

use crate::docker::build::{Build, Flavour, Version};

/// Versions of one house whose sources were read: from the first on, before the second.
struct Read {
    house: Flavour,
    since: Version,
    until: Version,
}

const fn read(house: Flavour, since: (u16, u16, u16), until: (u16, u16, u16)) -> Read {
    Read {
        house,
        since: Version::new(since.0, since.1, since.2),
        until: Version::new(until.0, until.1, until.2),
    }
}

/// Upstream: moby v1.10.0 to v25.0.17. Debian's docker.io is built from the same tags; its patches were not read, its 20.10.24 was run on
/// the cases of tests/corpus. Red Hat's: projectatomic/docker, branches rhel7-1.10.3 (28740e7a3), docker-1.12.2 to docker-1.12.6 (0d829ef07) and
/// docker-1.13.1-rhel (7d71120b1); the daemons of 1.10.3, 1.12.6 and 1.13.1 were run too. Of Amazon's and Oracle's no source was
/// read: what upstream knows of the version is a guess there.
const READ: [Read; 5] = [
    read(Flavour::Upstream, (1, 10, 0), (26, 0, 0)),
    read(Flavour::Debian, (1, 10, 0), (26, 0, 0)),
    read(Flavour::RedHat, (1, 10, 3), (1, 10, 4)),
    read(Flavour::RedHat, (1, 12, 2), (1, 12, 7)),
    read(Flavour::RedHat, (1, 13, 1), (1, 13, 2)),
];

/// The version whose rows hold to the letter for this build.
pub fn exact(build: &Build) -> Option<Version> {
    let version = build.version?;
    let known = |read: &&Read| read.house == build.flavour && (read.since..read.until).contains(&version);
    READ.iter().find(known).map(|_| version)
}

/// Whose builds have a row of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum House {
    /// All: the others add to upstream's and take nothing away.
    Upstream,
    /// Red Hat's alone.
    RedHat,
    /// Some releases of Red Hat's, and neither the first nor the last of that version.
    SomeOfRedHat,
}

/// From which version on, before which, and in whose builds something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub(super) since: Version,
    pub(super) until: Option<Version>,
    pub(super) house: House,
}

impl Span {
    pub(super) const fn since(since: (u16, u16, u16)) -> Span {
        Span {
            since: Version::new(since.0, since.1, since.2),
            until: None,
            house: House::Upstream,
        }
    }

    /// Whether this build knows it; a build that is not known to the letter may know everything.
    pub(super) fn holds(&self, build: &Build) -> bool {
        let in_house = self.house == House::Upstream || build.flavour == Flavour::RedHat;
        exact(build)
            .is_none_or(|version| in_house && self.since <= version && self.until.is_none_or(|until| version < until))
    }
}
