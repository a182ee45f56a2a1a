//! Telling: a thing when it changes, not each tick; trouble that lasts, again after a while with fresh figures.

use super::told::{News, ToldFindings};
use crate::judge::rate::{self, Fill};
use crate::judge::{Memory, Verdict, growth, lvm};
use crate::model::{Allow, Code, Deed, Lvm, Outcome, Probe, Seen, Settings, Snapshot, Target, When};
use crate::report::event::{Event, Kind, Priority};
use crate::report::journal::Journal;
use crate::report::json::PoolReport;
use crate::report::{log_sink, sight};
use std::time::Duration;

/// What has been said, and the journal to say it to.
#[derive(Debug)]
pub(super) struct Teller {
    pub journal: Journal,
    pub told: ToldFindings,
    stuck: Vec<&'static str>,
    /// It has been told that the budget of restarts is spent, and the daemon has been stuck ever since.
    gave_up: bool,
    restart_window: Duration,
}

impl Teller {
    pub fn new(settings: &Settings) -> Teller {
        let journal = Journal::open(&settings.docker.unit);
        // A second logger cannot be installed; there is only one teller.
        let _ = log_sink::install(journal.clone());
        Teller {
            journal,
            told: ToldFindings::default(),
            stuck: Vec::new(),
            gave_up: false,
            restart_window: settings.restart.window,
        }
    }

    pub fn started(&mut self, settings: &Settings, memory: &Memory) {
        let rules = &settings.restart;
        let restarts = match (rules.is_off(), rules.when) {
            (true, _) => "never restarts it".to_owned(),
            (false, when) => format!(
                "restarts it {}{} ({} of {} restarts spent)",
                match when {
                    When::AfterEveryCure => "after each hang that was cured",
                    When::Needed | When::Never => "only after a cured pool leaves it silent",
                },
                match rules.allow {
                    Allow::ContainersSurvive => ", and only where containers survive it",
                    Allow::Always | Allow::Never => "",
                },
                memory.kept.restarts.len(),
                rules.budget
            ),
        };
        let not = match (settings.data.is_off(), settings.metadata.is_off()) {
            (false, false) => "",
            (true, false) => " (not its data device)",
            (false, true) => " (not its metadata device)",
            (true, true) => " (neither of its devices)",
        };
        let what = format!(
            "thinguard {} watches {}: grows the pool{not} below {}% free data or its low-water mark, and below {}% free metadata; keeps {}% of the host filesystem and at least {} free, and {restarts}",
            env!("CARGO_PKG_VERSION"),
            settings.docker.unit,
            settings.data.below_free_percent,
            settings.metadata.below_free_percent,
            settings.host.reserve_percent,
            settings.host.reserve_min,
        );
        self.journal.tell(&Event::of(Kind::GuardStarted, Priority::Info, &what));
    }

    pub fn stopping(&mut self, under_way: &[&Deed]) {
        let deeds = under_way
            .iter()
            .map(|deed| format!("; '{deed}' is under way and is completed without the guard"));
        let why = format!("asked to by a signal{}", deeds.collect::<String>());
        self.journal.tell(&Event::of(Kind::GuardStopping, Priority::Info, &why));
        self.journal.finish(Duration::from_secs(1));
    }

    pub fn settings_ignored(&mut self, warning: &str) {
        self.journal
            .tell(&Event::of(Kind::SettingsIgnored, Priority::Error, warning));
    }

    pub fn settings_kept(&mut self, problems: &[String]) {
        for problem in problems {
            let what = format!("{problem}; nothing was changed, the settings from before stay in force");
            self.journal
                .tell(&Event::of(Kind::SettingsKept, Priority::Error, &what));
        }
    }

    pub fn settings_reloaded(&mut self, changes: &[String], settings: &Settings) {
        self.restart_window = settings.restart.window;
        self.journal.watch(&settings.docker.unit);
        let what = match changes {
            [] => "nothing has changed".to_owned(),
            changes => changes.join("; "),
        };
        self.journal
            .tell(&Event::of(Kind::SettingsReloaded, Priority::Notice, &what));
    }

    /// The look that is judged now: its figures stand beside each line until the next.
    pub fn sees(&mut self, pool: Option<&PoolReport>) {
        let fields = pool.map(|pool| sight::fields(pool, pool.host.as_ref()));
        self.journal.sees(fields.unwrap_or_default());
    }

