//! The rows of the pool: its state, bars for what can fill, the true headroom, how fast it fills.

use super::bar::Fullness;
use super::{Page, consumers, why_unseen};
use crate::model::Bytes;
use crate::report::json::{GuardReport, Part, PoolReport, StatusReport};
use crate::report::text::mode_words;

/// Columns behind a bar: `100% of 1023 GiB used, 1023 MiB free` and a blank.
const FIGURES: usize = 38;

/// Cells of a bar: fewer tell nothing, more tell no more.
const CELLS: std::ops::RangeInclusive<usize> = 8..=50;

/// The pool, or why there is none to be seen.
pub(super) fn pool(page: &mut Page, report: &StatusReport) {
    match (&report.pool, &report.pool_unknown) {
        (Some(pool), _) => rows(page, pool, &report.guard),
        (None, Some(why)) => {
            let unseen = report.cannot_see.iter().find(|it| it.what == Part::Pool);
            let why = unseen.map_or_else(|| why.clone(), why_unseen);
            page.row("pool", &format!("unknown: {why}"));
        }
        (None, None) => page.row("pool", "none active"),
    }
}

fn rows(page: &mut Page, pool: &PoolReport, guard: &GuardReport) {
    page.row_of_name("pool", &pool.name, &format!(": {}", mode_words(pool)));
    let bars = [
        ("data", Some(Fullness::from(&pool.data))),
        ("metadata", Some(Fullness::from(&pool.metadata))),
        ("host", pool.host.as_ref().map(Fullness::from)),
    ];
    for (label, fullness) in &bars {
        if let Some(fullness) = fullness {
            bar(page, label, fullness);
        }
    }
    if let Some(host) = &pool.host {
        let reserved = format!(": {} of it reserved", host.reserve_bytes);
        page.row_of_name("", &host.path, &reserved);
    }
    if bars.iter().any(|(_, it)| it.is_some_and(|it| it.low.is_some())) {
        let mark = if page.terminal.utf8 { '\u{2503}' } else { '|' };
        page.row("", &format!("{mark} where growth begins; on host, the reserve"));
    }
    files(page, pool);
    if let Some(headroom) = pool.headroom_bytes {
        page.row("headroom", &headroom_words(pool, headroom));
    }
    page.row("filling", &filling(pool, guard));
    if let Some(forecast) = &pool.forecast {
        page.row("forecast", &forecast.text);
    }
    consumers::consumers(page, pool);
}

pub(in crate::report) fn files(page: &mut Page, pool: &PoolReport) {
    for file in &pool.files {
        let sizes = format!(" ({}, {} allocated)", file.size_bytes, file.allocated_bytes);
        page.row_of_name("file", &file.path, &sizes);
    }
}

fn bar(page: &mut Page, label: &str, fullness: &Fullness) {
    let figures = fullness.figures();
    let cells = page.room().saturating_sub(FIGURES + 2).min(*CELLS.end());
    match CELLS.contains(&cells) {
        true => {
            let bar = fullness.bar(cells, &page.terminal);
            page.line(&format!("  {label:<10} {bar} {figures}"));
        }
        false => page.row(label, figures.trim_start()),
    }
}

/// The true headroom, and why it is not larger.
fn headroom_words(pool: &PoolReport, headroom: Bytes) -> String {
    let free = pool.data.total_bytes.saturating_sub(pool.data.used_bytes);
    let why = match (&pool.host, pool.overcommit_bytes) {
        (Some(_), Some(over)) if over > Bytes(0) => {
            format!(": the host filesystem has less than the pool promises, by {over}")
        }
        (Some(_), _) if headroom < free => ": what the host filesystem has above its reserve".into(),
        (Some(_), _) => ": the pool's own free blocks".into(),
        (None, _) => ": the pool's own free blocks; what is below them is not known".into(),
    };
    format!("{headroom}{why}")
}

fn filling(pool: &PoolReport, guard: &GuardReport) -> String {
    let rates = [("data", &pool.data), ("metadata", &pool.metadata)];
    let rates = rates.map(|(name, usage)| usage.fill_bytes_per_s.map(|rate| (name, rate)));
    let known: Vec<_> = rates.into_iter().flatten().collect();
    let moving: Vec<_> = known.iter().filter(|(_, rate)| *rate > Bytes(0)).collect();
    match (known.is_empty(), moving.as_slice()) {
        (true, _) if guard.running => "not known yet: the guard has not watched for long enough".into(),
        (true, _) => "not known: no guard watches".into(),
        (false, []) => "not at present".into(),
        (false, moving) => {
            let words = moving.iter().map(|(name, rate)| format!("{name} at {rate}/s"));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}
