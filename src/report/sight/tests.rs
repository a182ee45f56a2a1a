//! The figures of each kind of pool.

use super::*;
use crate::report::json::UsageReport;

fn text(pool: &PoolReport, below: Option<&HostReport>) -> String {
    let fields = fields(pool, below);
    let each = fields.iter().map(|(name, value)| format!("{name}={value}"));
    each.collect::<Vec<_>>().join(" ").replace("THINGUARD_", "")
}

#[test]
fn a_pool_is_told_as_far_as_it_is_known() {
    let mut pool = PoolReport::from(&crate::report::tests::pool());
    let below = HostReport {
        path: "/var/lib/docker".into(),
        free_bytes: Bytes(5000),
        total_bytes: Bytes(9000),
        reserve_bytes: Bytes(1),
    };
    let devices = "DATA_USED=262144 DATA_TOTAL=1048576 METADATA_USED=4096 METADATA_TOTAL=16384";
    let name = "POOL=docker-254:16-131074-pool";
    assert_eq!(text(&pool, Some(&below)), format!("{name} {devices} HOST_FREE=5000"));
    assert_eq!(text(&pool, None), format!("{name} {devices}"));
    // In the tree of another host.
    pool.name.clear();
    assert_eq!(text(&pool, None), devices);
    // One that has failed.
    (pool.data, pool.metadata) = (UsageReport::default(), UsageReport::default());
    assert_eq!(text(&pool, Some(&below)), "HOST_FREE=5000");
}
