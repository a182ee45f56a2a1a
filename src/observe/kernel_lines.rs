//! The kernel's lines that matter: read at each look, kept once for each thing that they say, named by Docker's volumes.

use crate::kernel::kernel_log::wording::meaning;
use crate::kernel::kernel_log::{KMSG, KernelLog, Record};
use crate::model::{KernelEvent, KernelLine, Seen};
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Lines that are kept.
const MOST_LINES: usize = 64;
/// Longest text of a line, in characters.
const LONGEST_TEXT: usize = 240;
/// Records that are read in one look: a host that logs without end must not keep the guard from its work.
const MOST_RECORDS: usize = 20_000;

/// The log as far as it was read.
#[derive(Debug, Default)]
pub struct KernelLines {
    log: Seen<KernelLog>,
    lines: Vec<KernelLine>,
    /// When all that had been said was read for the last time.
    caught_up: Option<Duration>,
    /// Docker's volumes, by their number: `dm-3` is 3.
    volumes: BTreeMap<u32, String>,
}

impl KernelLines {
    /// Opens the kernel's log, from its oldest record on.
    pub fn open() -> KernelLines {
        KernelLines {
            log: KernelLog::open(Path::new(KMSG)).context(KMSG).into(),
            ..KernelLines::default()
        }
    }

    /// Takes in what was said since the last time. `awake` is the time since boot without suspension. Never blocks.
    pub fn read(&mut self, now: Duration, awake: Duration) {
        for _ in 0..MOST_RECORDS {
            let next = match &mut self.log {
                Seen::Known(log) => log.read_next(),
                Seen::Unknown(_) => return,
            };
            match next {
                Ok(Some(record)) => self.take(&record, now, awake),
                Ok(None) => {
                    self.caught_up = Some(now);
                    return;
                }
                Err(error) => {
                    self.log = Seen::unknown(format!("{KMSG}: {error}"));
                    return;
                }
            }
        }
        self.caught_up = None;
    }

    fn take(&mut self, record: &Record, now: Duration, awake: Duration) {
        if record.facility != 0 {
            return;
        }
        let Some((event, device)) = meaning(&record.text) else {
            return;
        };
        // The log's clock drifts from ours; what was not there at the last look was said since.
        let age = awake.saturating_sub(record.when);
        let when = now.saturating_sub(age).max(self.caught_up.unwrap_or_default());
        if event == KernelEvent::FilesystemMounted {
            // Whatever befell this device is over, or was another's.
            let its = self.lines.iter_mut().filter(|line| line.device.as_deref() == device);
            its.for_each(|line| line.volume = None);
            return;
        }
        // What was said before we came may be about another volume that had the same number.
        let volume = self.caught_up.and_then(|_| named(&self.volumes, device));
        let mut line = KernelLine {
            when,
            times: 1,
            event,
            device: device.map(str::to_owned),
            volume: volume.cloned(),
            text: record.text.chars().take(LONGEST_TEXT).collect(),
        };
        if let Some(at) = self.lines.iter().position(|known| says_the_same(known, &line)) {
            let known = self.lines.remove(at);
            line.times = known.times.saturating_add(1);
        }
        if self.lines.len() >= MOST_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }

    /// What device-mapper shows now: number and name of each of Docker's volumes.
    pub fn set_volumes(&mut self, volumes: &[(u32, String)]) {
        self.volumes = volumes.iter().cloned().collect();
        for line in &mut self.lines {
            if line.volume.as_ref() != named(&self.volumes, line.device.as_deref()) {
                line.volume = None;
            }
        }
    }

    /// Lines that matter, oldest first.
    pub fn seen(&self) -> Seen<Vec<KernelLine>> {
        match &self.log {
            Seen::Known(_) => Seen::Known(self.lines.clone()),
            Seen::Unknown(why) => Seen::unknown(why),
        }
    }

    /// Records that were overwritten before they were read.
    pub fn lost(&self) -> u64 {
        self.log.known().map_or(0, |log| log.lost)
    }
}

/// The volume that `dm-3` is now.
fn named<'a>(volumes: &'a BTreeMap<u32, String>, device: Option<&str>) -> Option<&'a String> {
    volumes.get(&device?.strip_prefix("dm-")?.parse().ok()?)
}

