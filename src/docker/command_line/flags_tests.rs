//! Tests of `command_line`: the spellings seen in the field, and words that must not be taken for ours.

use super::*;
use proptest::prelude::*;

fn line(line: &str) -> Line {
    let words = words(line.split_whitespace());
    read(&words, &Build::unknown()).unwrap_or_else(|| panic!("no daemon: {line}"))
}

fn words<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Sourced<String>> {
    texts
        .map(|word| Sourced::new(word.to_owned(), "docker.service's ExecStart"))
        .collect()
}

fn values<T: Clone>(list: &[Sourced<T>]) -> Vec<T> {
    list.iter().map(|sourced| sourced.value.clone()).collect()
}

#[test]
fn spellings_of_the_driver() {
    for (line, driver) in [
        ("dockerd -s devicemapper", Some("devicemapper")),
        ("dockerd -s=devicemapper", Some("devicemapper")),
        ("dockerd -sdevicemapper", Some("devicemapper")),
        ("dockerd -Dsdevicemapper", Some("devicemapper")),
        ("dockerd -Ds devicemapper", Some("devicemapper")),
        ("dockerd --storage-driver devicemapper", Some("devicemapper")),
        (
            "/usr/bin/dockerd-current --storage-driver=devicemapper",
            Some("devicemapper"),
        ),
        (
            "/usr/bin/docker daemon -storage-driver=devicemapper",
            Some("devicemapper"),
        ),
        ("docker -d -storage-driver devicemapper", Some("devicemapper")),
        ("docker -D daemon -s devicemapper", Some("devicemapper")),
        ("dockerd -s overlay2 -s devicemapper", Some("devicemapper")),
        ("dockerd --storage-driver=", Some("")),
        ("dockerd --log-driver journald -s devicemapper", Some("devicemapper")),
        ("dockerd --selinux-enabled -s devicemapper", Some("devicemapper")),
        ("dockerd --live-restore -s devicemapper", Some("devicemapper")),
        ("dockerd -l debug -s devicemapper", Some("devicemapper")),
        ("dockerd --bip 10.0.0.1/24 -b sss --label storage-driver=x", None),
        ("dockerd -bs", None),
        ("dockerd -lstorage", None),
        ("dockerd -Gs -e-s", None),
        ("dockerd --storage-drive=x --storage-drivers=y --Storage-Driver z", None),
        ("dockerd --exec-opt -- -s overlay2", Some("overlay2")),
        ("/usr/bin/docker daemon -sD devicemapper", Some("devicemapper")),
        ("dockerd -- -s devicemapper", None),
        ("dockerd - s devicemapper", None),
        ("dockerd", None),
    ] {
        assert_eq!(
            self::line(line).last("storage-driver").map(|s| s.value).as_deref(),
            driver,
            "{line}"
        );
    }
}

#[test]
fn everything_at_once() {
    let flags = line(
        "/usr/bin/dockerd -H fd:// --host=tcp://0.0.0.0:2375 -g /data/docker --data-root /x --config-file=/etc/d.json \
         -p /run/d.pid --live-restore=false --userns-remap default --exec-root=/run/d --storage-opt dm.fs=xfs \
         --storage-opt=dm.basesize=20G",
    );
    assert_eq!(values(&flags.all("host")), ["fd://", "tcp://0.0.0.0:2375"]);
    assert_eq!(values(&flags.all("storage-opt")), ["dm.fs=xfs", "dm.basesize=20G"]);
    assert_eq!(
        flags.all("storage-opt")[0].place,
        "flag --storage-opt of docker.service's ExecStart"
    );
    assert_eq!(
        flags.last("graph").map(|s| (s.value, s.place)),
        Some(("/data/docker".into(), "flag -g of docker.service's ExecStart".into()))
    );
    assert_eq!(flags.last("data-root").map(|s| s.value).as_deref(), Some("/x"));
    assert_eq!(
        flags.last("config-file").map(|s| s.value).as_deref(),
        Some("/etc/d.json")
    );
    assert_eq!(flags.last("pidfile").map(|s| s.value).as_deref(), Some("/run/d.pid"));
    assert_eq!(flags.last("live-restore").map(|s| s.value).as_deref(), Some("false"));
    assert_eq!(flags.last("userns-remap").map(|s| s.value).as_deref(), Some("default"));
    assert_eq!(flags.last("exec-root").map(|s| s.value).as_deref(), Some("/run/d"));
    assert_eq!(flags.problems.len(), 0);
}

