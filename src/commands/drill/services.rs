//! What the guard needs besides the kernel: systemd, leave to restart Docker, and a journal that takes its lines.

use super::{Drill, PATIENCE};
use crate::act::drill::Step;
use crate::judge::restart;
use crate::kernel::errand::{self, Request, Undone};
use crate::kernel::process;
use crate::model::{Unit, time_words};
use crate::observe::Ask;
use crate::observe::journal::{self, Question, Said};
use crate::report::drill::summary;
use crate::report::event::{Event, Kind, Priority};
use crate::report::journal::Journal;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time for journald's socket to take a line.
const TAKEN: Duration = Duration::from_secs(2);
/// Time until the line can be found.
const WRITTEN: Duration = Duration::from_secs(10);
/// Rest between two looks for it.
const REST: Duration = Duration::from_millis(300);

impl Drill {
    pub(super) fn services(&mut self) {
        if self.errands.interrupted {
            return;
        }
        let systemd = self.step::<String>(&Step::Systemd);
        let answers = systemd.is_ok();
        self.note("systemd", systemd);
        match answers {
            true => self.restart(),
            false => self.skip("restart of Docker", "systemd does not answer"),
        }
        self.journal();
    }

    /// Asks; nothing is stopped or started.
    fn restart(&mut self) {
        const NAME: &str = "restart of Docker";
        let unit = self.settings.docker.unit.clone();
        if self.settings.restart.is_off() {
            return self.skip(NAME, "the settings allow none");
        }
        match self.step::<Option<Unit>>(&Step::Unit { unit: unit.clone() }) {
            // A host that is yet to get its Docker.
            Ok(None) => self.skip(NAME, &format!("there is no unit {unit}")),
            Ok(Some(unit)) => self.note(NAME, may_restart(&unit).map_err(Undone::Failed)),
            Err(why) => self.note(NAME, Err(why)),
        }
    }

    /// The last line of a drill tells the journal what came of it.
    fn journal(&mut self) {
        let places = crate::report::journal::Places::default();
        let journal = Journal::open(&self.settings.docker.unit);
        if !places.journal.parent().is_some_and(Path::exists) {
            return self.skip("journal", "this host has none; lines go to syslog");
        }
        let began = now_us();
        journal.tell(&Event::of(Kind::DrillDone, Priority::Info, &summary(&self.checks)));
        let said = match journal.finish(TAKEN) {
            0 => self.read_back(began),
            _ => Err(Undone::Failed(
                "journald takes no lines: systemctl status systemd-journald.socket".to_owned(),
            )),
        };
        self.note("journal", said);
    }

    /// A socket takes lines although nobody reads them, and where there is none they go to syslog; what counts is that this one is found.
    fn read_back(&mut self, began_us: u64) -> Result<String, Undone> {
        let ask = Ask::Journal(Question {
            since: None,
            message_ids: Kind::DrillDone.message_id().map(str::to_owned).into_iter().collect(),
        });
        let until = process::since_boot() + WRITTEN;
        while !self.errands.interrupted && process::since_boot() < until {
            let said: Said = match self.errands.ask(&Request::new(errand::Kind::Look, &ask), PATIENCE) {
                Ok(said) => said,
                Err(why) => return Ok(format!("the drill's own line was taken; it cannot be read back: {why}")),
            };
            if journal::parse(&said.text).iter().any(|entry| entry.at_us >= began_us) {
                return Ok("the drill's own line can be read back".to_owned());
            }
            self.errands.rest([], REST);
        }
        Err(match self.errands.interrupted {
            true => Undone::Interrupted,
            false => {
                Undone::Failed("the drill's own line was not written: systemctl status systemd-journald".to_owned())
            }
        })
    }
}

/// Microseconds since 1970.
fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn may_restart(unit: &Unit) -> Result<String, String> {
    match (restart::forbidden(unit), unit.stop_timeout) {
        (Some((why, next)), _) => Err(format!("the guard would not restart it: {why}; {next}")),
        (None, time) => Ok(format!(
            "systemd would do it; each step of the stop may take {}",
            time.map_or_else(String::new, time_words)
        )),
    }
}
