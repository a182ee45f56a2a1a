//! A bar that shows how full something is, with a mark where something begins.

use crate::model::Bytes;
use crate::report::json::{HostReport, UsageReport};
use crate::report::page::{Colour, Terminal};

/// How full something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Fullness {
    /// What is in use.
    pub used: Bytes,
    /// All of it.
    pub total: Bytes,
    /// With less than this free something begins: growth, or the reserve. No mark without it.
    pub low: Option<Bytes>,
}

impl From<&UsageReport> for Fullness {
    fn from(usage: &UsageReport) -> Fullness {
        Fullness {
            used: usage.used_bytes,
            total: usage.total_bytes,
            low: usage.low_bytes,
        }
    }
}

impl From<&HostReport> for Fullness {
    fn from(host: &HostReport) -> Fullness {
        Fullness {
            used: host.total_bytes.saturating_sub(host.free_bytes),
            total: host.total_bytes,
            low: Some(host.reserve_bytes),
        }
    }
}

impl Fullness {
    /// What is free.
    pub(in crate::report) fn free(&self) -> Bytes {
        self.total.saturating_sub(self.used)
    }

    /// `  5% of 1 GiB used, 972 MiB free`. Hundredths are rounded down; they are 100 for what has no size, since nothing fits into it.
    pub(in crate::report) fn figures(&self) -> String {
        let percent = u128::from(self.used.0) * 100;
        let percent = percent.checked_div(u128::from(self.total.0)).unwrap_or(100);
        format!("{percent:>3}% of {} used, {} free", self.total, self.free())
    }

    fn colour(&self) -> Colour {
        match self.low {
            _ if self.free() == Bytes(0) => Colour::Red,
            Some(low) if self.free() < low => Colour::Yellow,
            _ => Colour::Green,
        }
    }

    /// As a bar of so many cells and two brackets.
    pub(in crate::report) fn bar(&self, cells: usize, terminal: &Terminal) -> String {
        let glyphs = match terminal.utf8 {
            true => ['\u{2588}', '\u{2591}', '\u{2503}'],
            false => ['#', '.', '|'],
        };
        let [used, free, mark] = glyphs;
        let full = self.cell(self.used, cells);
        // What is begun shows, and what is not full does not look so.
        let full = match (self.used, self.free()) {
            (Bytes(0), _) => 0,
            (_, Bytes(0)) => cells,
            _ => full.clamp(1, cells.saturating_sub(1).max(1)),
        };
        let at = self.low.map(|low| {
            let at = self.cell(self.total.saturating_sub(low), cells);
            at.min(cells.saturating_sub(1))
        });
        let cell = |n: usize| match n {
            n if Some(n) == at => mark,
            n if n < full => used,
            _ => free,
        };
        let inside: String = (0..cells).map(cell).collect();
        format!("[{}]", terminal.painted(&inside, self.colour()))
    }

    /// Whole cells that so many bytes fill.
    fn cell(&self, bytes: Bytes, cells: usize) -> usize {
        let filled = u128::from(bytes.0) * cells as u128;
        let filled = filled.checked_div(u128::from(self.total.0)).unwrap_or(cells as u128);
        usize::try_from(filled).unwrap_or(cells).min(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(used: u64, total: u64, low: Option<u64>, utf8: bool, colour: bool) -> String {
        let fullness = Fullness {
            used: Bytes(used),
            total: Bytes(total),
            low: low.map(Bytes),
        };
        let terminal = Terminal {
            width: 80,
            colour,
            utf8,
        };
        fullness.bar(10, &terminal)
    }

    #[test]
    fn bars() {
        for (used, total, low, wanted) in [
            (0, 100, None, "[..........]"),
            (1, 100, None, "[#.........]"),
            (55, 100, Some(20), "[#####...|.]"),
            (85, 100, Some(20), "[########|.]"),
            (99, 100, Some(20), "[########|.]"),
            (99, 100, None, "[#########.]"),
            (100, 100, Some(20), "[########|#]"),
            (100, 100, Some(0), "[#########|]"),
            (5, 100, Some(100), "[|.........]"),
            (0, 0, Some(9), "[.........|]"),
            (u64::MAX, u64::MAX, Some(u64::MAX), "[|#########]"),
            (9, 3, None, "[##########]"),
        ] {
            assert_eq!(bar(used, total, low, false, false), wanted, "{used} of {total}");
        }
        assert_eq!(bar(55, 100, Some(20), true, false), "[█████░░░┃░]");
    }

    #[test]
    fn colour_says_what_the_mark_says() {
        for (used, low, wanted) in [
            (10, Some(20), "\u{1b}[1;32m"),
            (90, Some(20), "\u{1b}[1;33m"),
            (90, None, "\u{1b}[1;32m"),
            (100, None, "\u{1b}[1;31m"),
        ] {
            let painted = bar(used, 100, low, false, true);
            assert!(painted.starts_with(&format!("[{wanted}")), "{painted:?}");
            assert!(painted.ends_with("\u{1b}[0m]"), "{painted:?}");
        }
    }
}
