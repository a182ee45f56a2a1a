//! What a drill has shown: a line for each check, and one word over all.

use super::printable::printable;
use std::fmt::Write;
use std::time::Duration;

/// What came of a check, with the reason or the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Passed(String),
    /// It does not.
    Failed(String),
    /// It was not tried.
    Skipped(String),
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried, in a word or two.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// How many passed, failed and were skipped.
pub fn count(checks: &[Check]) -> (usize, usize, usize) {
    checks
        .iter()
        .fold((0, 0, 0), |(passed, failed, skipped), check| match check.outcome {
            Outcome::Passed(_) => (passed + 1, failed, skipped),
            Outcome::Failed(_) => (passed, failed + 1, skipped),
            Outcome::Skipped(_) => (passed, failed, skipped + 1),
        })
}

/// The sentence over all.
pub fn summary(checks: &[Check]) -> String {
    let (passed, failed, skipped) = count(checks);
    let mut words = match failed {
        0 => format!("{passed} checks passed"),
        1 => format!("1 check FAILED, {passed} passed"),
        _ => format!("{failed} checks FAILED, {passed} passed"),
    };
    if skipped > 0 {
        words.push_str(&format!(", {skipped} skipped"));
    }
    words
}

/// The table.
pub fn text(checks: &[Check], took: Duration) -> String {
    let mut text = format!("thinguard drill: {} ({:.1} s)\n", summary(checks), took.as_secs_f32());
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for Check { name, outcome } in checks {
        let (word, why) = match outcome {
            Outcome::Passed(why) => ("ok", why),
            Outcome::Failed(why) => ("FAILED", why),
            Outcome::Skipped(why) => ("skipped", why),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {word:7}  {name:width$}  {}", printable(why));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_a_line() {
        let check = |name, outcome| Check { name, outcome };
        let mut checks = vec![
            check("permissions", Outcome::Passed("root".into())),
            check("pool", Outcome::Failed("no\nroom".into())),
            check("growth", Outcome::Skipped("there is no pool".into())),
        ];
        assert_eq!(
            text(&checks, Duration::from_millis(1240)),
            "thinguard drill: 1 check FAILED, 1 passed, 1 skipped (1.2 s)\n\
             \x20 ok       permissions  root\n\
             \x20 FAILED   pool         no\\nroom\n\
             \x20 skipped  growth       there is no pool\n"
        );
        assert_eq!(count(&checks), (1, 1, 1));
        checks.truncate(1);
        assert_eq!(summary(&checks), "1 checks passed");
    }
}
