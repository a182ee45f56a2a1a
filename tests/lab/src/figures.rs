//! Figures that a scenario measures, printed as it goes.

use std::fmt::Display;

/// Collects and prints `figure NAME: VALUE UNIT` lines.
#[derive(Default)]
pub struct Figures {
    lines: Vec<String>,
}

impl Figures {
    /// Prints one figure.
    pub fn add(&mut self, name: &str, value: impl Display, unit: &str) {
        let line = format!("figure  {name}: {value} {unit}");
        println!("    {}", line.trim_end());
        self.lines.push(line);
    }
}
