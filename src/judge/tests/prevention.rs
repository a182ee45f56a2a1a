//! Writers of all kinds against a guard that looks when it thinks it must: the pool never runs out while there is room.

use super::*;
use crate::model::Code;

/// A pool on a host, its writers, and a guard that looks, grows and rests as `watch` does.
struct World {
    seen: Snapshot,
    memory: Memory,
    settings: Settings,
    now: Duration,
    growths: u32,
    ran_out: bool,
}

impl World {
    fn new(total: Bytes, host_free: Bytes) -> World {
        let mut seen = seen(pool(), answered(), TaskState::Alive);
        let data = Usage {
            used_blocks: (1 << 30) / BLOCK,
            total_blocks: total.0 / BLOCK,
            block_bytes: BLOCK,
        };
        seen.pool = Seen::Known(Some(Pool {
            data,
            data_file: file("/d/data", total, data.used()),
            ..pool()
        }));
        seen.host = Seen::Known(Host {
            path: "/d".into(),
            free_bytes: host_free,
            total_bytes: host_free.saturating_add(Bytes::gib(10)),
            read_only: false,
        });
        World {
            seen,
            memory: Memory::default(),
            settings: Settings::default(),
            now: secs(1000),
            growths: 0,
            ran_out: false,
        }
    }

    fn pool(&mut self) -> &mut Pool {
        match &mut self.seen.pool {
            Seen::Known(Some(pool)) => pool,
            _ => panic!("no pool"),
        }
    }

    /// So many bytes are written; what does not fit into the pool is what the law forbids.
    fn write(&mut self, bytes: Bytes) {
        let pool = self.pool();
        let written = bytes.min(pool.data.free());
        pool.data.used_blocks += written.0 / BLOCK;
        let (total, used) = (pool.data.total(), pool.data.used());
        pool.data_file = file("/d/data", total, used);
        if let Seen::Known(host) = &mut self.seen.host {
            host.free_bytes = host.free_bytes.saturating_sub(written);
        }
        self.ran_out |= written < bytes;
    }

    /// One round: two looks that agree, the growth, a rest, in which the writers go on at `rate(now)` a second. A growth takes half a
    /// second, and the kernel's low-water event ends a rest.
    fn round(&mut self, rate: impl Fn(Duration) -> Bytes) {
        let verdict = judge(&self.seen, &self.settings, &mut self.memory, self.now);
        let mut rest = pace::rest(&self.seen, &verdict, &self.memory, &self.settings);
        if let Some(Deed::Grow {
            target: Target::Data,
            to,
            ..
        }) = verdict.deed
        {
            self.pass(Duration::from_millis(500), &rate);
            let pool = self.pool();
            pool.data.total_blocks = to.0 / BLOCK;
            self.growths += 1;
            rest = Duration::ZERO;
        }
        self.pass(rest, &rate);
    }

    fn pass(&mut self, time: Duration, rate: &impl Fn(Duration) -> Bytes) {
        let step = Duration::from_millis(50);
        let end = self.now + time;
        let mut armed = self.pool().data.free() > self.pool().low_water();
        while self.now < end {
            self.write(rate(self.now).times(step));
            self.now += step;
            if armed && self.pool().data.free() < self.pool().low_water() {
                armed = false;
                self.now = end;
            }
        }
    }
}

fn mib_per_s(mib: u64) -> Bytes {
    Bytes::mib(mib)
}

#[test]
fn no_writer_outruns_the_guard_while_there_is_room() {
    let since = |now: Duration| now.as_secs() - 1000;
    type Rate = Box<dyn Fn(Duration) -> Bytes>;
    let writers: Vec<(&str, Bytes, Rate)> = vec![
        ("a slow one", Bytes::gib(10), Box::new(|_| mib_per_s(20))),
        ("a fast one", Bytes::gib(10), Box::new(|_| mib_per_s(900))),
        ("a very fast one", Bytes::gib(100), Box::new(|_| mib_per_s(5000))),
        (
            "one that doubles every ten seconds",
            Bytes::gib(10),
            Box::new(move |now| mib_per_s(10 << (since(now) / 10).min(9))),
        ),
        (
            "one that begins after an hour of quiet",
            Bytes::gib(20),
            Box::new(move |now| mib_per_s(if since(now) < 3600 { 0 } else { 900 })),
        ),
        (
            "one that writes for ten seconds each minute",
            Bytes::gib(10),
            Box::new(move |now| mib_per_s(if since(now) % 60 < 10 { 900 } else { 0 })),
        ),
    ];
    for (what, size, rate) in writers {
        let mut world = World::new(size, Bytes::gib(2000));
        while world.pool().data.used() < Bytes::gib(1000) && since(world.now) < 20_000 {
            world.round(&rate);
            assert!(
                !world.ran_out,
                "{what}: ran out at {:?} after {} growths",
                world.now, world.growths
            );
        }
        assert!(world.growths > 0, "{what}");
    }
}

