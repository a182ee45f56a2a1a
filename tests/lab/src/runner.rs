//! `cargo lab test`: the workspace's own tests, then the scenarios one after another on one machine.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::figures::Figures;
use crate::host::{self, Host};
use crate::paths::{Paths, cargo};
use crate::progress;
use crate::scenarios::{self, Scenario};

/// A first run of the tests compiles the whole workspace.
const CARGO_TEST_LIMIT: Duration = Duration::from_secs(2700);

/// Runs everything, or only the scenarios whose name contains `filter`.
pub fn test(filter: Option<&str>) -> Result<ExitCode> {
    let chosen: Vec<Scenario> = scenarios::all()
        .filter(|scenario| filter.is_none_or(|part| scenario.name.contains(part)))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = scenarios::all().map(|scenario| scenario.name).collect();
        return Err(anyhow!(
            "no scenario's name contains {:?}; there are: {}",
            filter.unwrap_or(""),
            names.join(", ")
        ));
    }
    let workspace_passed = filter.is_some() || cargo_test()?;
    let mut host = host::prepare()?;
    // Before the first scenario, not within it: a build beside an emulated host slows both.
    progress::step("builds thinguard as it is released", || host.build_guard())?;
    let passed = chosen.iter().filter(|scenario| passes(&mut host, scenario)).count();
    let failed = chosen.len() - passed;
    if !workspace_passed {
        println!("\nlab: `cargo test --workspace` failed; see above");
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(if failed == 0 && workspace_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn cargo_test() -> Result<bool> {
    let paths = Paths::find()?;
    let mut command = cargo();
    command.args(["test", "--workspace"]).current_dir(&paths.root);
    Ok(progress::run(&mut command, CARGO_TEST_LIMIT)?.success())
}

fn passes(host: &mut Host, scenario: &Scenario) -> bool {
    println!("    {}: {}", scenario.name, scenario.about);
    let begun = Instant::now();
    let result = run_caught(host, scenario);
    let took = begun.elapsed().as_secs_f32();
    match result {
        Ok(()) => {
            println!("test scenario {} ... ok ({took:.1} s)", scenario.name);
            true
        }
        Err(error) => {
            println!("test scenario {} ... FAILED ({took:.1} s)", scenario.name);
            println!("    {}", format!("{error:#}").replace('\n', "\n    "));
            match host.keep_evidence(scenario.name) {
                Ok(directory) => println!("    what the host said is in {}", directory.display()),
                Err(error) => println!("    nothing could be kept of what the host said: {error:#}"),
            }
            false
        }
    }
}

/// A scenario's panic fails that scenario alone.
fn run_caught(host: &mut Host, scenario: &Scenario) -> Result<()> {
    host.restore(scenario.snapshot)?;
    panic::catch_unwind(AssertUnwindSafe(|| (scenario.run)(host, &mut Figures::default())))
        .unwrap_or_else(|panic| Err(anyhow!("panicked: {}", words_of(panic.as_ref()))))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no words".to_owned())
}
