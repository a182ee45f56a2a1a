//! The bundle reads well, holds what was seen, says what was not, and stays small whatever was seen.

use super::*;
use crate::model::Probe;
use crate::model::{ActiveState, Containers, Daemon, Evidence, Host, KernelEvent, Task, Unit, Usage, Witnesses};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn witness(whose: Whose, tid: u32, comm: &str) -> Witness {
    Witness {
        whose,
        task: Task {
            pid: 400,
            tid,
            comm: comm.into(),
            state: TaskState::Uninterruptible,
            start_ticks: 9,
            wchan: "xfs_ail_push_all_sync".into(),
        },
    }
}

fn stack(tid: u32, frames: &[&str]) -> Stack {
    Stack {
        tid,
        start_ticks: 9,
        frames: frames.iter().map(|&frame| frame.to_owned()).collect(),
    }
}

fn said(when: u64, times: u32, text: &str) -> KernelLine {
    KernelLine {
        when: secs(when),
        times,
        event: KernelEvent::PoolMode,
        device: None,
        volume: None,
        text: text.into(),
    }
}

fn seen() -> Snapshot {
    Snapshot {
        pool: Seen::Known(None),
        host: Seen::Known(Host {
            path: "/d".into(),
            free_bytes: Bytes::gib(7),
            total_bytes: Bytes::gib(20),
            read_only: false,
        }),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::Known(Unit {
                name: "docker.service".into(),
                active_state: ActiveState::Active,
                sub_state: "running".into(),
                main_pid: 400,
                job_pending: false,
                control_group: "/system.slice/docker.service".into(),
                inactive_exit: None,
                stop_timeout: None,
                host_stopping: false,
                kill_mode: "process".into(),
                result: "success".into(),
                fault: None,
                can_start: true,
                can_stop: true,
                notifies: true,
            }),
            tasks: Seen::Known(vec![witness(Whose::Daemon, 419, "dockerd").task]),
            ping: Probe::Answered {
                took: Duration::from_millis(3),
                asked_ago: secs(1),
            },
            info: Probe::Silent(secs(20)),
            driver: Probe::NotAsked,
            containerd: Seen::unknown("not asked"),
            containers: Containers {
                live_restore: None,
                running: None,
            },
        },
        evidence: Evidence {
            kernel: Seen::Known(vec![
                said(
                    880,
                    1,
                    "device-mapper: thin: 254:2: switching pool to out-of-data-space (queue IO) mode",
                ),
                said(950, 3, "INFO: task dockerd:417 blocked for more than 20 seconds."),
            ]),
            kernel_lost: 4,
            witnesses: Seen::Known(Witnesses {
                tasks: vec![
                    witness(Whose::Daemon, 417, "dockerd"),
                    witness(Whose::Container, 900, "sh\u{1b}[2J"),
                ],
                left_out: 2,
            }),
            stacks: Seen::Known(vec![
                stack(417, &["xfs_ail_push_all_sync [xfs]", "xfs_unmountfs [xfs]"]),
                stack(900, &["xfs_ail_push_all_sync [xfs]", "xfs_unmountfs [xfs]"]),
            ]),
        },
    }
}

fn text(seen: &Snapshot, history: &[(Duration, Pool)]) -> String {
    let (summary, lines) = lines(&Bundle {
        occasion: "before 'grow'",
        seen,
        history,
        reserve: Bytes::gib(1),
        stuck_for: &[(417, 9, secs(33))],
        now: secs(1000),
    });
    format!("{summary}\n{}", lines.join("\n"))
}

fn at(at: u64, mode: Mode, queue_if_no_space: bool) -> (Duration, Pool) {
    let usage = |used_blocks, total_blocks, block_bytes| Usage {
        used_blocks,
        total_blocks,
        block_bytes,
    };
    let pool = Pool {
        mode,
        queue_if_no_space,
        data: usage(512, 512, Bytes::MIB),
        metadata: usage(113, 1024, 64 * Bytes::KIB),
        ..crate::report::tests::pool()
    };
    (secs(at), pool)
}

#[test]
fn it_reads_well() {
    let history = [at(700, Mode::Rw, true), at(940, Mode::OutOfDataSpace, false)];
    let wanted = "\
before 'grow': /_ping answers in 3 ms, /info is silent for 20 s, 3 tasks in D state, no active pool
unit: docker.service active (running), process 400
host: /d has 7 GiB free of 20 GiB, 1 GiB of it kept in reserve
pool history:
  300 s ago: rw: data 512 MiB of 512 MiB, metadata 11% of 64 MiB
  60 s ago: out of data space (fails writes): data 512 MiB of 512 MiB, metadata 11% of 64 MiB
tasks, innermost function first:
  daemon dockerd[400/417] D for 33 s in xfs_ail_push_all_sync: xfs_ail_push_all_sync [xfs] < xfs_unmountfs [xfs]
  daemon dockerd[400/419] D in xfs_ail_push_all_sync
  container sh\\u{1b}[2J[400/900] D in xfs_ail_push_all_sync: as 417
  and 2 more
kernel's log:
  120 s ago: device-mapper: thin: 254:2: switching pool to out-of-data-space (queue IO) mode
  50 s ago (3 times): INFO: task dockerd:417 blocked for more than 20 seconds.
  4 records were overwritten unread";
    assert_eq!(text(&seen(), &history), wanted);
}

#[test]
fn what_could_not_be_seen_is_said() {
    let unseen = Snapshot {
        pool: Seen::unknown("P"),
        host: Seen::unknown("H"),
        names_gone: Vec::new(),
        metadata_host: None,
        daemon: Daemon {
            unit: Seen::unknown("U"),
            tasks: Seen::unknown("T"),
            ping: Probe::NotAsked,
            info: Probe::Refused("R".into()),
            driver: Probe::NotAsked,
            containerd: Seen::unknown("not asked"),
            containers: Containers {
                live_restore: None,
                running: None,
            },
        },
        evidence: Evidence {
            kernel: Seen::unknown("K"),
            witnesses: Seen::unknown("W"),
            stacks: Seen::unknown("S"),
            kernel_lost: 0,
        },
    };
    let text = text(&unseen, &[]);
    for why in [
        "pool not known: P",
        "host: not known: H",
        "unit: not known: U",
        "(R)",
        ": W",
        ": S",
        "not known: K",
    ] {
        assert!(text.contains(why), "{why}: {text}");
    }
}

#[test]
fn it_stays_small() {
    let mut seen = seen();
    let tasks: Vec<_> = (0..500)
        .map(|tid| witness(Whose::Container, tid, "a-long-name-15b"))
        .collect();
    let frames: Vec<String> = (0..24).map(|frame| format!("{frame:060}")).collect();
    let stacks = (0..500).map(|tid| Stack {
        tid,
        start_ticks: 9,
        frames: std::iter::once(tid.to_string()).chain(frames.iter().cloned()).collect(),
    });
    seen.evidence.kernel_lost = 0;
    seen.evidence.stacks = Seen::Known(stacks.collect());
    seen.evidence.witnesses = Seen::Known(Witnesses { tasks, left_out: 7 });
    seen.evidence.kernel = Seen::Known((0..64).map(|at| said(at, 1, &"x".repeat(240))).collect());
    let history: Vec<_> = (0..1000).map(|second| at(second, Mode::Rw, true)).collect();
    let text = text(&seen, &history);
    assert!(text.len() < 8 * 1024, "{} bytes", text.len());
    assert!(text.contains("more\n") && text.ends_with(&"x".repeat(240)));
}