#[test]
fn fast_writers_need_no_more_growths_than_slow_ones_a_minute() {
    let mut world = World::new(Bytes::gib(2), Bytes::gib(2000));
    let begun = world.now;
    while world.pool().data.used() < Bytes::gib(500) {
        world.round(|_| mib_per_s(900));
    }
    let minutes = (world.now - begun).as_secs_f64() / 60.0;
    // The first ones are small: nobody has seen the writer yet.
    assert!(
        f64::from(world.growths) <= 6.0 + minutes,
        "{} growths in {minutes:.1} min",
        world.growths
    );
}

#[test]
fn at_the_reserve_growth_ends_with_an_alarm_and_a_forecast_came_before() {
    let mut world = World::new(Bytes::gib(4), Bytes::gib(40));
    let mut forecast = None;
    while !world.ran_out {
        let fill = world.memory.fill.clone();
        if let Some(it) = rate::forecast(&fill, &world.seen, &world.settings) {
            forecast = Some(it);
        }
        world.round(|_| mib_per_s(100));
    }
    let verdict = judge(&world.seen, &world.settings, &mut world.memory, world.now);
    assert!(verdict.finding(Code::PoolExhausted).is_some(), "{verdict:?}");
    assert!(verdict.finding(Code::HostFilesystemFull).is_some(), "{verdict:?}");
    assert_eq!(verdict.deed, None);
    let host = world.seen.host.known().unwrap();
    assert!(host.free_bytes >= Bytes::gib(2), "the reserve is left: {host:?}");
    let forecast = forecast.expect("nobody foresaw it");
    assert!(forecast.full_in < secs(60), "{forecast}");
}

#[test]
fn a_forecast_tells_whichever_is_full_first() {
    let mut world = World::new(Bytes::gib(10), Bytes::gib(500));
    for _ in 0..6 {
        world.write(Bytes::mib(100));
        judge(&world.seen, &world.settings, &mut world.memory, world.now);
        world.now += secs(10);
    }
    let tell =
        |world: &World| rate::forecast(&world.memory.fill, &world.seen, &world.settings).map(|it| it.to_string());
    // 8.41 GiB are free, at 10 MiB/s.
    assert_eq!(tell(&world).unwrap(), "data full in 14 min at 10 MiB/s");
    let Seen::Known(host) = &mut world.seen.host else {
        panic!()
    };
    host.free_bytes = Bytes::gib(28);
    assert_eq!(tell(&world).unwrap(), "host room gone in 4 min at 10 MiB/s");
    for _ in 0..70 {
        judge(&world.seen, &world.settings, &mut world.memory, world.now);
        world.now += secs(10);
    }
    assert_eq!(tell(&world), None, "nothing fills any more");
}

#[test]
fn fast_writers_are_looked_at_more_often() {
    let mut world = World::new(Bytes::gib(1000), Bytes::gib(5000));
    let rest = |world: &mut World| {
        let verdict = judge(&world.seen, &world.settings, &mut world.memory, world.now);
        pace::rest(&world.seen, &verdict, &world.memory, &world.settings)
    };
    // 20 GiB to the threshold: more than fifteen seconds for a disk, and a few for a writer of 2 GiB/s that may double its rate.
    world.pool().data.used_blocks = (780 << 30) / BLOCK;
    assert_eq!(rest(&mut world), secs(15));
    for _ in 0..3 {
        world.now += Duration::from_millis(500);
        world.write(Bytes::gib(1));
        rest(&mut world);
    }
    assert_eq!(rest(&mut world), Duration::from_millis(4250));
}

/// A stock pool of 100 GiB on a host that could never give them: metadata are small, and their end is a repair.
#[test]
fn metadata_grow_whatever_data_were_promised() {
    let mut look = seen(pool(), answered(), TaskState::Alive);
    for (what, used) in [("low", 14000), ("full", 16384)] {
        let Seen::Known(Some(pool)) = &mut look.pool else {
            panic!()
        };
        pool.metadata.used_blocks = used;
        pool.data.total_blocks = 100 << 14;
        pool.data_file = file("/d/data", Bytes::gib(100), Bytes::gib(20));
        look.host = Seen::Known(Host {
            path: "/d".into(),
            free_bytes: Bytes::gib(40),
            total_bytes: Bytes::gib(60),
            read_only: false,
        });
        let verdict = judge_once(&look);
        assert!(is_growth(&verdict.deed, Target::Metadata), "{what}: {verdict:?}");
        assert_eq!(verdict.cannot_grow, None, "{what}");
    }
}

