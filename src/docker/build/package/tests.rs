//! Package texts and directory names as the package managers write them.

use super::*;
use proptest::prelude::*;

/// Debian 12's status file, shortened to the fields around ours, with a package that was removed but not purged.
const STATUS: &str = "Package: docker-ce
Status: deinstall ok config-files
Priority: optional
Section: admin
Architecture: amd64
Version: 5:24.0.9-1~debian.12~bookworm
Conffiles:
 /etc/default/docker 7eebc1ee1b1d0ea5fb1c9ba1d27a9c9f

Package: docker.io
Status: install ok installed
Priority: optional
Section: admin
Installed-Size: 147576
Maintainer: Debian Go Packaging Team <team+pkg-go@tracker.debian.org>
Architecture: amd64
Version: 20.10.24+dfsg1-1+deb12u1+b6
Conflicts: docker-ce, docker-ce-cli, docker-ce-rootless-extras
Description: Linux container runtime
 Docker complements kernel namespacing with a high-level API which operates at
 .
 This package contains the daemon and client.

Package: docker-doc
Status: install ok installed
Version: 20.10.24+dfsg1-1
";

#[test]
fn only_installed_packages_count() {
    let found = dpkg_status(STATUS, "/var/lib/dpkg/status");
    let names: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.version.as_str())).collect();
    assert_eq!(names, [("docker.io", "20.10.24+dfsg1-1+deb12u1+b6")]);
    for status in [
        "install ok half-installed",
        "purge ok not-installed",
        "install ok unpacked",
        "installed",
        "",
    ] {
        let text = format!("Package: docker-ce\nStatus: {status}\nVersion: 5:24.0.9-1~debian.12~bookworm\n");
        assert!(dpkg_status(&text, "").is_empty(), "{status}");
    }
    let held = "Package: lxc-docker-1.9.1\nStatus: hold ok installed\nVersion: 1.9.1\n";
    assert_eq!(dpkg_status(held, "").len(), 1);
}

#[test]
fn a_list_of_files_tells_the_owner() {
    let list = "/.\n/etc\n/usr\n/usr/sbin\n/usr/sbin/dockerd\n/usr/share/doc/docker.io\n";
    assert!(dpkg_list_holds(list, "/usr/sbin/dockerd"));
    assert!(dpkg_list_holds(list, "/sbin/dockerd"));
    assert!(!dpkg_list_holds(list, "/usr/bin/dockerd"));
    assert!(!dpkg_list_holds(list, "/usr/local/sbin/dockerd"));
    assert!(!dpkg_list_holds("", ""));
}

#[test]
fn yums_directories_name_packages() {
    const ID: &str = "0d3b0ea2ba0b2b4fa0ca9b0b4a0bd5ae0c1f9a3c";
    for (rest, wanted) in [
        // CentOS 7.9, CentOS 7.2, docker-ce's, Amazon Linux 2, Oracle Linux 7.
        (
            "docker-1.13.1-203.git0be3e21.el7.centos-x86_64",
            Some(("docker", "1.13.1", "203.git0be3e21.el7.centos")),
        ),
        (
            "docker-1.10.3-46.el7.centos.14-x86_64",
            Some(("docker", "1.10.3", "46.el7.centos.14")),
        ),
        (
            "docker-latest-1.13.1-58.git87f2fab.el7.centos-x86_64",
            Some(("docker-latest", "1.13.1", "58.git87f2fab.el7.centos")),
        ),
        (
            "docker-ce-18.06.1.ce-3.el7-x86_64",
            Some(("docker-ce", "18.06.1.ce", "3.el7")),
        ),
        (
            "docker-20.10.25-1.amzn2.0.4-x86_64",
            Some(("docker", "20.10.25", "1.amzn2.0.4")),
        ),
        (
            "docker-engine-19.03.11.ol-13.el7-x86_64",
            Some(("docker-engine", "19.03.11.ol", "13.el7")),
        ),
        // Other packages of the same letter.
        ("docker-client-1.13.1-203.git0be3e21.el7.centos-x86_64", None),
        ("docker-ce-cli-18.09.0-3.el7-x86_64", None),
        ("docker-compose-1.18.0-4.el7-noarch", None),
        ("docker", None),
        ("", None),
    ] {
        let found = yumdb_entry(&format!("{ID}-{rest}"), "");
        let found = found
            .as_ref()
            .map(|it| (it.name.as_str(), it.version.as_str(), it.release.as_str()));
        assert_eq!(found, wanted, "{rest}");
    }
    assert_eq!(yumdb_entry("xyz-docker-1.13.1-1-x86_64", ""), None);
}

