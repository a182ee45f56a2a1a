//! systemd: the grammar of its files (pure), its manager over D-Bus, and word from us to it. May use `crate::model` only.

pub mod bus;
pub mod environment_file;
pub mod exec_line;
pub mod notify;
#[cfg(test)]
mod test_text;
pub mod unit_file;
pub mod unit_name;
pub mod version;
pub mod words;
