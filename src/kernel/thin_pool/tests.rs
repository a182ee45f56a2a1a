//! Status and table texts of kernels from 3.10 to 6.x, and hostile ones.

use super::*;
use proptest::prelude::*;

fn lab() -> Active {
    Active {
        transaction_id: 6,
        metadata_used: 1658,
        metadata_total: 16384,
        data_used: 1104,
        data_total: 19200,
        held_root: None,
        mode: Mode::Rw,
        queue_if_no_space: true,
        needs_check: false,
        metadata_low_water: Some(1024),
    }
}

#[test]
fn status_of_every_kernel() {
    let old = Active {
        metadata_low_water: None,
        ..lab()
    };
    for (text, expected) in [
        (
            "6 1658/16384 1104/19200 - rw discard_passdown queue_if_no_space - 1024",
            lab(),
        ),
        // The kernel ends the line with a space.
        (
            "6 1658/16384 1104/19200 - rw discard_passdown queue_if_no_space - 1024 ",
            lab(),
        ),
        // 4.0 to 4.19: no metadata low-water mark.
        (
            "6 1658/16384 1104/19200 - rw discard_passdown queue_if_no_space -",
            old.clone(),
        ),
        // EL7's 3.10: no needs_check field; plain 3.10: no no-space word either.
        (
            "6 1658/16384 1104/19200 - rw discard_passdown queue_if_no_space",
            old.clone(),
        ),
        ("6 1658/16384 1104/19200 - rw no_discard_passdown", old.clone()),
        ("6 1658/16384 1104/19200 - rw", old.clone()),
        (
            "6 1658/16384 1104/19200 - ro discard_passdown",
            Active {
                mode: Mode::Ro,
                ..old.clone()
            },
        ),
        (
            "6 1658/16384 1104/19200 - rw discard_passdown error_if_no_space",
            Active {
                queue_if_no_space: false,
                ..old.clone()
            },
        ),
        (
            "6 1658/16384 1104/19200 4711 rw ignore_discard queue_if_no_space - 1024",
            Active {
                held_root: Some(4711),
                ..lab()
            },
        ),
        (
            "6 1658/16384 19200/19200 - out_of_data_space discard_passdown error_if_no_space - 1024",
            Active {
                data_used: 19200,
                mode: Mode::OutOfDataSpace,
                queue_if_no_space: false,
                ..lab()
            },
        ),
        (
            "6 1658/16384 1104/19200 - ro discard_passdown queue_if_no_space needs_check 1024",
            Active {
                mode: Mode::Ro,
                needs_check: true,
                ..lab()
            },
        ),
        (
            "6 1658/16384 1104/19200 - rw discard_passdown queue_if_no_space - 1024 a_new_word b=2",
            lab(),
        ),
    ] {
        assert_eq!(Status::parse(text), Ok(Status::Active(expected)), "{text}");
    }
    assert_eq!(Status::parse("Fail"), Ok(Status::Fail));
    assert_eq!(Status::parse(" Error "), Ok(Status::Error));
}

#[test]
fn usage_is_in_bytes() {
    assert_eq!(lab().data(128).total().0, 19200 * 65536);
    assert_eq!(lab().metadata().used().0, 1658 * 4096);
    assert_eq!(lab().data(u64::MAX).total().0, u64::MAX);
}

#[test]
fn what_is_no_status_is_refused() {
    for text in [
        "",
        " ",
        "fail",
        "6",
        "-6 1/2 1/2 - rw",
        "+6 1/2 1/2 - rw",
        "6 12 1/2 - rw",
        "6 1/ 1/2 - rw",
        "6 1/2/3 1/2 - rw",
        "6 1/2 - rw",
        "6 1/2 1/2 rw discard_passdown",
        "6 1/2 1/2 - RW",
        "6 1/2 1/2 -",
        "6 1/2 1/18446744073709551616 - rw",
        "7:1 7:0 128 32768 1 skip_block_zeroing",
    ] {
        assert!(Status::parse(text).is_err(), "{text}");
    }
}

#[test]
fn tables_are_read_and_written() {
    let text = "7:1 7:0 128 32768 1 skip_block_zeroing";
    let table = Table::parse(&format!("{text} ")).unwrap();
    assert_eq!(
        table,
        Table {
            metadata_device: "7:1".into(),
            data_device: "7:0".into(),
            block_sectors: 128,
            low_water_blocks: 32768,
            features: vec!["skip_block_zeroing".into()],
        }
    );
    for text in [
        text,
        "7:1 7:0 128 0 0",
        "/dev/loop1 /dev/loop0 2097152 1 2 read_only error_if_no_space",
    ] {
        assert_eq!(Table::parse(text).unwrap().params(), text);
    }
    assert_eq!(
        Table::parse("7:1 7:0 128 32768").unwrap().params(),
        "7:1 7:0 128 32768 0"
    );
}

#[test]
fn what_is_no_table_is_refused() {
    for text in [
        "",
        "7:1 7:0",
        "7:1 7:0 0 32768 0",
        "7:1 7:0 127 32768 0",
        "7:1 7:0 129 32768 0",
        "7:1 7:0 2097280 32768 0",
        "7:1 7:0 128 x 0",
        "7:1 7:0 128 1 1",
        "7:1 7:0 128 1 0 skip_block_zeroing",
        "7:1 7:0 128 1 x",
        "7 7:0 128 1 0",
        "7:1 loop0 128 1 0",
        "7:+1 7:0 128 1 0",
        "7:4294967296 7:0 128 1 0",
        "6 1658/16384 1104/19200 - rw",
    ] {
        assert!(Table::parse(text).is_err(), "{text}");
    }
}

#[test]
fn only_words_count_when_params_are_compared() {
    assert!(same_params(
        "7:1 7:0 128 32768 1 skip_block_zeroing ",
        "7:1 7:0 128 32768 1 skip_block_zeroing"
    ));
    assert!(!same_params("7:1 7:0 128 32768 0", "7:1 7:0 128 3276 80"));
    assert!(!same_params("7:1 7:0 128 32768 0", "7:1 7:0 128 32768"));
}

proptest! {
    #[test]
    fn any_text_is_survived(text: String) {
        let _ = (Status::parse(&text), Table::parse(&text));
    }

    #[test]
    fn any_words_are_survived(words in proptest::collection::vec("[0-9:/-]{0,22}|rw|ro|Fail|needs_check|/dev/[a-z]*", 0..10)) {
        let text = words.join(" ");
        let _ = Status::parse(&text);
        if let Ok(table) = Table::parse(&text) {
            prop_assert_eq!(Table::parse(&table.params()), Ok(table));
        }
    }

    #[test]
    fn tables_round_trip(meta in 0u32.., data in 0u32.., blocks in 1u64..=16384, low: u64,
                         features in proptest::collection::vec("[a-z_]{1,20}", 0..6)) {
        let table = Table {
            metadata_device: format!("7:{meta}"),
            data_device: format!("253:{data}"),
            block_sectors: blocks * 128,
            low_water_blocks: low,
            features,
        };
        prop_assert_eq!(Table::parse(&table.params()), Ok(table));
    }
}
