//! Tests of `daemon_json`: provenance, tolerance, and places of errors.

use super::*;
use proptest::prelude::*;

const PATH: &str = "/etc/docker/daemon.json";

fn read(text: &str) -> DaemonJson {
    parse(text, PATH, &Build::unknown())
}

#[test]
fn reads_the_keys_with_their_lines() {
    let text = r#"{
  "log-driver": "journald", "storage-driver": "devicemapper",
  "storage-opts": [ "dm.fs=xfs",
    "dm.basesize=20G" ],
  "data-root": "/d", "hosts": ["fd://"], "live-restore": true,
  "userns-remap": "default", "pidfile": "/p", "exec-root": "/e", "graph": "/g",
  "runtimes": {"storage-driver": {}}
}
"#;
    let file = read(text);
    let at = |value: &str, line: usize| Some(Sourced::new(value.to_owned(), format!("{PATH}:{line}")));
    assert_eq!(file.text("storage-driver"), at("devicemapper", 2));
    assert_eq!(
        file.list("storage-opts"),
        Some(
            vec![at("dm.fs=xfs", 3), at("dm.basesize=20G", 4)]
                .into_iter()
                .flatten()
                .collect()
        )
    );
    assert_eq!(file.text("data-root"), at("/d", 5));
    assert_eq!(file.list("hosts"), Some(at("fd://", 5).into_iter().collect()));
    assert_eq!(
        file.switch("live-restore"),
        Some(Sourced::new(true, format!("{PATH}:5")))
    );
    assert_eq!(file.text("userns-remap"), at("default", 6));
    assert_eq!(
        (file.text("pidfile"), file.text("exec-root"), file.text("graph")),
        (at("/p", 6), at("/e", 6), at("/g", 6))
    );
    assert_eq!(file.place_of("log-driver"), format!("{PATH}:2"));
    assert_eq!((file.unreadable, file.problems), (None, vec![]));
}

#[test]
fn tolerates() {
    for text in [
        "{}",
        "null",
        "{}\r\n\t \n",
        r#"{"storage-opts": null, "data-root": null, "live-restore": null}"#,
    ] {
        assert_eq!(read(text).problems, vec![], "{text:?}");
    }
}

#[test]
fn the_last_of_a_repeated_key_wins() {
    let file = read("{\"data-root\": \"/a\",\n\"data-root\":\n\"/b\"}");
    assert_eq!(
        file.text("data-root"),
        Some(Sourced::new("/b".into(), format!("{PATH}:2")))
    );
}

#[test]
fn trailing_data_does_not_hide_the_first_value() {
    let file = read("{\"storage-driver\": \"devicemapper\"}\n\n  }{\"storage-driver\": \"vfs\"}");
    assert_eq!(
        file.text("storage-driver").map(|s| s.value).as_deref(),
        Some("devicemapper")
    );
    assert_eq!(file.problems[0].place, format!("{PATH}:3"));
}

#[test]
fn an_error_names_file_line_and_column() {
    for (text, line, column) in [
        ("{\n  \"a\": 1,\n}", 3, 1),
        ("{\n  // comment\n}", 2, 3),
        ("{\"a\": \"x\ny\"}", 2, 0),
        ("{\"a\": 1", 1, 7),
        ("{'a': 1}", 1, 2),
    ] {
        let file = read(text);
        let problem = &file.problems[0];
        assert_eq!(problem.place, format!("{PATH}:{line}"), "{text:?}");
        let Fault::Syntax(why) = &problem.what else {
            panic!("{problem:?}")
        };
        assert!(why.contains(&format!("column {column}:")), "{text:?}: {why}");
        assert!(!why.contains(" at line "), "{why}");
        assert!(file.unreadable.is_some_and(|why| why.starts_with(PATH)));
    }
    assert!(read("[]").unreadable.is_some());
    assert!(read(&"[".repeat(100_000)).unreadable.is_some());
    assert!(
        read(&format!("{{\"a\":{}", "{\"a\":".repeat(100_000)))
            .unreadable
            .is_some()
    );
}

proptest! {
    #[test]
    fn never_panics(text in "[ -~\n\\\\\"{}\\[\\]:,ü]{0,80}") {
        read(&text);
    }

    #[test]
    fn every_option_survives(options in proptest::collection::vec(".{0,12}", 0..5)) {
        let text = serde_json::json!({ "storage-opts": options }).to_string();
        let read = read(&text).list("storage-opts").unwrap_or_default();
        prop_assert_eq!(read.into_iter().map(|s| s.value).collect::<Vec<_>>(), options);
    }
}
