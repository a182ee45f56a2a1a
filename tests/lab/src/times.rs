//! Where a run's time goes: each step of the preparations, and each scenario by what it waited for.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::paths::Paths;

/// What a host spends time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Restoring a snapshot, or booting.
    Restoring,
    /// Filling the pool.
    Writing,
    /// Waiting until something is seen: the looks and the rests between them.
    Waiting,
    /// A script in the guest.
    Script,
    /// Time that must pass, since the claim is that nothing happens in it.
    Passing,
}

/// Seconds by purpose.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    restoring: f64,
    writing: f64,
    waiting: f64,
    script: f64,
    passing: f64,
    /// Of the computer's processors, by QEMU.
    processor: f64,
}

impl Spent {
    pub fn add_processor(&mut self, time: Duration) {
        self.processor += time.as_secs_f64();
    }

    pub fn add(&mut self, purpose: Purpose, time: Duration) {
        let sum = match purpose {
            Purpose::Restoring => &mut self.restoring,
            Purpose::Writing => &mut self.writing,
            Purpose::Waiting => &mut self.waiting,
            Purpose::Script => &mut self.script,
            Purpose::Passing => &mut self.passing,
        };
        *sum += time.as_secs_f64();
    }

    /// The processor time that QEMU took.
    pub fn processor(&self) -> f64 {
        self.processor
    }

    fn columns(&self) -> [f64; 5] {
        [self.restoring, self.writing, self.waiting, self.script, self.passing]
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    name: String,
    seconds: f64,
    spent: Option<Spent>,
}

/// All of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Times {
    rows: Vec<Row>,
    /// From the first line to the last, in seconds; less than the sum where hosts ran side by side.
    elapsed: f64,
}

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// With `LAB_TRACE=1` tells what one host was busy with, and for how long.
pub fn trace(host: usize, took: Duration, what: &str) {
    if std::env::var_os("LAB_TRACE").is_some() {
        let line: String = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(100).collect();
        eprintln!("host {host}: {:6.1} s  {short}", took.as_secs_f64());
    }
}

/// Notes a step of the preparations.
pub fn note_step(what: &str, took: Duration) {
    note(what, took, None);
}

/// Notes a scenario.
pub fn note_scenario(name: &str, took: Duration, spent: Spent) {
    note(name, took, Some(spent));
}

fn note(name: &str, took: Duration, spent: Option<Spent>) {
    ROWS.lock().unwrap_or_else(PoisonError::into_inner).push(Row {
        name: name.to_owned(),
        seconds: took.as_secs_f64(),
        spent,
    });
}

/// Prints the table of this run, and keeps it for `cargo lab test --times`.
pub fn close(elapsed: Duration) -> Result<()> {
    let times = Times {
        rows: std::mem::take(&mut ROWS.lock().unwrap_or_else(PoisonError::into_inner)),
        elapsed: elapsed.as_secs_f64(),
    };
    println!("\n{}", table(&times));
    fs::write(path()?, serde_json::to_vec(&times)?).context("cannot keep the run's times")
}

/// Prints the table of the last run.
pub fn show_last() -> Result<()> {
    let path = path()?;
    let bytes = fs::read(&path).with_context(|| format!("no run has left its times in {}", path.display()))?;
    println!("{}", table(&serde_json::from_slice(&bytes)?));
    Ok(())
}

fn path() -> Result<std::path::PathBuf> {
    Ok(Paths::find()?.lab.join("times.json"))
}

fn table(times: &Times) -> String {
    let mut text = format!(
        "{:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}  seconds\n",
        "all", "restore", "write", "wait", "script", "pass", "other", "QEMU"
    );
    let mut rows = times.rows.clone();
    rows.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    for row in rows {
        text.push_str(&format!("{:7.1}", row.seconds));
        let Some(spent) = &row.spent else {
            text.push_str(&format!("{:>58}{}\n", "", row.name));
            continue;
        };
        let columns = spent.columns();
        for seconds in columns {
            text.push_str(&format!(" {seconds:7.1}"));
        }
        let other = (row.seconds - columns.iter().sum::<f64>()).max(0.0);
        text.push_str(&format!(" {other:7.1} {:7.1}  {}\n", spent.processor, row.name));
    }
    text.push_str(&format!("{:7.1} from the first to the last", times.elapsed));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_comes_first_and_the_rest_of_its_time_is_other() {
        let mut spent = Spent::default();
        spent.add(Purpose::Restoring, Duration::from_secs(2));
        spent.add(Purpose::Waiting, Duration::from_secs(5));
        spent.add_processor(Duration::from_secs(9));
        let row = |name: &str, seconds, spent| Row {
            name: name.to_owned(),
            seconds,
            spent,
        };
        let times = Times {
            rows: vec![row("build", 3.0, None), row("scenario", 10.0, Some(spent))],
            elapsed: 12.5,
        };
        let text = table(&times);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            ["10.0", "2.0", "0.0", "5.0", "0.0", "0.0", "3.0", "9.0", "scenario"]
        );
        assert_eq!(lines[2], ["3.0", "build"]);
        assert_eq!(lines[3][0], "12.5");
    }
}
