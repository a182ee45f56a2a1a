//! Lines as real kernels print them, from the sources of each generation, and lines that only look like them.

use super::*;

/// A line that kernels print, and what it means by the sources.
struct Row {
    kernels: &'static str,
    event: &'static str,
    device: &'static str,
    line: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    include_str!("tests/lines.tsv")
        .lines()
        .filter(|row| !row.starts_with('#'))
        .map(|row| match *row.split('\t').collect::<Vec<_>>() {
            [kernels, _, event, device, line] => Row {
                kernels,
                event,
                device,
                line,
            },
            _ => panic!("{row}"),
        })
}

#[test]
fn the_lines_of_each_kernel() {
    for row in rows() {
        let (event, device) =
            meaning(row.line).map_or(("-".to_owned(), None), |(event, device)| (format!("{event:?}"), device));
        assert_eq!(
            (event.as_str(), device.unwrap_or("-")),
            (row.event, row.device),
            "{}: {}",
            row.kernels,
            row.line
        );
    }
}

/// The oldest kernel and the newest: a table that lost one of them would still pass the test above.
#[test]
fn each_kind_is_told_by_an_old_and_a_new_kernel() {
    for event in [
        "HungTask",
        "FilesystemShutDown",
        "FilesystemError",
        "FilesystemReadOnly",
        "FilesystemMounted",
        "PoolLow",
        "PoolMode",
        "PoolMetadata",
        "PoolGrown",
        "DeviceError",
    ] {
        for kernel in ["EL7", "6.19"] {
            let told = rows().any(|row| row.event.starts_with(event) && row.kernels.contains(kernel));
            assert!(told, "{event} by {kernel}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(row: proptest::sample::Index, cut: proptest::sample::Index, text in ".*") {
        let rows: Vec<Row> = rows().collect();
        let line = rows[row.index(rows.len())].line;
        meaning(&format!("{}{text}", &line[..cut.index(line.len() + 1)]));
        meaning(&text);
    }
}