#[test]
fn documentation_names_packages() {
    for (entry, wanted) in [
        ("docker-1.10.3", Some(("docker", "1.10.3"))),
        ("docker-latest-1.12.6", Some(("docker-latest", "1.12.6"))),
        ("docker-engine-1.13.1", Some(("docker-engine", "1.13.1"))),
        ("docker-ce-17.06.2.ce", Some(("docker-ce", "17.06.2.ce"))),
        ("docker-common-1.13.1", None),
        ("docker-ce", None),
        ("docker", None),
        ("docker-latest", None),
    ] {
        let found = doc_directory(entry, "");
        let found = found.as_ref().map(|it| (it.name.as_str(), it.version.as_str()));
        assert_eq!(found, wanted, "{entry}");
    }
}

#[test]
fn red_hats_two_packages_stand_beside_each_other() {
    let package = |name: &str| rpm(name, "1.13.1", "", "").unwrap();
    for (name, path, owns) in [
        ("docker", "/usr/bin/dockerd-current", true),
        ("docker", "/usr/bin/docker", true),
        ("docker", "/usr/bin/dockerd-latest", false),
        ("docker-latest", "/usr/bin/dockerd-latest", true),
        ("docker-latest", "/usr/bin/dockerd-current", false),
        ("docker-ce", "/usr/bin/dockerd", true),
        ("docker-ce", "/usr/bin/dockerd-ce", true),
        ("docker-ce", "/usr/bin/dockerd-current", false),
        ("docker-ce", "/usr/local/bin/dockerd", false),
        ("docker-ce", "dockerd", false),
        ("docker-ce", "", false),
    ] {
        assert_eq!(package(name).may_own(path), owns, "{name} {path}");
    }
}

#[test]
fn headers_are_found_in_a_database() {
    // From a database of rpm 4.18 (sqlite) with such a package in it.
    let piece = b"\0\0\x01\x02C\0docker-ce\x0020.10.24\x003.el8\0\0\0\0\0\x03The open-source\0docker-engine\0docker-ce\0C\0docker-ce-cli\x0020.10.24\x003.el8\0";
    let found = rpm_headers(piece, "");
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.name.as_str(), it.version.as_str(), it.release.as_str()))
        .collect();
    assert_eq!(found, [("docker-ce", "20.10.24", "3.el8")]);
    for cut in 5..29 {
        assert!(rpm_headers(&piece[..cut], "").is_empty(), "{cut}");
    }
    assert!(rpm_headers(b"C\0docker\0no version\x001\0", "").is_empty());
    assert!(rpm_headers(b"C\0docker\x001.13.1\0\xff\0", "").is_empty());
    assert!(rpm_headers(b"C\0docker\x001.13.1\0\0", "").is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = rpm_headers(&bytes, "");
        let _ = rpm_headers(&[b"C\0docker", &bytes[..]].concat(), "");
        let _ = rpm_headers(&[b"C\0docker\x001.13.1\0", &bytes[..]].concat(), "");
    }

    #[test]
    fn any_text_is_answered(text in "(\\PC|\n){0,200}") {
        let _ = dpkg_status(&text, "");
        let _ = dpkg_status(&format!("Package: docker.io\nStatus: install ok installed\nVersion: {text}"), "");
        let _ = dpkg_list_holds(&text, "/usr/bin/dockerd");
        let _ = yumdb_entry(&text, "");
        let _ = doc_directory(&text, "");
    }

    #[test]
    fn names_with_many_hyphens_are_answered(text in "[a-f0-9-]{0,60}") {
        let _ = yumdb_entry(&format!("{text}-docker-{text}"), "");
        let _ = doc_directory(&format!("docker-{text}"), "");
    }
}