#[test]
fn data_wait_for_metadata_that_have_run_out() {
    let mut look = seen(full(), answered(), TaskState::Alive);
    let Seen::Known(Some(pool)) = &mut look.pool else {
        panic!()
    };
    pool.metadata.used_blocks = pool.metadata.total_blocks;
    let mut settings = Settings::default();
    settings.metadata.below_free_percent = 0;
    let verdict = judge(&look, &settings, &mut Memory::default(), secs(1000));
    assert_eq!(verdict.deed, None);
    let remedies: Vec<_> = verdict.findings.iter().map(|finding| finding.remedy.as_str()).collect();
    assert!(
        remedies.iter().any(|words| words.contains("metadata must grow first")),
        "{remedies:?}"
    );
    // What stands in the way of the metadata decides, and is the first of its code.
    let decisive = "growth of the metadata device is switched off";
    assert!(verdict.cannot_grow.as_ref().is_some_and(|why| why.contains(decisive)));
    assert!(
        verdict
            .finding(Code::PoolExhausted)
            .is_some_and(|finding| finding.remedy.contains(decisive))
    );
    let verdict = judge(&look, &Settings::default(), &mut Memory::default(), secs(1000));
    assert!(is_growth(&verdict.deed, Target::Metadata));
    assert_eq!(verdict.cannot_grow, None, "there is room, once the metadata have grown");
}

#[test]
fn what_cannot_grow_is_not_said_to() {
    type Change = fn(&mut Snapshot);
    let cases: [(&str, Change, &str); 3] = [
        (
            "the file was not found",
            |look| {
                let Seen::Known(Some(pool)) = &mut look.pool else {
                    panic!()
                };
                pool.data_file = Seen::unknown("no such file");
            },
            "cannot be looked at: no such file",
        ),
        (
            "the room is not known",
            |look| look.host = Seen::unknown("stuck for 9 s"),
            "stuck for 9 s",
        ),
        (
            "the filesystem is read-only",
            |look| {
                let Seen::Known(host) = &mut look.host else { panic!() };
                host.read_only = true;
            },
            "mounted read-only",
        ),
    ];
    for (what, change, said) in cases {
        let mut look = seen(full(), answered(), TaskState::Alive);
        change(&mut look);
        let verdict = judge_once(&look);
        assert_eq!(verdict.deed, None, "{what}");
        let finding = verdict.finding(Code::PoolExhausted).expect(what);
        assert!(finding.remedy.contains(said), "{what}: {}", finding.remedy);
        assert!(
            verdict.cannot_grow.is_some_and(|why| why.contains(said)),
            "{what}: it cannot be grown"
        );
    }
}

#[test]
fn a_read_only_filesystem_is_told_beside_a_pool_with_room() {
    let mut look = seen(pool(), answered(), TaskState::Alive);
    let Seen::Known(host) = &mut look.host else { panic!() };
    host.read_only = true;
    assert_eq!(codes(&judge_once(&look)), [Code::HostFilesystemReadOnly]);
    let headroom = storage::headroom(&pool(), look.host.known(), &Settings::default());
    assert_eq!(headroom, Bytes(0), "free blocks of the pool have nowhere to lie");
}

#[test]
fn a_pool_that_has_failed_is_not_exhausted() {
    let failed = Pool {
        mode: Mode::Fail,
        data: Usage {
            used_blocks: 0,
            total_blocks: 0,
            ..pool().data
        },
        ..pool()
    };
    let mut memory = Memory::default();
    let verdict = judge(
        &seen(failed, Probe::Silent(secs(60)), TaskState::Uninterruptible),
        &Settings::default(),
        &mut memory,
        secs(1000),
    );
    assert!(!codes(&verdict).contains(&Code::PoolExhausted), "{verdict:?}");
    assert_eq!(memory.kept.incident, None);
}

