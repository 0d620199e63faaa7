//! The operations, one file each.

pub mod attachment;
pub mod bake;
pub mod create;
pub mod delete;
pub mod disk;
pub mod disk_resize;
pub mod export;
pub mod firewall;
pub mod image;
pub mod load_balancer;
pub mod network;
pub mod publication;
pub mod reboot;
pub mod redefine;
pub mod resize;
pub mod restart;
pub mod restore;
pub mod site;
pub mod snapshot;
pub mod start;
pub mod static_ip;
pub mod stop;
pub mod tag;
pub mod undelete;
pub mod upgrade;
