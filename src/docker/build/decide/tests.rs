//! Clues of whole hosts in, the build out.

use super::super::package;
use super::*;

fn os(id: &str, like: &[&str]) -> OsRelease {
    OsRelease {
        id: id.into(),
        id_like: like.iter().map(|&like| like.to_owned()).collect(),
        version_id: String::new(),
    }
}

fn deb(name: &str, version: &str) -> Package {
    let text = format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n");
    package::dpkg_status(&text, "/var/lib/dpkg/status").remove(0)
}

fn yum(rest: &str) -> Package {
    package::yumdb_entry(&format!("0d3b-{rest}-x86_64"), "/var/lib/yum/yumdb").unwrap()
}

fn told(text: &str) -> Option<Told> {
    Some(Told {
        text: text.into(),
        source: "/usr/bin/dockerd".into(),
    })
}

fn clues(daemon: &str, os: OsRelease, packages: &[Package]) -> Clues {
    Clues {
        daemon: daemon.into(),
        os,
        packages: packages.to_vec(),
        ..Clues::default()
    }
}

const EL: [&str; 2] = ["rhel", "fedora"];

#[test]
fn the_install_matrix_is_told_apart() {
    use Flavour::*;
    for (daemon, os, package, version, flavour) in [
        (
            "/usr/bin/docker-current",
            os("centos", &EL),
            yum("docker-1.10.3-46.el7.centos.14"),
            (1, 10, 3),
            RedHat,
        ),
        (
            "/usr/bin/dockerd-current",
            os("centos", &EL),
            yum("docker-1.12.6-71.git3e8e77d.el7.centos"),
            (1, 12, 6),
            RedHat,
        ),
        (
            "/usr/bin/dockerd-current",
            os("rhel", &["fedora"]),
            yum("docker-1.13.1-203.git0be3e21.el7_9"),
            (1, 13, 1),
            RedHat,
        ),
        (
            "/usr/bin/dockerd-latest",
            os("centos", &EL),
            yum("docker-latest-1.13.1-58.git87f2fab.el7.centos"),
            (1, 13, 1),
            RedHat,
        ),
        (
            "/usr/bin/docker",
            os("centos", &EL),
            yum("docker-engine-1.10.3-1.el7.centos"),
            (1, 10, 3),
            Upstream,
        ),
        (
            "/usr/bin/dockerd",
            os("centos", &EL),
            yum("docker-ce-18.09.0-3.el7"),
            (18, 9, 0),
            Upstream,
        ),
        (
            "/usr/bin/dockerd",
            os("centos", &EL),
            yum("docker-ee-18.09.0-3.el7"),
            (18, 9, 0),
            Unknown,
        ),
        (
            "/usr/bin/dockerd",
            os("centos", &EL),
            yum("docker-engine-17.06.2.ee.16-3.el7"),
            (17, 6, 2),
            Unknown,
        ),
        (
            "/usr/bin/dockerd",
            os("ol", &["fedora"]),
            yum("docker-engine-19.03.11.ol-13.el7"),
            (19, 3, 11),
            Oracle,
        ),
        (
            "/usr/bin/dockerd",
            os("ol", &["fedora"]),
            yum("docker-engine-1.12.6-1.0.1.el7"),
            (1, 12, 6),
            Oracle,
        ),
        (
            "/usr/bin/dockerd",
            os("openEuler", &[]),
            yum("docker-engine-18.09.0-115"),
            (18, 9, 0),
            Unknown,
        ),
        (
            "/usr/bin/dockerd",
            os("amzn", &["centos", "rhel", "fedora"]),
            yum("docker-18.09.9ce-2.amzn2"),
            (18, 9, 9),
            Amazon,
        ),
        (
            "/usr/bin/dockerd",
            os("sles", &["suse"]),
            yum("docker-20.10.17_ce-98.83.1"),
            (20, 10, 17),
            Unknown,
        ),
        (
            "/usr/sbin/dockerd",
            os("debian", &[]),
            deb("docker.io", "20.10.24+dfsg1-1+deb12u1+b6"),
            (20, 10, 24),
            Debian,
        ),
        (
            "/usr/bin/dockerd",
            os("debian", &[]),
            deb("docker-ce", "5:24.0.9-1~debian.12~bookworm"),
            (24, 0, 9),
            Upstream,
        ),
        (
            "/usr/bin/docker",
            os("debian", &[]),
            deb("docker-engine", "1.10.3-0~jessie"),
            (1, 10, 3),
            Upstream,
        ),
        (
            "/usr/bin/dockerd",
            os("ubuntu", &["debian"]),
            deb("moby-engine", "20.10.25+azure-2"),
            (20, 10, 25),
            Unknown,
        ),
    ] {
        let build = decide(&clues(daemon, os, &[package]));
        let (major, minor, patch) = version;
        assert_eq!(build.version, Some(Version::new(major, minor, patch)), "{build:?}");
        assert_eq!(build.flavour, flavour, "{build:?}");
    }
}

