//! Tests of `exec_line`: captured units, the table of facts, hostile text.

use super::*;
use crate::systemd::test_text::plain;
use proptest::prelude::*;

pub(super) fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) fn argv(found: Result<Command, String>) -> Result<Vec<String>, String> {
    found.map(|command| command.argv())
}

fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|word| word.text).collect()
}

pub(super) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn in_shell(text: &str, pairs: &[(&str, &str)]) -> Result<Command, String> {
    command(&words(&["/bin/sh", "-c", text]), &environment(pairs), 219)
}

#[test]
fn expands_as_systemd() {
    let environment = environment(&[
        ("X", "--a --b"),
        ("Q", r#"--o "k=v w" --x"#),
        ("S", r"'a b'\ c"),
        ("HASH", "--a # note"),
        ("EMPTY", ""),
        ("QUOTED", "''"),
        ("OPEN", "--a 'b c"),
    ]);
    for (word, expected) in [
        ("$X", &["--a", "--b"][..]),
        ("${X}", &["--a --b"]),
        ("--x=${X}!", &["--x=--a --b!"]),
        ("$Q", &["--o", "k=v w", "--x"]),
        ("${Q}", &[r#"--o "k=v w" --x"#]),
        ("$S", &["a b c"]),
        ("$HASH", &["--a", "#", "note"]),
        ("$EMPTY", &[]),
        ("$QUOTED", &[""]),
        ("$OPEN", &["--a", "b c"]),
        ("${EMPTY}", &[""]),
        ("$UNSET", &[]),
        ("${UNSET}", &[""]),
        ("foo$X", &["foo$X"]),
        ("$X-y", &[]),
        ("$$", &["$"]),
        ("$$X", &["$X"]),
        ("a$$b$$", &["a$b$"]),
        ("a${X", &["a${X"]),
        ("a$", &["a$"]),
        ("$", &[]),
        ("", &[""]),
        ("${X}${EMPTY}${X}", &["--a --b--a --b"]),
    ] {
        for version in [228, 232, 252] {
            let found = expand(&words(&[word]), &environment, version).map(texts);
            assert_eq!(found, Ok(words(expected)), "{word} by {version}");
        }
    }
}

/// insights-core's captured unit of RHEL 7.2 with docker 1.10.3, as systemd joins its lines.
#[test]
fn red_hat_1_10_3() {
    let text = "/usr/bin/docker-current daemon           --authorization-plugin=rhel-push-plugin           \
                --exec-opt native.cgroupdriver=systemd           $OPTIONS           $DOCKER_STORAGE_OPTIONS           \
                $DOCKER_NETWORK_OPTIONS           $ADD_REGISTRY           $BLOCK_REGISTRY           $INSECURE_REGISTRY  \
                2>&1 | /usr/bin/forward-journald -tag docker";
    let found = in_shell(
        text,
        &[
            ("OPTIONS", "--selinux-enabled --log-driver=journald"),
            (
                "DOCKER_STORAGE_OPTIONS",
                "-s devicemapper --storage-opt dm.fs=xfs --storage-opt \"dm.x=a b\"",
            ),
        ],
    );
    let argv = words(&[
        "/usr/bin/docker-current",
        "daemon",
        "--authorization-plugin=rhel-push-plugin",
        "--exec-opt",
        "native.cgroupdriver=systemd",
        "--selinux-enabled",
        "--log-driver=journald",
        "-s",
        "devicemapper",
        "--storage-opt",
        "dm.fs=xfs",
        "--storage-opt",
        "\"dm.x=a",
        "b\"",
    ]);
    assert_eq!(found.as_ref().map(|found| found.by_shell), Ok(true));
    assert_eq!(self::argv(found), Ok(argv));
}

/// CentOS 7's last docker-1.13.1, docker-ce 18.09 to 20.10, Debian's docker.io.
#[test]
fn direct_units() {
    const RED_HAT: &[&str] = &[
        "/usr/bin/dockerd-current",
        "--add-runtime",
        "docker-runc=/usr/libexec/docker/docker-runc-current",
        "--default-runtime=docker-runc",
        "--exec-opt",
        "native.cgroupdriver=systemd",
        "--userland-proxy-path=/usr/libexec/docker/docker-proxy-current",
        "--init-path=/usr/libexec/docker/docker-init-current",
        "--seccomp-profile=/etc/docker/seccomp.json",
    ];
    const VARIABLES: &[&str] = &[
        "$OPTIONS",
        "$DOCKER_STORAGE_OPTIONS",
        "$DOCKER_NETWORK_OPTIONS",
        "$ADD_REGISTRY",
        "$BLOCK_REGISTRY",
        "$INSECURE_REGISTRY",
        "$REGISTRIES",
    ];
    const CE: &[&str] = &[
        "/usr/bin/dockerd",
        "-H",
        "fd://",
        "--containerd=/run/containerd/containerd.sock",
    ];
    const DEBIAN: &[&str] = &[
        "/usr/sbin/dockerd",
        "-H",
        "fd://",
        "--containerd=/run/containerd/containerd.sock",
        "$DOCKER_OPTS",
    ];
    let set = environment(&[
        ("OPTIONS", "--selinux-enabled"),
        (
            "DOCKER_STORAGE_OPTIONS",
            "--storage-driver devicemapper --storage-opt dm.fs=xfs ",
        ),
    ]);
    for (unit, expected) in [
        (
            [RED_HAT, VARIABLES].concat(),
            [
                RED_HAT,
                &[
                    "--selinux-enabled",
                    "--storage-driver",
                    "devicemapper",
                    "--storage-opt",
                    "dm.fs=xfs",
                ],
            ]
            .concat(),
        ),
        (CE.to_vec(), CE.to_vec()),
        (DEBIAN.to_vec(), DEBIAN[..4].to_vec()),
    ] {
        let found = command(&words(&unit), &set, 219);
        assert_eq!(found.as_ref().map(|found| found.by_shell), Ok(false));
        assert_eq!(argv(found), Ok(words(&expected)));
    }
}

#[test]
fn what_a_shell_is() {
    for (argv, by_shell) in [
        (&["/bin/sh", "-c", "x"][..], true),
        (&["/usr/bin/bash", "-lc", "x"], true),
        (&["bash", "--login", "-c", "x"], true),
        (&["/bin/sh", "/script", "-c"], false),
        (&["/bin/sh", "-c"], false),
        (&["/bin/sh"], false),
        (&["/bin/shc", "-c", "x"], false),
        (&[], false),
    ] {
        let found = command(&words(argv), &BTreeMap::new(), 219).map(|c| c.by_shell);
        assert_eq!(found, Ok(by_shell), "{argv:?}");
    }
}

/// What systemd's own function made of some hundreds of words.
#[test]
fn as_systemds_own_expansion() {
    let text = |field: Option<&str>| String::from_utf8_lossy(&plain(field.unwrap_or_default())).into_owned();
    let mut rows = 0;
    for row in include_str!("../../../tests/fixtures/systemd/expansions.tsv").lines() {
        let mut fields = row.split('\t');
        let (Some(versions), Some(word)) = (fields.next(), fields.next()) else {
            continue;
        };
        let values = ["X", "Y", "E"].map(|name| (name.to_owned(), text(fields.next())));
        let word = vec![text(Some(word))];
        let expected: Vec<String> = fields.map(|word| text(Some(word))).collect();
        for version in versions.split(',').map(|version| version.parse().expect("a version")) {
            let found = expand(&word, &BTreeMap::from(values.clone()), version).map(texts);
            assert_eq!(
                found.unwrap_or(words(&["!"])),
                expected,
                "{word:?} by {version} with {values:?}"
            );
            rows += 1;
        }
    }
    assert!(rows > 2000, "{rows}");
}

/// What the generations make of a word (`replace_env_argv`, `replace_env` at v219, v226, v227, v232, v233, v252).
#[test]
fn expands_by_generation() {
    let environment = environment(&[("X", "--a \"b"), ("E", "--a '' --b")]);
    for (word, version, expected) in [
        ("$$", 226, Some(&[][..])),
        ("$$", 227, Some(&["$"])),
        ("$$X", 219, Some(&[])),
        ("$$X", 227, Some(&["$X"])),
        ("a$$X", 219, Some(&["a$X"])),
        ("a${X:-d}b", 232, Some(&["ab"])),
        ("a${X:-d}b", 233, Some(&["a${X:-d}b"])),
        ("a${X:-${E}}b", 233, Some(&["a${X:---a '' --b}b"])),
        ("${no-name}", 252, Some(&[""])),
        ("$X", 219, None),
        ("$X", 227, None),
        ("$X", 228, Some(&["--a", "b"])),
        ("$E", 219, Some(&["--a"])),
        ("$E", 223, Some(&["--a", "", "--b"])),
    ] {
        let found = expand(&words(&[word]), &environment, version).map(texts).ok();
        assert_eq!(found, expected.map(words), "{word} by {version}");
    }
}

#[test]
fn words_know_their_variable() {
    let environment = environment(&[("O", "-s x"), ("P", "/y")]);
    let line = words(&["dockerd", "$O", "-g", "${P}/z", "-D"]);
    let origins =
        |found: Command| -> Vec<Option<String>> { found.words.into_iter().map(|word| word.variable).collect() };
    let expected = [None, Some("O"), Some("O"), None, Some("P"), None].map(|name| name.map(str::to_owned));
    assert_eq!(command(&line, &environment, 219).map(origins), Ok(expected.to_vec()));
    let shell = words(&["/bin/sh", "-c", "dockerd $O -g \"$P\"/z -D"]);
    assert_eq!(command(&shell, &environment, 219).map(origins), Ok(expected.to_vec()));
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,40}", shell in "[a-zX '\"\\\\$\\{\\}|;&<>#\n2()`ü]{0,40}", value in ".{0,20}", version in 200u16..260) {
        let environment = environment(&[("X", &value)]);
        let _ = expand(&words(&[&text, &shell, "$X", "${X}"]), &environment, version);
        let _ = command(&words(&["sh", "-c", &shell]), &environment, version);
        let _ = command(&words(&["sh", "-c", &text]), &environment, version);
    }

    #[test]
    fn quoted_words_survive_all_readings(list in proptest::collection::vec("[^\0'\\\\$%]{1,10}", 1..5), version in 219u16..257) {
        let text: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
        let text = text.join(" ");
        prop_assert_eq!(&split(&text, version), &Ok(list.clone()));
        let shell = argv(command(&words(&["sh", "-c", &format!("x {text}")]), &BTreeMap::new(), version));
        prop_assert_eq!(shell.map(|argv| argv[1..].to_vec()), Ok(list.clone()));
    }
}
