//! The screen of `status`.

use super::{Terminal, status};
use crate::model::{ActiveState, Bytes, Code, Consumer, Finding, Mode, Severity, StuckTask};
use crate::report::fit::columns;
use crate::report::json::{Answers, CannotSee, HostReport, Part, PoolReport, StatusReport};
use crate::report::tests::{consumer, finding, forecast, pool, status as report};

/// A report of a host that has everything.
fn full() -> StatusReport {
    let mut pool = PoolReport::from(&pool());
    pool.data.low_bytes = Some(Bytes::mib(1).percent(20));
    pool.data.fill_bytes_per_s = Some(Bytes(1024));
    pool.metadata.fill_bytes_per_s = Some(Bytes(0));
    pool.forecast = Some(forecast());
    pool.host = Some(HostReport {
        path: "/var/lib/docker/devicemapper/devicemapper".into(),
        total_bytes: Bytes::gib(40),
        free_bytes: Bytes::gib(10),
        reserve_bytes: Bytes::gib(2),
    });
    pool.active_volumes = Some(9);
    pool.consumers = (0..6).map(|n| volume(n, &consumer())).collect();
    pool.headroom_bytes = Some(Bytes(768 << 10));
    pool.overcommit_bytes = Some(Bytes(0));
    report(&[finding()], Some(pool))
}

/// Volumes that are known by less and less.
fn volume(n: u64, known: &Consumer) -> Consumer {
    Consumer {
        container: (n < 2).then(|| "0123456789abcdef".repeat(4)),
        name: known.name.clone().filter(|_| n < 1),
        mapped_bytes: Bytes(known.mapped_bytes.0 * 1_000_000 / (n + 1)),
        ..known.clone()
    }
}