#[test]
fn the_daemons_own_word_wins() {
    let package = deb("docker.io", "20.10.24+dfsg1-1+deb12u1");
    let mut seen = clues("/usr/sbin/dockerd", os("debian", &[]), &[package]);
    seen.own = told("20.10.24+dfsg1");
    let build = decide(&seen);
    assert_eq!(
        (build.version, build.flavour),
        (Some(Version::new(20, 10, 24)), Flavour::Debian)
    );
    assert_eq!(
        build.evidence,
        "/usr/bin/dockerd says 20.10.24+dfsg1; package docker.io 20.10.24+dfsg1-1+deb12u1 (/var/lib/dpkg/status)"
    );
    seen.own = told("24.0.9");
    let build = decide(&seen);
    assert_eq!(build.version, Some(Version::new(24, 0, 9)));
    assert_eq!(build.flavour, Flavour::Unknown, "the package is not of this file");
    assert!(build.evidence.ends_with("which does not agree"), "{}", build.evidence);
    assert!(!build.is_upstream());
    seen.own = told("25.0.0-rc.1");
    assert_eq!(
        decide(&seen).version,
        None,
        "nor does it count where the daemon is no release"
    );
}

#[test]
fn packages_that_disagree_tell_nothing() {
    let stale = [
        yum("docker-1.10.3-46.el7.centos.14"),
        yum("docker-1.13.1-203.git0be3e21.el7.centos"),
    ];
    let mut seen = clues("/usr/bin/dockerd-current", os("centos", &EL), &stale);
    assert_eq!(decide(&seen).version, None);
    assert_eq!(decide(&seen).flavour, Flavour::RedHat, "the name says so");
    seen.own = told("1.13.1");
    assert_eq!(decide(&seen).version, Some(Version::new(1, 13, 1)));
    assert!(!decide(&seen).evidence.contains("1.10.3"));
}

#[test]
fn a_daemon_put_there_by_hand_is_no_packages() {
    let seen = clues(
        "/usr/local/bin/dockerd",
        os("centos", &EL),
        &[yum("docker-ce-18.09.0-3.el7")],
    );
    assert_eq!(decide(&seen), Build::unknown());
    assert_eq!(decide(&Clues::default()), Build::unknown());
}

#[test]
fn marks_in_the_version_tell_the_builder() {
    for (own, flavour) in [
        ("20.10.24+dfsg1", Flavour::Debian),
        ("19.03.11-ol", Flavour::Oracle),
        ("1.8.2-el7.centos", Flavour::RedHat),
        ("18.09.9-ce", Flavour::Unknown),
        ("20.10.24", Flavour::Unknown),
    ] {
        let seen = Clues {
            own: told(own),
            ..Clues::default()
        };
        assert_eq!(decide(&seen).flavour, flavour, "{own}");
    }
}
