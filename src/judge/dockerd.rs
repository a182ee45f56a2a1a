//! What dockerd refuses before it looks at its pool: the problems that the readers of its configuration found, as findings.

mod command_line;
mod daemon_json;
mod driver;
mod elsewhere;
mod files;
mod options;
mod overlay;
mod twice;

use super::before::Before;
use crate::docker::drivers::{self, Problem};
use crate::docker::overlay::on_kernel;
use crate::model::{Finding, Seen};

/// Adds all of it, whatever lies on the disk.
pub(super) fn judge(before: &Before, unit: &str, findings: &mut Vec<Finding>) {
    let config = &before.config;
    let line = config.line.problems.iter();
    findings.extend(line.map(|problem| command_line::finding(problem, &config.build)));
    let file = config.file.problems.iter();
    findings.extend(file.map(|problem| daemon_json::finding(problem, &config.file, &config.build)));
    findings.extend(config.problems.iter().map(|problem| twice::finding(problem, config)));
    findings.extend(config.odd.iter().map(|odd| files::odd(odd, unit)));
    findings.extend(files::line_unknown(config, unit));
    if config.line_unknown.is_none() {
        findings.extend(elsewhere::not_read(before, unit));
    }
    if before.choice.is_devicemapper() || before.may_be_any_driver() {
        findings.extend(config.options.problems.iter().map(options::finding));
    }
    drivers(before, findings);
}

fn drivers(before: &Before, findings: &mut Vec<Finding>) {
    let (config, choice) = (&before.config, &before.choice);
    let root = before.root.known();
    let filesystem = root.and_then(|root| root.filesystem);
    // A driver that is no one's that we know may be a plugin's.
    let plugin = root.is_some_and(|root| root.driver_plugin);
    let chosen = drivers::problem(choice, config.driver.as_ref(), &config.build)
        .filter(|problem| !plugin || !matches!(problem, Problem::NotBuiltIn { .. }));
    let options = match choice.is_devicemapper() || before.may_be_any_driver() {
        true => None,
        false => {
            let aufs = root.and_then(|root| root.aufs);
            drivers::other_options(choice, &config.storage_opts, (filesystem, aufs), &config.build)
        }
    };
    let filesystem = drivers::wrong_filesystem(choice, &config.storage_opts, filesystem, &config.build);
    let problems = [chosen, options, filesystem].into_iter().flatten();
    findings.extend(problems.map(|problem| driver::finding(&problem, &config.data_root.value)));
    if let Seen::Known(root) = &before.root
        && let (Some(release), Some(driver)) = (&root.kernel, choice.certain())
    {
        let problem = on_kernel(choice, release, &config.storage_opts, &config.build);
        findings.extend(problem.map(|problem| overlay::finding(problem, driver, release)));
    }
}

#[cfg(test)]
mod tests;
