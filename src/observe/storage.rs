//! The pool, its files and the filesystem below them: the looks that are sent out, and what is known.

use super::slot::{self, Answer};
use super::{Ask, Observer, Sense, pools};
use crate::docker::configuration::Configuration;
use crate::kernel::errand::Porter;
use crate::model::{Backing, Disk, Mode, Pool, Seen, Unit};
use serde::de::IgnoredAny;
use std::time::Duration;

impl Observer {
    /// Sends out the looks at the pool and the files below it.
    pub fn look_at_storage(&mut self, porter: &Porter, now: Duration) {
        if self.root == "/" {
            self.ask(porter, Sense::Pools, &Ask::Pools, now);
        }
        self.look_at_host(porter, now);
    }

    /// Sends out the look at the files, if it could not be sent with the pool's for want of knowing where they are.
    pub fn look_at_files(&mut self, porter: &Porter, now: Duration) {
        if self.slot(Sense::Host).last().is_none() {
            self.look_at_host(porter, now);
        }
    }

    pub(super) fn look_at_host(&mut self, porter: &Porter, now: Duration) {
        let pool = self.pool(now).known_or_none().flatten();
        let files = pool.as_ref().map(loop_files).unwrap_or_default();
        if let Some(config) = self.config() {
            let ask = Ask::Host {
                root: self.root.clone(),
                data_root: config.data_root.value.clone(),
                files,
            };
            self.ask(porter, Sense::Host, &ask, now);
        }
    }

    /// Waits for the pool's next event, unless that errand is out already.
    pub fn await_event(&mut self, porter: &Porter, now: Duration) {
        let Seen::Known(Some(pool)) = self.pool(now) else {
            return;
        };
        let ask = Ask::Event {
            pool: pool.name,
            event_nr: pool.event_nr,
        };
        self.ask(porter, Sense::Event, &ask, now);
    }

    /// Whether the kernel has raised an event, rather than refused to wait for one.
    pub fn event_came(&self) -> bool {
        self.slot(Sense::Event).last_value::<Option<IgnoredAny>>().is_some()
    }

    /// The look at the pools that came with the newest event, if one did.
    pub(super) fn look_of_event(&self, now: Duration) -> Option<Answer> {
        self.slot(Sense::Event).last_value::<Option<pools::Look>>()??;
        let answer = self.slot(Sense::Event).last()?.clone();
        // The wait was asked for long before.
        Some(Answer { asked: now, ..answer })
    }

    pub(super) fn is_pool_in_trouble(&self, now: Duration) -> bool {
        let pool = self.pool(now).known_or_none().flatten();
        pool.is_some_and(|pool| pool.is_exhausted() || pool.suspended || pool.mode != Mode::Rw)
    }

    /// The pool's files and the filesystem below them, as last seen.
    pub fn disk(&self, now: Duration) -> Seen<Disk> {
        self.seen(Sense::Host, now)
    }

    /// Docker's pool as last seen.
    pub(super) fn pool(&self, now: Duration) -> Seen<Option<Pool>> {
        if self.root != "/" {
            return Seen::Known(None);
        }
        match self
            .slot(Sense::Pools)
            .stuck_for(now, self.settings.watch.look_deadline)
        {
            Some(waited) => Seen::unknown(slot::stuck(waited)),
            None => self.pool.clone(),
        }
    }

    /// The names by which Docker opens the files of this pool, as far as there is nothing behind them. A pool that `dm.datadev` has on loop
    /// devices of an operator's has none.
    pub(super) fn names_gone(&self, look: &Disk, pool: &Pool) -> Vec<String> {
        let own = self.config().is_some_and(Configuration::is_certainly_on_loop_files);
        let its = look.pool_name.as_deref() == Some(pool.name.as_str());
        match own && its && pool.is_on_files() {
            true => look.missing.clone(),
            false => Vec::new(),
        }
    }

    /// Finds out which of the pools that were seen is Docker's. It is asked for many times a look, and read out of the answer once.
    pub(super) fn find_pool(&mut self) {
        let main_pid = self.slot(Sense::Unit).last_value::<Unit>().map(|unit| unit.main_pid);
        let said = self.said.as_ref();
        let expected = pools::Expected {
            // Of a daemon that is not known to be another one.
            said: said
                .filter(|said| main_pid.is_none_or(|pid| pid == said.main_pid))
                .and_then(|said| said.pool.clone()),
            name: self
                .slot(Sense::Host)
                .last_value::<Disk>()
                .and_then(|look| look.pool_name),
            data_root: self.config().map(|config| config.data_root.value.clone()),
            thin_pool_device: self.config().and_then(Configuration::pool_of_lvm),
        };
        self.pool = match self.slot(Sense::Pools).last_seen::<pools::Look>() {
            Seen::Known(look) => pools::select(&look.pools, &expected).into(),
            Seen::Unknown(why) => Seen::Unknown(why),
        };
    }
}

/// The files below the pool's devices.
fn loop_files(pool: &Pool) -> Vec<String> {
    [&pool.data_backing, &pool.metadata_backing]
        .into_iter()
        .filter_map(|backing| match backing {
            Backing::Loop { file, .. } => Some(file.clone()),
            Backing::Deleted { .. } | Backing::Device(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::errand::encode;
    use crate::model::Settings;
    use crate::observe::slot::Slot;

    fn after_event(brought: &Result<Option<pools::Look>, String>) -> Observer {
        let mut observer = Observer::new(Settings::default(), "/");
        observer.slots[Sense::Event as usize].take_over(Answer {
            asked: Duration::from_secs(10),
            came: Duration::from_secs(500),
            result: Ok(encode(brought.clone())),
        });
        observer
    }

    #[test]
    fn an_event_tells_even_where_its_look_failed() {
        let now = Duration::from_secs(501);
        let look = pools::Look {
            volumes: vec![(3, "docker-8:1-12-abc".into())],
            ..pools::Look::default()
        };
        let whole = after_event(&Ok(Some(look.clone())));
        assert!(whole.event_came());
        let mut pools = Slot::default();
        pools.take_over(whole.look_of_event(now).unwrap());
        assert_eq!(pools.last_seen::<pools::Look>(), Seen::Known(look));
        assert_eq!(pools.last().unwrap().asked, now);

        let without = after_event(&Ok(None));
        assert!(without.event_came());
        assert!(without.look_of_event(now).is_none());

        let refused = after_event(&Err("no such device".into()));
        assert!(!refused.event_came());
        assert!(refused.look_of_event(now).is_none());
    }
}
