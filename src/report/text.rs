//! The answer of `preflight` for people.

use super::json::{HostReport, PoolReport, PreflightReport};
use super::page::Page;
use super::screen::bar::Fullness;
use super::screen::pool::files;
use crate::docker::build::{Build, Flavour};
use crate::model::{Answer, Bytes, Mode};

/// `preflight` for people.
pub fn preflight(report: &PreflightReport<'_>, colour: bool) -> String {
    let mut page = Page::unbroken(colour);
    let headline = match report.verdict {
        Answer::Start => "Docker may start",
        Answer::Refuse => "Docker must not start",
        Answer::Unknown => "thinguard could not judge; Docker may start",
    };
    page.line(&format!("thinguard preflight: {headline} ({} ms)", report.elapsed_ms));
    if let Some(build) = report.docker {
        page.row("docker", &docker(build));
    }
    let found = if report.driver_found { ", as used before" } else { "" };
    let driver = report.driver.unwrap_or("Docker's own choice");
    page.row("driver", &format!("{driver}{found}"));
    if let Some(data_root) = report.data_root {
        page.row("data root", data_root);
    }
    match &report.pool {
        Some(pool) => rows(&mut page, pool),
        None => page.row("pool", "none active"),
    }
    if let Some(room) = &report.headroom {
        if let Some(host) = &room.host {
            page.row("host", &host_words(host));
        }
        let over = match room.overcommit_bytes {
            Bytes(0) => String::new(),
            over => format!("; the pool promises {over} more than the host has"),
        };
        page.row("headroom", &format!("{}{over}", room.headroom_bytes));
    }
    page.findings(report.findings);
    if let Some(command) = &report.overrule {
        page.line(&format!(
            "To overrule this refusal, and all to come until the link is removed: {command}"
        ));
    }
    page.text
}

/// `20.10.24 (Debian's build; package docker.io 20.10.24+dfsg1-1 (/var/lib/dpkg/status))`
pub(super) fn docker(build: &Build) -> String {
    let version = build.version.map(|version| version.to_string());
    let version = version.as_deref().unwrap_or("version unknown");
    let flavour = match build.flavour {
        Flavour::Upstream => "Docker's own build",
        Flavour::Debian => "Debian's build",
        Flavour::RedHat => "Red Hat's build",
        Flavour::Oracle => "Oracle's build",
        Flavour::Amazon => "Amazon's build",
        Flavour::Unknown => "not known whose build",
    };
    match build.evidence.as_str() {
        "" => format!("{version} ({flavour})"),
        evidence => format!("{version} ({flavour}; {evidence})"),
    }
}

fn rows(page: &mut Page, pool: &PoolReport) {
    let name = match pool.name.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    page.row("pool", &format!("{name}{}", mode_words(pool)));
    page.row("data", Fullness::from(&pool.data).figures().trim_start());
    page.row("metadata", Fullness::from(&pool.metadata).figures().trim_start());
    files(page, pool);
}

/// What the pool does with I/O, in words.
pub(super) fn mode_words(pool: &PoolReport) -> String {
    let mode = pool.mode.map_or("not active", mode_word);
    format!("{mode}{}", mode_marks(pool.needs_check, pool.suspended))
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Rw => "rw",
        Mode::OutOfDataSpace => "out of data space",
        Mode::Ro => "read-only",
        Mode::Fail => "failed",
    }
}

/// What is wrong besides the mode.
pub(super) fn mode_marks(needs_check: bool, suspended: bool) -> String {
    let check = if needs_check { ", needs check" } else { "" };
    let suspended = if suspended { ", suspended" } else { "" };
    format!("{check}{suspended}")
}

pub(super) fn host_words(host: &HostReport) -> String {
    let HostReport { path, free_bytes, .. } = host;
    format!("{path}: {free_bytes} free, {} of it reserved", host.reserve_bytes)
}
