//! `cargo lab test`: the workspace's own tests, then the scenarios, on as many hosts side by side as the computer can carry.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Result, anyhow};

use crate::figures::Figures;
use crate::host::Host;
use crate::paths::{Paths, cargo};
use crate::scenarios::{self, Scenario};
use crate::{guard, progress, recipe, snapshots, times};

/// A first run of the tests compiles the whole workspace.
const CARGO_TEST_LIMIT: Duration = Duration::from_secs(2700);

const A_MINUTE: Duration = Duration::from_secs(60);

/// So much of a failed host's journal is shown at once.
const LAST_LINES: usize = 25;

/// A failure's reason is repeated at the end in so many characters.
const REASON: usize = 800;

/// Runs everything, or only the scenarios whose name contains one of `filters`.
pub fn test(filters: &[String]) -> Result<ExitCode> {
    let is_chosen = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(part));
    let chosen: Vec<Scenario> = scenarios::all().filter(|scenario| is_chosen(scenario.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = scenarios::all().map(|scenario| scenario.name).collect();
        return Err(anyhow!(
            "no scenario's name contains {}; there are: {}",
            filters.join(" or "),
            names.join(", ")
        ));
    }
    let begun = Instant::now();
    let (host, workspace_passed) = prepare(filters.is_empty())?;
    let failures = run_all(host, &chosen);
    times::close(begun.elapsed())?;
    let all_passed = tell(&failures, chosen.len());
    if !workspace_passed {
        println!("\nlab: `cargo test --workspace` failed; see above");
    }
    Ok(exit_code(all_passed && workspace_passed))
}

/// Runs the scenarios of these names.
pub fn named(names: &[&str]) -> Result<ExitCode> {
    let chosen: Vec<Scenario> = scenarios::all().filter(|it| names.contains(&it.name)).collect();
    let (host, _) = prepare(false)?;
    let failures = run_all(host, &chosen);
    Ok(exit_code(tell(&failures, chosen.len())))
}

fn exit_code(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The host and the guard's binary, before the first scenario: a build beside an emulated host slows both. While the host is made the
/// compiler is at work, with the workspace's tests too if they are wanted; gives whether those passed.
fn prepare(with_tests: bool) -> Result<(Host, bool)> {
    let paths = Paths::find()?;
    let (compiled, host) = thread::scope(|scope| {
        let compiled = scope.spawn(|| {
            let binary = progress::step("builds thinguard as it is released", || guard::build(&paths))?;
            Ok::<_, anyhow::Error>((binary, if with_tests { cargo_test()? } else { true }))
        });
        let host = snapshots::prepare();
        (compiled.join(), host)
    });
    let (binary, passed) = compiled.map_err(|_| anyhow!("the workspace's tests panicked"))??;
    let mut host = host?;
    host.take_guard(binary);
    Ok((host, passed))
}

/// Tells the failures once more, last and short: of a long log often only the end is kept.
fn tell(failures: &[String], run: usize) -> bool {
    for failure in failures {
        println!("\n    {}", failure.replace('\n', "\n    "));
    }
    println!("\n{} passed, {} failed", run - failures.len(), failures.len());
    failures.is_empty()
}

/// Runs the scenarios, each on whichever host is free; gives what failed, and why.
fn run_all(first: Host, chosen: &[Scenario]) -> Vec<String> {
    let hosts = hosts().min(chosen.len());
    let others: Vec<Host> = (1..hosts).map(|number| first.another(number)).collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for mut host in std::iter::once(first).chain(others) {
            let (next, failures) = (&next, &failures);
            scope.spawn(move || {
                while let Some(scenario) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = failure_of(&mut host, scenario) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A host waits as long as it computes, so there are three for two processors; each has its memory, and as much again is left to others.
/// `LAB_HOSTS` says otherwise.
fn hosts() -> usize {
    if let Some(hosts) = env::var("LAB_HOSTS").ok().and_then(|hosts| hosts.parse().ok()) {
        return std::cmp::max(1, hosts);
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let available_kb: u64 = fs::read_to_string("/proc/meminfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemAvailable:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let by_memory = available_kb / 1024 / u64::from(recipe::MEMORY_MB) / 2;
    (processors + processors / 2)
        .min(usize::try_from(by_memory).unwrap_or(1))
        .clamp(1, 4)
}

fn cargo_test() -> Result<bool> {
    let paths = Paths::find()?;
    let mut command = cargo();
    command.args(["test", "--workspace"]).current_dir(&paths.root);
    let begun = Instant::now();
    let passed = progress::run(&mut command, CARGO_TEST_LIMIT)?.success();
    times::note_step("cargo test --workspace", begun.elapsed());
    Ok(passed)
}

/// Runs one scenario and tells what came of it; gives a failure's reason.
fn failure_of(host: &mut Host, scenario: &Scenario) -> Option<String> {
    println!("    {}: {}", scenario.name, scenario.about);
    host.count_anew();
    let begun = Instant::now();
    let result = run_caught(host, scenario);
    let spent = host.spent();
    let took = format!(
        "{:.1} s, QEMU computed for {:.1} s",
        begun.elapsed().as_secs_f64(),
        spent.processor()
    );
    times::note_scenario(scenario.name, begun.elapsed(), spent);
    if begun.elapsed() > A_MINUTE && scenario.slow.is_none() {
        println!("    {}: over a minute, and its file does not say why", scenario.name);
    }
    let Err(error) = result else {
        println!("test scenario {} ... ok ({took})", scenario.name);
        return None;
    };
    let reason = format!("test scenario {} ... FAILED ({took})\n{error:#}", scenario.name);
    let evidence = match host.keep_evidence(scenario.name) {
        Ok(directory) => format!(
            "its journal ended with:\n{}\nall that the host said is in {}",
            last_lines(&directory.join("journal.txt")),
            directory.display()
        ),
        Err(error) => format!("nothing could be kept of what the host said: {error:#}"),
    };
    println!("{}", format!("{reason}\n{evidence}").replace('\n', "\n    "));
    Some(shortened(&reason))
}

/// The end of a journal, without what the lab's own channel writes there.
fn last_lines(journal: &Path) -> String {
    let text = fs::read(journal).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" qemu-ga[")).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Both ends of a long reason: what was awaited stands first, what came instead last.
fn shortened(reason: &str) -> String {
    let letters: Vec<char> = reason.chars().collect();
    if letters.len() <= REASON {
        return reason.to_owned();
    }
    let (first, last) = (&letters[..REASON / 2], &letters[letters.len() - REASON / 2..]);
    format!("{}\n[...]\n{}", String::from_iter(first), String::from_iter(last))
}

/// A scenario's panic fails that scenario alone.
fn run_caught(host: &mut Host, scenario: &Scenario) -> Result<()> {
    host.restore(scenario.snapshot);
    panic::catch_unwind(AssertUnwindSafe(|| {
        (scenario.run)(host, &mut Figures::of(scenario.name))
    }))
    .unwrap_or_else(|panic| Err(anyhow!("panicked: {}", words_of(panic.as_ref()))))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no words".to_owned())
}
