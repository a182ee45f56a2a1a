//! Why a unit cannot be started.

use serde::{Deserialize, Serialize};

/// What keeps systemd from starting a unit, whatever Docker would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitFault {
    /// There is no such unit.
    Missing,
    /// It is masked.
    Masked,
    /// systemd does not load it or refuses its settings.
    Refused,
}
