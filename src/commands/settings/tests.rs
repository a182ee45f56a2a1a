//! Settings files, good, bad and hostile.

use super::*;
use crate::kernel::errand::{Undone, decode, encode};
use crate::model::Bytes;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

fn load_lenient(root: &Path) -> (Settings, Vec<String>) {
    let parsed = parse(&files::read_all(root));
    let texts = parsed.problems.into_iter().map(|problem| problem.text);
    (parsed.settings, texts.collect())
}

struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("thinguard-settings-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("etc/thinguard.d")).unwrap();
        for (path, text) in files {
            std::fs::write(root.join("etc").join(path), text).unwrap();
        }
        Tree(root)
    }

    /// What is wrong, with the tree's own path taken off.
    fn problems(&self) -> Vec<String> {
        let root = self.0.display().to_string();
        load_lenient(&self.0)
            .1
            .iter()
            .map(|problem| problem.replace(&root, ""))
            .collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn no_file_is_all_defaults() {
    assert_eq!(load(&Tree::new("none", &[]).0), Ok(Settings::default()));
    assert_eq!(load(Path::new("/nonexistent")), Ok(Settings::default()));
}

#[test]
fn later_files_win_key_by_key_in_byte_order() {
    let tree = Tree::new(
        "merge",
        &[
            (
                "thinguard.toml",
                "data.cap = \"10G\"\n[watch]\ninterval = \"20s\"\nsettle = 7\n",
            ),
            ("thinguard.d/9.toml", "[watch]\ninterval = \"40s\"\n"),
            (
                "thinguard.d/10.toml",
                "[watch]\ninterval = \"30s\"\nsilent_after = '''25s'''\n",
            ),
            ("thinguard.d/Z.toml", "data = { cap = \"11G\", step_min = 5 }\n"),
            ("thinguard.d/.hidden.toml", "nonsense"),
            ("thinguard.d/x.toml.rpmsave", "nonsense"),
        ],
    );
    symlink("/dev/null", tree.0.join("etc/thinguard.d/masked.toml")).unwrap();
    let settings = load(&tree.0).unwrap();
    assert_eq!(settings.watch.interval, Duration::from_secs(40));
    assert_eq!(settings.watch.settle, Duration::from_secs(7));
    assert_eq!(settings.watch.silent_after, Duration::from_secs(25));
    assert_eq!((settings.data.cap, settings.data.step_min), (Bytes::gib(11), Bytes(5)));
}

#[test]
fn a_bad_key_costs_that_key_alone_and_is_told_with_file_and_line() {
    for (name, text, problem) in [
        (
            "unknown",
            "[watch]\nsettle = 9\nintervall = 5\n",
            "3: watch.intervall: unknown field `intervall`, expected",
        ),
        (
            "type",
            "[watch]\nsettle = 9\ninterval = true\n",
            "3: watch.interval: expected a whole number or a text",
        ),
        (
            "unit",
            "[watch]\nsettle = 9\ninterval = \"5 parsecs\"\n",
            "3: watch.interval: '5 parsecs' is not a time",
        ),
        (
            "range",
            "[watch]\nsettle = 9\n\ninterval = \"999ms\"\n",
            "4: watch.interval: 999ms is too short",
        ),
        (
            "percent",
            "[data]\nstep_percent = 101\n[watch]\nsettle = 9",
            "2: data.step_percent: 101 is not a percentage",
        ),
        (
            "large",
            "[host]\nreserve_percent = 256\n[watch]\nsettle = 9",
            "2: host.reserve_percent: ",
        ),
        (
            "reserve",
            "[host]\nreserve_percent = 91\n[watch]\nsettle = 9",
            "2: host.reserve_percent: 91 is not",
        ),
        (
            "always low",
            "[data]\nbelow_free_percent = 96\n[watch]\nsettle = 9",
            "2: data.below_free_percent: 96 is not a percentage from 0 to 95",
        ),
        (
            "always low too",
            "[watch]\nsettle = 9\n[metadata]\nbelow_free_percent = 100\n",
            "4: metadata.below_free_percent: 100 is not a percentage from 0 to 95",
        ),
        (
            "nothing left",
            "[host]\nreserve_percent = 100\n[watch]\nsettle = 9",
            "2: host.reserve_percent: 100 is not a percentage from 0 to 90",
        ),
        (
            "reserve without end",
            "[watch]\nsettle = 9\n[host]\n\nreserve_min = \"9999999G\"\n",
            "5: host.reserve_min: 9.54 PiB is too large",
        ),
        (
            "cap without a unit",
            "[watch]\nsettle = 9\n[data]\ncap = 200\n",
            "4: data.cap: 200 B is too small for any pool",
        ),
        (
            "step of a year",
            "[data]\nstep_time = \"365d\"\n[watch]\nsettle = 9\n",
            "2: data.step_time: 31536000s is too long",
        ),
        (
            "step without end",
            "[data]\nstep_min = \"999999T\"\n[watch]\nsettle = 9\n",
            "2: data.step_min: ",
        ),
        (
            "seldom",
            "[watch]\ninterval = \"2h\"\nsettle = 9\n",
            "2: watch.interval: 7200s is too long",
        ),
        (
            "negative",
            "[restart]\nbudget = -1\n[watch]\nsettle = 9",
            "2: restart.budget: ",
        ),
        (
            "zero",
            "[preflight]\ndeadline = 0\n[watch]\nsettle = 9",
            "2: preflight.deadline: 0ns is too short",
        ),
        (
            "table",
            "[wach]\ninterval = 5\na = 6\n[watch]\nsettle = 9\n",
            "1: wach: unknown field `wach`, expected",
        ),
        ("scalar", "data = 5\n[watch]\nsettle = 9\n", "1: data: invalid type"),
        (
            "deep",
            "[watch]\nsettle = 9\n[watch.interval]\nx = 1\n",
            "3: watch.interval: ",
        ),
        (
            "evil key",
            "[watch]\nsettle = 9\n\"a\\n[data]\\ncap\" = 1\n",
            "3: watch.\"a\\u000a[data]\\u000acap\": unknown",
        ),
        (
            "socket",
            "[docker]\nsocket = \"tcp://x\"\n[watch]\nsettle = 9",
            "2: docker.socket: 'tcp://x' is not an absolute",
        ),
        (
            "service",
            "[docker]\nunit = \"docker\"\n[watch]\nsettle = 9",
            "2: docker.unit: 'docker' is not the name",
        ),
        (
            "metrics name",
            "[metrics]\ntextfile = \"/var/lib/thinguard.txt\"\n[watch]\nsettle = 9",
            "2: metrics.textfile: '/var/lib/thinguard.txt' is not an absolute path that ends in .prom",
        ),
        (
            "metrics path",
            "[metrics]\ntextfile = \"thinguard.prom\"\n[watch]\nsettle = 9",
            "2: metrics.textfile: 'thinguard.prom' is not",
        ),
        ("syntax", "[watch]\ninterval = = 5\nsettle = 9\n", "2: "),
        ("open string", "[watch]\ninterval = \"5s\nsettle = 9\n", "2: "),
        ("twice", "[watch]\nsettle = 9\nsettle = 10\n", "3: "),
        // A broken header must not let its keys slip into the table above.
        (
            "header",
            "[watch]\nsettle = 9\n[restart\nsettle = 11\ninterval = 12\n",
            "3: ",
        ),
        (
            "header2",
            "[watch]\nsettle = 9\n[restart]]\nsettle = 11\ninterval = 12\n",
            "3: ",
        ),
    ] {
        let tree = Tree::new("bad", &[("thinguard.toml", text)]);
        let (settings, _) = load_lenient(&tree.0);
        let problems = tree.problems();
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert!(
            problems[0].starts_with(&format!("/etc/thinguard.toml:{problem}")),
            "{name}: {problems:?}"
        );
        assert_eq!(settings.watch.settle, Duration::from_secs(9), "{name}");
        let mut others = settings;
        others.watch.settle = Settings::default().watch.settle;
        // What a mistake holds back besides is another test's.
        others.restart.allow = Settings::default().restart.allow;
        others.data.cap = Settings::default().data.cap;
        others.evidence = Settings::default().evidence;
        assert_eq!(others, Settings::default(), "{name}");
        assert_eq!(load(&tree.0).unwrap_err().problems.len(), 1, "{name}");
    }
}

#[test]
fn a_bad_key_does_not_hide_a_good_one_of_an_earlier_file() {
    let tree = Tree::new(
        "earlier",
        &[
            ("thinguard.toml", "[data]\ncap = \"9G\"\n"),
            ("thinguard.d/a.toml", "[data]\ncap = \"lots\"\n"),
        ],
    );
    let (settings, problems) = load_lenient(&tree.0);
    assert_eq!((settings.data.cap, problems.len()), (Bytes::gib(9), 1));
    assert!(
        load(&tree.0)
            .unwrap_err()
            .to_string()
            .contains("/etc/thinguard.d/a.toml:2: data.cap: 'lots' is not a size")
    );
}

#[test]
fn files_that_are_none_are_told_and_never_waited_for() {
    let tree = Tree::new("odd", &[("thinguard.d/ok.toml", "watch.settle = 9")]);
    let dir = tree.0.join("etc/thinguard.d");
    nix::unistd::mkfifo(&dir.join("fifo.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/nonexistent/file", dir.join("broken.toml")).unwrap();
    symlink("/dev/zero", dir.join("zero.toml")).unwrap();
    std::fs::create_dir(dir.join("dir.toml")).unwrap();
    std::fs::write(dir.join("bytes.toml"), b"\xff\xfe").unwrap();
    std::fs::write(dir.join("large.toml"), "#".repeat(2 << 20)).unwrap();
    let (settings, problems) = load_lenient(&tree.0);
    assert_eq!(settings.watch.settle, Duration::from_secs(9));
    assert_eq!(problems.len(), 6, "{problems:?}");
}

#[test]
fn a_second_reading_tells_each_key_that_has_changed() {
    let keys = |text: &str| {
        let mut kept = Kept::new();
        assert!(keep_good_keys("a.toml", text, &mut kept).is_empty());
        kept
    };
    let old = keys("[watch]\ninterval = \"20s\"\nsettle = 7\n[data]\ncap = \"10G\"\n");
    let new = keys("[watch]\ninterval = 30\nsettle = 7\n[restart]\nbudget = 1\n");
    assert_eq!(
        changes(&old, &new),
        [
            "data.cap is at its default again (was \"10G\")",
            "restart.budget = 1 (was not set)",
            "watch.interval = 30 (was \"20s\")",
        ]
    );
    assert!(changes(&new, &new).is_empty());
}

#[test]
fn a_child_brings_the_texts_and_their_faults() {
    let tree = Tree::new(
        "child",
        &[("thinguard.toml", "watch.settle = 9"), ("thinguard.d/a.toml", "x = 1")],
    );
    std::fs::create_dir(tree.0.join("etc/thinguard.d/b.toml")).unwrap();
    let read = files::read_all(&tree.0);
    let answer = encode(Ok::<_, Undone>(&read));
    assert_eq!(decode(&answer), Ok(read.clone()));
    assert_eq!(read.len(), 3);
    assert_eq!(parse(&read).problems.len(), 2);
    assert!(matches!(
        decode::<Vec<files::FileText>>(b""),
        Err(Undone::Unreadable(_))
    ));
}

proptest::proptest! {
    #[test]
    fn hostile_text_never_crashes(text in "[\\[\\]a-z=\"'\\\\{}.,#0-9\n \u{0}é_-]{0,80}") {
        keep_good_keys("a.toml", &text, &mut Kept::new());
        keep_good_keys("a.toml", &format!("[watch]\nsettle = {text}"), &mut Kept::new());
    }
}
