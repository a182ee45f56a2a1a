//! Which accelerator QEMU can use here: KVM is believed only after it has run a kernel.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::image::Tree;
use crate::machine::QEMU;
use crate::{progress, recipe};

/// With working KVM the kernel panics for want of a root disk after about two seconds.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    Kvm,
    Tcg,
    /// Emulation in which the host's clock goes on by a nanosecond with each instruction, however fast this computer is.
    Counted,
}

impl Accelerator {
    /// What QEMU is told of it.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Accelerator::Kvm => &["-accel", "kvm"],
            Accelerator::Tcg => &["-accel", "tcg,thread=multi"],
            Accelerator::Counted => &["-accel", "tcg,thread=single", "-icount", "shift=0"],
        }
    }

    /// What the kernel is told besides. An emulated processor's counter is the only clock that is read without leaving the translated
    /// code; the kernel would choose a slow one. And addresses that are the same in each process let QEMU use its translation of a
    /// program again: without that, each `execve` cost 60 ms and costs 20.
    pub fn kernel_arguments(self) -> &'static str {
        match self {
            Accelerator::Kvm => "",
            Accelerator::Tcg | Accelerator::Counted => "clocksource=tsc tsc=reliable norandmaps",
        }
    }

    /// How many the host has. QEMU counts the instructions of one at a time, and others would wait for it.
    pub fn processors(self) -> u32 {
        match self {
            Accelerator::Kvm | Accelerator::Tcg => recipe::PROCESSORS,
            Accelerator::Counted => 1,
        }
    }

    /// What to expect of it, for people.
    pub fn about(self) -> &'static str {
        match self {
            Accelerator::Kvm => "the host runs on KVM: all scenarios take some minutes",
            Accelerator::Tcg => {
                "no KVM here, so the host is emulated (TCG): all scenarios take some 25 minutes on two processors"
            }
            Accelerator::Counted => "the host is emulated and counts instructions: slow, and the same everywhere",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Tcg => "tcg",
            Accelerator::Counted => "counted",
        }
    }
}

/// The accelerator to use: what LAB_ACCEL says, or else KVM if it works.
pub fn choose(tree: &Tree) -> Result<Accelerator> {
    match env::var("LAB_ACCEL").as_deref() {
        Ok("kvm") => Ok(Accelerator::Kvm),
        Ok("tcg") => Ok(Accelerator::Tcg),
        Ok("counted") => Ok(Accelerator::Counted),
        Ok(other) => bail!("LAB_ACCEL={other} is not an accelerator; say kvm, tcg or counted"),
        Err(_) if kvm_works(tree) => Ok(Accelerator::Kvm),
        Err(_) => Ok(Accelerator::Tcg),
    }
}

/// The answer holds until this computer boots again.
fn kvm_works(tree: &Tree) -> bool {
    if fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return false;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let known = tree.directory.join("kvm-works");
    let remembered = fs::read_to_string(&known).unwrap_or_default();
    if let Some(answer) = remembered.strip_prefix(boot.as_str()) {
        return answer == "yes";
    }
    let works = progress::step("tries KVM", || runs_a_kernel(tree)).unwrap_or(false);
    eprintln!(
        "lab: KVM {}",
        if works {
            "works"
        } else {
            "does not work here; uses emulation (TCG)"
        }
    );
    let _ = fs::write(&known, format!("{boot}{}", if works { "yes" } else { "no" }));
    works
}

/// /dev/kvm may exist and open although the guest then fails or never moves, as on a host without nested virtualisation.
fn runs_a_kernel(tree: &Tree) -> Result<bool> {
    let log = tree.directory.join("kvm-probe.log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new(QEMU);
    command.args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-nic",
        "none",
        "-no-reboot",
    ]);
    command.args(["-accel", "kvm", "-cpu", "max", "-m", "512", "-serial", "stdio"]);
    command
        .arg("-kernel")
        .arg(tree.kernel())
        .args(["-append", "console=ttyS0 panic=-1"]);
    let file = progress::append_to(&log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let ended = progress::run(&mut command, PROBE_LIMIT).is_ok();
    Ok(ended && String::from_utf8_lossy(&fs::read(&log)?).contains("Kernel panic"))
}
