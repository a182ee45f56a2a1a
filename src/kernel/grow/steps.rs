//! A growth in words, call by call and in its order, for who wants to know beforehand what will be done.

use super::{ExtendOrder, GrowOrder};
use crate::kernel::lvm::pool::extend;
use crate::kernel::thin_pool;
use crate::model::{Pool, Target};

/// One call of a growth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call.
    pub call: String,
    /// What it is called with, a line each, where that does not fit into the call.
    pub details: Vec<String>,
}

impl Step {
    fn new(call: String) -> Step {
        Step {
            call,
            details: Vec::new(),
        }
    }
}

impl GrowOrder {
    /// What [`super::grow`] asks of the kernel, with the pool as it was seen.
    pub fn steps(&self, pool: &Pool) -> Vec<Step> {
        let line = |sectors: u64| format!("0 {sectors} {} {}", thin_pool::KIND, pool.table_params.trim());
        let sectors = self.table_length(pool.table_sectors, pool.data.block_bytes);
        let control = self.dm_control.display();
        let mut steps = vec![
            Step::new(format!("ftruncate({}, {})", self.file, self.to.0)),
            Step::new("msync of its last page: the new size is on the disk before the pool knows of it".into()),
            Step::new(format!(
                "ioctl({}/{}, LOOP_SET_CAPACITY)",
                self.dev.display(),
                self.loop_device
            )),
            Step {
                call: format!("ioctl({control}, DM_TABLE_LOAD) for {}", self.pool),
                details: vec![
                    format!("live:   {}", line(pool.table_sectors)),
                    format!("loaded: {}", line(sectors)),
                ],
            },
            Step {
                call: format!("ioctl({control}, DM_DEV_SUSPEND) for {}", self.pool),
                details: vec![
                    "without DM_SUSPEND_FLAG and with DM_NOFLUSH_FLAG, which is a resume: it suspends,".into(),
                    "takes the loaded table and goes on, all inside this call".into(),
                ],
            },
        ];
        let file = match self.target {
            Target::Data => &pool.data_file,
            Target::Metadata => &pool.metadata_file,
        };
        if file.known().is_some_and(|file| file.size_bytes >= self.to) {
            steps.remove(0);
        }
        steps
    }
}

impl ExtendOrder {
    /// What [`super::extend`] runs.
    pub fn steps(&self) -> Vec<Step> {
        let arguments = extend(&self.group, &self.volume, self.target, self.to);
        vec![Step::new(format!("lvextend {}", arguments.join(" ")))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backing, BackingFile, Bytes, Lvm, Mode, Seen, Usage};

    fn pool() -> Pool {
        let usage = |block_bytes| Usage {
            used_blocks: 1,
            total_blocks: 8192,
            block_bytes,
        };
        Pool {
            name: "docker-1:2-3-pool".into(),
            mode: Mode::Rw,
            needs_check: false,
            suspended: false,
            table_waits: false,
            event_nr: 0,
            transaction_id: 1,
            data: usage(65536),
            metadata: usage(4096),
            queue_if_no_space: true,
            low_water_blocks: 32768,
            table_params: "7:1 7:0 128 32768 1 skip_block_zeroing ".into(),
            table_sectors: 1_048_576,
            data_backing: Backing::Device("7:0".into()),
            metadata_backing: Backing::Device("7:1".into()),
            data_file: Seen::unknown("-"),
            metadata_file: Seen::unknown("-"),
            lvm: Lvm::No,
        }
    }

    fn order(target: Target, to: Bytes) -> GrowOrder {
        GrowOrder {
            pool: "docker-1:2-3-pool".into(),
            target,
            file: "/d/data".into(),
            loop_device: "loop0".into(),
            to,
            expect_params: pool().table_params,
            dm_control: "/dev/mapper/control".into(),
            dev: "/dev".into(),
            lock: "/run/lock".into(),
        }
    }

    #[test]
    fn a_file_that_is_long_enough_is_left_as_it_is() {
        let mut pool = pool();
        for (size, first) in [
            (Bytes::gib(1), "ftruncate(/d/data, 2147483648)"),
            (Bytes::gib(2), "msync"),
            (Bytes::gib(3), "msync"),
        ] {
            pool.data_file = Seen::Known(BackingFile {
                path: "/d/data".into(),
                size_bytes: size,
                allocated_bytes: Bytes(0),
            });
            let steps = order(Target::Data, Bytes::gib(2)).steps(&pool);
            assert!(steps[0].call.starts_with(first), "{size}: {steps:?}");
            let loaded = &steps[steps.len() - 2].details[1];
            assert!(loaded.starts_with("loaded: 0 4194304 "), "{size}: {loaded}");
        }
    }

    #[test]
    fn tables_differ_in_length_alone() {
        for (target, to, loaded) in [
            (Target::Data, Bytes::gib(1), 2_097_152),
            (Target::Data, Bytes((1 << 30) + 65535), 2_097_152),
            (Target::Data, Bytes::mib(1), 1_048_576),
            (Target::Metadata, Bytes::mib(64), 1_048_576),
        ] {
            let order = order(target, to);
            let steps = order.steps(&pool());
            let calls: Vec<_> = steps.iter().map(|step| step.call.as_str()).collect();
            assert_eq!(calls[0], format!("ftruncate(/d/data, {})", to.0));
            assert_eq!(calls[2], "ioctl(/dev/loop0, LOOP_SET_CAPACITY)");
            assert_eq!(
                steps[3].details,
                [
                    "live:   0 1048576 thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing".to_owned(),
                    format!("loaded: 0 {loaded} thin-pool 7:1 7:0 128 32768 1 skip_block_zeroing"),
                ]
            );
        }
    }

    #[test]
    fn a_volume_takes_one_command() {
        let order = ExtendOrder {
            pool: "docker-thinpool".into(),
            group: "docker".into(),
            volume: "thinpool".into(),
            target: Target::Metadata,
            to: Bytes::mib(24),
            dm_control: "/dev/mapper/control".into(),
            lock: "/run/lock".into(),
        };
        let [step] = order.steps().try_into().unwrap();
        assert_eq!(step.call, "lvextend --poolmetadatasize 25165824b -- docker/thinpool");
    }
}
