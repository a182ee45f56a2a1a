//! The daemon: when its unit, its tasks and its answers are looked at again, and what is known of it.

use super::docker_socket::Whom;
use super::slot::Slot;
use super::start_command::Question;
use super::{Ask, Observer, Sense, docker_socket};
use crate::docker::configuration::Configuration;
use crate::docker::names::DEFAULT_SOCKET;
use crate::kernel::errand::Porter;
use crate::model::{ActiveState, Containers, Daemon, Probe, Seen, Unit};
use serde::de::IgnoredAny;
use std::time::Duration;

/// How old an answer may be before the daemon, whose state moves slowly, is asked again.
const DAEMON_FRESH: Duration = Duration::from_secs(5);

/// The same in so many rests of the settings' `interval` while all is well. Each look costs several processes, and the trouble that
/// there is a cure for is told by the pool and by the kernel, not by the daemon.
const CALM_RESTS: u32 = 3;

/// But never more than this.
const CALM_AT_MOST: Duration = Duration::from_secs(60);

/// For so long after a trouble of the pool, or after a container has come or gone, all is not calm.
const LATELY: Duration = Duration::from_secs(60);

/// The same while the pool is in trouble or a task of the daemon's is in D state: a hang may begin.
const DAEMON_FRESH_IN_TROUBLE: Duration = Duration::from_secs(2);

/// How old the unit's state may be when a request is sent to the daemon.
const UNIT_FRESH: Duration = Duration::from_secs(1);

impl Observer {
    /// Sends out the looks at the daemon whose answers have aged, unless the last one is still out. Whether all could be sent: the rest
    /// waits for the unit's state, and is to be sent once that has come.
    #[must_use]
    pub fn look_at_daemon(&mut self, porter: &Porter, now: Duration) -> bool {
        // A request connects, and systemd starts a stopped daemon for a connection to its socket (law 3): before one is sent, the
        // unit's state must have been learnt in this very look.
        let request_due = [Sense::Ping, Sense::Info]
            .iter()
            .any(|sense| self.request_is_due(*sense, now));
        let daemon_fresh = self.daemon_fresh(now);
        let fresh = if request_due { UNIT_FRESH } else { daemon_fresh };
        if self.slot(Sense::Unit).is_due(now, fresh) {
            let name = self.settings.docker.unit.clone();
            self.ask(porter, Sense::Unit, &Ask::Unit { name }, now);
        }
        if self.slot(Sense::Unit).out_for(now).is_some() {
            return false;
        }
        let unit = self.unit(now);
        let Some(unit) = unit.known() else { return true };
        if unit.active_state == ActiveState::Active && !unit.job_pending && !unit.host_stopping {
            if self.slot(Sense::Tasks).is_due(now, daemon_fresh) || self.is_silent(now) {
                let ask = Ask::Tasks {
                    control_group: unit.control_group.clone(),
                    main_pid: unit.main_pid,
                    sleepers: self.is_silent(now),
                };
                self.ask(porter, Sense::Tasks, &ask, now);
            }
            match self.is_silent(now) {
                true => drop(self.ask(porter, Sense::Containerd, &Ask::Containerd, now)),
                false => self.slots[Sense::Containerd as usize].forget(),
            }
            if self.answers(now) {
                self.slots[Sense::Ping as usize].disown();
            }
            match self.docker_root(now) {
                Some(data_root) if self.is_silent(now) => {
                    if self.slot(Sense::Driver).is_due(now, DAEMON_FRESH) {
                        let ask = Ask::Driver {
                            whom: self.whom(unit),
                            data_root,
                        };
                        self.ask(porter, Sense::Driver, &ask, now);
                    }
                }
                _ => self.slots[Sense::Driver as usize].disown(),
            }
            for (sense, path) in [(Sense::Ping, "/_ping"), (Sense::Info, "/info")] {
                if self.request_is_due(sense, now) {
                    self.ask(porter, sense, &self.get(path, unit), now);
                }
            }
        } else {
            // What a daemon said before it was stopped says nothing of the next one. A look at tasks that is still out is not dropped, for
            // a second one could get stuck beside it.
            self.drop_requests();
            self.slots[Sense::Tasks as usize].forget();
            self.slots[Sense::Containerd as usize].forget();
        }
        true
    }

    fn whom(&self, unit: &Unit) -> Whom {
        Whom {
            socket: self.socket(),
            unit: unit.name.clone(),
            main_pid: unit.main_pid,
        }
    }

    /// Puts `/info` once more by a new child on a new connection, while the first is still out: what a child of ours that hangs does not
    /// bring is no silence of Docker's.
    pub fn ask_info_anew(&mut self, porter: &Porter, now: Duration) {
        self.info_anew = Slot::default();
        let unit = self.unit(now);
        if let Some(unit) = unit.known().filter(|_| self.slot(Sense::Info).out_for(now).is_some()) {
            let ask = self.get("/info", unit);
            self.info_anew.ask(porter, &ask, now);
        }
    }

    fn get(&self, path: &str, unit: &Unit) -> Ask {
        let (whom, path) = (self.whom(unit), path.to_owned());
        Ask::Get { whom, path }
    }

    /// Forgets what was asked of the daemon. The children of requests that are still out end with the connection, so none is left beside
    /// the next.
    pub(super) fn drop_requests(&mut self) {
        for sense in [Sense::Ping, Sense::Info, Sense::Driver] {
            self.slots[sense as usize] = Slot::default();
        }
    }

    /// Whether that one is out, and has not been for this long.
    pub fn awaits_info_anew(&self, patience: Duration, now: Duration) -> bool {
        self.info_anew.is_awaited(patience, now)
    }

