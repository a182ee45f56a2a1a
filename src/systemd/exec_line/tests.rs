//! Tests of `exec_line`: captured units, the table of facts, hostile text.

use super::*;
use proptest::prelude::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn in_shell(text: &str, pairs: &[(&str, &str)]) -> Result<Command, String> {
    command(&words(&["/bin/sh", "-c", text]), &environment(pairs))
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
        ("${X:-d}", &["${X:-d}"]),
        ("a$", &["a$"]),
        ("$", &[]),
        ("", &[""]),
        ("${X}${EMPTY}${X}", &["--a --b--a --b"]),
    ] {
        assert_eq!(expand(&words(&[word]), &environment), words(expected), "{word}");
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
    assert_eq!(
        found,
        Ok(Command {
            argv,
            by_shell: true,
            assignments: BTreeMap::new()
        })
    );
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
        let found = command(&words(&unit), &set);
        assert_eq!(
            found,
            Ok(Command {
                argv: words(&expected),
                ..Command::default()
            })
        );
    }
}

#[test]
fn reads_the_shells_first_command() {
    let pairs = &[("X", " --a  'b c' "), ("EMPTY", ""), ("N", "2")];
    for (text, expected) in [
        ("dockerd -s x", &["dockerd", "-s", "x"][..]),
        ("  exec dockerd $X; echo", &["dockerd", "--a", "'b", "c'"]),
        ("dockerd \"$X\"", &["dockerd", " --a  'b c' "]),
        ("dockerd p$X'q'", &["dockerd", "p", "--a", "'b", "c'", "q"]),
        ("dockerd '$X' \\$X \"\\$X\\n\"", &["dockerd", "$X", "$X", "$X\\n"]),
        ("dockerd $EMPTY \"$EMPTY\" '' a$EMPTY", &["dockerd", "", "", "a"]),
        ("dockerd $UNSET x", &["dockerd", "x"]),
        ("dockerd >/dev/null 2>&1 -D", &["dockerd", "-D"]),
        ("dockerd 2>>/var/log/d < /dev/null -D", &["dockerd", "-D"]),
        ("dockerd a2>x -D", &["dockerd", "a2", "-D"]),
        ("dockerd '2'>x $N>y -D", &["dockerd", "2", "2", "-D"]),
        ("dockerd 'a|b;c&d' -D&", &["dockerd", "a|b;c&d", "-D"]),
        ("dockerd&&x", &["dockerd"]),
        ("# comment\n\n dockerd a#b # c\nx", &["dockerd", "a#b"]),
        ("dockerd a\\\nb \\\n c", &["dockerd", "ab", "c"]),
        ("dockerd $ $% a$", &["dockerd", "$", "$%", "a$"]),
        ("dockerd a\\", &["dockerd", "a\\"]),
        ("", &[]),
        ("| x", &[]),
    ] {
        assert_eq!(in_shell(text, pairs).map(|c| c.argv), Ok(words(expected)), "{text:?}");
    }
    let found = in_shell("DOCKER_RAMDISK=1 A='b c' exec dockerd X=1", &[]).unwrap_or_default();
    assert_eq!(found.argv, words(&["dockerd", "X=1"]));
    assert_eq!(found.assignments, environment(&[("DOCKER_RAMDISK", "1"), ("A", "b c")]));
}

#[test]
fn systemd_expands_braces_before_the_shell_parses() {
    let found = in_shell("dockerd ${X} $$X", &[("X", "--a \"b c\" | d")]);
    assert_eq!(found.map(|c| c.argv), Ok(words(&["dockerd", "--a", "b c"])));
}

#[test]
fn what_the_shell_reading_does_not_understand() {
    for text in [
        "dockerd `x`",
        "dockerd $(x)",
        "dockerd \"$(x)\"",
        "dockerd \"`x`\"",
        "(dockerd)",
        "dockerd ${X:-y}",
        "dockerd $1",
        "dockerd $@",
        "dockerd $$$$",
        "dockerd << EOF",
        "dockerd 'x",
        "dockerd \"x",
        "dockerd ${X",
    ] {
        assert!(in_shell(text, &[]).is_err(), "{text}");
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
        let found = command(&words(argv), &BTreeMap::new()).map(|c| c.by_shell);
        assert_eq!(found, Ok(by_shell), "{argv:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,40}", shell in "[a-zX '\"\\\\$\\{\\}|;&<>#\n2()`ü]{0,40}", value in ".{0,20}") {
        let environment = environment(&[("X", &value)]);
        let _ = expand(&words(&[&text, &shell, "$X", "${X}"]), &environment);
        let _ = command(&words(&["sh", "-c", &shell]), &environment);
        let _ = command(&words(&["sh", "-c", &text]), &environment);
    }

    #[test]
    fn quoted_words_survive_both_readings(list in proptest::collection::vec("[^\0'\\\\$]{0,10}", 1..5)) {
        let text: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
        prop_assert_eq!(&split(&text.join(" ")), &list);
        let shell = command(&words(&["sh", "-c", &format!("x {}", text.join(" "))]), &BTreeMap::new());
        prop_assert_eq!(shell.map(|c| c.argv[1..].to_vec()), Ok(list));
    }
}
