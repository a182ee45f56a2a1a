//! Tests of `environment_file`: the table that systemd's own parsers gave, generation by generation, and hostile text.

use super::*;
use crate::systemd::exec_line::is_name;
use crate::systemd::test_text::plain;
use crate::systemd::words::split;
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
        ("A=1\nX=\"--a\nOPTIONS=--b\n", &["A=1"], &[2]),
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
        let file = parse(text.as_bytes(), 219);
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
    let file = parse(b"# c\n\nA=1\nX=\"--a \\\n --o 'k=v w'\"\nB=2\nA=3", 219);
    let lines: Vec<(&str, usize)> = file
        .assignments
        .iter()
        .map(|set| (set.key.as_str(), set.line))
        .collect();
    assert_eq!(lines, [("A", 3), ("X", 4), ("B", 6), ("A", 7)]);
    let variables = file.variables();
    assert_eq!(variables["A"], "3");
    assert_eq!(
        split(&variables["X"], 219),
        Ok(vec!["--a".into(), "--o".into(), "k=v w".into()])
    );
}

/// The stock files of CentOS 7's docker 1.13.1 give no warning.
#[test]
fn stock_files() {
    let docker = "# /etc/sysconfig/docker\n\n# Modify these options if you want\nOPTIONS='--selinux-enabled \
                  --log-driver=journald --signature-verification=false'\nif [ -z \"${DOCKER_CERT_PATH}\" ]; then\n    \
                  DOCKER_CERT_PATH=/etc/docker\nfi\n";
    let file = parse(docker.as_bytes(), 219);
    assert_eq!(file.warnings, []);
    assert_eq!(split(&file.variables()["OPTIONS"], 219).map(|words| words.len()), Ok(3));
    assert_eq!(parse(b"# DO NOT edit\nDOCKER_STORAGE_OPTIONS=\n", 219).warnings, []);
    assert_eq!(
        parse(
            b"DOCKER_STORAGE_OPTIONS=\"--storage-driver devicemapper --storage-opt dm.fs=xfs \"\n",
            219
        )
        .warnings,
        []
    );
}

/// Text, and the assignments that the versions in each span read; the first version of a span, and its reading.
type Generations = (&'static str, &'static [(u16, &'static [&'static str])]);

