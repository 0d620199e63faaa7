//! What answers each operation, one file per noun.

pub mod catalog;
pub mod disk;
pub mod firewall;
pub mod instance;
pub mod names;
pub mod operation;
pub mod snapshot;
pub mod static_ip;
