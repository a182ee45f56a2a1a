//! `every`: one door to all readers of text and bytes that others write, for the property test and for the fuzzer.

use thinguard::docker::build::{Build, Flavour, Version, os_release::OsRelease, package, written};
use thinguard::docker::configuration::Configuration;
use thinguard::docker::{Sourced, command_line, daemon_json, device_json, options, reply, size};
use thinguard::kernel::{lvm, proc, superblock, thin_pool};
use thinguard::systemd::{environment_file, exec_line, unit_file};

/// Docker's generations that read differently.
fn builds() -> Vec<Build> {
    let versions = [
        (1, 10, 3),
        (1, 12, 6),
        (17, 5, 0),
        (18, 9, 9),
        (20, 10, 24),
        (23, 0, 0),
        (25, 0, 0),
    ];
    let mut builds = vec![Build::unknown()];
    for flavour in [Flavour::Upstream, Flavour::RedHat] {
        builds.extend(versions.map(|(major, minor, patch)| Build {
            version: Some(Version::new(major, minor, patch)),
            flavour,
            evidence: String::new(),
        }));
    }
    builds
}

/// systemd's generations that read differently.
const SYSTEMD: [u16; 9] = [219, 221, 229, 235, 239, 241, 247, 252, 255];

/// Gives `data` to each reader. What they make of it does not count; that they come back does.
pub fn every(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for build in builds() {
        let _ = size::ram_in_bytes(&text, &build);
        storage(&text, &build);
    }
    for version in SYSTEMD {
        units(data, &text, version);
    }
    docker_files(data, &text);
    kernel(data, &text);
}

/// daemon.json, the flags and the options in both.
fn storage(text: &str, build: &Build) {
    let lines = || text.lines().map(|line| Sourced::new(line.to_owned(), "line"));
    options::parse(&lines().collect::<Vec<_>>(), build);
    let file = daemon_json::parse(text, "/etc/docker/daemon.json", build);
    let words: Vec<_> = std::iter::once("/usr/bin/dockerd")
        .chain(text.split_ascii_whitespace())
        .map(|word| Sourced::new(word.to_owned(), "a test"))
        .collect();
    let line = command_line::read(&words, build).unwrap_or_default();
    let effective = Configuration::merge(line, file, None, build);
    options::parse(&effective.storage_opts, build);
    effective.socket_path();
}

/// What systemd reads.
fn units(data: &[u8], text: &str, version: u16) {
    let environment = environment_file::parse(data, version).variables();
    let mut service = unit_file::Service::default();
    service.apply(
        "docker.service",
        data,
        unit_file::Part::Fragment,
        ("docker.service", version),
        &mut |_| None,
    );
    let lines = exec_line::parse_line(text, "docker.service", version).unwrap_or_default();
    let given: Vec<_> = text.split(' ').map(str::to_owned).collect();
    for argv in lines.iter().map(|line| &line.argv).chain([&given]) {
        if let Ok(command) = exec_line::command(argv, &environment, version) {
            let words: Vec<_> = command.argv();
            command_line::form(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

/// What Docker and the packages leave on the disk, and what its socket says.
fn docker_files(data: &[u8], text: &str) {
    let _ = device_json::device(data);
    let _ = device_json::device_set(data);
    let _ = reply::parse(data, true);
    let _ = reply::parse(data, false);
    let _ = reply::parse_info(data);
    OsRelease::parse(text);
    package::dpkg_status(text, "status");
    package::dpkg_list_holds(text, "/usr/bin/dockerd");
    package::yumdb_entry(text, "yumdb");
    package::doc_directory(text, "doc");
    written::version(text);
    written::said(text);
}

/// What the kernel and its tools say, and a metadata file's first block.
fn kernel(data: &[u8], text: &str) {
    let _ = superblock::parse(data);
    let _ = thin_pool::Status::parse(text);
    let _ = thin_pool::Table::parse(text);
    proc::parse_stat(1, data, "wait");
    lvm::volume_group(text);
}
