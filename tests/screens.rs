//! The screens of `thinguard status`, drawn from reports of real hosts that `cargo lab screens` has written down.
//!
//! `UPDATE=1 cargo test --test screens` draws them anew.

use std::fs;
use std::path::{Path, PathBuf};
use thinguard::report::json::StatusReport;
use thinguard::report::screen::{self, Terminal};

/// Every state that is recorded.
const STATES: &[&str] = &[
    "direct-lvm",
    "exhausted",
    "filling",
    "healthy",
    "host-full",
    "hung",
    "no-docker",
];

/// Each terminal with the end of the file's name: in ASCII without colours, in UTF-8 with them.
const TERMINALS: &[(&str, Terminal)] = &[
    ("80", terminal(80, false)),
    ("120", terminal(120, false)),
    ("80-colour", terminal(80, true)),
    ("120-colour", terminal(120, true)),
];

const fn terminal(width: usize, colour: bool) -> Terminal {
    Terminal {
        width,
        colour,
        utf8: colour,
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens")
}

#[test]
fn every_state_is_recorded_and_nothing_else() {
    let mut names: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let drawn = |state: &&str| {
        let screens = TERMINALS.iter().map(|(end, _)| format!("{state}-{end}.txt"));
        screens.chain([format!("{state}.json")]).collect::<Vec<_>>()
    };
    let mut wanted: Vec<String> = STATES.iter().flat_map(drawn).collect();
    wanted.sort();
    assert!(std::env::var_os("UPDATE").is_some() || names == wanted, "{names:?}");
}

#[test]
fn each_looks_as_recorded() {
    for state in STATES {
        let report = fs::read_to_string(directory().join(format!("{state}.json"))).unwrap();
        let report: StatusReport = serde_json::from_str(&report).unwrap_or_else(|why| panic!("{state}: {why}"));
        for (end, terminal) in TERMINALS {
            let path = directory().join(format!("{state}-{end}.txt"));
            let drawn = screen::status(&report, terminal);
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, drawn).unwrap();
                continue;
            }
            let recorded = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                drawn == recorded,
                "{}: UPDATE=1 cargo test --test screens\n{drawn}",
                path.display()
            );
        }
    }
}
