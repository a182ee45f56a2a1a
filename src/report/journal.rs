//! Our lines in the journal, sent so that no journald, however stuck, can make us wait.
//!
//! `sd_journal_send` and `/dev/log` block when journald waits for its disk, and the disk may be what hangs. So: an unbound
//! socket, the address given anew with each datagram (it survives journald's restart), `MSG_DONTWAIT`, and a bounded ring
//! for what was not taken. A deed's line goes to the kernel's log as well when the journal does not take it. Where no journald is,
//! syslog gets the lines, and where there is no syslogd either, the kernel's log gets those that matter.

use super::event::{Event, Kind, Priority};
use super::kernel_log::KernelLog;
use super::native::put;
use super::sight::Fields;
use super::syslog_thread::SyslogThread;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Entries kept while the journal does not take them.
const RING: usize = 64;
/// Lines of one entry that go to syslog, which knows single lines only.
const MOST_SYSLOG_LINES: usize = 16;
/// A journald that is away for no longer than this is being started anew; then syslog takes its place.
const AWAY: Duration = Duration::from_secs(5);

/// Where to send to.
#[derive(Debug, Clone)]
pub struct Places {
    /// journald's native socket.
    pub journal: PathBuf,
    /// syslog's socket, where there is no systemd; `None` is wherever the system has it.
    pub syslog: Option<PathBuf>,
    /// The kernel's log.
    pub kmsg: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            journal: "/run/systemd/journal/socket".into(),
            syslog: None,
            kmsg: "/dev/kmsg".into(),
        }
    }
}

/// A handle on the journal; clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    socket: Option<OwnedFd>,
    address: Option<UnixAddr>,
    places: Places,
    unit: String,
    ring: VecDeque<Kept>,
    lost: u64,
    /// Since when nobody has been at journald's socket.
    away_since: Option<Instant>,
    /// Whether it is given time to come back.
    wait_for_journald: bool,
    syslog: Option<SyslogThread>,
    kernel_log: KernelLog,
    in_sight: Fields,
}

/// An event that the journal has not taken yet.
#[derive(Debug)]
struct Kept {
    since: Instant,
    event: Event,
    /// The kernel's log has it.
    in_kernel_log: bool,
}

/// What became of a datagram.
enum Sent {
    Taken,
    /// Try again later.
    Later,
    /// There is no journal on this host.
    Nowhere,
}

impl Journal {
    /// Opens the journal. Never fails: a host without one gets syslog. `unit` is the one watched, so that our lines show in its log.
    pub fn open(unit: &str) -> Self {
        Journal::open_at(unit, Places::default())
    }

