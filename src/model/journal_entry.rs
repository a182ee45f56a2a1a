//! One line of ours as the journal gave it back.

use super::Answer;
use serde::Serialize;

/// An entry that root's thinguard wrote. Texts are as they were written: hostile until shown otherwise. What is not skipped is told
/// to programs under these names: a contract; add, never rename or remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// When the journal took it, in microseconds since 1970, by the clock of that time.
    #[serde(skip)]
    pub at_us: u64,
    /// Kind of event.
    #[serde(skip)]
    pub message_id: String,
    /// `THINGUARD_VERDICT`
    #[serde(skip)]
    pub verdict: Option<Answer>,
    /// `THINGUARD_CODE`
    pub code: String,
    /// `THINGUARD_SUBJECT`
    pub subject: Option<String>,
    /// `THINGUARD_DEED`
    pub deed: Option<String>,
    /// As in syslog(3), 0 the worst.
    pub priority: Option<u8>,
    /// The line.
    pub message: String,
    /// `THINGUARD_REMEDY`
    pub remedy: Option<String>,
    /// `THINGUARD_EVIDENCE`, with `--evidence`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<String>>,
    /// The boot it belongs to.
    pub boot_id: Option<String>,
}