/// The same about the same device; of the pool's changes each is a line of its own.
fn says_the_same(one: &KernelLine, other: &KernelLine) -> bool {
    let same_text = match other.event {
        // Damage is told once for each block that is read: that flood must not push out the lines that are judged.
        KernelEvent::PoolMetadata if other.device.is_none() => {
            without_digits(&one.text).eq(without_digits(&other.text))
        }
        KernelEvent::PoolMode | KernelEvent::PoolGrown | KernelEvent::PoolMetadata => one.text == other.text,
        _ => true,
    };
    same_text && one.event == other.event && one.device == other.device && one.volume == other.volume
}

fn without_digits(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|character| !character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn said(lines: &mut KernelLines, at: u64, text: &str) {
        let record = Record {
            facility: 0,
            sequence: 1,
            when: secs(at),
            text: text.into(),
        };
        lines.take(&record, secs(1000), secs(900));
    }

    fn watching() -> KernelLines {
        let mut lines = KernelLines {
            caught_up: Some(secs(500)),
            ..KernelLines::default()
        };
        lines.set_volumes(&[(3, "docker-254:16-12-abc".into())]);
        lines
    }

    const SHUT_DOWN: &str = "XFS (dm-3): Log I/O Error Detected.  Shutting down filesystem";

    #[test]
    fn lines_have_the_guards_time_and_dockers_names() {
        let mut lines = watching();
        said(&mut lines, 800, SHUT_DOWN);
        said(
            &mut lines,
            100,
            "XFS (dm-4): metadata I/O error in \"x\" at daddr 0x2 len 1 error 5",
        );
        let times: Vec<_> = lines
            .lines
            .iter()
            .map(|line| (line.when, line.volume.as_deref()))
            .collect();
        assert_eq!(times, [(secs(900), Some("docker-254:16-12-abc")), (secs(500), None)]);
    }

    #[test]
    fn lines_of_before_are_about_nobody_who_is_there() {
        let mut lines = watching();
        lines.caught_up = None;
        said(&mut lines, 100, SHUT_DOWN);
        assert_eq!((lines.lines[0].when, &lines.lines[0].volume), (secs(200), &None));
    }

    #[test]
    fn a_remount_and_a_removal_end_it() {
        for over in [
            "XFS (dm-3): Unmounting Filesystem",
            "XFS (dm-3): Mounting V5 Filesystem",
        ] {
            let mut lines = watching();
            said(&mut lines, 800, SHUT_DOWN);
            said(&mut lines, 801, over);
            assert_eq!((lines.lines.len(), &lines.lines[0].volume), (1, &None), "{over}");
        }
        for volumes in [vec![], vec![(3, "docker-254:16-12-other".to_owned())]] {
            let mut lines = watching();
            said(&mut lines, 800, SHUT_DOWN);
            lines.set_volumes(&volumes);
            assert_eq!(lines.lines[0].volume, None);
        }
    }

    #[test]
    fn repeats_are_counted_and_floods_bounded() {
        let mut lines = watching();
        for at in 0..10 {
            said(&mut lines, 800 + at, "loop: Write error at byte offset 7, length 4096.");
        }
        assert_eq!(
            (lines.lines.len(), lines.lines[0].times, lines.lines[0].when),
            (1, 10, secs(909))
        );
        for block in 0..500 {
            let damage = format!("device-mapper: block manager: btree_node validator check failed for block {block}");
            said(&mut lines, 820, &damage);
        }
        assert_eq!((lines.lines.len(), lines.lines[1].times), (2, 500));
        for tid in 0..500 {
            said(
                &mut lines,
                850,
                &format!("INFO: task x:{tid} blocked for more than 20 seconds."),
            );
        }
        assert_eq!(lines.lines.len(), MOST_LINES);
        let long = format!("XFS (dm-9): metadata I/O error {}", "\u{e9}".repeat(400));
        said(&mut lines, 860, &long);
        assert!(lines.lines.last().unwrap().text.chars().count() <= LONGEST_TEXT);
    }

    #[test]
    fn what_programs_write_there_counts_for_nothing() {
        let mut lines = watching();
        let record = Record {
            facility: 1,
            sequence: 1,
            when: secs(800),
            text: SHUT_DOWN.into(),
        };
        lines.take(&record, secs(1000), secs(900));
        assert!(lines.lines.is_empty());
    }
}
