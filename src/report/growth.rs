//! A growth by hand in words: the plan beforehand, and what a fresh status showed afterwards.

use super::json::HostReport;
use super::page::Page;
use super::printable::printable;
use super::text::host_words;
use crate::kernel::grow::Step;
use crate::model::{Bytes, Deed, Pool};

/// A growth that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done.
    pub deed: Deed,
    /// The file that grows with its size now; `None` where LVM has the device.
    pub file: Option<(String, Bytes)>,
    /// What it grows into, as it is now.
    pub below: HostReport,
    /// What is free there once all is written that the pool may then hold.
    pub left: Bytes,
    /// The calls.
    pub steps: Vec<Step>,
    /// What else is worth knowing.
    pub note: Option<String>,
}

/// The plan, for `--dry-run`.
pub fn plan(plan: &Plan) -> String {
    let mut page = Page::unbroken(false);
    page.line(&format!("would {}", plan.deed));
    if let (Some((path, before)), Deed::Grow { to, .. }) = (&plan.file, &plan.deed) {
        // A longer one is left as it is.
        let after = before.max(to);
        page.row("file", &format!("{path}: {before} before, {after} after"));
    }
    let (host, left) = (&plan.below, plan.left);
    let room = format!(
        "{}: {} free now, {left} once the pool holds all that it may; {} are kept in reserve",
        host.path, host.free_bytes, host.reserve_bytes
    );
    page.row("room", &room);
    for (number, step) in plan.steps.iter().enumerate() {
        page.row(&format!("step {}", number + 1), &step.call);
        step.details.iter().for_each(|detail| page.row("", detail));
    }
    page.row("then", "a fresh status must show the new size");
    if let Some(note) = &plan.note {
        page.row("note", note);
    }
    page.text
}

/// What was done, with the pool before and after as the kernel's own status shows it.
pub fn done(deed: &Deed, shown: &str, before: &Pool, after: &Pool, below: Option<&HostReport>) -> String {
    let mut page = Page::unbroken(false);
    page.line(&format!("{deed}: done; {}", printable(shown)));
    let Deed::Grow { target, .. } = deed else {
        return page.text;
    };
    let words = |pool: &Pool| {
        let usage = pool.device(*target).usage;
        let (total, blocks, percent) = (usage.total(), usage.total_blocks, usage.used_percent());
        format!("{total} in {blocks} blocks, {percent}% used")
    };
    page.row("before", &words(before));
    page.row("verified", &format!("{}, by a fresh status", words(after)));
    if let Some(host) = below {
        page.row("room", &host_words(host));
    }
    page.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;
    use crate::report::tests::pool;

    fn grow() -> Deed {
        Deed::Grow {
            target: Target::Data,
            from: Bytes::gib(1),
            to: Bytes::gib(2),
        }
    }

    fn below() -> HostReport {
        HostReport {
            path: "/var/\u{1b}lib".into(),
            total_bytes: Bytes::gib(40),
            free_bytes: Bytes::gib(10),
            reserve_bytes: Bytes::gib(2),
        }
    }

    #[test]
    fn a_plan_tells_every_step() {
        let steps = [("ftruncate(/d, 2)", &[][..]), ("ioctl(x)", &["live: a", "loaded: b"])];
        let steps = steps.map(|(call, details)| Step {
            call: call.into(),
            details: details.iter().map(|it| (*it).to_owned()).collect(),
        });
        let mut told = Plan {
            deed: grow(),
            file: Some(("/d".into(), Bytes::gib(1))),
            below: below(),
            left: Bytes::gib(9),
            steps: steps.to_vec(),
            note: Some("metadata".into()),
        };
        let wanted = "\
would grow the data device from 1 GiB to 2 GiB
  file       /d: 1 GiB before, 2 GiB after
  room       /var/\\u{1b}lib: 10 GiB free now, 9 GiB once the pool holds all that it may; 2 GiB are kept in reserve
  step 1     ftruncate(/d, 2)
  step 2     ioctl(x)
             live: a
             loaded: b
  then       a fresh status must show the new size
  note       metadata
";
        assert_eq!(plan(&told), wanted);
        told.file = Some(("/d".into(), Bytes::gib(3)));
        assert!(plan(&told).contains("/d: 3 GiB before, 3 GiB after"));
        told.file = None;
        told.note = None;
        let page = plan(&told);
        assert!(!page.contains("  file ") && !page.contains("  note "), "{page}");
    }

    #[test]
    fn what_was_done_is_told_with_what_was_seen() {
        let (before, mut after) = (pool(), pool());
        after.data.total_blocks = 32;
        let wanted = "\
grow the data device from 1 GiB to 2 GiB: done; it is so
  before     1 MiB in 16 blocks, 25% used
  verified   2 MiB in 32 blocks, 12% used, by a fresh status
  room       /var/\\u{1b}lib: 10 GiB free, 2 GiB of it reserved
";
        assert_eq!(done(&grow(), "it is so", &before, &after, Some(&below())), wanted);
        assert_eq!(
            done(&Deed::Resume, "x", &before, &after, None),
            "resume the suspended pool: done; x\n"
        );
    }
}
