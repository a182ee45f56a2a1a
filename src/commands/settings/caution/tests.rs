//! No mistake allows more than was written, and none stops growth without need.

use crate::commands::settings::files::FileText;
use crate::commands::settings::{Parsed, changes, parse};
use crate::model::{Allow, Bytes, GoroutineDump, Settings};

fn file(path: &str, text: Result<&str, &str>) -> FileText {
    FileText {
        path: path.into(),
        text: text.map(str::to_owned).map_err(str::to_owned),
    }
}

fn read(text: &str) -> Parsed {
    parse(&[file("a.toml", Ok(text))])
}

/// What a guard that starts with these settings does not do, a letter each: Restarts, growth of Data and Metadata, LVM, XFS,
/// Goroutines.
fn held_back(settings: &Settings) -> String {
    let signs = [
        ('R', settings.restart.allow == Allow::Never),
        ('D', settings.data.is_off()),
        ('M', settings.metadata.is_off()),
        ('L', !settings.lvm.grow),
        ('X', !settings.cure.xfs_give_up),
        ('G', settings.evidence.goroutine_dump == GoroutineDump::Never),
    ];
    signs.iter().filter(|(_, off)| *off).map(|(sign, _)| *sign).collect()
}

#[test]
fn a_mistake_forbids_what_it_may_have_forbidden_and_no_more() {
    for (text, held) in [
        // A mistyped prohibition, by value, key, section, place and quotes.
        ("[restart]\nallow = \"Never\"", "R"),
        ("[restart]\nallow = never", "RXG"),
        ("[restart]\nwhen = \"off\"", "R"),
        ("[restart]\nallowed = \"never\"", "R"),
        ("[restart]\nbudget = -1", "R"),
        ("[Restart]\nallow = \"never\"", "R"),
        ("[restarts]\nallow = \"never\"", "R"),
        ("[watch]\nallow = \"never\"", "R"),
        ("allow = \"never\"", "R"),
        ("restart = \"never\"", "R"),
        ("restart.allow = never", "RXG"),
        ("restart = { allow = never }", "RXG"),
        ("[restart]\nallow.x = 1", "R"),
        ("[watch.restart]\nallow = \"never\"", "R"),
        ("[wacth]\nsettle = \"10min\"", "R"),
        ("[watch]\nafter_silence = \"10min\"", "R"),
        ("[restarts]\nbudget = 0", "R"),
        ("[thinguard.restart]\nallow = \"never\"", "R"),
        ("[watch]\nsilent_after = \"2 fortnights\"", "R"),
        ("[watch]\nsettle = \"-5s\"", "R"),
        // Whom to restart is not known.
        ("[docker]\nunit = \"docker-latest\"", "R"),
        ("[docker]\nunits = \"docker-latest.service\"", "R"),
        // A cap that is lost.
        ("[data]\ncap = 200", "DX"),
        ("[data]\ncap = \"100 gigs\"", "DX"),
        ("[data]\ncap = 100G", "RDXG"),
        ("[data]\ncapp = \"100G\"", "DX"),
        ("[data]\nmax_size = \"100G\"", "DX"),
        ("[Data]\ncap = \"100G\"", "DX"),
        ("[dta]\ncap = \"100G\"", "DX"),
        ("[watch]\ncap = \"100G\"", "DX"),
        ("[thinguard.data]\ncap = \"100G\"", "DX"),
        ("[a.b.data]\ncap = \"100G\"", "DX"),
        ("data.cap = 100G", "RDXG"),
        ("data = { cap = 100G }", "RDXG"),
        ("data = 5", "DX"),
        // Another one is known.
        ("[data]\ncap = \"10G\"\nlimit = 5", ""),
        // Steps and thresholds have defaults, unless they were to be the switch.
        ("[data]\nbelow_free_percent = 96", ""),
        ("[data]\nbelow_free = 5", ""),
        ("[data]\nstep_percent = 101", ""),
        ("[data]\nstep = 5", ""),
        ("[data]\nbelow_free_percent = \"0\"", "DX"),
        ("[data]\nbelow_free_percent = \"off\"", "DX"),
        ("[data]\nbelow_free_percent = off # not 20", "RDXG"),
        ("[metadata]\nbelow_free_percent = false", "MX"),
        ("[data]\nbelow_free = 0", "DX"),
        ("[metadata]\nbelow_free = 0", "MX"),
        ("[dta]\nbelow_free_percent = 0", "DMX"),
        ("[dta]\nbelow_free_percent = 20", ""),
        // The kernel's own limit is a cap as well.
        ("[metadata]\ncap = \"2 gigs\"", ""),
        ("[metadata]\ncapp = \"2G\"", ""),
        ("[lvm]\ngrow = \"false\"", "LX"),
        ("[lvm]\nreserve_percent = 91", "LX"),
        ("[lmv]\ngrow = false", "LX"),
        ("[cure]\nxfs_give_up = \"false\"", "X"),
        ("[cure]\nxfs_give_up_after = \"2 parsecs\"", "X"),
        ("[evidence]\ngoroutine_dump = \"Never\"", "G"),
        // Neither forbids anything.
        ("[wach]\ninterval = 5", ""),
        ("[watch]\nintervall = 5", ""),
        ("[host]\nreserve_percent = 91", ""),
        ("[metrics]\ntextfile = 5", ""),
        ("[preflight]\ngrow = \"no\"", ""),
        // No TOML: whatever the rest was to say.
        ("[watch]\ninterval = = 5", "RXG"),
        ("PNG\u{1}\u{2}", "RXG"),
        ("[restart\nallow = \"never\"", "RXG"),
        ("[data\ncap = \"100G\"", "RDXG"),
        ("[data]]\nstep_percent = 30", "RXG"),
        ("[lvm\ngrow = false", "RLXG"),
        // A string that is not closed swallows what follows.
        (
            "[docker]\ndata_root = '''/srv\n[restart]\nallow = \"never\"\n[data]\ncap = \"100G\"",
            "RDXG",
        ),
        ("[watch]\ninterval = = 5\n[data]\ncap = \"100G\"", "RXG"),
        ("[watch]\ninterval = = 5\n# [data]\n# cap = \"100G\"", "RXG"),
    ] {
        let give_up = file("0.toml", Ok("[cure]\nxfs_give_up = true\n"));
        let parsed = parse(&[give_up, file("a.toml", Ok(text))]);
        assert_eq!(held_back(&parsed.settings), held, "{text}: {:?}", parsed.problems);
        assert!(!parsed.problems.is_empty(), "{text}");
    }
}

