//! Tests of `environment_file`: the table that systemd 219's own parser gave, and hostile text.

use super::*;
use crate::systemd::exec_line::split;
use proptest::prelude::*;

/// Text, the assignments as `key=value`, and the lines of warnings.
type Row = (&'static str, &'static [&'static str], &'static [usize]);

#[test]
fn as_systemd_219_reads() {
    let rows: &[Row] = &[
        (
            "X=--storage-driver=devicemapper --storage-opt dm.fs=ext4\n",
            &["X=--storage-driver=devicemapper --storage-opt dm.fs=ext4"],
            &[],
        ),
        ("X=\"--a b\"\nY='--a b'\n", &["X=--a b", "Y=--a b"], &[]),
        ("X = --a b \t\n", &["X=--a b"], &[]),
        ("X=--a # note\n", &["X=--a # note"], &[1]),
        ("export X=\"--a\"\nY=1\n", &["Y=1"], &[1]),
        ("export\tX=1", &[], &[1]),
        (
            "X=\"--a \\\n--b\"\nY=--a \\\n--b\nZ=1",
            &["X=--a --b", "Y=--a --b", "Z=1"],
            &[],
        ),
        ("# old \\\nX=--a\nY=1\n", &["Y=1"], &[1]),
        ("X=\"--a\" \"--b\"\n", &["X=--a--b"], &[1]),
        ("X=--o \"k=v w\" --x\n", &["X=--o \"k=v w\" --x"], &[]),
        ("X='a\\ b'\n", &["X=a b"], &[]),
        ("X=\"a\\d+\"\n", &["X=ad+"], &[]),
        ("X=\"$X --b\"\n", &["X=$X --b"], &[1]),
        ("A=1\nX=\"--a\nOPTIONS=--b\n", &["A=1"], &[2, 2]),
        ("X=\"--a\nOPTIONS=\"--b\"\nY=1\n", &["Y=1"], &[1]),
        ("X=\"--a", &["X=--a"], &[1]),
        ("if [ -z \"${D}\" ]; then\n    D=/x\nfi\n", &["D=/x"], &[]),
        ("if [ \"$A\" = \"b\" ]; then\n", &[], &[1]),
        ("\u{feff}X=1\nY=2\n", &["Y=2"], &[1]),
        ("X=1\r\nY=2\r\n", &["X=1", "Y=2"], &[]),
        ("X=1\nX=2", &["X=1", "X=2"], &[]),
        ("X=--a\n  --b dm.fs=xfs\n --c\n", &["X=--a"], &[2, 3]),
        ("X=\n", &["X="], &[]),
        ("X=''", &["X="], &[]),
        ("; c\n#c\n\n \t\nX=1;2", &["X=1;2"], &[]),
        ("1X=1\n=2\nX-Y=3\nÜ=4\n", &[], &[1, 3, 4]),
        ("X=a\\\\b\\\"c\n", &["X=a\\b\"c"], &[]),
        ("X=a\\  \n", &["X=a "], &[]),
        ("X=a\tb\nY=a\x07b\nZ=\x7f\n", &["X=a\tb"], &[2, 3]),
        ("X=1\nY=2\0Z=3\n", &["X=1", "Y=2"], &[2]),
        ("X=50$ off $\n", &["X=50$ off $"], &[]),
        ("X=a\\", &["X=a"], &[]),
        ("", &[], &[]),
    ];
    for (text, assignments, warnings) in rows {
        let file = parse(text);
        let found: Vec<String> = file
            .assignments
            .iter()
            .map(|set| format!("{}={}", set.key, set.value))
            .collect();
        assert_eq!(found, *assignments, "{text:?}");
        let lines: Vec<usize> = file.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, *warnings, "{text:?}: {:?}", file.warnings);
    }
}

#[test]
fn lines_and_words() {
    let file = parse("# c\n\nA=1\nX=\"--a \\\n --o 'k=v w'\"\nB=2\nA=3");
    let lines: Vec<(&str, usize)> = file
        .assignments
        .iter()
        .map(|set| (set.key.as_str(), set.line))
        .collect();
    assert_eq!(lines, [("A", 3), ("X", 4), ("B", 6), ("A", 7)]);
    let variables = file.variables();
    assert_eq!(variables["A"], "3");
    assert_eq!(split(&variables["X"]), ["--a", "--o", "k=v w"]);
}

/// The stock files of CentOS 7's docker 1.13.1 give no warning.
#[test]
fn stock_files() {
    let docker = "# /etc/sysconfig/docker\n\n# Modify these options if you want\nOPTIONS='--selinux-enabled \
                  --log-driver=journald --signature-verification=false'\nif [ -z \"${DOCKER_CERT_PATH}\" ]; then\n    \
                  DOCKER_CERT_PATH=/etc/docker\nfi\n";
    let file = parse(docker);
    assert_eq!(file.warnings, []);
    assert_eq!(split(&file.variables()["OPTIONS"]).len(), 3);
    assert_eq!(parse("# DO NOT edit\nDOCKER_STORAGE_OPTIONS=\n").warnings, []);
    assert_eq!(
        parse("DOCKER_STORAGE_OPTIONS=\"--storage-driver devicemapper --storage-opt dm.fs=xfs \"\n").warnings,
        []
    );
}

proptest! {
    #[test]
    fn never_panics(any in ".*", text in "[XY=# \t\n\r\\\\\"';\u{feff}$ü\0]{0,60}") {
        parse(&any);
        let file = parse(&text);
        prop_assert!(file.assignments.iter().all(|set| is_name(&set.key) && set.line > 0));
    }

    #[test]
    fn quoted_values_round_trip(value in "[^\\p{Cc}]{0,30}") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        let file = parse(&format!("A=1\nX=\"{escaped}\"\nB=2\n"));
        prop_assert_eq!(&file.variables()["X"], &value);
        prop_assert_eq!(file.assignments.len(), 3);
    }
}
