//! A growth by hand in words: the plan beforehand, and what a fresh status showed afterwards.

use super::json::HostReport;
use super::printable::printable;
use super::text::row;
use crate::kernel::grow::Step;
use crate::model::{Bytes, Deed, Pool, Target, Usage};

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
    let mut page = format!("would {}\n", plan.deed);
    if let (Some((path, before)), Deed::Grow { to, .. }) = (&plan.file, &plan.deed) {
        // A longer one is left as it is.
        let after = before.max(to);
        row(&mut page, "file", &format!("{path}: {before} before, {after} after"));
    }
    let HostReport {
        path,
        free_bytes,
        reserve_bytes,
        ..
    } = &plan.below;
    row(
        &mut page,
        "room",
        &format!(
            "{path}: {free_bytes} free now, {} once the pool holds all that it may; {reserve_bytes} are kept in reserve",
            plan.left
        ),
    );
    for (number, step) in plan.steps.iter().enumerate() {
        row(&mut page, &format!("step {}", number + 1), &step.call);
        for detail in &step.details {
            row(&mut page, "", detail);
        }
    }
    row(&mut page, "then", "a fresh status must show the new size");
    if let Some(note) = &plan.note {
        row(&mut page, "note", note);
    }
    page
}

/// What was done, with the pool before and after as the kernel's own status shows it.
pub fn done(deed: &Deed, shown: &str, before: &Pool, after: &Pool, below: Option<&HostReport>) -> String {
    let mut page = format!("{deed}: done; {}\n", printable(shown));
    let Deed::Grow { target, .. } = deed else { return page };
    let usage = |pool: &Pool| match target {
        Target::Data => pool.data,
        Target::Metadata => pool.metadata,
    };
    let words = |usage: Usage| {
        format!(
            "{} in {} blocks, {}% used",
            usage.total(),
            usage.total_blocks,
            usage.used_percent()
        )
    };
    row(&mut page, "before", &words(usage(before)));
    row(
        &mut page,
        "verified",
        &format!("{}, by a fresh status", words(usage(after))),
    );
    if let Some(host) = below {
        let room = format!(
            "{}: {} free, {} of it reserved",
            host.path, host.free_bytes, host.reserve_bytes
        );
        row(&mut page, "room", &room);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
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
