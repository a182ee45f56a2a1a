//! Figures that a scenario measures, printed as it goes.

use std::fmt::Display;

/// Collects and prints `figure NAME: VALUE UNIT` lines.
#[derive(Default)]
pub struct Figures {
    /// Whose they are, where scenarios run side by side.
    of: Option<&'static str>,
    lines: Vec<String>,
}

impl Figures {
    /// Figures of a scenario.
    pub fn of(scenario: &'static str) -> Figures {
        Figures {
            of: Some(scenario),
            ..Figures::default()
        }
    }

    /// Prints one figure.
    pub fn add(&mut self, name: &str, value: impl Display, unit: &str) {
        let line = format!("figure  {name}: {value} {unit}");
        match self.of {
            Some(scenario) => println!("    {scenario}: {}", line.trim_end()),
            None => println!("    {}", line.trim_end()),
        }
        self.lines.push(line);
    }
}
