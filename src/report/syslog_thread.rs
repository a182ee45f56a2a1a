//! syslog, where there is no journal: the `syslog` crate on a thread of its own, since its send may block and it never
//! connects again by itself.

use super::event::{Event, Priority};
use super::kernel_log::KernelLog;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

/// Lines that wait for the thread; more are dropped.
const WAITING: usize = 64;

/// An event on its way, and whether the kernel's log takes it where no syslogd does.
type Line = (Event, bool);

/// The sending thread.
#[derive(Debug)]
pub(super) struct SyslogThread {
    lines: Option<SyncSender<Line>>,
    unsent: Arc<AtomicUsize>,
}

impl SyslogThread {
    /// Starts it; `path` is the socket, `None` is `/dev/log` and its kin.
    pub(super) fn start(path: Option<&Path>, kernel_log: KernelLog) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let unsent = Arc::new(AtomicUsize::new(0));
        let (path, count) = (path.map(Path::to_path_buf), Arc::clone(&unsent));
        // Not smaller: formatting the time takes some stack.
        let thread = std::thread::Builder::new().name("syslog".into()).stack_size(128 * 1024);
        let started = thread.spawn(move || send_all(&waiting, path, kernel_log, &count));
        SyslogThread {
            lines: started.ok().map(|_| lines),
            unsent,
        }
    }

    /// Leaves a line, which may be the event's last words; false when it was dropped.
    pub(super) fn send(&self, event: &Event, last_words: bool) -> bool {
        let Some(lines) = &self.lines else { return false };
        self.unsent.fetch_add(1, Ordering::AcqRel);
        let left = lines.try_send((event.clone(), last_words)).is_ok();
        if !left {
            self.unsent.fetch_sub(1, Ordering::AcqRel);
        }
        left
    }

    /// Lines that the thread has not dealt with yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Acquire)
    }
}

type Connection = Logger<LoggerBackend, Formatter3164>;

fn send_all(lines: &Receiver<Line>, path: Option<PathBuf>, mut kernel_log: KernelLog, unsent: &AtomicUsize) {
    let mut connection = None;
    for (event, last_words) in lines {
        // The second try is for a syslogd that was restarted: the old connection is dead, a new one is not.
        for _ in 0..2 {
            let open = connection.take().or_else(|| connect(path.as_deref()));
            connection = open.and_then(|mut open| write(&mut open, &event).ok().map(|()| open));
            if connection.is_some() {
                break;
            }
        }
        if connection.is_none() && last_words {
            kernel_log.write(&event);
        }
        unsent.fetch_sub(1, Ordering::AcqRel);
    }
}

fn connect(path: Option<&Path>) -> Option<Connection> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_DAEMON,
        hostname: None,
        process: "thinguard".into(),
        pid: std::process::id(),
    };
    match path {
        Some(path) => syslog::unix_custom(formatter, path).ok(),
        None => syslog::unix(formatter).ok(),
    }
}

fn write(connection: &mut Connection, event: &Event) -> syslog::Result<()> {
    let text = &event.message;
    match event.priority {
        Priority::Critical => connection.crit(text),
        Priority::Error => connection.err(text),
        Priority::Warning => connection.warning(text),
        Priority::Notice => connection.notice(text),
        Priority::Info => connection.info(text),
    }
}
