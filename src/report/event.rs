//! Events: what is told once when it happens, with a stable id for each kind and the figures in the message itself.

use super::printable::printable;
use crate::model::{Answer, Code, Deed, Finding, Outcome, Severity};
use std::time::Duration;

macro_rules! kinds {
    ($($(#[$meaning:meta])* $name:ident = $code:literal, $id:expr;)*) => {
        /// Kinds of event. Each has a `MESSAGE_ID` that never changes: the catalog and other programs rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$meaning])* $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[$(Kind::$name,)*];

            /// `THINGUARD_CODE` of events that are about no finding.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Kind::$name => $code,)*
                }
            }

            /// Its `MESSAGE_ID`, 32 lower-case hexadecimal digits.
            pub const fn message_id(self) -> Option<&'static str> {
                match self {
                    $(Kind::$name => $id,)*
                }
            }
        }
    };
}

kinds! {
    /// The guard begins to watch.
    GuardStarted = "guard-started", Some("978a0229817d47978fd3887696b72905");
    /// The guard ends.
    GuardStopping = "guard-stopping", Some("cfc2046c45934ccfb9fa817faa60a35b");
    /// Something is wrong that was not before.
    FindingRaised = "finding-raised", Some("f66d45a7393e4d2ab5cdd7bfbe34dc4c");
    /// It is no longer.
    FindingCleared = "finding-cleared", Some("f46dd2ea80cb4f17979ab48bb0f52b4c");
    /// A deed begins.
    DeedBegun = "deed-begun", Some("c3a0b155a29e4dddaceb4a3bae2a9257");
    /// A fresh look shows that it had its effect.
    DeedDone = "deed-done", Some("d0ffe7980c144ad189cb93fd263c27b2");
    /// A fresh look shows that it had not.
    DeedFailed = "deed-failed", Some("32439d01fddc4c828a91cf480725b2e2");
    /// What preflight thinks of Docker's start.
    PreflightVerdict = "preflight-verdict", Some("afa23a8b881843698108b88d92346a25");
    /// A look does not come back.
    LookStuck = "look-stuck", Some("c0df6191cba34183a45517c6ea17b171");
    /// A setting could not be used; the line names file and line, and what follows.
    SettingsIgnored = "settings-ignored", Some("6f5dd0ca1a9543ffbef6a15139055d4c");
    /// The settings were read again and are in force.
    SettingsReloaded = "settings-reloaded", Some("289a92d8cbdc46d581bf3a9a4e9ecfec");
    /// The settings were read again and are not in force.
    SettingsKept = "settings-kept", Some("37a9ff04aa004bfc844ffbfe0380ff07");
    /// Another guard runs already.
    AnotherGuard = "another-guard", Some("4be58080d9c74243b61c1ac755fdd822");
    /// No more restarts.
    RestartBudgetSpent = "restart-budget-spent", Some("51f9cbeebd414b92b50c7af877195155");
    /// All that is known at the moment of a deed or of a hang.
    Evidence = "evidence-kept", Some("390ffc1a0f974340bcba999234975c1f");
    /// A drill has ended; the line counts its checks.
    DrillDone = "drill-done", Some("36d4b862f7044abda729e69adc60464a");
    /// Any other line; has no id.
    Plain = "log", None;
}

impl Kind {
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

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind.
    pub kind: Kind,
    /// The finding that it is about.
    pub code: Option<Code>,
    /// How urgent.
    pub priority: Priority,
    /// One line with the code and the figures in it: syslog copies nothing else.
    pub message: String,
    /// Further fields for the journal.
    pub fields: Vec<(&'static str, String)>,
}

impl Event {
    /// The kind's own code and words; control characters in them are escaped.
    pub fn of(kind: Kind, priority: Priority, words: &str) -> Self {
        Event {
            kind,
            code: None,
            priority,
            message: printable(&format!("{}: {words}", kind.code())).into_owned(),
            fields: Vec::new(),
        }
    }

    /// A line of its own, without an id.
    pub fn plain(priority: Priority, message: &str) -> Self {
        Event {
            message: printable(message).into_owned(),
            ..Event::of(Kind::Plain, priority, "")
        }
    }

    fn about_finding(kind: Kind, priority: Priority, code: Code, subject: &str, words: &str) -> Self {
        let event = Event {
            kind,
            code: Some(code),
            ..Event::plain(priority, &format!("{code}: {words}"))
        };
        event.with("THINGUARD_SUBJECT", subject)
    }

