//! Which findings are news: what is new, what is over, and what has lasted. One that comes and goes is told less and less often.

use crate::model::{Code, Finding};
use std::collections::BTreeMap;
use std::time::Duration;

/// Lasting trouble is told again after this time.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// A finding that comes back within this time after it was over …
const COMES_BACK: Duration = Duration::from_secs(10 * 60);

/// … more often than this, flaps …
const OFTEN: u32 = 5;

/// … and is over only once it has been away for this long, and twice as long each further time,
const FIRST_HOLD: Duration = Duration::from_secs(10);

/// up to this.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// A code and what it is about.
type Key = (Code, String);

/// One finding that has been told.
#[derive(Debug)]
struct Told {
    finding: Finding,
    since: Duration,
    last: Duration,
    /// Since when it has not been found any more.
    away: Option<Duration>,
    /// Since when it is over.
    over: Option<Duration>,
    /// How often it has come back.
    returns: u32,
}

impl Told {
    /// How long it must be away to be over.
    fn hold(&self) -> Duration {
        match self.returns.checked_sub(OFTEN) {
            Some(more) => (FIRST_HOLD * (1 << more.min(8))).min(LONGEST_HOLD),
            None => Duration::ZERO,
        }
    }

    /// Its severity or next step has changed, or it is bad and lasts.
    fn has_news(&self, finding: &Finding, now: Duration) -> bool {
        self.finding.severity != finding.severity
            || without_figures(&self.finding.remedy) != without_figures(&finding.remedy)
            || (finding.is_refusal() && now.saturating_sub(self.last) >= AGAIN)
    }
}

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is new, or its severity or next step is.
    Raised(Finding),
    /// It is over after so long.
    Over(Code, String, Duration),
}

/// What has been said.
#[derive(Debug, Default)]
pub(super) struct ToldFindings(BTreeMap<Key, Told>);

impl ToldFindings {
    /// Whether this finding has been told and is not over.
    pub fn has(&self, finding: &Finding) -> bool {
        let told = self.0.get(&(finding.code, finding.subject.clone()));
        told.is_some_and(|told| told.over.is_none())
    }

    /// Takes in what was found now.
    pub fn news(&mut self, findings: &[Finding], now: Duration) -> Vec<News> {
        let mut current = BTreeMap::new();
        for finding in findings {
            // Of a pool that has run out of both, the metadata come first, and the data wait for them.
            current
                .entry((finding.code, finding.subject.clone()))
                .or_insert(finding);
        }
        let mut news = Vec::new();
        let lasts = |at: Duration| now.saturating_sub(at) < COMES_BACK;
        self.0.retain(|_, told| told.over.is_none_or(lasts));
        for (key, told) in &mut self.0 {
            if told.over.is_some() || current.contains_key(key) {
                continue;
            }
            let away = *told.away.get_or_insert(now);
            if now.saturating_sub(away) >= told.hold() {
                told.over = Some(now);
                news.push(News::Over(key.0, key.1.clone(), away.saturating_sub(told.since)));
            }
        }
        for (key, finding) in current {
            let (mut since, mut returns) = (now, 0);
            if let Some(told) = self.0.get_mut(&key) {
                let is_over = told.over.is_some();
                told.away = None;
                if !is_over && !told.has_news(finding, now) {
                    continue;
                }
                since = if is_over { now } else { told.since };
                returns = told.returns.saturating_add(is_over.into());
            }
            let told = Told {
                finding: finding.clone(),
                since,
                last: now,
                away: None,
                over: None,
                returns,
            };
            self.0.insert(key, told);
            news.push(News::Raised(finding.clone()));
        }
        news
    }
}

/// A text as it would be with other numbers: figures that count down are no news, another next step is.
pub(super) fn without_figures(text: &str) -> String {
    text.split(|c: char| c.is_ascii_digit() || c == '.')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("#")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn full(remedy: &str) -> Vec<Finding> {
        vec![
            Finding::refuse(Code::HostFilesystemFull, "/d")
                .says("words")
                .next(remedy),
        ]
    }

    #[test]
    fn countdowns_are_no_news() {
        assert_eq!(
            without_figures("no restart: 12 s to go"),
            without_figures("no restart: 3.5 s to go")
        );
        assert_ne!(without_figures("no restart: 12 s"), without_figures("a restart: 12 s"));
    }

    #[test]
    fn a_thing_is_told_when_it_changes_and_when_it_lasts() {
        let mut told = ToldFindings::default();
        let raised = |remedy| vec![News::Raised(full(remedy).remove(0))];
        for (second, findings, news) in [
            (0, full("wait 9 s"), raised("wait 9 s")),
            (1, full("wait 8 s"), vec![]),
            (2, full("add a disk"), raised("add a disk")),
            (901, full("add a disk"), vec![]),
            (902, full("add a disk"), raised("add a disk")),
            (
                903,
                vec![],
                vec![News::Over(Code::HostFilesystemFull, "/d".into(), secs(903))],
            ),
        ] {
            assert_eq!(told.news(&findings, secs(second)), news, "{second}");
        }
    }

    /// The room moves by one block around the reserve.
    #[test]
    fn what_comes_and_goes_is_told_less_and_less_often() {
        let mut told = ToldFindings::default();
        let mut lines = 0;
        for second in 0..2000 {
            let findings = if second % 2 == 0 { full("wait") } else { Vec::new() };
            lines += told.news(&findings, secs(second)).len();
        }
        // Raised six times, over five times; then it lasts, and is told again each quarter of an hour.
        assert_eq!(lines, 13);
        // Each two minutes.
        let mut told = ToldFindings::default();
        let lines: usize = (0..36_000)
            .map(|second| {
                let findings = if second % 120 < 100 { full("wait") } else { Vec::new() };
                told.news(&findings, secs(second)).len()
            })
            .sum();
        assert!(lines < 60, "{lines}");
    }

    #[test]
    fn what_comes_back_after_a_long_time_is_over_at_once() {
        let mut told = ToldFindings::default();
        for hour in 0..3 {
            assert_eq!(told.news(&full("wait"), secs(hour * 3600)).len(), 1);
            assert_eq!(told.news(&[], secs(hour * 3600 + 5)).len(), 1);
        }
    }
}
