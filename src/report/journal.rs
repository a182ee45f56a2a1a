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
use crate::model::Code;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Entries kept while the journal does not take them.
const RING: usize = 64;
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
    syslog: Option<SyslogThread>,
    kernel_log: KernelLog,
    in_sight: Fields,
}

/// An event that the journal has not taken yet.
#[derive(Debug)]
struct Kept {
    event: Event,
    /// Since when it is kept; `None` before the first try.
    since: Option<Instant>,
    /// The kernel's log has it.
    in_kernel_log: bool,
}

impl Kept {
    fn new(event: Event) -> Kept {
        Kept {
            event,
            since: None,
            in_kernel_log: false,
        }
    }
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
        self.inner().flush(true)
    }

    /// Before a short-lived process ends: tries until all is sent or `limit` is over; returns how many entries remain.
    pub fn finish(&self, limit: Duration) -> usize {
        let end = Instant::now() + limit;
        loop {
            let mut inner = self.inner();
            // Nobody is there later to see journald come back.
            let left = inner.flush(false) + inner.syslog.as_ref().map_or(0, SyslogThread::unsent);
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
        self.ring.push_back(Kept::new(event));
        self.flush(true);
        if self.ring.len() > RING {
            self.ring.pop_front();
            self.lost += 1;
        }
        if let Some(kept) = self.ring.back_mut() {
            kept.since = Some(Instant::now());
            kept.in_kernel_log = kept.event.kind.is_deed();
            if kept.in_kernel_log {
                self.kernel_log.write(&kept.event);
            }
        }
    }

    /// `wait`: a journald that is away is given time to come back.
    fn flush(&mut self, wait: bool) -> usize {
        if self.lost > 0 && !self.ring.is_empty() {
            let message = format!(
                "{} earlier lines were lost while the journal did not take them",
                self.lost
            );
            if !self.send(&Kept::new(Event::plain(Priority::Warning, &message)), wait) {
                return self.ring.len();
            }
            self.lost = 0;
        }
        while let Some(kept) = self.ring.pop_front() {
            if !self.send(&kept, wait) {
                self.ring.push_front(kept);
                break;
            }
        }
        self.ring.len()
    }

    /// Sends to the journal, or to syslog where there is none; false when it is to be tried again later.
    fn send(&mut self, kept: &Kept, wait: bool) -> bool {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = match (&self.socket, &self.address) {
            (Some(socket), Some(address)) => sendto(socket.as_raw_fd(), &self.encode(kept), address, flags),
            _ => Err(Errno::ENOENT),
        };
        // systemd keeps the socket while journald is started anew. Without a socket, or with one that nobody listens on, there is
        // none; and on a host without its directory there never will be.
        let Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ECONNREFUSED) = sent else {
            self.away_since = None;
            return sent.is_ok();
        };
        let since = *self.away_since.get_or_insert_with(Instant::now);
        let may_come = self.places.journal.parent().is_some_and(std::path::Path::exists);
        if may_come && wait && since.elapsed() < AWAY {
            return false;
        }
        let syslog = self
            .syslog
            .get_or_insert_with(|| SyslogThread::start(self.places.syslog.as_deref(), self.kernel_log.share()));
        let last_words = kept.event.is_for_last_words() && !kept.in_kernel_log;
        if !syslog.send(&kept.event, last_words) && last_words {
            self.kernel_log.write(&kept.event);
        }
        true
    }

    fn encode(&self, kept: &Kept) -> Vec<u8> {
        let event = &kept.event;
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
        if event.kind != Kind::Plain {
            let code = event.code.map_or(event.kind.code(), Code::as_str);
            put(&mut entry, "THINGUARD_CODE", code);
        }
        for (name, value) in &event.fields {
            put(&mut entry, name, value);
        }
        if let Some(since) = kept.since {
            put(
                &mut entry,
                "THINGUARD_LATE_SECONDS",
                &since.elapsed().as_secs().to_string(),
            );
        }
        entry
    }
}
