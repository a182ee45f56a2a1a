//! Rates from made-up writers.

use super::*;
use proptest::prelude::*;

const GAP_MS: Duration = Duration::from_secs(120);
const MIB: u64 = Bytes::MIB;

/// A device of 1 TiB that is seen at these times (seconds) with so many MiB in use.
fn series(looks: impl IntoIterator<Item = (f64, u64)>) -> Series {
    let mut series = Series::default();
    for (at, mib) in looks {
        let now = Duration::from_secs_f64(1000.0 + at);
        series.learn(Bytes(mib * MIB), Bytes::gib(1024), false, now, GAP_MS);
    }
    series
}

fn mib(bytes: Bytes) -> u64 {
    bytes.0 / MIB
}

#[test]
fn rates_are_those_of_the_writers() {
    for (what, looks, smoothed, peak) in [
        ("nothing seen", vec![], 0, 0),
        ("one look", vec![(0.0, 100)], 0, 0),
        ("nothing written", vec![(0.0, 100), (10.0, 100), (20.0, 100)], 0, 0),
        (
            "steady",
            (0..30)
                .map(|i| (f64::from(i) * 10.0, u64::from(i as u8) * 500))
                .collect(),
            50,
            50,
        ),
        (
            "two looks of one round: no time has passed",
            vec![(0.0, 0), (10.0, 10), (10.01, 90)],
            1,
            1,
        ),
        (
            "a burst stays known as a peak, and is spread over its time",
            vec![(0.0, 0), (1.0, 600), (30.0, 600), (60.0, 600)],
            10,
            600,
        ),
        (
            "freed blocks are no writing",
            vec![(0.0, 900), (10.0, 100), (20.0, 100)],
            0,
            0,
        ),
        (
            "what is written and freed again and again fills nothing",
            (0..60)
                .map(|i| (f64::from(i) * 10.0, if i % 2 == 0 { 0 } else { 500 }))
                .collect(),
            0,
            50,
        ),
        (
            "faster and faster: the last minute counts, not the ten before",
            (0..60)
                .map(|i| (f64::from(i) * 10.0, 0))
                .chain((1..=6).map(|i| (590.0 + f64::from(i) * 10.0, u64::from(i as u8) * 1000)))
                .collect(),
            100,
            100,
        ),
        (
            "bursts with long pauses: the ten minutes count",
            (0..60)
                .map(|i| (f64::from(i) * 10.0, u64::from(i as u8 / 20) * 2900))
                .collect(),
            9,
            290,
        ),
    ] {
        let series = series(looks);
        assert_eq!(
            (mib(series.smoothed()), mib(series.peak())),
            (smoothed, peak),
            "{what}: {series:?}"
        );
    }
}

#[test]
fn a_time_that_nobody_saw_is_no_slow_writing() {
    let looks = series([(0.0, 0), (10.0, 1000), (400.0, 5000), (410.0, 6000)]);
    assert_eq!((mib(looks.smoothed()), mib(looks.peak())), (100, 100));
    let fresh = series([(0.0, 0), (10.0, 1000), (400.0, 5000)]);
    assert_eq!((fresh.smoothed(), fresh.peak()), (Bytes(0), Bytes(0)));
}

#[test]
fn growth_is_no_writing_where_the_device_counts_its_own_reserve() {
    let mut metadata = Series::default();
    for (at, used, total) in [(0, 20, 64), (10, 21, 64), (20, 28, 128), (30, 29, 128)] {
        let now = Duration::from_secs(1000 + at);
        metadata.learn(Bytes(used * MIB), Bytes(total * MIB), true, now, GAP_MS);
    }
    // A mebibyte in 10 s, and again; the 7 of the growth are none of it.
    assert_eq!(metadata.peak(), Bytes(MIB / 10));
    assert_eq!(metadata.smoothed(), Bytes(2 * MIB / 30));
}

#[test]
fn growth_of_the_data_device_does_not_hide_the_writers() {
    let mut data = Series::default();
    for (at, used, total) in [(0, 100, 512), (1, 200, 512), (2, 300, 2048), (3, 400, 2048)] {
        let now = Duration::from_secs(1000 + at);
        data.learn(Bytes(used * MIB), Bytes(total * MIB), false, now, GAP_MS);
    }
    assert_eq!((mib(data.smoothed()), mib(data.peak())), (100, 100));
}

#[test]
fn a_smaller_device_is_another_one() {
    let mut data = series([(0.0, 0), (10.0, 1000)]);
    data.learn(Bytes(0), Bytes::gib(1), false, Duration::from_secs(1011), GAP_MS);
    assert_eq!((data.smoothed(), data.peak()), (Bytes(0), Bytes(0)));
}

#[test]
fn a_peak_is_forgotten_in_the_end() {
    let looks = [(0.0, 0), (1.0, 600)]
        .into_iter()
        .chain((1..70).map(|i| (f64::from(i) * 10.0, 600)));
    assert_eq!(series(looks).peak(), Bytes(0));
}

#[test]
fn an_earlier_life_counts_within_its_boot_only() {
    let kept = Fill {
        boot_id: "a".into(),
        data: series([(0.0, 0), (10.0, 1000)]),
        ..Fill::default()
    };
    let text = serde_json::to_string(&kept).unwrap();
    let read: Fill = serde_json::from_str(&text).unwrap();
    assert_eq!(Fill::recall(read.clone(), "a"), kept);
    assert_eq!(Fill::recall(read.clone(), "b").data, Series::default());
    assert_eq!(Fill::recall(read, "").data, Series::default());
}

proptest! {
    /// However often and however irregularly somebody looks: few marks, and no rate beyond what was written.
    #[test]
    fn the_history_is_bounded_and_honest(looks in prop::collection::vec((0u64..30_000, -400i64..400), 1..1500)) {
        let mut series = Series::default();
        let (mut at, mut used) = (1_000_000, 400 * MIB);
        let mut fastest = 0u64;
        for (pause, mib) in looks {
            let before = used;
            at += pause;
            used = used.saturating_add_signed(mib * MIB as i64);
            fastest = fastest.max(used.saturating_sub(before));
            series.learn(Bytes(used), Bytes::gib(1 << 20), false, Duration::from_millis(at), GAP_MS);
            prop_assert!(series.marks.len() <= 80, "{}", series.marks.len());
            prop_assert!(series.marks.iter().zip(series.marks.iter().skip(1)).all(|(a, b)| a.at < b.at));
            prop_assert!(series.marks.iter().rev().skip(1).all(|mark| at - mark.at <= 2 * KEPT_MS));
            prop_assert!(series.smoothed() <= series.peak().max(Bytes(1)));
        }
    }

    /// Writing at one rate is seen at that rate, whatever the rhythm of the looks.
    #[test]
    fn a_steady_rate_is_seen_as_it_is(rate in 1u64..4_000, pauses in prop::collection::vec(400u64..20_000, 3..300)) {
        let mut at = 1_000_000;
        let mut series = Series::default();
        for pause in pauses {
            at += pause;
            series.learn(Bytes(rate * 1000 * (at - 1_000_000)), Bytes(u64::MAX), false, Duration::from_millis(at), GAP_MS);
        }
        if series.marks.back().unwrap().at - series.marks.front().unwrap().at >= LEAST_MS {
            prop_assert_eq!(series.smoothed(), Bytes(rate * 1_000_000));
        }
        prop_assert_eq!(series.peak(), Bytes(rate * 1_000_000));
    }
}
