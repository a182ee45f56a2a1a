//! All that is to be known of one start, gathered and given to the judge.

use super::pool;
use crate::commands::look::Once;
use crate::docker::drivers::{self, Choice};
use crate::docker::overlay;
use crate::docker::state::RootState;
use crate::judge::Verdict;
use crate::judge::preflight::{self, Before};
use crate::kernel::process;
use crate::model::{Code, Finding, Seen, Settings, Snapshot};
use crate::observe::config::Learnt;

/// Judges the start: what the configuration says, then what lies on the disk.
pub fn judge(once: &mut Once, seen: &Snapshot) -> Verdict {
    let settings = once.settings().clone();
    let Some(config) = once.observer.config().cloned() else {
        return Verdict {
            findings: vec![configuration_unknown(&settings)],
            ..Verdict::default()
        };
    };
    let root = once.look_at_root();
    let (choice, chosen) = choose(&config, &root);
    let mut findings = of_configuration(&config, &root, &choice, chosen);
    findings.extend(command_line_unknown(&config, &settings));
    let before = gather(once, seen, config, root, choice);
    let mut verdict = preflight::judge(&before, seen, &settings, process::since_boot());
    verdict.findings.extend(findings);
    preflight::sort(&mut verdict.findings);
    verdict
}

/// The storage driver that dockerd takes, and what it refuses while it chooses.
pub fn choose(config: &Learnt, root: &Seen<RootState>) -> (Choice, Vec<Finding>) {
    let prior = root.known().and_then(|root| root.drivers.as_deref());
    drivers::choose(
        config.effective.driver.as_ref(),
        prior,
        &config.data_root,
        &config.build,
    )
}

/// Whether the pool's files may be those that dockerd will use.
pub fn uses_files(choice: &Choice) -> bool {
    choice.certain().is_none() || choice.is_devicemapper()
}

/// Whether nothing is known of the driver.
fn may_be_any(choice: &Choice) -> bool {
    choice.certain().is_none() && !matches!(choice, Choice::FirstThatWorks)
}

/// What is wrong with files, flags, options and driver, whatever lies on the disk.
pub fn of_configuration(
    config: &Learnt,
    root: &Seen<RootState>,
    choice: &Choice,
    chosen: Vec<Finding>,
) -> Vec<Finding> {
    let plugin = root.known().is_some_and(|root| root.driver_plugin);
    let filesystem = root.known().and_then(|root| root.filesystem);
    let mut options = match choice.is_devicemapper() || may_be_any(choice) {
        true => config.options.findings.clone(),
        false => drivers::other_options(choice, &config.effective.storage_opts, filesystem, &config.build),
    };
    if config.unit_unknown.is_some() || may_be_any(choice) {
        // Options count only for the driver that they are for.
        preflight::lower(&mut options);
    }
    let mut findings = config.findings.clone();
    findings.extend(
        chosen
            .into_iter()
            .filter(|finding| finding.code != Code::StorageDriverUnknown || !plugin),
    );
    findings.extend(options);
    findings.extend(drivers::wrong_filesystem(
        choice,
        filesystem,
        &config.data_root,
        &config.build,
    ));
    let kernel = root.known().and_then(|root| root.kernel.as_deref());
    findings.extend(
        kernel.and_then(|release| overlay::on_kernel(choice, release, &config.effective.storage_opts, &config.build)),
    );
    findings
}

fn gather(once: &mut Once, seen: &Snapshot, config: Learnt, root: Seen<RootState>, choice: Choice) -> Before {
    let disk = once.observer.disk(process::since_boot());
    let superblock = match (&seen.pool, &disk) {
        (Seen::Known(None), Seen::Known(disk)) if disk.file(&disk.metadata_path).known().is_some() => {
            Some(once.superblock(&disk.metadata_path))
        }
        _ => None,
    };
    let volume_group = match (config.thin_pool_device.as_deref(), pool(seen)) {
        (Some(device), Some(_)) if !device.is_empty() => once.look_at_volume_group(device),
        _ => None,
    };
    Before {
        disk,
        superblock,
        volume_group,
        ..before(config, root, choice)
    }
}

/// What is known before a start whose disk was not looked at.
pub fn before(config: Learnt, root: Seen<RootState>, choice: Choice) -> Before {
    let remapped = config.effective.userns_remap.as_ref();
    let remapped = remapped.filter(|remap| !remap.value.is_empty());
    let uncertain = config.unit_unknown.or(config.effective.uncertain);
    Before {
        build: config.build,
        choice,
        uncertain: uncertain.or(remapped.map(|remap| format!("user namespaces ({}) move the data root", remap.place))),
        options: config.options,
        data_root: config.data_root,
        root,
        disk: Seen::Unknown("the disk was not looked at".into()),
        superblock: None,
        volume_group: None,
        main_pid: config.main_pid,
    }
}

/// Why flags are not known, where that is so.
pub fn command_line_unknown(config: &Learnt, settings: &Settings) -> Option<Finding> {
    let why = config.unit_unknown.as_ref()?;
    Some(
        Finding::warn(Code::CommandLineUnknown, &settings.docker.unit)
            .says(format!("flags on the daemon's command line are not known: {why}"))
            .at(format!("ExecStart= of {}", settings.docker.unit))
            .next("give the line by hand: thinguard preflight --exec-line 'dockerd ...'"),
    )
}

fn configuration_unknown(settings: &Settings) -> Finding {
    Finding::warn(Code::ConfigurationUnknown, &settings.docker.unit)
        .says("Docker's configuration could not be read in time")
        .at("/etc/docker/daemon.json and the unit's files")
        .next("thinguard preflight, once the host is calmer")
}
