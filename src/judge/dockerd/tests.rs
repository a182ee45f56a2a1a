//! Tests of `dockerd`: what is told of line and file, by version.

mod file;
mod keys;
mod line;

use super::{Before, judge};
use crate::docker::build::{Build, Flavour, Version};
use crate::docker::configuration::Configuration;
use crate::docker::{Sourced, command_line, daemon_json};
use crate::judge::{Verdict, certainty};
use crate::model::{Code, Finding, Ground, Seen, Severity};

/// An upstream release; `None` is a build that nobody knows.
type Release = Option<(u16, u16, u16)>;

fn config(line: &str, json: &str, version: Release) -> Configuration {
    let build = version.map_or_else(Build::unknown, |(major, minor, patch)| Build {
        version: Some(Version::new(major, minor, patch)),
        flavour: Flavour::Upstream,
        evidence: String::new(),
    });
    let words: Vec<_> = line
        .split(' ')
        .map(|word| Sourced::new(word.to_owned(), "ExecStart"))
        .collect();
    let line = command_line::read(&words, &build).unwrap_or_default();
    Configuration::merge(line, daemon_json::parse(json, "/d.json", &build), None, &build)
}

/// Findings about the line and the file.
fn findings(line: &str, json: &str, version: Release) -> Vec<Finding> {
    let before = Before::new(config(line, json, version), Seen::unknown("not looked at"));
    let mut verdict = Verdict::default();
    judge(&before, "docker.service", &mut verdict.findings);
    certainty::apply(&before, false, &mut verdict);
    verdict.findings.retain(|finding| finding.code.ground() == Ground::Line);
    verdict.findings
}

fn told(line: &str, json: &str, version: Release) -> Vec<(Code, Severity)> {
    let findings = findings(line, json, version);
    findings.iter().map(|it| (it.code, it.severity)).collect()
}
