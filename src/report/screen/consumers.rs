//! The rows of who fills the pool.

use super::Page;
use crate::model::Consumer;
use crate::report::fit::{columns, shortened};
use crate::report::json::PoolReport;

/// Volumes that are told one by one.
const TOLD: usize = 5;

/// Columns of a name, where there is room.
const NAME: usize = 40;

/// Columns of a size: `1023 MiB`.
const SIZE: usize = 8;

/// The largest of the active volumes, where they were looked at.
pub(super) fn consumers(page: &mut Page, pool: &PoolReport) {
    let Some(active) = pool.active_volumes else { return };
    if pool.consumers.is_empty() {
        page.row(
            "filled by",
            "no running container: images, and containers that are stopped",
        );
        return;
    }
    let width = NAME.min(page.room().saturating_sub(SIZE + 1));
    for (index, consumer) in pool.consumers.iter().take(TOLD).enumerate() {
        let name = shortened(&page.shown(name(consumer)), width);
        let gap = " ".repeat(width.saturating_sub(columns(&name)));
        let label = if index == 0 { "filled by" } else { "" };
        let size = consumer.mapped_bytes.to_string();
        page.line(&format!("  {label:<10} {name}{gap} {size:>SIZE$}"));
    }
    let more = active.saturating_sub(TOLD as u64);
    let more = if more > 0 {
        format!("and {more} more; ")
    } else {
        String::new()
    };
    page.row(
        "",
        &format!("({more}running containers only; mapped, shared image blocks included)"),
    );
}

/// What the operator knows it by.
fn name(consumer: &Consumer) -> &str {
    let id = consumer.container.as_deref().map(|id| id.get(..12).unwrap_or(id));
    consumer.name.as_deref().or(id).unwrap_or(&consumer.device)
}
