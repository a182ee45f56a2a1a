//! README's own commands, run as they stand there, in its order.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{progress, rpm};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "readme-can-be-followed",
    about: "each command of README does what is said there: installed twice, read, refused, put right, moved to overlay2, switched off",
    snapshot: Snapshot::Running,
    slow: Some("every command of README is run, two installations and a change of driver among them"),
    run: can_be_followed,
}];

/// The commands of one fenced block of shell, and the heading that it stands below.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    heading: String,
    commands: Vec<String>,
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heading = "";
    let mut inside = false;
    for line in readme.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if line == "```sh" {
            inside = true;
            blocks.push(Block {
                heading: heading.to_owned(),
                commands: Vec::new(),
            });
        } else if line == "```" {
            inside = false;
        } else if let (true, Some(block)) = (inside, blocks.last_mut()) {
            block.commands.push(line.to_owned());
        }
    }
    blocks
}

/// What has to happen on the host before the commands below a heading make sense.
fn before(heading: &str) -> &'static str {
    match heading {
        "Read it" => "mkdir -p /mnt && mount --bind / /mnt",
        "A refused start at three in the morning" => {
            "systemctl stop docker.service docker.socket && mv /var/lib/docker/devicemapper/devicemapper/metadata /root/ && \
             ! systemctl start docker"
        }
        // Once the refusal has been read, its cause is put right.
        "A refused start at three in the morning, put right" => {
            "mv /root/metadata /var/lib/docker/devicemapper/devicemapper/"
        }
        _ => "true",
    }
}

fn can_be_followed(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let readme = fs::read_to_string(host.paths().root.join("README.md"))?;
    let packages = put_packages(host)?;
    put_sources(host)?;
    let mut done = 0;
    let mut last = String::new();
    for Block { heading, commands } in blocks(&readme) {
        // Those of the lab are held against its own arguments by a test below.
        if commands.iter().all(|line| line.starts_with("cargo lab ")) {
            continue;
        }
        let heading = if heading == last {
            format!("{heading}, put right")
        } else {
            heading
        };
        if commands.iter().any(|line| line.starts_with("install ")) {
            host.sh("rpm --force-debian -e thinguard-preflight thinguard")?;
        }
        host.sh(before(&heading))
            .with_context(|| format!("before the commands below '{heading}'"))?;
        for command in commands.iter().filter(|line| !line.starts_with("cargo build ")) {
            runs(host, command).with_context(|| format!("README, '{heading}'"))?;
            done += 1;
        }
        last = heading;
    }
    ensure!(packages && done > 40, "only {done} commands were found in README");
    figures.add("commands", done, "");
    is_off(host)
}

/// Findings are not failures: a command of thinguard only must not be misused. What goes on until Ctrl-C gets one after a while.
fn runs(host: &mut Host, command: &str) -> Result<()> {
    let patience = if command.contains("--watch") {
        "timeout --preserve-status --signal INT 8 "
    } else {
        ""
    };
    let output = host.sh_timeout(
        &format!("cd /root/README; rpm() {{ command rpm --force-debian \"$@\"; }}\n{patience}{command}"),
        Duration::from_secs(180),
    )?;
    let allowed: &[i32] = if command.trim_start_matches("./").starts_with("thinguard ") {
        &[0, 1, 2, 3]
    } else {
        &[0]
    };
    ensure!(
        output.code.is_some_and(|code| allowed.contains(&code)),
        "`{command}`: {output:?}"
    );
    Ok(())
}

/// The packages, under the names that README has.
fn put_packages(host: &mut Host) -> Result<bool> {
    let binary = host.build_guard()?;
    let built = rpm::build(host.paths(), "readme", 1, Some(&binary))?;
    let stub = rpm::stub(&built.directory().join("stub"))?;
    host.put("/root/README/stub.rpm", 0o644, &fs::read(stub)?)?;
    for package in built.packages.all() {
        let name = package.file_name().context("a package has a name")?.to_string_lossy();
        host.put(&format!("/root/README/{name}"), 0o644, &fs::read(package)?)?;
    }
    host.sh("rpm --initdb && rpm --force-debian -i /root/README/stub.rpm")?;
    Ok(true)
}

/// What a clone of the repository has after `cargo build --release`, as far as it is installed.
fn put_sources(host: &mut Host) -> Result<()> {
    let paths = host.paths();
    let tar = paths.lab.join(format!("readme-{}.tar", std::process::id()));
    progress::output(
        Command::new("tar")
            .arg("-cf")
            .arg(&tar)
            .arg("-C")
            .arg(&paths.root)
            .args(["units", "packaging"]),
    )?;
    let bytes = fs::read(&tar);
    let _ = fs::remove_file(&tar);
    host.put("/root/README/sources.tar", 0o644, &bytes?)?;
    let binary = host.build_guard()?;
    let binary = fs::read(binary)?;
    host.put("/root/README/target/release/thinguard", 0o755, &binary)?;
    // Copied to a host in trouble.
    host.put("/root/README/thinguard", 0o755, &binary)?;
    host.sh("tar -xf /root/README/sources.tar -C /root/README").map(drop)
}

/// What the last section promises.
fn is_off(host: &mut Host) -> Result<()> {
    let verdicts = "journalctl -b -t thinguard -o cat --no-pager | grep -c preflight-verdict";
    let count = host.sh(verdicts)?;
    let restarted = host.sh_timeout("systemctl restart docker.service", Duration::from_secs(120))?;
    ensure!(restarted.ok(), "{restarted:?}");
    ensure!(host.sh(verdicts)? == count, "preflight ran although it was masked");
    let state = host.sh_timeout("systemctl is-active thinguard", Duration::from_secs(10))?;
    ensure!(state.stdout.trim() == "inactive", "thinguard is {}", state.stdout);
    let driver = host.sh("docker info --format '{{.Driver}}'")?;
    ensure!(driver.trim() == "overlay2", "Docker runs on {driver}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../../../../README.md");

    #[test]
    fn blocks_of_shell_are_found_with_their_headings() {
        let text = "# a\n## One\n```sh\nx   # y\nz\n```\n```text\nno\n```\n## Two\n```sh\nw\n```\n";
        let block = |heading: &str, commands: &[&str]| Block {
            heading: heading.into(),
            commands: commands.iter().map(|it| (*it).to_owned()).collect(),
        };
        assert_eq!(blocks(text), [block("One", &["x   # y", "z"]), block("Two", &["w"])]);
    }

    #[test]
    fn readme_names_commands_of_the_lab_that_exist() {
        let named: Vec<_> = README.split("cargo lab ").skip(1).collect();
        assert!(named.len() > 6);
        for rest in named {
            let line = rest.split(['`', '#', '\n']).next().unwrap_or_default();
            // In prose a word may follow that is not an argument.
            let words: Vec<_> = line.split_whitespace().collect();
            let parsed = crate::command_line(lexopt::Parser::from_args(words.iter()));
            assert!(parsed.is_ok(), "README: cargo lab {line}");
        }
    }

    #[test]
    fn nothing_in_readme_looks_like_a_command_and_is_not_run() {
        let mut kinds: Vec<_> = README
            .lines()
            .filter_map(|line| line.strip_prefix("```"))
            .filter(|kind| !kind.is_empty())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds, ["json", "sh", "text"]);
    }
}