/// Spans end where the next begins; each row was read off `parse_env_file_internal`, `env_value_is_valid` and
/// `read_full_stream` at the tags on both sides of each change (v219 to v256).
#[test]
fn generation_by_generation() {
    let rows: &[Generations] = &[
        ("X='a\\ b'\n", &[(219, &["X=a b"]), (241, &["X=a\\ b"])]),
        ("X='a\\'b'\n", &[(219, &["X=a'b"]), (241, &["X=a\\b'"])]),
        ("X=\"a\\d+\"\n", &[(219, &["X=ad+"]), (241, &["X=a\\d+"])]),
        ("X=\"a\\\"b\"\n", &[(219, &["X=a\"b"])]),
        (
            "X=\"a\\\\b\\$c\\`d\"\n",
            &[
                (219, &["X=a\\b$c`d"]),
                (241, &["X=a\\\\b\\$c\\`d"]),
                (247, &["X=a\\b$c`d"]),
            ],
        ),
        ("X=a\\d\\\\\n", &[(219, &["X=ad\\"])]),
        ("X=\"a\\\nb\"\nY=1\n", &[(219, &["X=ab", "Y=1"])]),
        ("# old \\\nX=--a\nY=1\n", &[(219, &["Y=1"]), (254, &["X=--a", "Y=1"])]),
        ("# a\\b\\\\\nX=1\n", &[(219, &["X=1"])]),
        (
            "X=\"--a\nOPTIONS=--b\n",
            &[(219, &[]), (239, &["X=--a\nOPTIONS=--b\n"])],
        ),
        ("X=1\nX=\"a\nb\"\n", &[(219, &[]), (239, &["X=1", "X=a\nb"])]),
        ("X=\"a\nb\"\nX=1\n", &[(219, &["X=1"]), (239, &["X=a\nb", "X=1"])]),
        ("X=a\x07b\n", &[(219, &[]), (248, &["X=a\x07b"])]),
        ("X=\"a\rb\"\n", &[(219, &[]), (248, &["X=a\rb"])]),
        ("X=1\n\0Y=2\n", &[(219, &["X=1"]), (240, &[])]),
        ("export X=1\nY=1\n", &[(219, &["Y=1"])]),
        ("\u{feff}X=1\n", &[(219, &[])]),
        ("X=\"--a\" \"--b\"\n", &[(219, &["X=--a--b"])]),
    ];
    for (text, spans) in rows {
        for version in 219..=257 {
            let expected = spans.iter().rev().find(|(since, _)| *since <= version);
            let file = parse(text.as_bytes(), version);
            let found: Vec<String> = file
                .assignments
                .iter()
                .map(|set| format!("{}={}", set.key, set.value))
                .collect();
            assert_eq!(
                Some(&found[..]),
                expected
                    .map(|(_, e)| e.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{text:?} by {version}"
            );
        }
    }
}

/// What systemd's own parsers made of some hundreds of texts.
#[test]
fn as_systemds_own_parsers() {
    let mut rows = 0;
    for row in include_str!("../../../tests/fixtures/systemd/environment-files.tsv").lines() {
        let mut fields = row.split('\t');
        let (Some(versions), Some(text)) = (fields.next(), fields.next()) else {
            continue;
        };
        let text = plain(text);
        let expected: Vec<Vec<u8>> = fields.map(plain).collect();
        for version in versions.split(',').map(|version| version.parse().expect("a version")) {
            let found: Vec<Vec<u8>> = parse(&text, version)
                .variables()
                .iter()
                .map(|(key, value)| format!("{key}={value}").into_bytes())
                .collect();
            assert_eq!(found, expected, "{:?} by {version}", String::from_utf8_lossy(&text));
            rows += 1;
        }
    }
    assert!(rows > 3000, "{rows}");
}

#[test]
fn files_that_systemd_rejects() {
    for (bytes, version, rejected) in [
        (&b"X=\xff\n"[..], 219, true),
        (b"X\xff=1\n", 257, true),
        (b"X=\xef\xbf\xbf\n", 219, true),
        (b"# \xff\nX=1\n\xff\n", 219, false),
        (b"X=1\0", 219, false),
        (b"X=1\0", 240, true),
    ] {
        let file = parse(bytes, version);
        assert_eq!(file.rejected.is_some(), rejected, "{bytes:?} by {version}");
        assert_eq!(file.assignments.is_empty(), rejected, "{bytes:?} by {version}");
    }
    let long = vec![b'#'; MAX_BYTES + 1];
    assert!(parse(&long, 219).rejected.is_some());
    assert!(parse(&long, 252).rejected.is_none());
}

#[test]
fn warnings_tell_what_is_dropped() {
    for (text, dropped) in [
        ("export X=1\n", true),
        ("X=\"a\nY=1\n", true),
        ("# a \\\nX=1\n", true),
        ("--b\n", true),
        ("X=a # b\n", false),
        ("X=\"a\" \"b\"\n", false),
        ("X=$Y\n", false),
    ] {
        let file = parse(text.as_bytes(), 219);
        let first = file
            .warnings
            .first()
            .map(|warning| (warning.dropped, warning.remedy.is_empty()));
        assert_eq!(first, Some((dropped, false)), "{text:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(any in proptest::collection::vec(any::<u8>(), 0..60), text in "[XY=# \t\n\r\\\\\"';\u{feff}$ü\0]{0,60}", version in 200u16..260) {
        parse(&any, version);
        let file = parse(text.as_bytes(), version);
        prop_assert!(file.assignments.iter().all(|set| is_name(&set.key) && set.line > 0));
    }

    #[test]
    fn quoted_values_round_trip(value in "[^\\p{Cc}]{0,30}", version in 219u16..257) {
        let noncharacter = |c: char| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe;
        prop_assume!(!value.contains(noncharacter));
        // 241 to 246 have no way to write a backslash before a quote.
        prop_assume!(!(241..247).contains(&version) || !value.contains('\\'));
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        let file = parse(format!("A=1\nX=\"{escaped}\"\nB=2\n").as_bytes(), version);
        prop_assert_eq!(&file.variables()["X"], &value);
        prop_assert_eq!(file.assignments.len(), 3);
    }
}