    pub fn tell_event(&mut self, event: &Event) {
        self.journal.tell(event);
    }

    pub fn begins(&mut self, deed: &Deed, verdict: &Verdict) {
        // What a restart does to the containers is said before it is done.
        let reason = verdict
            .findings
            .iter()
            .find(|finding| *deed == Deed::Restart && finding.code.asks_for_restart());
        let why = match (reason, verdict.findings.first()) {
            (Some(finding), _) => format!("{}: {}; {}", finding.code, finding.message, finding.remedy),
            (None, Some(finding)) => format!("{}: {}", finding.code, finding.message),
            (None, None) => String::new(),
        };
        self.journal.tell(&Event::deed_begun(deed, &why));
    }

    pub fn refused(&mut self, deed: &Deed, why: &str) {
        self.journal.tell(&Event::deed_failed(deed, why));
    }

    pub fn ended(&mut self, deed: &Deed, outcome: &Outcome, took: Duration, shown: &str) {
        self.journal.tell(&Event::deed_ended(deed, outcome, took, shown));
    }

    /// Says what is new, what is over, and what has lasted.
    pub fn tell(&mut self, verdict: &Verdict, stuck: &[(&'static str, Duration)], now: Duration) {
        for (look, waited) in stuck {
            if !self.stuck.contains(look) {
                self.journal.tell(&Event::look_stuck(look, waited.as_secs()));
            }
        }
        self.stuck = stuck.iter().map(|(look, _)| *look).collect();
        self.tell_budget(verdict);
        for news in self.told.news(&verdict.findings, now) {
            self.journal.tell(&match news {
                News::Raised(finding) => Event::raised(&finding),
                News::Over(code, subject, lasted) => Event::cleared(code, &subject, lasted.as_secs()),
            });
        }
    }

    /// Says once for each hang that no restart will come.
    fn tell_budget(&mut self, verdict: &Verdict) {
        if let (Some(spent), false) = (verdict.restarts_spent, self.gave_up) {
            self.journal
                .tell(&Event::restart_budget_spent(spent, self.restart_window));
        }
        let goes_on = self.gave_up && verdict.finding(Code::DaemonStuck).is_some();
        self.gave_up = verdict.restarts_spent.is_some() || goes_on;
    }
}

/// The line that `systemctl status thinguard` shows.
pub(super) fn status_line(seen: &Snapshot, fill: &Fill, settings: &Settings) -> String {
    let pool = match (&seen.pool, seen.pool()) {
        (_, Some(pool)) => format!(
            "pool {}% of {} data, {}% metadata",
            pool.data.used_percent(),
            pool.data.total(),
            pool.metadata.used_percent()
        ),
        (Seen::Unknown(why), None) => format!("pool unknown ({why})"),
        (Seen::Known(_), None) => "no active pool".into(),
    };
    let host = match (&seen.host, seen.pool().map(|pool| &pool.lvm)) {
        (_, Some(Lvm::Asked(Seen::Known(said)))) => {
            format!("volume group room {}", lvm::room(said, Target::Data, &settings.lvm))
        }
        (_, Some(Lvm::Asked(Seen::Unknown(_)) | Lvm::NotAsked)) => "volume group room unknown".into(),
        (Seen::Known(host), _) => format!("host room {}", growth::room(host, &settings.host)),
        (Seen::Unknown(_), _) => "host room unknown".into(),
    };
    let docker = match (&seen.daemon.info, &seen.daemon.unit) {
        (Probe::Answered { took, .. }, _) => format!("docker answers in {} ms", took.as_millis()),
        (Probe::Silent(waited), _) if waited.as_secs() > 0 => format!("docker silent for {} s", waited.as_secs()),
        (Probe::Silent(_), _) => "docker asked".into(),
        (Probe::Refused(why), _) => format!("docker refuses: {why}"),
        (Probe::NotAsked, Seen::Known(unit)) => format!("{} is {}", unit.name, unit.sub_state),
        (Probe::NotAsked, Seen::Unknown(_)) => "docker not asked".into(),
    };
    let outlook = rate::forecast(fill, seen, settings).map_or_else(String::new, |it| format!(", {it}"));
    format!("{pool}, {host}{outlook}, {docker}")
}