#[test]
fn a_value_is_eaten_whatever_it_looks_like() {
    let flags = line("dockerd --storage-opt --live-restore --storage-opt -- -s x");
    assert_eq!(values(&flags.all("storage-opt")), ["--live-restore", "--"]);
    assert!(flags.last("live-restore").is_none());
    assert_eq!(flags.last("storage-driver").map(|s| s.value).as_deref(), Some("x"));
}

#[test]
fn flags_know_their_places() {
    let words = [
        ("dockerd", "unit"),
        ("-s", "a:1"),
        ("x", "b:2"),
        ("--graph=/y", "c:3"),
        ("-D", "unit"),
        ("-g", "d:4"),
    ]
    .map(|(word, place)| Sourced::new(word.to_owned(), place));
    let flags = read(&words, &Build::unknown()).expect("a daemon");
    assert_eq!(
        flags.last("storage-driver").map(|flag| flag.place).as_deref(),
        Some("flag -s of b:2")
    );
    assert_eq!(
        flags.last("graph").map(|flag| flag.place).as_deref(),
        Some("flag --graph of c:3")
    );
    assert!(read(&[], &Build::unknown()).is_none());
}

#[test]
fn what_dockerd_would_reject() {
    for line in [
        "dockerd --storage-opt",
        "dockerd -s",
        "dockerd --live-restore=yes",
        "dockerd -D -g",
    ] {
        assert!(
            self::line(line).problems.iter().any(|it| it.leaves_unread().is_some()),
            "{line}"
        );
    }
}

#[test]
fn what_is_a_daemon() {
    for (line, daemon) in [
        ("dockerd", true),
        ("/usr/local/bin/dockerd-latest", true),
        ("docker daemon", true),
        ("/usr/bin/docker-current daemon -D", true),
        ("docker -d", true),
        ("docker --daemon", true),
        ("docker -H unix:///x -D -d", true),
        ("docker --log-level debug daemon", true),
        ("docker ps", false),
        ("docker run -d daemon", false),
        ("docker -H tcp://x run -d nginx", false),
        ("docker -D run -d nginx", false),
        ("docker", false),
        ("/bin/sh -c dockerd", false),
        ("docker-containerd", false),
        ("", false),
    ] {
        let texts: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(form(&texts).is_some(), daemon, "{line}");
        assert_eq!(
            read(&words(line.split_whitespace()), &Build::unknown()).is_some(),
            daemon,
            "{line}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(words in proptest::collection::vec("-{0,2}[a-zH=ü -]{0,12}", 0..8)) {
        let words: Vec<&str> = ["dockerd"].into_iter().chain(words.iter().map(String::as_str)).collect();
        prop_assert!(read(&self::words(words.into_iter()), &Build::unknown()).is_some());
    }

    #[test]
    fn an_option_is_found_behind_any_unknown_flag(name in "x[a-z-]{0,9}", value in "[a-z0-9/:.=]{0,9}", eq: bool) {
        let mut argv = vec!["dockerd".to_owned()];
        match eq {
            true => argv.push(format!("--{name}={value}")),
            false => argv.extend([format!("--{name}"), value]),
        }
        argv.extend(["--storage-opt".to_owned(), "dm.fs=xfs".to_owned()]);
        let flags = read(&words(argv.iter().map(String::as_str)), &Build::unknown());
        prop_assert_eq!(flags.map(|f| values(&f.all("storage-opt"))), Some(vec!["dm.fs=xfs".to_owned()]));
    }
}
