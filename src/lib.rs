//! thinguard keeps a Docker host on the `devicemapper` storage driver alive; ARCHITECTURE.md shows the house.
#![deny(unsafe_code)]

pub mod act;
pub mod cli;
mod commands;
pub mod docker;
pub mod judge;
#[allow(unsafe_code)]
pub mod kernel;
pub mod model;
pub mod observe;
pub mod report;
pub mod systemd;
