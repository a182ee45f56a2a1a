//! How far a file of the pool may grow: into room that exists, up to the cap, never for the sake of a few blocks.

use crate::model::{Bytes, GrowthDefaults, GrowthSettings, Host, HostSettings, Usage};

/// Smallest growth worth a reload of the pool's table.
const WORTH: Bytes = Bytes::mib(4);

/// A file that may have to grow, whether its pool is active or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Use of the device, in its blocks.
    pub usage: Usage,
    /// The kernel's low-water mark in bytes; 0 where there is none.
    pub low_water: Bytes,
    /// What the host filesystem has given to the file so far.
    pub allocated: Bytes,
    /// What the other sparse file of the same pool may still ask of the same filesystem.
    pub promised: Bytes,
}

/// What came of asking for growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Enough is free, or growth of this device is switched off.
    Enough,
    /// Grow to this size.
    GrowTo(Bytes),
    /// More is needed, but the filesystem has no room for it.
    NoRoom {
        /// What could still be written to the filesystem above the reserve.
        room: Bytes,
        /// How much more was wanted.
        wanted: Bytes,
    },
    /// More is needed, but the cap of the settings is reached.
    Capped,
}

/// Free space below which a device of this size is low. The kernel's mark counts too, but never for more than half of the
/// device: Docker's fixed 2 GiB would otherwise call a small pool low for ever.
pub fn threshold<D: GrowthDefaults>(need: &Need, settings: &GrowthSettings<D>) -> Bytes {
    let total = need.usage.total();
    total
        .percent(settings.below_free_percent)
        .max(need.low_water.min(total.percent(50)))
}

/// Room on the filesystem for the pool's files, beyond the reserve.
pub fn room(host: &Host, settings: &HostSettings) -> Bytes {
    host.free_bytes.saturating_sub(reserve(host, settings))
}

/// What is to stay free on the filesystem.
pub fn reserve(host: &Host, settings: &HostSettings) -> Bytes {
    host.total_bytes
        .percent(settings.reserve_percent)
        .max(settings.reserve_min)
}

