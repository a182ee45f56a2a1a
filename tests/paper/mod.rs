//! A start judged by its texts alone: the same parsers and judges as before a real start, with a data root that is told.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use thinguard::docker::Sourced;
use thinguard::docker::build::Build;
use thinguard::docker::state::RootState;
use thinguard::judge::before::Before;
use thinguard::judge::preflight;
use thinguard::model::{Finding, Seen, Settings, Snapshot};
use thinguard::observe::config::{self, Raw};
use thinguard::observe::start_command::Reading;

/// A start on paper.
#[derive(Debug, Clone)]
pub struct Paper {
    /// Which Docker starts.
    pub build: Build,
    /// The daemon's words, the program's among them, as systemd hands them over.
    pub argv: Vec<String>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// The files that there are.
    pub files: BTreeMap<String, String>,
    /// What lies in the data root.
    pub root: RootState,
}

impl Paper {
    /// What preflight has to say of it.
    pub fn judge(&self) -> Vec<Finding> {
        let settings = Settings::default();
        let config = config::parse(&self.texts(&settings.docker.unit), &settings);
        let before = Before::new(config, Seen::Known(self.root.clone()));
        preflight::judge(&before, &Snapshot::default(), &settings, Duration::ZERO).findings
    }

    fn texts(&self, unit: &str) -> Raw {
        let place = format!("{unit}'s ExecStart");
        let words = self.argv.iter().map(|text| Sourced::new(text.clone(), &*place));
        let driver = self.environment.get("DOCKER_DRIVER");
        let reading = Reading {
            command: Ok(words.collect()),
            driver: driver.map(|value| Sourced::new(value.clone(), "environment variable DOCKER_DRIVER")),
            odd: Vec::new(),
        };
        config::gather(vec![reading], unit, self.build.clone(), |path| self.read(path))
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let inside = format!("{}/", path.trim_end_matches('/'));
        match self.files.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None if path.ends_with("/docker") || self.files.keys().any(|file| file.starts_with(&inside)) => {
                Err(io::ErrorKind::IsADirectory.into())
            }
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