    /// A refusal is asked about again sooner than an answer. A daemon that answers `/info` need not be asked for its ping.
    fn request_is_due(&self, sense: Sense, now: Duration) -> bool {
        if sense == Sense::Ping && self.answers(now) {
            return false;
        }
        let refused = matches!(self.probe(sense, now), Probe::Refused(_));
        let fresh = if refused { UNIT_FRESH } else { self.daemon_fresh(now) };
        self.slot(sense).is_due(now, fresh)
    }

    /// How old an answer of the daemon's or of its tasks may be.
    fn daemon_fresh(&self, now: Duration) -> Duration {
        if self.task_in_d || self.is_pool_in_trouble(now) {
            return DAEMON_FRESH_IN_TROUBLE;
        }
        let lately = |at: Option<Duration>| at.is_some_and(|at| now.saturating_sub(at) < LATELY);
        // Whether the daemon has come through it is to be seen soon.
        let after_trouble = lately(self.trouble);
        // A container runs only some time after its device has come, and how many do is to be known before they are stopped.
        let after_change = lately(self.volumes_changed);
        // A pool that is gone may have been taken down with its daemon.
        let has_pool = matches!(self.pool(now), Seen::Known(Some(_)));
        let rests = self.settings.watch.interval.saturating_mul(CALM_RESTS);
        match self.answers(now) && has_pool && !after_trouble && !after_change {
            true => rests.clamp(DAEMON_FRESH, CALM_AT_MOST),
            false => DAEMON_FRESH,
        }
    }

    fn probe(&self, sense: Sense, now: Duration) -> Probe {
        docker_socket::probe(self.slot(sense), now)
    }

    /// An answer holds while the next one is not late.
    fn driver(&self, now: Duration) -> Probe {
        let slot = self.slot(Sense::Driver);
        let has_answered = slot.last_value::<IgnoredAny>().is_some();
        match (self.probe(Sense::Driver, now), slot.last()) {
            (Probe::Silent(waited), Some(last)) if waited < self.settings.watch.silent_after && has_answered => {
                last.answered(now)
            }
            (probe, _) => probe,
        }
    }

    /// The daemon has answered `/info` when it was asked last, and at once; or it was asked again just now.
    fn answers(&self, now: Duration) -> bool {
        const AT_ONCE: Duration = Duration::from_secs(1);
        match self.probe(Sense::Info, now) {
            Probe::Answered { took, .. } => took < AT_ONCE,
            Probe::Silent(waited) => waited < AT_ONCE && self.slot(Sense::Info).last().is_some(),
            Probe::Refused(_) | Probe::NotAsked => false,
        }
    }

    /// Asks for Docker's configuration, unless that question is out already. `inside_unit`: this process runs in
    /// the unit's own surroundings, as `ExecStartPre=` does.
    pub fn learn_config(&mut self, porter: &Porter, inside_unit: bool, exec_line: Option<&str>, now: Duration) -> bool {
        let ask = Ask::Config(Question {
            root: self.root.clone(),
            unit: self.settings.docker.unit.clone(),
            inside_unit,
            exec_line: exec_line.map(str::to_owned),
        });
        self.ask(porter, Sense::Config, &ask, now)
    }

    /// From now on looks at what the next start will see, not at what a daemon that runs was started with.
    pub fn look_to_the_next_start(&mut self) {
        if let Some(config) = &mut self.config {
            config.use_remapped_root();
        }
    }

    /// Docker's configuration, once learnt.
    pub fn config(&self) -> Option<&Configuration> {
        self.config.as_ref()
    }

    pub(super) fn daemon(&self, now: Duration) -> Daemon {
        let unit = self.unit(now);
        let asked = unit
            .known()
            .is_some_and(|unit| unit.active_state == ActiveState::Active);
        let probe = |sense| {
            if asked { self.probe(sense, now) } else { Probe::NotAsked }
        };
        Daemon {
            tasks: self.seen(Sense::Tasks, now),
            containerd: self.seen(Sense::Containerd, now),
            ping: probe(Sense::Ping),
            info: probe(Sense::Info),
            driver: if asked { self.driver(now) } else { Probe::NotAsked },
            containers: self.containers(unit.known().map(|unit| unit.main_pid)),
            unit,
        }
    }

    /// What this daemon has said of its containers; of one that never answered, what it was started with. How many run is not known
    /// once other devices are active than when it was asked.
    fn containers(&self, main_pid: Option<u32>) -> Containers {
        let last = self.said.as_ref().filter(|last| Some(last.main_pid) == main_pid);
        let same = self.volumes_changed <= last.map(|last| last.asked);
        let said = last.map(|last| last.containers).unwrap_or_default();
        let certain = |config: &&Configuration| config.line_unknown.is_none() && config.uncertain().is_none();
        let configured = self.config().filter(certain);
        let configured = configured.map(|config| config.live_restore.as_ref().is_some_and(|on| on.value));
        Containers {
            live_restore: said.live_restore.or(configured),
            running: said.running.filter(|_| same),
        }
    }

    pub fn unit(&self, now: Duration) -> Seen<Unit> {
        self.seen(Sense::Unit, now)
    }

    /// The socket that the settings name, or else the one that Docker's own configuration does.
    fn socket(&self) -> String {
        let named = &self.settings.docker.socket;
        let configured = self.config().and_then(|config| config.socket_path());
        match configured {
            Some(path) if named == DEFAULT_SOCKET => path,
            _ => named.clone(),
        }
    }

    pub(super) fn is_silent(&self, now: Duration) -> bool {
        self.slot(Sense::Info)
            .out_for(now)
            .is_some_and(|waited| waited > Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests;