#[test]
fn it_reads_well() {
    let wanted = "\
thinguard WARNING: pool-low
  Docker does not answer: one of its tasks is stuck in the kernel. Containers
  can write 768 KiB more at the pool's present size.
  daemon     docker.service state unknown, does not answer (asked 20 s ago)
             task 2 (doc\\nkerd) in D state for 9 s in unknown
  pool       docker-254:16-131074-pool: rw
  data       [######...............|.....]  25% of 1 MiB used, 768 KiB free
  metadata   [######.....................]  25% of 16 KiB used, 12 KiB free
  host       [####################.....|.]  75% of 40 GiB used, 10 GiB free
             /var/lib/docker/devicemapper/devicemapper: 2 GiB of it reserved
             | where growth begins; on host, the reserve
  file       /var/lib/docker/d\\u{1b}ata (1 GiB, 300 MiB allocated)
  headroom   768 KiB: the pool's own free blocks
  filling    data at 1 KiB/s
  forecast   data full in 12 min at 1 KiB/s
  filled by  w\\u{1b}eb                                3.81 GiB
             0123456789ab                             1.91 GiB
             docker-1:2-3-ab                          1.27 GiB
             docker-1:2-3-ab                           977 MiB
             docker-1:2-3-ab                           781 MiB
             (and 4 more; running containers only; mapped, shared image blocks
             included)
  guard      running, 2 restarts left
  last deed  resume the suspended pool: done, 3 s ago
  not seen   the kernel's log: /dev/kmsg: Permission denied (os error 13); run
             as root to see it
WARN pool-low: docker-254:16-131074-pool: data 82% of 1.17 GiB used, 215 MiB
  free (threshold 20%)
  where: /var/lib/docker/devicemapper/devicemapper/data
  next:  thinguard grow --data +25%
More of each: thinguard explain CODE
";
    assert_eq!(status(&full(), &Terminal::PLAIN), wanted);
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let mut long = full();
    let name = "日本-".repeat(40);
    if let Some(pool) = &mut long.pool {
        pool.name.clone_from(&name);
        pool.consumers[0].name = Some(name.clone());
        pool.files[0].path = format!("/{name}");
        if let Some(host) = &mut pool.host {
            host.path.clone_from(&name);
        }
    }
    long.daemon.unit.clone_from(&name);
    long.daemon.stuck_tasks = vec![long.daemon.stuck_tasks[0].clone(); 9];
    long.daemon.stuck_tasks[0].comm.clone_from(&name);
    long.findings[0].message = format!("{name} \u{1b}[2J and\nmore {name}");
    long.findings[0].remedy = format!("rm {name}");
    let unseen = report(&[finding()], None);
    for report in [&full(), &long, &unseen] {
        for width in [0, 40, 41, 53, 60, 79, 80, 120, 300] {
            for utf8 in [false, true] {
                let plain = Terminal {
                    width,
                    utf8,
                    colour: false,
                };
                let page = status(report, &plain);
                for line in page.lines() {
                    assert!(columns(line) <= width.max(40), "{width}: {line}");
                    assert!(utf8 || line.is_ascii(), "{line}");
                    assert_eq!(line, line.trim_end());
                }
                assert!(!page.contains('\u{1b}'));
                // Colours stand beside the text; they are not a part of it.
                let coloured = status(report, &Terminal { colour: true, ..plain });
                assert_ne!(coloured, page);
                assert_eq!(without_colour(&coloured), page);
            }
        }
    }
}

fn without_colour(page: &str) -> String {
    let mut parts = page.split('\u{1b}');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
}

#[test]
fn utf8_is_used_where_it_is_shown() {
    let terminal = Terminal {
        utf8: true,
        ..Terminal::PLAIN
    };
    let page = status(&full(), &terminal);
    assert!(
        page.contains("  data       [██████░░░░░░░░░░░░░░░┃░░░░░]  25%"),
        "{page}"
    );
}

/// Each state with what the second line, or the rows, must say of it.
#[test]
fn each_state_has_its_words() {
    type Change = fn(&mut StatusReport);
    let states: &[(Change, &str)] = &[
        (
            |it| it.daemon.answers = Answers::Yes,
            "Docker answers. Containers can write 768 KiB more at",
        ),
        (
            |it| it.daemon.active_state = Some(ActiveState::Inactive),
            "Docker is not running. ",
        ),
        (
            |it| it.daemon.active_state = Some(ActiveState::Failed),
            "Docker has failed and is not running. ",
        ),
        (
            |it| it.daemon.active_state = Some(ActiveState::Activating),
            "Docker is starting. ",
        ),
        (
            |it| {
                it.daemon.answers = Answers::Unknown;
                it.daemon.silent_for_s = Some(4);
            },
            "Docker has not answered for 4 s: one of its tasks is stuck in the kernel. ",
        ),
        (
            |it| {
                it.daemon.answers = Answers::Unknown;
                it.daemon.silent_for_s = None;
                it.daemon.stuck_tasks.clear();
            },
            "Whether Docker answers is not known. ",
        ),
        (
            |it| it.daemon.stuck_tasks = vec![it.daemon.stuck_tasks[0].clone(); 5],
            "5 of its tasks are stuck in the kernel. ",
        ),
        (
            |it| it.daemon.stuck_tasks = vec![stuck(); 5],
            "and 2 more tasks in D state",
        ),
        (|it| it.pool = None, "there is nothing that could fill up."),
        (
            |it| {
                it.pool = None;
                it.pool_unknown = Some("stuck since 9 s".into());
            },
            "How full the pool is cannot be seen. ",
        ),
        (
            |it| {
                it.pool = None;
                it.pool_unknown = Some("no rights".into());
                it.cannot_see = vec![CannotSee {
                    what: Part::Pool,
                    why: "no rights".into(),
                    needs_root: true,
                }];
            },
            "Only root can see how full the pool is. daemon docker.service state unknown, does not answer (asked 20 s ago) task 2 \
             (doc\\nkerd) in D state for 9 s in unknown pool unknown: no rights; run as root to see it ",
        ),
        (
            |it| it.pool.as_mut().unwrap().consumers.clear(),
            "filled by no running container: ",
        ),
        (|it| mode(it, Mode::Fail), "The pool has failed: "),
        (|it| mode(it, Mode::Ro), "The pool is read-only: "),
        (|it| mode(it, Mode::OutOfDataSpace), "The pool is full: "),
        (
            |it| it.pool.as_mut().unwrap().suspended = true,
            "The pool is suspended: ",
        ),
        (
            |it| it.pool.as_mut().unwrap().data.used_bytes = Bytes::mib(1),
            "The pool is full: ",
        ),
        (
            |it| it.pool.as_mut().unwrap().metadata.used_bytes = Bytes::mib(1),
            "The pool's metadata are full: ",
        ),
        (
            |it| it.pool.as_mut().unwrap().headroom_bytes = Some(Bytes(0)),
            "The host filesystem is down to its reserve: ",
        ),
        (
            |it| it.pool.as_mut().unwrap().headroom_bytes = Some(Bytes(4096)),
            "Containers can write 4 KiB more: the host filesystem has no more",
        ),
        (
            |it| it.pool.as_mut().unwrap().headroom_bytes = Some(Bytes(4096)),
            "headroom 4 KiB: what the host filesystem has above its reserve ",
        ),
        (
            |it| it.pool.as_mut().unwrap().overcommit_bytes = Some(Bytes(4096)),
            "the host filesystem has less than the pool promises, by 4 KiB ",
        ),
        (
            |it| it.pool.as_mut().unwrap().host = None,
            "what is below them is not known ",
        ),
        (
            |it| it.pool.as_mut().unwrap().data.fill_bytes_per_s = Some(Bytes(0)),
            "filling not at present ",
        ),
        (
            |it| {
                it.guard.running = false;
                rateless(it);
            },
            "filling not known: no guard watches ",
        ),
        (
            rateless,
            "filling not known yet: the guard has not watched for long enough ",
        ),
        (|it| it.guard.running = false, "guard not running, 2 restarts left "),
        (|it| it.findings[0].severity = Severity::Note, "thinguard OK Docker"),
        (
            |it| {
                it.findings = vec![
                    with(Severity::Warn, Code::PoolLow),
                    with(Severity::Refuse, Code::PoolExhausted),
                ]
            },
            "thinguard CRITICAL: pool-low, pool-exhausted Docker",
        ),
    ];
    for (change, wanted) in states {
        let mut report = full();
        change(&mut report);
        let page = status(&report, &Terminal::PLAIN);
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ") + " ";
        assert!(words.contains(wanted), "no '{wanted}' in\n{page}");
    }
}

fn mode(report: &mut StatusReport, mode: Mode) {
    report.pool.as_mut().unwrap().mode = Some(mode);
}

fn rateless(report: &mut StatusReport) {
    let pool = report.pool.as_mut().unwrap();
    pool.data.fill_bytes_per_s = None;
    pool.metadata.fill_bytes_per_s = None;
}

fn stuck() -> StuckTask {
    full().daemon.stuck_tasks[0].clone()
}

fn with(severity: Severity, code: Code) -> Finding {
    Finding {
        code,
        severity,
        ..finding()
    }
}
