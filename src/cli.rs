//! What can be asked, and the one place that prints an error chain.

use crate::commands::output::{self, complain, say};
use crate::commands::settings::show as settings;
use crate::commands::{drill, explain, grow, history, preflight, status, watch};
use lexopt::prelude::*;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
thinguard keeps a Docker host on the devicemapper storage driver alive.

  thinguard preflight [--root DIR] [--unit UNIT] [--exec-line LINE] [--json]
                      may Docker start? exit 0: yes, 1: no, 3: could not judge (Docker starts)
                      --root: of the host below DIR, as its systemd reads it
                      --exec-line: started by 'dockerd ...' in place of the unit's ExecStart=
  thinguard watch     the guard itself, run by thinguard.service; exit 4: another one runs
  thinguard status [--json] [--watch [SECONDS]]
                      exit 0: healthy, 1: warning, 2: critical, 3: unknown
                      --watch: again after 2 seconds, or SECONDS, until Ctrl-C; exits with the state shown last
  thinguard grow [--data SIZE] [--metadata SIZE] [--dry-run]
                      SIZE: 400G, +20G or +25%; the pool must be active
  thinguard history [--since TIME] [--evidence] [--json]
                      incidents and deeds as the journal has them, newest last; TIME as journalctl takes it: -2h, yesterday
                      --evidence: with what was seen before each deed and at each hang
  thinguard settings [--check] [--json]
                      the settings, each with file and line or 'default'; exit 0: good, 1: mistakes
                      --check: prints mistakes alone
  thinguard drill [--dir DIR]
                      proves on this host that the guard would work, on a throwaway pool in DIR (/run/thinguard); Docker is not
                      touched; exit 0: all checks passed, 1: one failed
  thinguard explain [CODE]
                      what a code means, why it comes, what to do and what never to do; without a code, all
  thinguard --help | --version

