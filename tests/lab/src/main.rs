//! `cargo lab`: boots a real Docker host on devicemapper in QEMU and runs thinguard's scenarios on it.

mod accel;
mod agent;
mod bench;
mod cleanup;
mod corpus;
mod demo;
mod direct_lvm;
mod fault;
mod figures;
mod guard;
mod guest;
mod host;
mod image;
mod machine;
mod paths;
mod pictures;
mod pool;
mod pristine;
mod progress;
mod qmp;
mod recipe;
mod rest;
mod rpm;
mod runner;
mod scenarios;
mod screens;
mod shell;
mod snapshots;
mod soak;
mod times;
mod tools;
mod watch;

use std::process::ExitCode;

use anyhow::Result;

use machine::Snapshot;

const HELP: &str = "\
A real Docker host on devicemapper, in QEMU: where thinguard is proven.

    cargo lab demo             shows the main job on a throwaway host
    cargo lab test [FILTER...] every test of the workspace, then every scenario;
                               with filters only the scenarios whose name contains one of them
    cargo lab test --times     where the last run's time went
    cargo lab shell [stopped]  a root console in a fresh host, Docker running (or stopped)
    cargo lab bench [FILTER]   prints figures, dmeventd's beside the guard's; with FILTER only those so named
    cargo lab soak [--minutes N] [--seed S]
                               ten minutes, or N, of what befalls hosts, in an order that S decides;
                               a failure prints the seed that brings the same steps again
    cargo lab rpm              builds the packages, twice, and keeps them under target/rpm
    cargo lab screens [FILTER] writes down the reports that tests/screens is drawn from; with FILTER
                               only those of scenarios whose name contains it
    cargo lab corpus [FILTER]  starts dockerd on every case of tests/corpus/cases.toml and records
                               what came of it; with FILTER only on those so named or grouped, or
                               with `unrecorded` only on those that have no line yet
    cargo lab pictures         makes the pictures of README anew, from what a host says

The first run builds the host's image under target/lab (minutes); later ones restore it in seconds.
`test` runs scenarios on several hosts side by side, as processors and memory allow; LAB_HOSTS=1 on one.
LAB_EVERY_CALL=1 has `kill-sweep` end growths at each of their system calls, not at a sample.
LAB_TRACE=1 tells each script and each wait with its time.
LAB_ACCEL=kvm|tcg chooses the accelerator; without it KVM is used where it really works.
LAB_ACCEL=counted is emulation of one processor whose clock counts a nanosecond for each instruction,
slow here and the same everywhere: what `bench` says of processor time is to be read there.";

const WRONG_USAGE: u8 = 64;

enum Command {
    Help,
    Demo,
    Test(Vec<String>),
    Times,
    Shell(Snapshot),
    Bench(Option<String>),
    Soak { minutes: u64, seed: Option<u64> },
    Rpm,
    Screens(Option<String>),
    Corpus(Option<String>),
    Pictures,
}

fn main() -> ExitCode {
    let command = match command_line(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("lab: {error}\n\n{HELP}");
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Help = command {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    cleanup::on_signals()?;
    match command {
        Command::Help => Ok(ExitCode::SUCCESS),
        Command::Demo => demo::demo(),
        Command::Test(filters) => runner::test(&filters),
        Command::Times => times::show_last().map(|()| ExitCode::SUCCESS),
        Command::Shell(snapshot) => shell::shell(snapshot),
        Command::Bench(filter) => bench::bench(filter.as_deref()),
        Command::Soak { minutes, seed } => soak::soak(minutes, seed),
        Command::Rpm => rpm::rpm(),
        Command::Screens(filter) => screens::record(filter.as_deref()),
        Command::Corpus(filter) => corpus::corpus(filter.as_deref()),
        Command::Pictures => pictures::pictures(),
    }
}

fn command_line(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;

    let mut words = Vec::new();
    let (mut minutes, mut seed, mut times) = (None, None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("minutes") => minutes = Some(parser.value()?.parse()?),
            Long("seed") => seed = Some(parser.value()?.parse()?),
            Long("times") => times = true,
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    if (minutes.is_some() || seed.is_some()) && words != ["soak"] {
        return Err("only soak has --minutes and --seed".into());
    }
    if times {
        return match words.as_slice() {
            ["test"] => Ok(Command::Times),
            _ => Err("--times stands behind test alone".into()),
        };
    }
    match words.as_slice() {
        ["demo"] => Ok(Command::Demo),
        ["test", filters @ ..] => Ok(Command::Test(filters.iter().map(ToString::to_string).collect())),
        ["shell"] => Ok(Command::Shell(Snapshot::Running)),
        ["shell", "stopped"] => Ok(Command::Shell(Snapshot::Stopped)),
        ["bench"] => Ok(Command::Bench(None)),
        ["bench", filter] => Ok(Command::Bench(Some((*filter).to_owned()))),
        ["soak"] => Ok(Command::Soak {
            minutes: minutes.unwrap_or(10),
            seed,
        }),
        ["rpm"] => Ok(Command::Rpm),
        ["screens"] => Ok(Command::Screens(None)),
        ["screens", filter] => Ok(Command::Screens(Some((*filter).to_owned()))),
        ["pictures"] => Ok(Command::Pictures),
        ["corpus"] => Ok(Command::Corpus(None)),
        ["corpus", filter] => Ok(Command::Corpus(Some((*filter).to_owned()))),
        [] => Err("no command given".into()),
        other => Err(format!("no such command: {}", other.join(" ")).into()),
    }
}
