//! Events: what is told once when it happens, with a stable id for each kind and the figures in the message itself.

use super::printable::printable;
use crate::model::{Answer, Code, Deed, Finding, Severity};
use std::time::Duration;

/// Kinds of event. Each has a `MESSAGE_ID` that never changes: the catalog and other programs rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The guard begins to watch.
    GuardStarted,
    /// The guard ends.
    GuardStopping,
    /// Something is wrong that was not before.
    FindingRaised,
    /// It is no longer.
    FindingCleared,
    /// A deed begins.
    DeedBegun,
    /// A fresh look shows that it had its effect.
    DeedDone,
    /// A fresh look shows that it had not.
    DeedFailed,
    /// What preflight thinks of Docker's start.
    PreflightVerdict,
    /// A look does not come back.
    LookStuck,
    /// A setting could not be used; the line says what follows.
    SettingsIgnored,
    /// The settings were read again and are in force.
    SettingsReloaded,
    /// The settings were read again and are not in force.
    SettingsKept,
    /// Another guard runs already.
    AnotherGuard,
    /// No more restarts.
    RestartBudgetSpent,
    /// All that is known at the moment of a deed or of a hang.
    Evidence,
    /// A drill has ended.
    DrillDone,
    /// Any other line; has no id.
    Plain,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 17] = [
        Kind::GuardStarted,
        Kind::GuardStopping,
        Kind::FindingRaised,
        Kind::FindingCleared,
        Kind::DeedBegun,
        Kind::DeedDone,
        Kind::DeedFailed,
        Kind::PreflightVerdict,
        Kind::LookStuck,
        Kind::SettingsIgnored,
        Kind::SettingsReloaded,
        Kind::SettingsKept,
        Kind::AnotherGuard,
        Kind::RestartBudgetSpent,
        Kind::Evidence,
        Kind::DrillDone,
        Kind::Plain,
    ];

    /// Its `MESSAGE_ID`, 32 lower-case hexadecimal digits.
    pub const fn message_id(self) -> Option<&'static str> {
        match self {
            Kind::GuardStarted => Some("978a0229817d47978fd3887696b72905"),
            Kind::GuardStopping => Some("cfc2046c45934ccfb9fa817faa60a35b"),
            Kind::FindingRaised => Some("f66d45a7393e4d2ab5cdd7bfbe34dc4c"),
            Kind::FindingCleared => Some("f46dd2ea80cb4f17979ab48bb0f52b4c"),
            Kind::DeedBegun => Some("c3a0b155a29e4dddaceb4a3bae2a9257"),
            Kind::DeedDone => Some("d0ffe7980c144ad189cb93fd263c27b2"),
            Kind::DeedFailed => Some("32439d01fddc4c828a91cf480725b2e2"),
            Kind::PreflightVerdict => Some("afa23a8b881843698108b88d92346a25"),
            Kind::LookStuck => Some("c0df6191cba34183a45517c6ea17b171"),
            Kind::SettingsIgnored => Some("6f5dd0ca1a9543ffbef6a15139055d4c"),
            Kind::SettingsReloaded => Some("289a92d8cbdc46d581bf3a9a4e9ecfec"),
            Kind::SettingsKept => Some("37a9ff04aa004bfc844ffbfe0380ff07"),
            Kind::AnotherGuard => Some("4be58080d9c74243b61c1ac755fdd822"),
            Kind::RestartBudgetSpent => Some("51f9cbeebd414b92b50c7af877195155"),
            Kind::Evidence => Some("390ffc1a0f974340bcba999234975c1f"),
            Kind::DrillDone => Some("36d4b862f7044abda729e69adc60464a"),
            Kind::Plain => None,
        }
    }

    /// `THINGUARD_CODE` of events that are about no finding.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::GuardStarted => "guard-started",
            Kind::GuardStopping => "guard-stopping",
            Kind::FindingRaised => "finding-raised",
            Kind::FindingCleared => "finding-cleared",
            Kind::DeedBegun => "deed-begun",
            Kind::DeedDone => "deed-done",
            Kind::DeedFailed => "deed-failed",
            Kind::PreflightVerdict => "preflight-verdict",
            Kind::LookStuck => "look-stuck",
            Kind::SettingsIgnored => "settings-ignored",
            Kind::SettingsReloaded => "settings-reloaded",
            Kind::SettingsKept => "settings-kept",
            Kind::AnotherGuard => "another-guard",
            Kind::RestartBudgetSpent => "restart-budget-spent",
            Kind::Evidence => "evidence-kept",
            Kind::DrillDone => "drill-done",
            Kind::Plain => "log",
        }
    }

    /// The guard laid hands on the host: this line must be found somewhere, in the kernel's log if nowhere else.
    pub const fn is_deed(self) -> bool {
        matches!(self, Kind::DeedBegun | Kind::DeedDone | Kind::DeedFailed)
    }
}

