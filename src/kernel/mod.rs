//! The kernel's own interfaces: the only room with `unsafe` and the only ioctls. It uses `crate::model` and nothing else of
//! the house; every `unsafe` block says in a `// SAFETY:` line why it is sound.

pub mod attributes;
pub mod capabilities;
pub mod dm;
pub mod drill;
pub mod errand;
pub mod grow;
pub mod kernel_log;
pub mod lock;
pub mod loop_device;
pub mod lvm;
pub mod memory;
pub mod proc;
pub mod process;
pub mod program;
pub mod signal;
pub mod superblock;
pub mod terminal;
pub mod thin_pool;
pub mod xfs;

#[cfg(test)]
mod test_dir;
