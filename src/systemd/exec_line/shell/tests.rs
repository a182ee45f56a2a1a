//! Tests of `shell`: texts behind `sh -c`, as units have them.

use crate::systemd::exec_line::command;
use crate::systemd::exec_line::tests::{argv, environment, in_shell, words};
use std::collections::BTreeMap;

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
        assert_eq!(argv(in_shell(text, pairs)), Ok(words(expected)), "{text:?}");
    }
    let found = in_shell("DOCKER_RAMDISK=1 A='b c' exec dockerd X=1", &[]).unwrap_or_default();
    assert_eq!(found.argv(), words(&["dockerd", "X=1"]));
    assert_eq!(found.assignments, environment(&[("DOCKER_RAMDISK", "1"), ("A", "b c")]));
}

#[test]
fn systemd_expands_braces_before_the_shell_parses() {
    let found = in_shell("dockerd ${X} $$X", &[("X", "--a \"b c\" | d")]);
    assert_eq!(argv(found), Ok(words(&["dockerd", "--a", "b c"])));
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
        let argv = words(&["/bin/sh", "-c", text]);
        assert!(command(&argv, &BTreeMap::new(), 252).is_err(), "{text}");
    }
}
