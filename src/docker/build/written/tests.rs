//! Version texts as they are met in the field.

use super::*;
use proptest::prelude::*;

#[test]
fn versions_are_read_from_all_packagers_texts() {
    for (text, wanted) in [
        // `docker --version` of the named builds.
        ("1.10.3", (1, 10, 3)),
        ("1.8.2-el7.centos", (1, 8, 2)),
        ("17.06.2-ce", (17, 6, 2)),
        ("17.06.2-ee-16", (17, 6, 2)),
        ("18.09.9-ce", (18, 9, 9)),
        ("19.03.11-ol", (19, 3, 11)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        // RPM versions: download.docker.com, Amazon Linux 2, Oracle Linux 7.
        ("18.06.1.ce", (18, 6, 1)),
        ("18.09.9ce", (18, 9, 9)),
        ("19.03.11.ol", (19, 3, 11)),
        // Debian versions: download.docker.com, apt.dockerproject.org, Debian 12, Ubuntu 22.04.
        ("5:18.09.0~3-0~debian-stretch", (18, 9, 0)),
        ("5:24.0.9-1~ubuntu.22.04~jammy", (24, 0, 9)),
        ("17.05.0~ce-0~debian-jessie", (17, 5, 0)),
        ("1.12.6-0~debian-jessie", (1, 12, 6)),
        ("20.10.24+dfsg1-1+deb12u1+b6", (20, 10, 24)),
        ("20.10.21-0ubuntu1~22.04.3", (20, 10, 21)),
    ] {
        let (major, minor, patch) = wanted;
        assert_eq!(version(text), Some(Version::new(major, minor, patch)), "{text}");
    }
}

#[test]
fn what_is_no_release_is_not_known() {
    for text in [
        "",
        "1",
        "1.13",
        "1.13.",
        "v1.13.1",
        "1.13.0-rc4",
        "1.13.0~rc1-0~debian-jessie",
        "20.10.0-beta1",
        "23.0.0-rc.1",
        "17.06.0-dev",
        "library-import",
        "99999.1.1",
        "1.2.99999",
        "x:1.2.3",
        ":1.2.3",
        "-1.2.3",
    ] {
        assert_eq!(version(text), None, "{text}");
    }
}

#[test]
fn the_daemons_own_words_are_read() {
    for (output, wanted) in [
        ("Docker version 20.10.24+dfsg1, build 5d6db84\n", Some("20.10.24+dfsg1")),
        ("Docker version 1.13.1, build 64e9980/1.13.1\n", Some("1.13.1")),
        ("Docker version 1.10.3, build 20f81dd, experimental\n", Some("1.10.3")),
        (
            "WARN[0000] something\nDocker version 17.06.2-ce, build cec0b72\n",
            Some("17.06.2-ce"),
        ),
        ("Docker version {{.Version}}\n", None),
        ("Docker version library-import, build library-import\n", None),
        ("podman version 4.3.1\n", None),
        ("", None),
    ] {
        assert_eq!(said(output), wanted, "{output}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,80}") {
        let _ = version(&text);
        let _ = said(&text);
        let _ = said(&format!("Docker version {text}, build x"));
    }

    #[test]
    fn three_numbers_are_a_version(major in 1u16.., minor: u16, patch: u16, tail in "([-+~.]ce|\\+dfsg1|-ol)?") {
        prop_assert_eq!(version(&format!("{major}.{minor}.{patch}{tail}")), Some(Version::new(major, minor, patch)));
    }
}
