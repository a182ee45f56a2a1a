//! An answer that cannot be written is no success: each verb that answers without root, its output closed or on a full disk.

use std::fs::File;
use std::process::{Command, Output, Stdio};

const VERBS: &[&[&str]] = &[
    &["--help"],
    &["--version"],
    &["explain"],
    &["explain", "pool-low"],
    &["preflight", "--root", "tests/trees/debian-12-docker.io-20.10/root"],
    &[
        "preflight",
        "--json",
        "--root",
        "tests/trees/debian-12-docker.io-20.10/root",
    ],
];

fn run(arguments: &[&str], out: Stdio, err: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_thinguard"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .stdout(out)
        .stderr(err)
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_reader_that_has_gone_away_is_told_nothing_and_is_no_success() {
    for verb in VERBS {
        let done = run(verb, closed(), Stdio::piped());
        assert_eq!(done.status.code(), Some(74), "{verb:?}: {done:?}");
        assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{verb:?}");
    }
}

#[test]
fn a_full_disk_is_told_and_is_no_success() {
    for verb in VERBS {
        let done = run(verb, full(), Stdio::piped());
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(74), "{verb:?}: {done:?}");
        assert!(
            said.contains("the answer cannot be written: No space left"),
            "{verb:?}: {said}"
        );
    }
}

#[test]
fn complaints_that_nobody_reads_end_nothing() {
    for (verb, code) in [(&["nosuch"][..], 64), (&["grow"], 64), (&["explain", "nosuch"], 64)] {
        assert_eq!(
            run(verb, Stdio::piped(), closed()).status.code(),
            Some(code),
            "{verb:?}"
        );
        assert_eq!(run(verb, Stdio::piped(), full()).status.code(), Some(code), "{verb:?}");
    }
    // Both are gone.
    assert_eq!(run(&["--help"], full(), full()).status.code(), Some(74));
}
