//! `thinguard grow`: one growth, asked for by hand, behind the same laws as the guard's own.

mod plan;

use super::look::Once;
use super::{reports, settings};
use crate::model::{Bytes, Deed, Lvm, Outcome, Pool, Seen, Settings, Snapshot, Target, parse_size};
use crate::report::growth;
use anyhow::{Result, bail};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time for all of it. A growth takes a fraction of a second; a stuck one is left alone.
const DEADLINE: Duration = Duration::from_secs(60);

/// A size as typed: `400G`, `+20G` or `+25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    To(Bytes),
    By(Bytes),
    /// This share of the present size more.
    ByPercent(u8),
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = match text.strip_prefix('+').map(|more| (more, more.strip_suffix('%'))) {
            None => parse_size(text).ok().map(Size::To),
            Some((more, None)) => parse_size(more).ok().map(Size::By),
            Some((_, Some(percent))) => percent.parse().ok().filter(|p| *p > 0).map(Size::ByPercent),
        };
        size.ok_or_else(|| format!("'{text}' is not a size; write 400G, +20G or +25%"))
    }
}

impl Size {
    /// The absolute size that is meant, from the present one.
    pub fn from(self, now: Bytes) -> Bytes {
        match self {
            Size::To(size) => size,
            Size::By(more) => now.saturating_add(more),
            Size::ByPercent(percent) => now.saturating_add(now.percent(percent)),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    pub data: Option<Size>,
    pub metadata: Option<Size>,
    /// `--dry-run`: only say what would be done.
    pub dry_run: bool,
}

/// Grows what was asked for; metadata first.
///
/// # Errors
/// Why something was not grown; what was grown before stays so.
pub fn run(args: &Args) -> Result<ExitCode> {
    let settings = settings::load(Path::new("/"))?;
    let mut once = Once::new(&settings, "/", DEADLINE)?;
    if std::io::stderr().is_terminal() {
        once.errands.waiting = Some(waiting);
    }
    once.learn_config(false, None);
    once.look_at_storage();
    let mut seen = once.look_at_lvm();
    for (target, size) in [(Target::Metadata, args.metadata), (Target::Data, args.data)] {
        let Some(size) = size else { continue };
        let deed = plan::wish(target, size, &seen, &settings)?;
        if args.dry_run {
            super::say(&growth::plan(&plan::told(&deed, &seen, &settings)?));
            // The next one is planned as if this one had been done.
            seen = plan::after(&deed, seen);
        } else {
            seen = perform(&mut once, &deed, &seen, &settings)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it, and says what a fresh look shows; gives that look.
fn perform(once: &mut Once, deed: &Deed, seen: &Snapshot, settings: &Settings) -> Result<Snapshot> {
    let (outcome, after) = once.perform(deed, seen);
    match outcome {
        Outcome::Done => {}
        Outcome::Failed(why) | Outcome::Stuck(why) | Outcome::NotBegun(why) => bail!("{deed}: {why}"),
    }
    let after = match after.pool {
        // Room and sizes are others now.
        Seen::Known(Some(Pool { lvm: Lvm::Asked(_), .. })) => once.look_at_lvm(),
        _ => after,
    };
    let shown = crate::judge::verify(deed, &after).unwrap_or_else(|shown| shown);
    if let (Seen::Known(Some(was)), Seen::Known(Some(is))) = (&seen.pool, &after.pool) {
        let below = reports::headroom(is, &after, settings).host;
        super::say(&growth::done(deed, &shown, was, is, below.as_ref()));
    }
    Ok(after)
}

/// Says on a terminal what is waited for, in place; with nothing to say it clears the line.
fn waiting(waited: Option<Duration>) {
    match waited {
        Some(waited) => super::complain(&format!("\rwaiting for the kernel, {} s ", waited.as_secs())),
        // Carriage return, and the line erased (ECMA-48, EL).
        None => super::complain("\r\u{1b}[K"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_typed() {
        let now = Bytes::gib(100);
        for (text, expected) in [
            ("400G", Bytes::gib(400)),
            ("+20G", Bytes::gib(120)),
            ("+25%", Bytes::gib(125)),
        ] {
            assert_eq!(text.parse::<Size>().unwrap().from(now), expected, "{text}");
        }
        for bad in ["", "+", "25%", "-1G", "+-1G", "+0%", "+256%", "x", "+%", "1e3"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