    fn about_deed(kind: Kind, priority: Priority, deed: &Deed, words: &str) -> Self {
        let event = Event::of(kind, priority, &format!("{deed}{words}")).with("THINGUARD_DEED", deed.to_string());
        match deed {
            Deed::Grow { target, from, to } => event
                .with("THINGUARD_TARGET", target.to_string())
                .with("THINGUARD_FROM_BYTES", from.0.to_string())
                .with("THINGUARD_TO_BYTES", to.0.to_string()),
            Deed::Resume | Deed::XfsGiveUp { .. } | Deed::Restart => event,
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

    /// A finding that was not there before.
    pub fn raised(finding: &Finding) -> Self {
        let mut words = sentence(finding);
        if !words.contains(&finding.place) {
            words = format!("{words} ({})", finding.place);
        }
        let stop = if words.ends_with(['.', '!', '?']) { "" } else { "." };
        words += &next(finding, stop);
        let (code, priority) = (finding.code, finding.severity.into());
        Event::about_finding(Kind::FindingRaised, priority, code, &finding.subject, &words)
            .with("THINGUARD_WHERE", &finding.place)
            .with("THINGUARD_REMEDY", &finding.remedy)
    }

    /// A finding that is no longer there.
    pub fn cleared(code: Code, subject: &str, seconds: u64) -> Self {
        let words = format!("{subject}: over after {seconds} s");
        Event::about_finding(Kind::FindingCleared, Priority::Notice, code, subject, &words)
            .with("THINGUARD_SECONDS", seconds.to_string())
    }

    /// A deed begins.
    pub fn deed_begun(deed: &Deed, why: &str) -> Self {
        let priority = match deed {
            Deed::Restart | Deed::XfsGiveUp { .. } => Priority::Warning,
            Deed::Grow { .. } | Deed::Resume => Priority::Notice,
        };
        Event::about_deed(Kind::DeedBegun, priority, deed, &format!(", because {why}"))
    }

    /// A deed had its effect, as `after` shows, or why it had not.
    pub fn deed_ended(deed: &Deed, outcome: &Outcome, took: Duration, after: &str) -> Self {
        let seconds = took.as_secs_f64();
        match outcome {
            Outcome::Done => {
                let words = format!(": done in {seconds:.1} s; now {after}");
                Event::about_deed(Kind::DeedDone, Priority::Notice, deed, &words)
                    .with("THINGUARD_SECONDS", format!("{seconds:.3}"))
            }
            Outcome::Failed(why) | Outcome::Stuck(why) | Outcome::NotBegun(why) => Event::deed_failed(deed, why),
        }
    }

    /// A deed had not its effect; `why` is what was seen instead.
    pub fn deed_failed(deed: &Deed, why: &str) -> Self {
        Event::about_deed(Kind::DeedFailed, Priority::Error, deed, &format!(": {why}"))
    }

    /// What preflight thinks; a refusal says how to `overrule` it, in a line for a shell.
    pub fn preflight_verdict(verdict: Answer, findings: &[Finding], elapsed: Duration, overrule: Option<&str>) -> Self {
        let worst = findings.iter().max_by_key(|finding| finding.severity);
        let (priority, words) = match verdict {
            Answer::Refuse => (Priority::Critical, "Docker must not start"),
            Answer::Start => (
                worst.map_or(Priority::Info, |worst| worst.severity.into()),
                "Docker may start",
            ),
            Answer::Unknown => (Priority::Warning, "could not judge, Docker may start"),
        };
        let mut words = format!("{words} ({} ms)", elapsed.as_millis());
        if let Some(worst) = worst.filter(|worst| worst.severity > Severity::Note || verdict != Answer::Start) {
            words += &format!(": {}: {}{}", worst.code, sentence(worst), next(worst, "."));
        }
        words.extend(overrule.map(|command| format!(". To overrule it: {command}")));
        Event {
            code: worst.map(|worst| worst.code),
            ..Event::of(Kind::PreflightVerdict, priority, &words).with("THINGUARD_VERDICT", verdict.to_string())
        }
    }

    /// A look does not come back.
    pub fn look_stuck(look: &str, seconds: u64) -> Self {
        let words = format!("the look at {look} has not come back for {seconds} s; the guard goes on without it");
        Event::of(Kind::LookStuck, Priority::Warning, &words).with("THINGUARD_LOOK", look)
    }

    /// A bundle of evidence: a line, and others that stand in a field of their own: syslog daemons cut an entry of several lines, or
    /// escape it.
    pub fn evidence(occasion: &str, words: &str, others: &[String]) -> Self {
        let event = Event::of(Kind::Evidence, Priority::Notice, words).with("THINGUARD_OCCASION", occasion);
        match others {
            [] => event,
            others => event.with("THINGUARD_EVIDENCE", others.join("\n")),
        }
    }

    /// No more restarts.
    pub fn restart_budget_spent(restarts: u32, window: Duration) -> Self {
        let hours = window.as_secs() as f64 / 3600.0;
        let words = format!(
            "Docker was restarted {restarts} times within {hours:.1} h and hangs again; thinguard will not restart it any \
             more, and still grows the pool. Next: find out why it hangs (thinguard status)"
        );
        Event::of(Kind::RestartBudgetSpent, Priority::Critical, &words).with("THINGUARD_RESTARTS", restarts.to_string())
    }
}

/// The next step behind a sentence; nothing where there is none.
fn next(finding: &Finding, stop: &str) -> String {
    match finding.remedy.as_str() {
        "" => String::new(),
        remedy => format!("{stop} Next: {remedy}"),
    }
}

/// A finding's message, led by its subject where it does not name it itself.
pub(super) fn sentence(finding: &Finding) -> String {
    match finding.subject.is_empty() || finding.message.contains(&finding.subject) {
        true => finding.message.clone(),
        false => format!("{}: {}", finding.subject, finding.message),
    }
}