#[test]
fn a_file_that_nobody_can_read_turns_restarts_off_and_lets_the_pool_grow() {
    let parsed = parse(&[
        file("a.toml", Ok("[cure]\nxfs_give_up = true\n[data]\ncap = \"9G\"\n")),
        file("b.toml", Err("Input/output error (os error 5)")),
    ]);
    assert_eq!(held_back(&parsed.settings), "RXG");
    assert_eq!(parsed.settings.data.cap, Bytes::gib(9));
    let said = parsed.problems[0].and_what_follows();
    assert!(
        said.starts_with("b.toml: Input/output error (os error 5); restarts are off, ")
            && said.ends_with(" until this is put right"),
        "{said}"
    );
}

#[test]
fn a_cap_that_any_file_sets_holds() {
    for files in [["cap = \"9G\"", "cap = \"lots\""], ["cap = \"lots\"", "cap = \"9G\""]] {
        let files = files.map(|line| file("a.toml", Ok(&format!("[data]\n{line}\n"))));
        let settings = parse(&files).settings;
        assert_eq!((settings.data.cap, settings.data.is_off()), (Bytes::gib(9), false));
    }
}

#[test]
fn a_later_permission_does_not_outweigh_a_mistake() {
    let parsed = parse(&[
        file("a.toml", Ok("[restart]\nallow = \"nevr\"\n")),
        file("b.toml", Ok("[restart]\nallow = \"always\"\n")),
    ]);
    assert_eq!(held_back(&parsed.settings), "RX");
}

#[test]
fn the_line_says_plainly_what_follows() {
    let said = |text| read(text).problems[0].and_what_follows();
    let restarts = said("[restart]\nallow = \"Never\"");
    assert!(
        restarts.starts_with("a.toml:2: restart.allow: unknown variant"),
        "{restarts}"
    );
    assert!(
        restarts.ends_with("; restarts are off until this is put right"),
        "{restarts}"
    );
    let cap = said("[data]\ncap = \"lots\"");
    assert!(
        cap.ends_with("; the data device, whose cap is not known, is not grown until this is put right"),
        "{cap}"
    );
    let none = said("[watch]\nintervall = 5");
    assert!(none.ends_with("; the guard goes on without it"), "{none}");
}

#[test]
fn a_good_reload_tells_what_is_done_again() {
    let bad = read("[restart]\nallow = \"nevr\"\n[data]\ncap = \"lots\"\n");
    let good = read("[restart]\nallow = \"containers-survive\"\n[data]\ncap = \"100G\"\n");
    assert_eq!(
        changes(&bad.keys, &good.keys),
        [
            "data.cap = \"100G\" (was 0)",
            "restart.allow = \"containers-survive\" (was \"never\")",
        ]
    );
}
