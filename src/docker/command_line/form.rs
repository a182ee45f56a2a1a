//! How a daemon is called: by its own name, or as a command of `docker` in old versions.

use crate::docker::build::Build;
use crate::docker::names;

/// How a daemon is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `dockerd …`, from 1.12 on.
    #[default]
    Dockerd,
    /// `docker daemon …`, from 1.8 to 17.05.
    DockerDaemon,
    /// `docker -d …`, up to 1.9.
    DockerD,
}

/// How these words start a daemon; `None` where they start none: `docker run -d …`.
pub fn form(words: &[&str]) -> Option<Form> {
    let (program, rest) = words.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if !names::is_daemon_comm(name) || name.starts_with("dockerd") {
        return names::is_daemon_comm(name).then_some(Form::Dockerd);
    }
    let mut may_be_value = false;
    for word in rest {
        match *word {
            "daemon" => return Some(Form::DockerDaemon),
            "-d" | "--daemon" | "-d=true" | "--daemon=true" => return Some(Form::DockerD),
            "-D" | "--debug" | "--tls" | "--tlsverify" => may_be_value = false,
            flag if flag.starts_with('-') => may_be_value = !flag.contains('='),
            _ if may_be_value => may_be_value = false,
            _ => return None,
        }
    }
    None
}

impl Form {
    /// Whether this version's program has no such command any more: the client became a program of its own with 17.06 (docker/cli), `-d`
    /// went with 1.10.0 (moby v1.10.0 `docker/docker.go`).
    pub(super) fn is_gone(self, build: &Build) -> bool {
        match self {
            Form::Dockerd => false,
            Form::DockerDaemon => build.at_least(17, 6, 0) == Some(true),
            Form::DockerD => build.at_least(1, 10, 0) == Some(true),
        }
    }
}