/// `data` was moved to a big disk by a link, and `metadata` left behind on a small one.
#[test]
fn each_file_grows_into_its_own_filesystem_alone() {
    let low_metadata = Pool {
        metadata: Usage {
            used_blocks: 12_000,
            ..pool().metadata
        },
        ..pool()
    };
    let on = |path: &str, free: Bytes, total: Bytes| Host {
        path: path.into(),
        free_bytes: free,
        total_bytes: total,
        read_only: false,
    };
    let mut look = seen(low_metadata, answered(), TaskState::Alive);
    assert!(is_growth(&judge_once(&look).deed, Target::Metadata), "beside the data");
    look.metadata_host = Some(on("/small", Bytes::mib(32), Bytes::mib(128)));
    let Seen::Known(Some(pool)) = &look.pool else { panic!() };
    assert!(pool.metadata.total() > Bytes::mib(32));
    let verdict = judge_once(&look);
    assert_eq!(verdict.deed, None, "into room that the data's filesystem has");
    let full = verdict.finding(Code::HostFilesystemFull).expect("an alarm");
    assert_eq!(full.subject, "/small");
    assert!(full.message.contains("its metadata device has"), "{}", full.message);
    // 56 MiB are still owed to the sparse metadata file.
    assert!(verdict.finding(Code::HostFilesystemOvercommitted).is_some());

    // And the reverse: a full disk below the data keeps no metadata from growing.
    look.metadata_host = Some(on("/large", Bytes::gib(50), Bytes::gib(100)));
    look.host = Seen::Known(on("/d", Bytes::mib(10), Bytes::gib(100)));
    assert!(is_growth(&judge_once(&look).deed, Target::Metadata));
}

/// `rm data` under a running Docker: the content is there until the loop device goes, with Docker's stop.
#[test]
fn a_deleted_or_moved_file_is_an_alarm_with_the_way_to_copy_it_off() {
    let mut look = seen(pool(), answered(), TaskState::Alive);
    look.names_gone = vec!["/d/data".into()];
    let moved = judge_once(&look)
        .finding(Code::PoolFileDeleted)
        .cloned()
        .expect("an alarm");
    assert!(
        moved.is_refusal() && moved.remedy.contains("move it back to /d/data"),
        "{moved:?}"
    );

    let Seen::Known(Some(pool)) = &mut look.pool else {
        panic!()
    };
    pool.data_backing = Backing::Deleted {
        device: "loop0".into(),
        file: "/d/data".into(),
    };
    pool.data.used_blocks = pool.data.total_blocks - 1;
    let Seen::Known(host) = &mut look.host else { panic!() };
    host.free_bytes = Bytes::mib(1);
    let verdict = judge_once(&look);
    let gone: Vec<_> = verdict
        .findings
        .iter()
        .filter(|it| it.code == Code::PoolFileDeleted)
        .collect();
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(
        gone[0].remedy.contains("dd if=/dev/loop0 of=/OTHER-DISK/data"),
        "{gone:?}"
    );
    assert_eq!(verdict.deed, None);
    let low = verdict.finding(Code::PoolLow).expect("it is low all the same");
    assert!(low.remedy.contains("was deleted; copy it off first"), "{}", low.remedy);
    assert!(
        verdict.finding(Code::HostFilesystemFull).is_some(),
        "the host is told of too"
    );
}

/// The kernel needs metadata to record more data blocks, and before 4.19 and EL7.7 keeps none back for it.
#[test]
fn data_do_not_grow_on_the_last_metadata_blocks() {
    for (free, grown) in [(64, Some(Target::Data)), (63, None), (1, None)] {
        let mut settings = Settings::default();
        // Nobody grows the metadata.
        settings.metadata.below_free_percent = 0;
        let mut nearly = full();
        nearly.metadata.used_blocks = nearly.metadata.total_blocks - free;
        let look = seen(nearly, answered(), TaskState::Alive);
        let deed = judge(&look, &settings, &mut Memory::default(), secs(1000)).deed;
        let target = deed.and_then(|deed| match deed {
            Deed::Grow { target, .. } => Some(target),
            _ => None,
        });
        assert_eq!(target, grown, "{free} blocks are free");
    }
}

/// A host without reserve is short of room; a pool without metadata needs an off-line repair.
#[test]
fn metadata_may_take_what_is_kept_in_reserve() {
    let low_metadata = Pool {
        metadata: Usage {
            used_blocks: 12_000,
            ..pool().metadata
        },
        ..pool()
    };
    let mut look = seen(low_metadata, answered(), TaskState::Alive);
    for (free, grows) in [(Bytes::mib(500), true), (Bytes::mib(70), false)] {
        let Seen::Known(host) = &mut look.host else { panic!() };
        host.free_bytes = free;
        assert_eq!(is_growth(&judge_once(&look).deed, Target::Metadata), grows, "{free}");
    }
}

#[test]
fn without_a_guard_the_next_step_is_to_start_one() {
    let look = seen(full(), answered(), TaskState::Alive);
    let mut memory = Memory::default();
    memory.unguarded = true;
    let verdict = judge(&look, &Settings::default(), &mut memory, secs(1000));
    let remedy = &verdict.finding(Code::PoolExhausted).expect("an alarm").remedy;
    assert!(
        remedy.starts_with("systemctl start thinguard, or thinguard grow --data ") && remedy.ends_with('M'),
        "{remedy}"
    );
}