Settings: /etc/thinguard.toml and /etc/thinguard.d/*.toml. Journal: journalctl -u thinguard -u docker
";

/// Wrong usage, everywhere (sysexits.h, EX_USAGE).
const USAGE: u8 = 64;

/// A command that could not do its work; what each verb's own codes mean stands with the verb.
const FAILED: u8 = 3;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Command {
    Help,
    Version,
    Preflight(preflight::Args),
    Watch,
    Status(status::Args),
    Grow(grow::Args),
    History(history::Args),
    Settings(settings::Args),
    Drill(drill::Args),
    Explain(explain::Args),
}

/// Does what the arguments ask for.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match parse(args) {
        Ok(command) => command,
        Err(error) => {
            complain(&format!("thinguard: {error}\nTry 'thinguard --help'.\n"));
            return ExitCode::from(USAGE);
        }
    };
    let done = match command {
        Command::Help => {
            say(HELP);
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => {
            say(concat!("thinguard ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Preflight(args) => preflight::run(&args),
        Command::Watch => watch::run(),
        Command::Status(args) => status::run(&args),
        Command::Grow(args) => grow::run(&args),
        Command::History(args) => history::run(&args),
        Command::Settings(args) => settings::run(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Explain(args) => Ok(explain::run(&args)),
    };
    output::exit(done.unwrap_or_else(|error| {
        complain(&format!("thinguard: {error:#}\n"));
        ExitCode::from(FAILED)
    }))
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(args);
    let verb = match parser.next()? {
        None => return Err("a command is missing".into()),
        Some(Long("help") | Short('h')) => return Ok(Command::Help),
        Some(Long("version") | Short('V')) => return Ok(Command::Version),
        Some(Value(verb)) => verb.string()?,
        Some(other) => return Err(other.unexpected()),
    };
    let mut command = match verb.as_str() {
        "preflight" => Command::Preflight(preflight::Args {
            root: "/".into(),
            unit: None,
            exec_line: None,
            json: false,
        }),
        "watch" => Command::Watch,
        "status" => Command::Status(status::Args::default()),
        "grow" => Command::Grow(grow::Args::default()),
        "settings" => Command::Settings(settings::Args::default()),
        "drill" => Command::Drill(drill::Args::default()),
        "history" => Command::History(history::Args::default()),
        "explain" => Command::Explain(explain::Args::default()),
        other => return Err(format!("there is no command '{other}'").into()),
    };
    while let Some(arg) = parser.next()? {
        match (&mut command, arg) {
            (_, Long("help") | Short('h')) => return Ok(Command::Help),
            (Command::Preflight(args), Long("root")) => args.root = root(parser.value()?.string()?)?,
            (Command::Preflight(args), Long("unit")) => args.unit = Some(parser.value()?.string()?),
            (Command::Preflight(args), Long("exec-line")) => args.exec_line = Some(parser.value()?.string()?),
            (
                Command::Preflight(preflight::Args { json, .. }) | Command::Status(status::Args { json, .. }),
                Long("json"),
            ) => *json = true,
            (Command::Status(args), Long("watch")) => args.watch = Some(pause(&mut parser)?),
            (Command::Grow(args), Long("data")) => args.data = Some(parser.value()?.parse()?),
            (Command::Grow(args), Long("metadata")) => args.metadata = Some(parser.value()?.parse()?),
            (Command::Grow(args), Long("dry-run")) => args.dry_run = true,
            (Command::Settings(args), Long("check")) => args.check = true,
            (Command::Settings(args), Long("json")) => args.json = true,
            (Command::Drill(args), Long("dir")) => args.dir = Some(directory(&parser.value()?.string()?)?),
            (Command::History(args), Long("since")) => args.since = Some(parser.value()?.string()?),
            (Command::History(args), Long("evidence")) => args.evidence = true,
            (Command::History(args), Long("json")) => args.json = true,
            (Command::Explain(args), Value(code)) if args.code.is_none() => {
                args.code = Some(explain::known(&code.string()?)?);
            }
            (_, other) => return Err(other.unexpected()),
        }
    }
    match &command {
        Command::Grow(args) if args.data.is_none() && args.metadata.is_none() => {
            Err("grow needs --data SIZE or --metadata SIZE".into())
        }
        _ => Ok(command),
    }
}

/// What may follow `--watch`: a number of seconds, as a word of its own too.
fn pause(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let written = match parser.optional_value() {
        Some(value) => Some(value),
        None => {
            let mut rest = parser.raw_args()?;
            let is_number = |word: &OsStr| word.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
            rest.next_if(is_number)
        }
    };
    let Some(written) = written else {
        return Ok(status::PAUSE);
    };
    Ok(status::pause(&written.string()?)?)
}

/// A root that is not there is a mistake, and not a host without Docker.
fn root(path: String) -> Result<String, String> {
    match std::path::Path::new(&path).is_dir() {
        true => Ok(path),
        false => Err(format!("--root: there is no directory '{}'", path.escape_debug())),
    }
}

/// The next drill may have to find it, from wherever it is started.
fn directory(path: &str) -> Result<String, String> {
    match path.starts_with('/') {
        true => Ok(path.to_owned()),
        false => Err(format!("'{}' is not an absolute path", path.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, lexopt::Error> {
        parse(
            std::iter::once("thinguard")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    #[test]
    fn arguments() {
        assert_eq!(parsed("watch").unwrap(), Command::Watch);
        for (line, json, watch) in [
            ("status", false, None),
            ("status --json", true, None),
            ("status --watch", false, Some(2)),
            ("status --watch --json", true, Some(2)),
            ("status --watch 5 --json", true, Some(5)),
            ("status --json --watch=1min", true, Some(60)),
        ] {
            let watch = watch.map(Duration::from_secs);
            assert_eq!(
                parsed(line).unwrap(),
                Command::Status(status::Args { json, watch }),
                "{line}"
            );
        }
        assert_eq!(parsed("preflight --help").unwrap(), Command::Help);
        assert_eq!(
            parsed("preflight --root /mnt --unit docker-latest.service --json").unwrap(),
            Command::Preflight(preflight::Args {
                root: "/mnt".into(),
                unit: Some("docker-latest.service".into()),
                exec_line: None,
                json: true
            })
        );
        assert_eq!(
            parsed("history --since=-2h --evidence --json").unwrap(),
            Command::History(history::Args {
                since: Some("-2h".into()),
                evidence: true,
                json: true
            })
        );
        assert_eq!(
            parsed("settings --check --json").unwrap(),
            Command::Settings(settings::Args {
                check: true,
                json: true
            })
        );
        let dir = Some("/var/tmp".to_owned());
        assert_eq!(
            parsed("drill --dir /var/tmp").unwrap(),
            Command::Drill(drill::Args { dir })
        );
        for line in ["explain pool-low", "explain POOL-LOW:"] {
            let code = Some("pool-low".to_owned());
            assert_eq!(
                parsed(line).unwrap(),
                Command::Explain(explain::Args { code }),
                "{line}"
            );
        }
        let Command::Grow(args) = parsed("grow --data +25% --metadata=64M --dry-run").unwrap() else {
            panic!("not grow")
        };
        assert_eq!((args.data, args.dry_run), (Some(grow::Size::ByPercent(25)), true));
        for wrong in [
            "",
            "restart",
            "watch now",
            "status --data 1G",
            "status 5",
            "status --watch 5 5",
            "status --watch 0",
            "status --watch=x",
            "status --watch 500ms",
            "status --watch 2days",
            "grow",
            "grow --data",
            "grow --data 5%",
            "--json status",
            "explain no-such-thing",
            "explain pool-low pool-failed",
            "explain --json",
            "history now",
            "settings now",
            "drill now",
            "drill --dir tmp",
            "drill --dir",
            "history --since",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