/// Whether and how far to grow.
///
/// A sparse file has been promised its whole size already; what it has not been given yet must come out of the same room.
/// So the largest size the filesystem can honour is what is allocated now plus the room, less what the pool's other file
/// has been promised.
pub fn plan<D: GrowthDefaults>(
    need: &Need,
    host: &Host,
    settings: &GrowthSettings<D>,
    host_settings: &HostSettings,
) -> Plan {
    let low = threshold(need, settings);
    if settings.below_free_percent == 0 || (need.usage.free() >= low && !need.usage.is_exhausted()) {
        return Plan::Enough;
    }
    let total = need.usage.total();
    let block = need.usage.block_bytes;
    let step = total.percent(settings.step_percent).max(settings.step_min);
    // A pool that was found nearly full gets past its threshold in one step, not in several that race with its writers.
    let wanted = total
        .saturating_add(step)
        .max(need.usage.used().saturating_add(low).saturating_add(step));
    let wanted = Bytes(wanted.0.div_ceil(block.max(1)).saturating_mul(block.max(1)));
    let capped = wanted.min(settings.cap.round_down(block));
    if capped <= total.saturating_add(WORTH) {
        return Plan::Capped;
    }
    let room = room(host, host_settings);
    let honoured = need
        .allocated
        .saturating_add(room)
        .saturating_sub(need.promised)
        .round_down(block);
    let to = capped.min(honoured);
    match to > total.saturating_add(WORTH) && !host.read_only {
        true => Plan::GrowTo(to),
        false => Plan::NoRoom {
            room,
            wanted: capped.saturating_sub(total),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DataDefaults, MetadataDefaults};
    use proptest::prelude::*;

    const BLOCK: u64 = 64 * Bytes::KIB;

    fn need(used: Bytes, total: Bytes) -> Need {
        Need {
            usage: Usage {
                used_blocks: used.0 / BLOCK,
                total_blocks: total.0 / BLOCK,
                block_bytes: BLOCK,
            },
            low_water: Bytes::gib(2),
            allocated: used,
            promised: Bytes(0),
        }
    }

    fn host(free: Bytes, total: Bytes) -> Host {
        Host {
            path: "/var/lib/docker".into(),
            free_bytes: free,
            total_bytes: total,
            read_only: false,
        }
    }

    fn plan_data(need: &Need, host: &Host) -> Plan {
        plan(
            need,
            host,
            &GrowthSettings::<DataDefaults>::default(),
            &HostSettings::default(),
        )
    }

    #[test]
    fn plans() {
        let roomy = host(Bytes::gib(400), Bytes::gib(500));
        let gib = Bytes::gib;
        for (what, need, host, expected) in [
            ("plenty free", need(gib(50), gib(100)), &roomy, Plan::Enough),
            ("just at a fifth", need(gib(80), gib(100)), &roomy, Plan::Enough),
            (
                "below a fifth: past the threshold in one step",
                need(gib(81), gib(100)),
                &roomy,
                Plan::GrowTo(gib(126)),
            ),
            ("full", need(gib(100), gib(100)), &roomy, Plan::GrowTo(gib(145))),
            (
                "a small pool keeps half free",
                need(gib(1), gib(2)),
                &roomy,
                Plan::Enough,
            ),
            (
                "host at its reserve",
                need(gib(90), gib(100)),
                &host(gib(25), gib(500)),
                Plan::NoRoom {
                    room: Bytes(0),
                    wanted: gib(35),
                },
            ),
            (
                "an over-committed host honours less than the pool has",
                need(gib(90), gib(100)),
                &host(gib(30), gib(500)),
                Plan::NoRoom {
                    room: gib(5),
                    wanted: gib(35),
                },
            ),
            (
                "a host with a little room gives all of it",
                need(gib(90), gib(100)),
                &host(gib(40), gib(500)),
                Plan::GrowTo(gib(105)),
            ),
        ] {
            assert_eq!(plan_data(&need, host), expected, "{what}");
        }
    }

    #[test]
    fn caps_and_switches_hold() {
        let roomy = host(Bytes::gib(400), Bytes::gib(500));
        let low = need(Bytes::gib(95), Bytes::gib(100));
        let mut settings = GrowthSettings::<DataDefaults>::default();
        settings.cap = Bytes::gib(100);
        assert_eq!(plan(&low, &roomy, &settings, &HostSettings::default()), Plan::Capped);
        settings.below_free_percent = 0;
        assert_eq!(plan(&low, &roomy, &settings, &HostSettings::default()), Plan::Enough);
        let read_only = Host {
            read_only: true,
            ..roomy
        };
        assert!(matches!(plan_data(&low, &read_only), Plan::NoRoom { .. }));
    }

    #[test]
    fn metadata_never_passes_the_kernels_limit() {
        let usage = Usage {
            used_blocks: 2_600_000,
            total_blocks: 2_700_000,
            block_bytes: 4096,
        };
        let need = Need {
            usage,
            low_water: Bytes(0),
            allocated: usage.used(),
            promised: Bytes(0),
        };
        let settings = GrowthSettings::<MetadataDefaults>::default();
        let Plan::GrowTo(to) = plan(
            &need,
            &host(Bytes::gib(400), Bytes::gib(500)),
            &settings,
            &HostSettings::default(),
        ) else {
            panic!("no growth")
        };
        assert!(to <= settings.cap && to.0 % 4096 == 0 && to > usage.total());
    }

    proptest! {
        /// Laws 5 and 7: never smaller than now, never more than allocated + room unless the file is that large already.
        #[test]
        fn growth_is_growth_into_room(
            used in 0u64..1 << 30, total in 1u64..1 << 30, free in 0u64..1 << 45, size in 1u64..1 << 46,
            allocated in 0u64..1 << 46, promised in 0u64..1 << 40, low_water in 0u64..1 << 40,
        ) {
            let usage = Usage { used_blocks: used.min(total), total_blocks: total, block_bytes: BLOCK };
            let need = Need {
                usage,
                low_water: Bytes(low_water),
                    allocated: Bytes(allocated),
                promised: Bytes(promised),
            };
            let host = host(Bytes(free), Bytes(size));
            if let Plan::GrowTo(to) = plan_data(&need, &host) {
                prop_assert!(to > usage.total());
                prop_assert_eq!(to.0 % BLOCK, 0);
                prop_assert!(to.0 <= allocated + room(&host, &HostSettings::default()).0);
            }
        }
    }
}
