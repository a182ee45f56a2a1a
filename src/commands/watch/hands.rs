//! Deeds on their way: at most one at the pool and one at the daemon, each in a child, each judged by a fresh look.

use crate::act::{self, Order};
use crate::judge;
use crate::kernel::errand::{Kind, Porter, Request, Slot, Undone, decode};
use crate::model::{Deed, Outcome, Probe, Settings, Snapshot};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// One deed on its way.
#[derive(Debug)]
struct Hand {
    deed: Deed,
    errand: Slot,
    began: Duration,
    /// What the child said, and when. It is not believed until a look bears it out.
    said: Option<(Result<String, Undone>, Duration)>,
    called_stuck: bool,
}

/// A deed, what came of it, the time it took, and what the look shows.
type Ended = (Deed, Outcome, Duration, String);

/// The two hands.
#[derive(Debug, Default)]
pub(super) struct Hands {
    pool: Option<Hand>,
    daemon: Option<Hand>,
    /// When a child was last sent to finish a restart.
    finishing: Option<Duration>,
}

/// Rest between two tries to finish a restart.
const FINISH_AGAIN: Duration = Duration::from_secs(60);

/// How long after a child's word the effect may take to show.
fn patience(deed: &Deed, settings: &Settings) -> Duration {
    match deed {
        Deed::Grow { .. } | Deed::Resume => settings.watch.look_deadline,
        // XFS writes its log items anew every few seconds.
        Deed::XfsGiveUp { .. } => Duration::from_secs(30),
        // A daemon that has just started answers /info once it has gone through its containers.
        Deed::Restart => settings.watch.silent_after.max(Duration::from_secs(60)),
    }
}

/// Whether the daemon has answered a question that was put after `at`: an older answer may be the old daemon's.
fn answered_since(seen: &Snapshot, now: Duration, at: Duration) -> bool {
    matches!(seen.daemon.info, Probe::Answered { asked_ago, .. } if now.saturating_sub(asked_ago) > at)
}

impl Hands {
    /// Sends a child out to do the deed. Nothing has changed where it was not begun.
    pub fn begin(&mut self, porter: &Porter, deed: &Deed, seen: &Snapshot, now: Duration) -> Result<(), String> {
        let order = act::order(deed, seen)?;
        self.send(porter, deed, &order, now)
    }

    fn send(&mut self, porter: &Porter, deed: &Deed, order: &Order, now: Duration) -> Result<(), String> {
        let hand = match deed {
            Deed::Grow { .. } | Deed::Resume | Deed::XfsGiveUp { .. } => &mut self.pool,
            Deed::Restart => &mut self.daemon,
        };
        if hand.is_some() {
            return Err(Undone::StillOut.to_string());
        }
        let mut errand = Slot::default();
        errand
            .send(porter, &Request::new(Kind::Deed, order), now)
            .map_err(|why| why.to_string())?;
        *hand = Some(Hand {
            deed: deed.clone(),
            errand,
            began: now,
            said: None,
            called_stuck: false,
        });
        Ok(())
    }

    /// Whether a child is at the daemon, or a stuck one was left there.
    pub fn at_daemon(&self) -> bool {
        self.daemon.is_some()
    }

    /// Now and then: sends a child to finish a restart whose stop was ordered, by us or an earlier guard, and whose start nobody has seen
    /// to. Whether one was sent.
    pub fn finish_restart(&mut self, porter: &Porter, now: Duration) -> bool {
        if self.finishing.is_some_and(|at| now.saturating_sub(at) < FINISH_AGAIN) {
            return false;
        }
        self.finishing = Some(now);
        self.send(porter, &Deed::Restart, &Order::FinishRestart, now).is_ok()
    }

    fn hands(&self) -> impl Iterator<Item = &Hand> {
        [&self.pool, &self.daemon].into_iter().flatten()
    }

    /// How many children are past their time.
    pub fn stuck(&self) -> usize {
        let stuck = |hand: &&Hand| hand.called_stuck && hand.errand.is_out();
        self.hands().filter(stuck).count()
    }

    /// A child is at the pool and has not said anything yet.
    pub fn at_pool(&self) -> bool {
        self.pool.as_ref().is_some_and(|hand| hand.said.is_none())
    }

