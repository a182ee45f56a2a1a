//! `[restart]`: whether, when and how often the guard may restart Docker.

use super::duration;
use serde::Deserialize;
use std::time::Duration;

/// What a restart may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allow {
    /// No restart at all.
    Never,
    /// Only where the containers outlive it (live-restore).
    ContainersSurvive,
    /// Also where the containers stop with it. The default: a daemon that is still silent after the cure comes back by nothing
    /// else, and Docker before 1.12 has no live-restore.
    #[default]
    Always,
}

/// What a restart may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// A daemon that stays silent on a cured pool. The default: growth alone cures most hangs.
    #[default]
    Needed,
    /// Besides, once after each hang that was cured, although the daemon answers again.
    AfterEveryCure,
    /// Nothing.
    Never,
}

/// `[restart]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSettings {
    /// What a restart may cost.
    pub allow: Allow,
    /// What a restart may be for.
    pub when: When,
    /// How long the daemon must have been silent after the cure before a restart is thought of.
    #[serde(deserialize_with = "duration")]
    pub after_silence: Duration,
    /// No second restart within this time; it doubles with each restart in the window.
    #[serde(deserialize_with = "duration")]
    pub cool_down: Duration,
    /// Restarts allowed within `window`; past it the guard gives up restarting, loudly, and still grows.
    pub budget: u32,
    /// See `budget`.
    #[serde(deserialize_with = "duration")]
    pub window: Duration,
}

impl RestartSettings {
    /// No restart will ever come.
    pub fn is_off(&self) -> bool {
        self.allow == Allow::Never || self.when == When::Never
    }
}

impl Default for RestartSettings {
    fn default() -> Self {
        RestartSettings {
            allow: Allow::default(),
            when: When::default(),
            after_silence: Duration::from_secs(60),
            cool_down: Duration::from_secs(15 * 60),
            budget: 3,
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}
