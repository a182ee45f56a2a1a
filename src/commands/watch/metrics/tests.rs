//! The file as node_exporter finds it, and what is told of it.

use super::*;
use crate::model::Code;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("thinguard-metrics-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ordered(path: &Path, text: &str) -> Result<(), String> {
    write(path, text).map_err(|why| why.to_string())
}

#[test]
fn the_file_is_whole_readable_and_alone() {
    let directory = Directory::new("whole");
    let path = directory.0.join("thinguard.prom");
    for text in ["a 1\n", "b 2\n"] {
        ordered(&path, text).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(directory.names(), ["thinguard.prom"]);
    }
}

#[test]
fn links_are_replaced_and_not_followed() {
    let directory = Directory::new("links");
    let (path, victim) = (directory.0.join("thinguard.prom"), directory.0.join("victim"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &path).unwrap();
    symlink(&victim, directory.0.join("thinguard.prom.new")).unwrap();
    ordered(&path, "a 1\n").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn what_cannot_be_written_is_told_in_clear_words() {
    let directory = Directory::new("failure");
    let missing = directory.0.join("no/such/thinguard.prom");
    let why = ordered(&missing, "a 1\n").unwrap_err();
    assert_eq!(why, format!("there is no directory {}/no/such", directory.0.display()));
    // A directory under the file's own name: the rename fails, and the draft does not stay.
    let taken = directory.0.join("thinguard.prom");
    fs::create_dir(&taken).unwrap();
    assert!(ordered(&taken, "a 1\n").is_err());
    assert_eq!(directory.names(), ["thinguard.prom"]);
}

#[test]
fn a_failure_is_found_until_it_is_over() {
    let mut file = TextFile {
        path: "/a.prom".into(),
        ..TextFile::default()
    };
    assert_eq!(file.finding(), None);
    file.learn(Err(Undone::Failed("full".into())));
    let finding = file.finding().unwrap();
    assert_eq!(
        (finding.code, finding.subject.as_str()),
        (Code::MetricsNotWritten, "/a.prom")
    );
    assert!(finding.message.contains("/a.prom: full"), "{finding:?}");
    // Another file is being written: that it can be is not known yet.
    file.path = "/b.prom".into();
    assert_eq!(file.finding().unwrap().subject, "/a.prom");
    file.learn(Ok(()));
    assert_eq!(file.finding(), None);
}

#[test]
fn it_is_written_now_and_then_and_when_something_changes() {
    let last = |at, codes: &[Code]| TextFile {
        last: Some((Duration::from_secs(at), "/a.prom".into(), codes.to_vec())),
        ..TextFile::default()
    };
    let now = Duration::from_secs(100);
    for (file, path, codes, due) in [
        (TextFile::default(), "/a.prom", &[][..], true),
        (last(99, &[]), "/a.prom", &[], false),
        (last(86, &[Code::PoolLow]), "/a.prom", &[Code::PoolLow], false),
        (last(85, &[]), "/a.prom", &[], true),
        (last(99, &[]), "/b.prom", &[], true),
        (last(99, &[Code::PoolLow]), "/a.prom", &[Code::PoolExhausted], true),
        (last(99, &[Code::PoolLow]), "/a.prom", &[], true),
    ] {
        assert_eq!(file.is_due(path, codes, now), due, "{file:?}, {path}, {codes:?}");
    }
}
