//! The cases: configurations and disk states that are put before dockerd and before preflight, from `tests/corpus/cases.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Where the daemon and its network options stand in each case's unit; a network would only cost time.
const DAEMON: &str = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock";
const NO_NETWORK: &str = "--iptables=false --bridge=none --ip-forward=false --ip-masq=false";

/// What lies in the data root before the case's own steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// A pool of 512 MiB with one image, left by a Docker that was stopped.
    #[default]
    Stopped,
    /// Nothing.
    Fresh,
}

impl Base {
    /// Its name in the guest's script.
    pub fn name(self) -> &'static str {
        match self {
            Base::Stopped => "stopped",
            Base::Fresh => "fresh",
        }
    }
}

/// One configuration with one disk state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Kebab-case and unique.
    pub name: String,
    /// The theme that it belongs to.
    pub group: String,
    #[serde(default)]
    pub base: Base,
    /// Storage options for devicemapper: short for a daemon.json that has just these, after the sizes of the lab's pool.
    #[serde(default)]
    pub opts: Vec<String>,
    /// The text of /etc/docker/daemon.json; without it and without `opts` there is no such file.
    pub daemon_json: Option<String>,
    /// Words for the daemon, as text behind `ExecStart=`.
    #[serde(default)]
    pub flags: String,
    /// The text of /etc/default/docker.
    pub environment_file: Option<String>,
    /// Shell in the guest that makes the disk state, with the functions of `guest.sh`.
    pub state: Option<String>,
    /// Codes of which preflight must name one when it refuses.
    #[serde(default)]
    pub blames: Vec<String>,
    /// What that finding's subject or place must contain.
    #[serde(default)]
    pub subject: String,
    /// Why preflight does not refuse what dockerd refuses.
    pub missed_because: Option<String>,
    /// It has nothing to do with storage, and dockerd tells it itself: preflight says nothing of it, and need not.
    #[serde(default)]
    pub left_to_dockerd: bool,
    /// It changes nothing on the disk, and yet what preflight says hangs on more than the texts.
    #[serde(default)]
    pub on_host: bool,
    /// dockerd is started on this one in each run of the tests, too.
    #[serde(default)]
    pub live: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

impl Case {
    /// The text behind `ExecStart=`.
    pub fn exec_start(&self) -> String {
        format!("{DAEMON} {NO_NETWORK} {} $DOCKER_OPTS", self.flags)
            .split("  ")
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The text of daemon.json, where there is one.
    pub fn daemon_json(&self) -> Option<String> {
        if self.daemon_json.is_some() || self.opts.is_empty() {
            return self.daemon_json.clone();
        }
        let mut options = vec!["dm.loopdatasize=512M".to_owned(), "dm.loopmetadatasize=64M".to_owned()];
        options.extend(self.opts.iter().cloned());
        Some(serde_json::json!({ "storage-driver": "devicemapper", "storage-opts": options }).to_string())
    }
}

/// Reads the cases.
pub fn load(root: &Path) -> Result<Vec<Case>> {
    let path = root.join("tests/corpus/cases.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Reads the cases' text; names must be unique, since the record goes by them.
pub fn parse(text: &str) -> Result<Vec<Case>> {
    let file: File = toml::from_str(text)?;
    let mut names = BTreeSet::new();
    for case in &file.case {
        ensure!(names.insert(&case.name), "two cases have the name {}", case.name);
        ensure!(
            case.opts.is_empty() || case.daemon_json.is_none(),
            "{}: opts and daemon_json exclude each other",
            case.name
        );
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        ensure!(case.name.chars().all(plain), "{:?} is not kebab-case", case.name);
    }
    Ok(file.case)
}