    /// Descriptors that become readable when a child has ended.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.hands().filter_map(|hand| hand.errand.fd())
    }

    /// What children are still at.
    pub fn under_way(&self) -> Vec<&Deed> {
        let out = self.hands().filter(|hand| hand.errand.is_out());
        out.map(|hand| &hand.deed).collect()
    }

    /// Takes in what children have said; whether one has.
    pub fn collect(&mut self, now: Duration) -> bool {
        let mut any = false;
        for hand in [&mut self.pool, &mut self.daemon].into_iter().flatten() {
            if let Some((said, _)) = hand.errand.collect() {
                hand.said = Some((said.and_then(|answer| decode(&answer)), now));
                any = true;
            }
        }
        any
    }

    /// Deeds that have come to an end in the light of a fresh look, or that are stuck.
    pub fn settle(&mut self, seen: &Snapshot, now: Duration, settings: &Settings) -> Vec<Ended> {
        let mut ended = Vec::new();
        for slot in [&mut self.pool, &mut self.daemon] {
            let Some(hand) = slot else { continue };
            let out_for = now.saturating_sub(hand.began);
            let Some((said, at)) = &hand.said else {
                if out_for > act::deadline(&hand.deed, settings) && !hand.called_stuck {
                    hand.called_stuck = true;
                    let why = Undone::Late(out_for).to_string();
                    ended.push((hand.deed.clone(), Outcome::Stuck(why), out_for, String::new()));
                }
                continue;
            };
            let took = at.saturating_sub(hand.began);
            let verified = judge::verify(&hand.deed, seen).and_then(|shown| match answered_since(seen, now, *at) {
                false if hand.deed == Deed::Restart && said.is_ok() => {
                    Err(format!("{shown}, but not since the restart"))
                }
                _ => Ok(shown),
            });
            let (outcome, shown) = match (verified, said) {
                // What was not begun is not done, however well the daemon answers.
                (Ok(shown) | Err(shown), Err(why @ Undone::NotBegun(_))) => (Outcome::NotBegun(why.to_string()), shown),
                // With the units that were started with it, or were not.
                (Ok(shown), Ok(said)) if hand.deed == Deed::Restart => (Outcome::Done, format!("{shown}; {said}")),
                (Ok(shown), _) => (Outcome::Done, shown),
                (Err(shown), Err(why)) => (Outcome::Failed(format!("{why}; {shown}")), shown),
                (Err(_), Ok(_)) if now.saturating_sub(*at) < patience(&hand.deed, settings) => continue,
                // Why nobody answers may be known: an operator had it called off.
                (Err(shown), Ok(said)) if hand.deed == Deed::Restart => {
                    (Outcome::Failed(format!("{said}; {shown}")), shown)
                }
                (Err(shown), Ok(_)) => (Outcome::Failed(shown.clone()), shown),
            };
            ended.push((hand.deed.clone(), outcome, took, shown));
            *slot = None;
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Daemon;

    #[test]
    fn what_was_not_begun_is_not_done_however_well_the_daemon_answers() {
        let second = Duration::from_secs;
        for (said, done) in [
            (Err(Undone::NotBegun("a task is in D state".into())), false),
            (Ok("active; started again with it: a".into()), true),
        ] {
            let mut hands = Hands {
                daemon: Some(Hand {
                    deed: Deed::Restart,
                    errand: Slot::default(),
                    began: second(100),
                    said: Some((said, second(101))),
                    called_stuck: false,
                }),
                ..Hands::default()
            };
            let answered = Probe::Answered {
                took: second(0),
                asked_ago: second(1),
            };
            let seen = Snapshot {
                daemon: Daemon {
                    info: answered,
                    ..Daemon::default()
                },
                ..Snapshot::default()
            };
            let ended = hands.settle(&seen, second(110), &Settings::default());
            let outcomes: Vec<_> = ended.iter().map(|(_, outcome, _, _)| outcome).collect();
            assert_eq!(matches!(outcomes[..], [Outcome::Done]), done, "{outcomes:?}");
            assert_eq!(matches!(outcomes[..], [Outcome::NotBegun(_)]), !done, "{outcomes:?}");
            assert!(!done || ended[0].3.ends_with("; started again with it: a"), "{ended:?}");
        }
    }
}
