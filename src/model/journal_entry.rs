//! One line of ours as the journal gave it back.

use serde::{Deserialize, Serialize};

/// An entry that root's thinguard wrote. Texts are as they were written: hostile until shown otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When the journal took it, in microseconds since 1970, by the clock of that time.
    pub at_us: u64,
    /// The boot it belongs to.
    pub boot_id: Option<String>,
    /// Kind of event.
    pub message_id: String,
    /// As in syslog(3), 0 the worst.
    pub priority: Option<u8>,
    /// The line.
    pub message: String,
    /// `THINGUARD_CODE`
    pub code: Option<String>,
    /// `THINGUARD_SUBJECT`
    pub subject: Option<String>,
    /// `THINGUARD_REMEDY`
    pub remedy: Option<String>,
    /// `THINGUARD_DEED`
    pub deed: Option<String>,
    /// `THINGUARD_VERDICT`
    pub verdict: Option<String>,
    /// `THINGUARD_EVIDENCE`: lines.
    pub evidence: Option<String>,
}
