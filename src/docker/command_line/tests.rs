//! Tests of `command_line`: the two flag parsers, and what they refuse.

use super::super::build::{Flavour, Version};
use super::*;
use proptest::prelude::*;

fn upstream(major: u16, minor: u16, patch: u16) -> Build {
    Build {
        version: Some(Version::new(major, minor, patch)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    }
}

fn words(text: &str) -> Vec<Sourced<String>> {
    text.split(' ').map(|word| Sourced::new(word.to_owned(), "x")).collect()
}

fn line(text: &str, build: &Build) -> Line {
    read(&words(text), build).unwrap_or_else(|| panic!("not read: {text}"))
}

fn problems(text: &str, build: &Build) -> Vec<String> {
    let problems = line(text, build).problems.into_iter();
    let shown = |problem| match problem {
        Problem::Unknown { spelling, .. } => format!("unknown {}", spelling.value),
        Problem::NoValue { spelling } => format!("no value {}", spelling.value),
        Problem::BadValue { spelling, .. } => format!("bad value {}", spelling.value),
        Problem::Stray { word } => format!("stray {}", word.value),
        Problem::NoSuchCommand { word } => format!("no command {}", word.value),
        Problem::Doubtful { spelling } => format!("doubtful {}", spelling.value),
        Problem::OneDash { letter, value, .. } => format!("one dash {letter} {value}"),
        Problem::NoStart { spelling, .. } => format!("no start {}", spelling.value),
    };
    problems.map(shown).collect()
}

#[test]
fn what_pflag_refuses() {
    let build = upstream(20, 10, 24);
    for (text, expected) in [
        ("dockerd", vec![]),
        ("dockerd -Ds devicemapper -g=/x --storage-opt dm.fs=xfs", vec![]),
        ("dockerd --no-such=1 -D", vec!["unknown --no-such"]),
        (
            "dockerd --no-such 1 --nor-this",
            vec!["unknown --no-such", "unknown --nor-this"],
        ),
        ("dockerd -storage-driver=x", vec!["one dash s torage-driver=x"]),
        ("dockerd -data-root=x", vec!["unknown -data-root"]),
        ("dockerd --debug true", vec!["stray true"]),
        ("dockerd ", vec!["stray "]), // one empty word, as ${OPTIONS} leaves it
        ("dockerd -D -- x", vec!["stray x"]),
        ("dockerd -", vec!["stray -"]),
        ("dockerd --storage-opt", vec!["no value --storage-opt"]),
        ("dockerd --mtu=x --ip y --debug=yes", vec!["bad value --debug"]),
        // Of values that have nothing to do with storage dockerd tells itself.
        (
            "dockerd --dns 1.2.3 --label a --default-shm-size 64Q --add-runtime a",
            vec![],
        ),
        ("dockerd --validate", vec!["unknown --validate"]),
        ("dockerd --add-registry x", vec!["unknown --add-registry"]),
    ] {
        assert_eq!(problems(text, &build), expected, "{text}");
    }
    let fork = Build {
        flavour: Flavour::RedHat,
        ..upstream(1, 13, 1)
    };
    let text = "dockerd-current --add-registry registry.access.redhat.com --signature-verification=false --add-runtime docker-runc=/x";
    assert_eq!(problems(text, &fork), Vec::<String>::new());
    let text = "dockerd-current --data-root /x --bind-mount-prefix /x";
    assert_eq!(
        problems(text, &fork),
        ["unknown --data-root", "doubtful --bind-mount-prefix"]
    );
}

/// moby v1.10.3 `pkg/mflag/flag.go`, `parseOne`.
#[test]
fn what_mflag_refuses() {
    for (text, docker_daemon, dockerd) in [
        (" -D -s devicemapper -g /x", vec![], vec![]),
        (" -Ds devicemapper", vec![], vec![]),
        (" -h", vec!["no start -h"], vec!["no start -h"]),
        (" -Dh", vec!["unknown -Dh"], vec!["no start -h"]),
        (" -bip=10.0.0.1/8 -icc=false", vec![], vec![]),
        (
            " -sdevicemapper x",
            vec!["unknown -sdevicemapper"],
            vec!["unknown -sdevicemapper"],
        ),
        (" --live-restore", vec!["unknown --live-restore"], vec![]),
        (" -D x --no-such", vec!["stray x"], vec!["stray x"]),
        (" --mtu=\"1500\"", vec![], vec![]),
    ] {
        assert_eq!(
            problems(&format!("docker daemon{text}"), &upstream(1, 10, 3)),
            docker_daemon,
            "{text}"
        );
        assert_eq!(
            problems(&format!("dockerd{text}"), &upstream(1, 12, 6)),
            dockerd,
            "{text}"
        );
    }
}

#[test]
fn what_is_given() {
    let line = line("dockerd -g /x --log-opt max-size=1m -D", &upstream(20, 10, 24));
    let given: Vec<_> = line
        .given
        .iter()
        .map(|g| (g.flag.key, g.spelling.value.as_str(), g.value.as_str()))
        .collect();
    assert_eq!(
        given,
        [
            ("graph", "-g", "/x"),
            ("log-opts", "--log-opt", "max-size=1m"),
            ("debug", "-D", "true")
        ]
    );
}

#[test]
fn a_near_flag_is_named() {
    let line = line("dockerd --storage-opts dm.fs=xfs", &upstream(20, 10, 24));
    let meant = Some("--storage-opt".to_owned());
    assert!(matches!(&line.problems[..], [Problem::Unknown { meant: found, .. }] if *found == meant));
}

#[test]
fn forms_of_the_start() {
    for (text, version, expected) in [
        ("/usr/bin/docker daemon -s x", (1, 10, 3), vec![]),
        ("docker -D daemon -s x", (1, 9, 1), vec![]),
        ("/usr/lib/coreos/dockerd daemon -s x", (1, 12, 6), vec![]),
        ("docker daemon -s x", (17, 5, 0), vec![]),
        ("docker daemon -s x", (17, 6, 0), vec!["no command daemon"]),
        ("docker -d -s x", (1, 9, 1), vec![]),
        ("docker -d -s x", (1, 10, 3), vec!["no command -d", "unknown -d"]),
    ] {
        let build = upstream(version.0, version.1, version.2);
        assert_eq!(problems(text, &build), expected, "{text}");
        let driver = line(text, &build)
            .given
            .into_iter()
            .find(|given| given.flag.long == "storage-driver");
        assert!(driver.is_some() || expected.len() == 2, "{text}");
    }
    for text in ["docker ps", "docker run -d daemon", "sh -c dockerd"] {
        assert_eq!(read(&words(text), &Build::unknown()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(words in proptest::collection::vec("-{0,2}[a-zA-ZH=ü \"-]{0,12}", 0..8), old: bool) {
        let argv: Vec<_> = ["dockerd".to_owned()].iter().chain(&words).map(|word| Sourced::new(word.clone(), "x")).collect();
        let build = if old { upstream(1, 12, 6) } else { upstream(20, 10, 24) };
        let line = read(&argv, &build).unwrap_or_default();
        prop_assert!(line.given.len() + line.problems.len() <= words.iter().map(|w| 2 * w.len() + 2).sum());
    }
}
