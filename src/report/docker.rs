//! Which Docker is installed, as `preflight` tells it.

use crate::docker::build::{Build, Flavour};
use serde::Serialize;

/// The installed Docker in the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerReport {
    /// `20.10.24`; `None` where it is not known.
    pub version: Option<String>,
    /// `upstream`, `debian`, `red-hat`, `oracle`, `amazon` or `unknown`.
    pub flavour: Flavour,
    /// What tells so, for people; empty where nothing does.
    pub evidence: String,
}

impl From<&Build> for DockerReport {
    fn from(build: &Build) -> DockerReport {
        DockerReport {
            version: build.version.map(|version| version.to_string()),
            flavour: build.flavour,
            evidence: build.evidence.clone(),
        }
    }
}

impl DockerReport {
    /// For people: `20.10.24 (Debian's; package docker.io 20.10.24+dfsg1-1 (/var/lib/dpkg/status))`.
    pub fn words(&self) -> String {
        let version = self.version.as_deref().unwrap_or("version unknown");
        let flavour = match self.flavour {
            Flavour::Upstream => "Docker's own build",
            Flavour::Debian => "Debian's build",
            Flavour::RedHat => "Red Hat's build",
            Flavour::Oracle => "Oracle's build",
            Flavour::Amazon => "Amazon's build",
            Flavour::Unknown => "not known whose build",
        };
        match self.evidence.as_str() {
            "" => format!("{version} ({flavour})"),
            evidence => format!("{version} ({flavour}; {evidence})"),
        }
    }
}
