//! `sd_notify`: readiness, status line and heartbeat to systemd, from a thread of their own.
//!
//! The send goes into PID 1's queue and waits when that is full; PID 1 may itself be stuck. So the caller only leaves word,
//! and one small thread sends. It sleeps interruptibly there, so it never holds up our own end.

use sd_notify::NotifyState;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest status line that is sent, in bytes.
const LONGEST_STATUS: usize = 512;
/// Stack of the sending thread: the guard's memory is locked, so every page counts.
const STACK: usize = 64 * 1024;

/// What waits to be sent: one slot a kind, so it is bounded by its shape. A newer word takes an older one's place, and heartbeats
/// that meet an unsent one are the same heartbeat.
#[derive(Debug, Default)]
struct Waiting {
    phase: Option<Phase>,
    status: Option<String>,
    watchdog: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready,
    Reloading,
    Stopping,
}

type Shared = Arc<(Mutex<Waiting>, Condvar)>;

/// Tells systemd how we are. Without `NOTIFY_SOCKET` it does nothing.
#[derive(Debug)]
pub struct Notifier {
    shared: Option<Shared>,
}

impl Notifier {
    /// Starts the sending thread when systemd gave us a `NOTIFY_SOCKET`. Fork helpers before, not after.
    pub fn from_env() -> Self {
        if std::env::var_os("NOTIFY_SOCKET").is_none_or(|path| path.is_empty()) {
            return Notifier { shared: None };
        }
        Notifier::start(|states| {
            // A lost word is not worth a line: the next heartbeat comes soon, and systemd acts on silence.
            let _ = sd_notify::notify(states);
        })
    }

    fn start(send: impl Fn(&[NotifyState<'_>]) + Send + 'static) -> Self {
        let shared = Shared::default();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("notify".into()).stack_size(STACK);
        let started = thread.spawn(move || send_all(&theirs, send));
        Notifier {
            shared: started.ok().map(|_| shared),
        }
    }

    /// `READY=1`: started, or reloaded.
    pub fn ready(&self) {
        self.leave(|waiting| waiting.phase = Some(Phase::Ready));
    }

    /// `STATUS=`: one line for `systemctl status`. Control characters become spaces.
    pub fn status(&self, text: &str) {
        let line = one_line(text);
        self.leave(|waiting| waiting.status = Some(line));
    }

    /// `WATCHDOG=1`: judgement goes on.
    pub fn watchdog(&self) {
        self.leave(|waiting| waiting.watchdog = true);
    }

    /// `STOPPING=1`.
    pub fn stopping(&self) {
        self.leave(|waiting| waiting.phase = Some(Phase::Stopping));
    }

    /// `RELOADING=1`; `ready` ends it.
    pub fn reloading(&self) {
        self.leave(|waiting| waiting.phase = Some(Phase::Reloading));
    }

    fn leave(&self, change: impl FnOnce(&mut Waiting)) {
        if let Some(shared) = &self.shared {
            change(&mut lock(&shared.0));
            shared.1.notify_one();
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.leave(|waiting| waiting.closed = true);
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    // The lock is held for plain assignments only; a poisoned one still guards whole values.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_all(shared: &Shared, send: impl Fn(&[NotifyState<'_>])) {
    let idle = |waiting: &mut Waiting| {
        waiting.phase.is_none() && waiting.status.is_none() && !waiting.watchdog && !waiting.closed
    };
    loop {
        let mut guard = shared
            .1
            .wait_while(lock(&shared.0), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let Waiting {
            phase,
            status,
            watchdog,
            closed,
        } = std::mem::take(&mut *guard);
        drop(guard);
        let mut states = Vec::with_capacity(4);
        match phase {
            Some(Phase::Ready) => states.push(NotifyState::Ready),
            Some(Phase::Reloading) => {
                states.push(NotifyState::Reloading);
                // Required with Type=notify-reload; older systemd ignores it.
                states.extend(NotifyState::monotonic_usec_now().ok());
            }
            Some(Phase::Stopping) => states.push(NotifyState::Stopping),
            None => {}
        }
        states.extend(status.as_deref().map(NotifyState::Status));
        if watchdog {
            states.push(NotifyState::Watchdog);
        }
        if !states.is_empty() {
            send(&states);
        }
        if closed {
            return;
        }
    }
}

/// A newline would begin another assignment (`MAINPID=`, say), so no control character passes.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    while line.len() > LONGEST_STATUS {
        line.pop();
    }
    line
}

/// How often to call [`Notifier::watchdog`]: half of systemd's limit; `None` when it sets none, or not for this process.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().and_then(half)
}

fn half(limit: Duration) -> Option<Duration> {
    (!limit.is_zero()).then_some(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn words(states: &[NotifyState<'_>]) -> Vec<String> {
        states.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stuck_systemd_never_holds_the_caller_and_the_newest_word_wins() {
        let (told, heard) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let notifier = Notifier::start(move |states| {
            told.send(words(states)).unwrap();
            let _ = gate.recv();
        });
        notifier.ready();
        assert_eq!(heard.recv().unwrap(), ["READY=1"]);
        // The thread now hangs in its send.
        for count in 0..10_000 {
            notifier.watchdog();
            notifier.status(&format!("look {count}"));
        }
        notifier.stopping();
        release.send(()).unwrap();
        assert_eq!(heard.recv().unwrap(), ["STOPPING=1", "STATUS=look 9999", "WATCHDOG=1"]);
        drop(release);
        notifier.reloading();
        assert_eq!(heard.recv().unwrap()[0], "RELOADING=1");
        drop(notifier);
        assert!(heard.recv().is_err(), "the thread ends with its notifier");
    }

    #[test]
    fn a_status_stays_one_line() {
        for (text, line) in [
            ("pool 82%", "pool 82%"),
            ("a\nMAINPID=1\r\tb\0", "a MAINPID=1  b "),
            ("\u{9b}31m", " 31m"),
        ] {
            assert_eq!(one_line(text), line);
        }
        assert!(one_line(&"ü".repeat(999)).len() <= LONGEST_STATUS);
    }

    #[test]
    fn half_of_the_limit() {
        assert_eq!(half(Duration::from_secs(30)), Some(Duration::from_secs(15)));
        assert_eq!(half(Duration::ZERO), None);
    }

    #[test]
    fn without_systemd_nothing_happens() {
        let notifier = Notifier { shared: None };
        notifier.ready();
        notifier.watchdog();
    }
}
