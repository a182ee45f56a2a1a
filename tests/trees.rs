//! Whole hosts in, reports out: each directory of `tests/trees` is a host whose `preflight --root` is held against `report.txt`.
//!
//! `root/` has the few files that matter, `files.toml` says what else the runner makes: sparse files that no repository could hold,
//! metadata with a superblock, and another host's tree to begin with. `UPDATE=1 cargo test --test trees` writes the reports anew.

use serde::Deserialize;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `files.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Files {
    /// Host whose `root/` is copied first; its own `files.toml` does not count.
    base: Option<String>,
    /// What is then taken away again.
    without: Vec<String>,
    /// Empty directories, which a repository cannot hold.
    directories: Vec<String>,
    sparse: Vec<Sparse>,
    /// Sparse files in which nothing was ever written.
    holes: Vec<Sparse>,
    links: Vec<Link>,
    metadata: Vec<Metadata>,
}

/// A file of zeros that takes no room.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sparse {
    path: String,
    gib: u64,
}

/// A symbolic link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    path: String,
    target: String,
}

/// A metadata file with a sound superblock and nothing else in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    path: String,
    gib: u64,
    /// The data device that the superblock knows of, in blocks of 64 KiB.
    data_gib: u64,
    data_used_percent: u64,
    used_percent: u64,
    transaction_id: u64,
    #[serde(default)]
    needs_check: bool,
}

#[test]
fn each_host_has_its_report() {
    let trees = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees");
    let mut hosts: Vec<PathBuf> = fs::read_dir(&trees)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    hosts.retain(|path| path.is_dir());
    hosts.sort();
    assert!(hosts.len() >= 45, "{hosts:?}");
    let wrong: Vec<String> = hosts.iter().filter_map(|host| differs(&trees, host)).collect();
    assert!(
        wrong.is_empty(),
        "\n{}UPDATE=1 writes the reports anew.",
        wrong.concat()
    );
}

/// What is wrong with a host's report, if anything.
fn differs(trees: &Path, host: &Path) -> Option<String> {
    let name = host.file_name().unwrap().to_str().unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trees").join(name);
    make(trees, host, &place);
    let raw = preflight(&place);
    let sentence = |line: &&str| ["REFUSE ", "WARN ", "NOTE "].iter().any(|word| line.starts_with(word));
    let holed = raw.lines().filter(sentence).find(|line| line.contains("  "));
    assert_eq!(holed, None, "{name}: two spaces within a sentence");
    let report = normalised(&raw);
    fs::remove_dir_all(&place).unwrap();
    let expected = host.join("report.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, report).unwrap();
        return None;
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    (wanted != report).then(|| format!("{name}:\n{}", diff(&wanted, &report)))
}

/// Builds the host's tree at `place`.
fn make(trees: &Path, host: &Path, place: &Path) {
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place).unwrap();
    let text = fs::read_to_string(host.join("files.toml")).unwrap();
    let files: Files = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", host.display()));
    if let Some(base) = &files.base {
        copy(&trees.join(base).join("root"), place);
    }
    for path in &files.without {
        fs::remove_dir_all(below(place, path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let own = host.join("root");
    if own.exists() {
        copy(&own, place);
    }
    for path in &files.directories {
        fs::create_dir_all(below(place, path)).unwrap();
    }
    for Link { path, target } in &files.links {
        let link = below(place, path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
    }
    for file in &files.holes {
        sparse(&below(place, &file.path), file.gib);
    }
    for file in &files.sparse {
        // Of a pool in use something is written; a file of holes alone is a finding of its own.
        let made = sparse(&below(place, &file.path), file.gib);
        made.write_all_at(b"x", 0).unwrap();
    }
    for file in &files.metadata {
        let made = sparse(&below(place, &file.path), file.gib);
        made.write_all_at(&superblock(file), 0).unwrap();
    }
}

fn below(place: &Path, path: &str) -> PathBuf {
    place.join(path.trim_start_matches('/'))
}

/// Copies a directory; links stay links.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), &target).unwrap();
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn sparse(path: &Path, gib: u64) -> File {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.set_len(gib << 30).unwrap();
    file
}

/// A real superblock (see `src/kernel/superblock.rs`) with other numbers and its checksum put right.
fn superblock(file: &Metadata) -> [u8; 4096] {
    // The kernel passes over what is above 255 * (2^14 - 64) metadata blocks of 4 KiB (`THIN_METADATA_MAX_SECTORS`).
    let blocks = ((file.gib << 30) / 4096).min(255 * ((1 << 14) - 64));
    let data_blocks = (file.data_gib << 30) / (64 << 10);
    let mut block = *include_bytes!("fixtures/thin-superblock.bin");
    let fields = [
        (48, file.transaction_id),
        (64, data_blocks),
        (72, data_blocks * file.data_used_percent / 100),
        (192, blocks),
        (200, blocks * file.used_percent / 100),
    ];
    for (at, number) in fields {
        block[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    block[4] = u8::from(file.needs_check);
    let sum = !crc32c::crc32c(&block[4..]) ^ 160_774;
    block[..4].copy_from_slice(&sum.to_le_bytes());
    block
}

/// The exit code on a line of its own, then what was printed.
fn preflight(root: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_thinguard"))
        .args(["preflight", "--root"])
        .arg(root)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    let place = root.to_str().unwrap();
    format!("exit {code}\n{}", printed.replace(place, "ROOT"))
}

/// The report without what is this machine's: the time it took, and what follows from the filesystem that the copy lies on. The
/// tree cannot bring its filesystem along, so its free space, what it has given to sparse files, and the finding that compares it with the pool's promises, are left
/// out whole; `src/judge/preflight/tests.rs` has them. No pool here is low, so nothing else depends on that room.
fn normalised(report: &str) -> String {
    let mut kept = String::new();
    let mut skipped = false;
    for line in report.lines() {
        let detail = line.starts_with("  where:") || line.starts_with("  next:");
        skipped = match detail {
            true => skipped,
            false => line.starts_with("WARN host-filesystem-overcommitted:"),
        };
        let line = match line {
            line if line.starts_with("thinguard preflight:") => {
                line.rsplit_once(" (").unwrap_or((line, "")).0.to_owned()
            }
            line if line.starts_with("  file  ") => line.rsplit_once(", ").unwrap_or((line, "")).0.to_owned() + ")",
            line if line.starts_with("  host  ") => "  host       (the test's)".to_owned(),
            line if line.starts_with("  headroom  ") => "  headroom   (the test's)".to_owned(),
            line => line.to_owned(),
        };
        if !skipped {
            kept.push_str(&line);
            kept.push('\n');
        }
    }
    kept
}

/// A plain diff: what the two have in common at both ends is left out.
fn diff(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<_>, Vec<_>) = (wanted.lines().collect(), found.lines().collect());
    let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let rest = |lines: &[&str]| lines.len() - same;
    let tail = wanted
        .iter()
        .rev()
        .zip(found.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let tail = tail.min(rest(&wanted)).min(rest(&found));
    let part = |mark: char, lines: &[&str]| -> String {
        let lines = &lines[same..lines.len() - tail];
        lines.iter().map(|line| format!("{mark} {line}\n")).collect()
    };
    format!("@ line {}\n{}{}", same + 1, part('-', &wanted), part('+', &found))
}