/// Priority of a line, as in syslog(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// The host is in trouble now.
    Critical = 2,
    /// Something failed.
    Error = 3,
    /// Will hurt soon.
    Warning = 4,
    /// Worth knowing.
    Notice = 5,
    /// For the record.
    Info = 6,
    /// For developers.
    Debug = 7,
}

impl From<Severity> for Priority {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Refuse => Priority::Critical,
            Severity::Warn => Priority::Warning,
            Severity::Note => Priority::Notice,
        }
    }
}

/// The journal's field with the lines of a bundle of evidence.
pub const EVIDENCE_FIELD: &str = "THINGUARD_EVIDENCE";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind.
    pub kind: Kind,
    /// How urgent.
    pub priority: Priority,
    /// One line with the code and the figures in it: syslog copies nothing else.
    pub message: String,
    /// Further fields for the journal.
    pub fields: Vec<(&'static str, String)>,
}

impl Event {
    /// An event; control characters in `message` are escaped.
    pub fn new(kind: Kind, priority: Priority, message: &str) -> Self {
        Event {
            kind,
            priority,
            message: printable(message).into_owned(),
            fields: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Worth a place in the kernel's log where nobody else takes it: a deed, or something that is wrong.
    pub(super) fn is_for_last_words(&self) -> bool {
        self.kind.is_deed() || self.priority <= Priority::Warning
    }

    /// A line of its own, without an id.
    pub fn plain(priority: Priority, message: &str) -> Self {
        Event::new(Kind::Plain, priority, message)
    }

    /// The guard begins; `what` says over what it watches.
    pub fn guard_started(what: &str) -> Self {
        let message = format!("guard-started: thinguard {} watches {what}", env!("CARGO_PKG_VERSION"));
        Event::new(Kind::GuardStarted, Priority::Info, &message)
    }

    /// The guard ends.
    pub fn guard_stopping(why: &str) -> Self {
        Event::new(Kind::GuardStopping, Priority::Info, &format!("guard-stopping: {why}"))
    }

    /// A finding that was not there before.
    pub fn raised(finding: &Finding) -> Self {
        let mut message = format!("{}: {}", finding.code, sentence(finding));
        if !finding.place.is_empty() && !message.contains(&finding.place) {
            message = format!("{message} ({})", finding.place);
        }
        if !finding.remedy.is_empty() {
            let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
            message = format!("{message}{stop} Next: {}", finding.remedy);
        }
        Event::new(Kind::FindingRaised, finding.severity.into(), &message)
            .with("THINGUARD_CODE", finding.code.as_str())
            .with("THINGUARD_SUBJECT", &finding.subject)
            .with("THINGUARD_WHERE", &finding.place)
            .with("THINGUARD_REMEDY", &finding.remedy)
    }

    /// A finding that is no longer there.
    pub fn cleared(code: Code, subject: &str, seconds: u64) -> Self {
        let message = format!("{code}: {subject}: over after {seconds} s");
        Event::new(Kind::FindingCleared, Priority::Notice, &message)
            .with("THINGUARD_CODE", code.as_str())
            .with("THINGUARD_SUBJECT", subject)
            .with("THINGUARD_SECONDS", seconds.to_string())
    }

    /// A deed begins.
    pub fn deed_begun(deed: &Deed, why: &str) -> Self {
        let priority = match deed {
            Deed::Restart | Deed::XfsGiveUp { .. } => Priority::Warning,
            Deed::Grow { .. } | Deed::Resume => Priority::Notice,
        };
        Event::new(Kind::DeedBegun, priority, &format!("deed-begun: {deed}, because {why}")).about(deed)
    }

    /// A deed had its effect; `after` is what a fresh look shows.
    pub fn deed_done(deed: &Deed, seconds: f64, after: &str) -> Self {
        let message = format!("deed-done: {deed}: done in {seconds:.1} s; now {after}");
        Event::new(Kind::DeedDone, Priority::Notice, &message)
            .about(deed)
            .with("THINGUARD_SECONDS", format!("{seconds:.3}"))
    }

    /// A deed had not its effect; `why` is what was seen instead.
    pub fn deed_failed(deed: &Deed, why: &str) -> Self {
        Event::new(
            Kind::DeedFailed,
            Priority::Error,
            &format!("deed-failed: {deed}: {why}"),
        )
        .about(deed)
    }

    /// What preflight thinks.
    pub fn preflight_verdict(verdict: Answer, findings: &[Finding], elapsed: Duration) -> Self {
        let worst = findings.iter().max_by_key(|finding| finding.severity);
        let (priority, words) = match verdict {
            Answer::Refuse => (Priority::Critical, "Docker must not start"),
            Answer::Start => (
                worst.map_or(Priority::Info, |worst| worst.severity.into()),
                "Docker may start",
            ),
            Answer::Unknown => (Priority::Warning, "could not judge, Docker may start"),
        };
        let mut message = format!("preflight-verdict: {words} ({} ms)", elapsed.as_millis());
        if let Some(worst) = worst.filter(|worst| worst.severity > Severity::Note || verdict != Answer::Start) {
            message = format!("{message}: {}: {}", worst.code, sentence(worst));
            if !worst.remedy.is_empty() {
                message = format!("{message}. Next: {}", worst.remedy);
            }
        }
        Event::new(Kind::PreflightVerdict, priority, &message)
            .with("THINGUARD_VERDICT", verdict.to_string())
            .with(
                "THINGUARD_CODE",
                worst.map_or(Kind::PreflightVerdict.code(), |worst| worst.code.as_str()),
            )
    }

    /// A refusal that says how to overrule it; `command` is a line for a shell.
    pub fn overruled_by(mut self, command: Option<&str>) -> Self {
        let words = command.map(|command| format!(". To overrule it: {}", printable(command)));
        self.message.extend(words);
        self
    }

    /// A look does not come back.
    pub fn look_stuck(look: &str, seconds: u64) -> Self {
        let message =
            format!("look-stuck: the look at {look} has not come back for {seconds} s; the guard goes on without it");
        Event::new(Kind::LookStuck, Priority::Warning, &message).with("THINGUARD_LOOK", look)
    }

    /// A setting could not be used; `warning` names file and line, and what follows.
    pub fn settings_ignored(warning: &str) -> Self {
        Event::new(
            Kind::SettingsIgnored,
            Priority::Error,
            &format!("settings-ignored: {warning}"),
        )
    }

    /// Settings were read again and are in force; `changes` has a line for each key that differs.
    pub fn settings_reloaded(changes: &[String]) -> Self {
        let what = match changes {
            [] => "nothing has changed".to_owned(),
            changes => changes.join("; "),
        };
        Event::new(
            Kind::SettingsReloaded,
            Priority::Notice,
            &format!("settings-reloaded: {what}"),
        )
    }

    /// Settings were read again and are not in force; `problem` names file and line.
    pub fn settings_kept(problem: &str) -> Self {
        let message = format!("settings-kept: {problem}; nothing was changed, the settings from before stay in force");
        Event::new(Kind::SettingsKept, Priority::Error, &message)
    }

    /// A second guard leaves; `holder` is the process of the first.
    pub fn another_guard(holder: Option<u32>) -> Self {
        let who = holder.map_or_else(|| "an unknown process".into(), |pid| format!("process {pid}"));
        let message =
            format!("another-guard: a thinguard watch runs already ({who}); this one leaves, and has done nothing");
        Event::new(Kind::AnotherGuard, Priority::Error, &message)
    }

    /// A bundle of evidence: lines that are fit to be shown, the first with the code. The others stand in a field of their own: syslog
    /// daemons cut an entry of several lines, or escape it.
    pub fn evidence(occasion: &str, lines: &[String]) -> Self {
        let (first, rest) = lines
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let event = Event::new(Kind::Evidence, Priority::Notice, first).with("THINGUARD_OCCASION", occasion);
        match rest {
            [] => event,
            rest => event.with(EVIDENCE_FIELD, rest.join("\n")),
        }
    }

    /// A drill has ended; `summary` counts its checks.
    pub fn drill_done(summary: &str) -> Self {
        Event::new(Kind::DrillDone, Priority::Info, &format!("drill-done: {summary}"))
    }

    /// No more restarts.
    pub fn restart_budget_spent(restarts: u32, window: Duration) -> Self {
        let hours = window.as_secs() as f64 / 3600.0;
        let message = format!(
            "restart-budget-spent: Docker was restarted {restarts} times within {hours:.1} h and hangs again; thinguard \
             will not restart it any more, and still grows the pool. Next: find out why it hangs (thinguard status)"
        );
        Event::new(Kind::RestartBudgetSpent, Priority::Critical, &message)
            .with("THINGUARD_RESTARTS", restarts.to_string())
    }

    fn about(self, deed: &Deed) -> Self {
        let event = self.with("THINGUARD_DEED", deed.to_string());
        match deed {
            Deed::Grow { target, from, to } => event
                .with("THINGUARD_TARGET", target.to_string())
                .with("THINGUARD_FROM_BYTES", from.0.to_string())
                .with("THINGUARD_TO_BYTES", to.0.to_string()),
            Deed::Resume | Deed::XfsGiveUp { .. } | Deed::Restart => event,
        }
    }
}

/// A finding's message, led by its subject where it does not name it itself.
pub(super) fn sentence(finding: &Finding) -> String {
    match finding.subject.is_empty() || finding.message.contains(&finding.subject) {
        true => finding.message.clone(),
        false => format!("{}: {}", finding.subject, finding.message),
    }
}
