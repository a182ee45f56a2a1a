//! A small model of what outlives a grower, and of one run of a grower that may die or fail at any step.

use super::*;
use std::cell::{Cell, RefCell};

pub(super) const PARAMS: &str = "7:1 7:0 128 32768 1 skip_block_zeroing ";
pub(super) const OLD: u64 = 2_457_600;
pub(super) const NEW: u64 = 4_915_200;
pub(super) const OLD_META: u64 = 64 << 20;

/// What outlives a grower: the kernel and the disk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Host {
    pub(super) file: u64,
    pub(super) durable: u64,
    pub(super) device: u64,
    pub(super) live: u64,
    pub(super) inactive: Option<u64>,
    pub(super) suspended: bool,
    pub(super) recorded: u64,
    pub(super) params: String,
    pub(super) kind: String,
    pub(super) mode: String,
    pub(super) metadata_used: u64,
    pub(super) needs_check: bool,
}

/// How the kernel's resume goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// The swap fails: the loaded table is gone, the pool runs (do_resume after an interrupted suspend).
    Swap,
    /// The target refuses after the swap, once; then it runs, ungrown (needs_check).
    TargetOnce,
    /// The target refuses any length but the recorded one.
    TargetAlways,
}

/// One run of a grower. `dies_at`: that step and all later ones are not done; `fails_at`: that step alone.
pub(super) struct Run<'a> {
    pub(super) host: &'a RefCell<Host>,
    pub(super) log: RefCell<Vec<String>>,
    pub(super) dies_at: Option<usize>,
    pub(super) fails_at: Option<usize>,
    pub(super) fault: Cell<Option<Fault>>,
    /// What somebody else does to the pool while the file's size is made durable.
    pub(super) meanwhile: fn(&mut Host),
}

impl<'a> Run<'a> {
    pub(super) fn new(host: &'a RefCell<Host>) -> Self {
        Run {
            host,
            log: RefCell::default(),
            dies_at: None,
            fails_at: None,
            fault: Cell::new(None),
            meanwhile: |_| {},
        }
    }

    fn step(&self, name: &str) -> Result<()> {
        let number = self.log.borrow().len();
        self.log.borrow_mut().push(name.to_owned());
        ensure!(self.dies_at.is_none_or(|at| number < at), "dead");
        ensure!(self.fails_at != Some(number), "step {name} failed");
        Ok(())
    }

    fn look(&self) -> Info {
        let host = self.host.borrow();
        Info {
            name: "pool".into(),
            uuid: String::new(),
            major: 254,
            minor: 0,
            suspended: host.suspended,
            event_nr: 0,
            open_count: 1,
            read_only: false,
            has_live_table: true,
            has_inactive_table: host.inactive.is_some(),
        }
    }

    fn line(&self, params: String) -> Vec<TargetLine> {
        let host = self.host.borrow();
        vec![TargetLine {
            start: 0,
            length: host.live,
            kind: host.kind.clone(),
            params,
        }]
    }

    pub(super) fn grow(&self, order: &GrowOrder) -> Result<GrowReport> {
        procedure(order, self, |device| {
            assert_eq!(device, if order.target == Target::Data { "7:0" } else { "7:1" });
            self.step("open")?;
            Ok(self)
        })
    }
}

impl Mapper for Run<'_> {
    fn info(&self, _: &str) -> Result<Info> {
        self.step("info").map(|()| self.look())
    }

    fn status(&self, _: &str) -> Result<(Info, Vec<TargetLine>)> {
        self.step("status")?;
        let host = self.host.borrow();
        let check = if host.needs_check { "needs_check" } else { "-" };
        let text = format!(
            "6 {}/16384 1104/{} - {} discard_passdown queue_if_no_space {check} 1024 ",
            host.metadata_used,
            host.recorded / 128,
            host.mode
        );
        drop(host);
        let text = if self.host.borrow().mode == "Fail" {
            "Fail".into()
        } else {
            text
        };
        Ok((self.look(), self.line(text)))
    }

    fn table(&self, _: &str) -> Result<(Info, Vec<TargetLine>)> {
        self.step("table")?;
        let params = self.host.borrow().params.clone();
        Ok((self.look(), self.line(params)))
    }

    fn load(&self, _: &str, table: &[TargetLine]) -> Result<()> {
        let [line] = table else { panic!("one line") };
        self.step("load")?;
        let mut host = self.host.borrow_mut();
        assert_eq!(
            (line.start, line.kind.as_str(), line.params.as_str()),
            (0, host.kind.as_str(), host.params.as_str())
        );
        ensure!(line.length * 512 <= host.device, "device too small");
        host.inactive = Some(line.length);
        Ok(())
    }

    fn resume(&self, _: &str) -> Result<()> {
        self.step("resume")?;
        let mut host = self.host.borrow_mut();
        let loaded = host.inactive.take();
        if loaded.is_some() && self.fault.get() == Some(Fault::Swap) {
            self.fault.set(None);
            bail!("EINVAL from the swap");
        }
        if let Some(length) = loaded {
            (host.suspended, host.live) = (true, length);
        }
        if host.suspended {
            ensure!(host.mode != "Fail", "preresume failed: fail_io");
            match self.fault.get() {
                Some(Fault::TargetOnce) => {
                    self.fault.set(None);
                    host.needs_check = true;
                    bail!("preresume failed")
                }
                Some(Fault::TargetAlways) if host.live != host.recorded => bail!("preresume failed"),
                _ => host.suspended = false,
            }
            ensure!(host.live >= host.recorded, "too small");
            if !host.needs_check {
                // What the pool's metadata say must be true after a power cut as well.
                assert!(
                    host.live * 512 <= host.durable,
                    "the pool recorded a size that the disk does not have yet"
                );
                host.recorded = host.live;
            }
        }
        Ok(())
    }

    fn clear(&self, _: &str) -> Result<()> {
        self.step("clear")?;
        self.host.borrow_mut().inactive = None;
        Ok(())
    }
}

impl Store for &Run<'_> {
    fn file_size(&self) -> Result<u64> {
        Ok(self.host.borrow().file)
    }

    fn lengthen_file(&self, to: u64) -> Result<()> {
        self.step("lengthen")?;
        assert!(to > self.host.borrow().file, "never shorter");
        self.host.borrow_mut().file = to;
        Ok(())
    }

    fn make_size_durable(&self) -> Result<()> {
        self.step("sync")?;
        let mut host = self.host.borrow_mut();
        host.durable = host.file;
        (self.meanwhile)(&mut host);
        Ok(())
    }

    fn tell_loop(&self) -> Result<()> {
        self.step("capacity")?;
        let mut host = self.host.borrow_mut();
        host.device = host.file;
        Ok(())
    }

    fn loop_size(&self) -> Result<u64> {
        Ok(self.host.borrow().device)
    }
}

pub(super) fn host() -> Host {
    Host {
        file: OLD * 512,
        durable: OLD * 512,
        device: OLD * 512,
        live: OLD,
        inactive: None,
        suspended: false,
        recorded: OLD,
        params: PARAMS.into(),
        kind: "thin-pool".into(),
        mode: "out_of_data_space".into(),
        metadata_used: 1658,
        needs_check: false,
    }
}