    /// Like `open`, elsewhere.
    pub fn open_at(unit: &str, places: Places) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        Journal(Arc::new(Mutex::new(Inner {
            socket: socket(AddressFamily::Unix, SockType::Datagram, flags, None).ok(),
            address: UnixAddr::new(&places.journal).ok(),
            kernel_log: KernelLog::open(&places.kmsg),
            unit: unit.to_owned(),
            ring: VecDeque::new(),
            lost: 0,
            away_since: None,
            wait_for_journald: true,
            syslog: None,
            in_sight: Fields::new(),
            places,
        })))
    }

    /// Another unit is watched from now on.
    pub fn watch(&self, unit: &str) {
        self.inner().unit = unit.to_owned();
    }

    /// The pool that each line is written in sight of, from now on.
    pub fn sees(&self, fields: Fields) {
        self.inner().in_sight = fields;
    }

    /// Tells an event. Does not wait: what the journal does not take now is kept for `flush`.
    pub fn tell(&self, event: &Event) {
        self.inner().tell(event);
    }

    /// Sends what is kept, oldest first; returns how many entries remain.
    pub fn flush(&self) -> usize {
        self.inner().flush()
    }

    /// Before a short-lived process ends: tries until all is sent or `limit` is over; returns how many entries remain.
    pub fn finish(&self, limit: Duration) -> usize {
        let end = Instant::now() + limit;
        loop {
            let mut inner = self.inner();
            // Nobody is there later to see journald come back.
            inner.wait_for_journald = false;
            let left = inner.flush() + inner.syslog.as_ref().map_or(0, SyslogThread::unsent);
            inner.wait_for_journald = true;
            drop(inner);
            if left == 0 || Instant::now() >= end {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing under the lock waits, and a panic under it leaves whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&mut self, event: &Event) {
        let mut event = event.clone();
        event.fields.extend(self.in_sight.iter().cloned());
        // Older entries go first.
        let sent = if self.flush() > 0 {
            Sent::Later
        } else {
            self.send(&self.encode(&event))
        };
        match sent {
            Sent::Taken => {}
            Sent::Later => self.keep(event),
            Sent::Nowhere => self.send_to_syslog(&event, event.is_for_last_words()),
        }
    }

    fn keep(&mut self, event: Event) {
        let in_kernel_log = event.kind.is_deed();
        if in_kernel_log {
            self.kernel_log.write(event.priority, &event.message);
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
            self.lost += 1;
        }
        self.ring.push_back(Kept {
            since: Instant::now(),
            event,
            in_kernel_log,
        });
    }

    fn flush(&mut self) -> usize {
        if self.lost > 0 && !self.ring.is_empty() {
            let message = format!(
                "{} earlier lines were lost while the journal did not take them",
                self.lost
            );
            let event = Event::plain(Priority::Warning, &message);
            match self.send(&self.encode(&event)) {
                Sent::Taken => self.lost = 0,
                Sent::Later => return self.ring.len(),
                Sent::Nowhere => {
                    self.send_to_syslog(&event, true);
                    self.lost = 0;
                }
            }
        }
        while let Some(kept) = self.ring.pop_front() {
            let mut late = self.encode(&kept.event);
            let seconds = kept.since.elapsed().as_secs();
            put(&mut late, "THINGUARD_LATE_SECONDS", &seconds.to_string());
            match self.send(&late) {
                Sent::Taken => {}
                Sent::Later => {
                    self.ring.push_front(kept);
                    break;
                }
                Sent::Nowhere => {
                    let last_words = kept.event.is_for_last_words() && !kept.in_kernel_log;
                    self.send_to_syslog(&kept.event, last_words);
                }
            }
        }
        self.ring.len()
    }

    fn send(&mut self, entry: &[u8]) -> Sent {
        let (Some(socket), Some(address)) = (&self.socket, &self.address) else {
            return Sent::Nowhere;
        };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match sendto(socket.as_raw_fd(), entry, address, flags) {
            Ok(_) => {
                self.away_since = None;
                Sent::Taken
            }
            // systemd keeps the socket while journald is started anew. Without a socket, or with one that nobody listens on, there is
            // none; and on a host without its directory there never will be.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ECONNREFUSED) => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                let may_come = self.places.journal.parent().is_some_and(std::path::Path::exists);
                match may_come && self.wait_for_journald && since.elapsed() < AWAY {
                    true => Sent::Later,
                    false => Sent::Nowhere,
                }
            }
            Err(_) => {
                self.away_since = None;
                Sent::Later
            }
        }
    }

    /// `last_words`: what nobody takes there goes to the kernel's log.
    fn send_to_syslog(&mut self, event: &Event, last_words: bool) {
        let syslog = self
            .syslog
            .get_or_insert_with(|| SyslogThread::start(self.places.syslog.as_deref(), self.kernel_log.share()));
        let mut lines = event.message.lines().take(MOST_SYSLOG_LINES);
        if !lines.all(|line| syslog.send(event.priority, line, last_words)) && last_words {
            self.kernel_log.write(event.priority, &event.message);
        }
    }

    fn encode(&self, event: &Event) -> Vec<u8> {
        let mut entry = Vec::with_capacity(512);
        put(&mut entry, "MESSAGE", &event.message);
        put(&mut entry, "PRIORITY", &(event.priority as u8).to_string());
        put(&mut entry, "SYSLOG_IDENTIFIER", "thinguard");
        put(&mut entry, "SYSLOG_PID", &std::process::id().to_string());
        // Believed from root only; shows our lines in `journalctl -u docker`.
        put(&mut entry, "OBJECT_SYSTEMD_UNIT", &self.unit);
        if let Some(id) = event.kind.message_id() {
            put(&mut entry, "MESSAGE_ID", id);
        }
        if event.kind != Kind::Plain && event.fields.iter().all(|(name, _)| *name != "THINGUARD_CODE") {
            put(&mut entry, "THINGUARD_CODE", event.kind.code());
        }
        for (name, value) in &event.fields {
            put(&mut entry, name, value);
        }
        entry
    }
}
