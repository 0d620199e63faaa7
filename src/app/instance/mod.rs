//! Instances: the virtual machines.

pub mod auto_snapshot;
pub mod change;
pub mod console;
pub mod create;
pub mod delete;
pub mod firewall;
pub mod history;
pub mod import;
pub mod list;
pub mod login;
pub mod logs;
pub mod power;
pub mod protect;
pub mod publish;
pub mod resize;
pub mod restore;
pub mod secrets;
pub mod show;
pub mod site;
pub mod tag;
pub mod undelete;
pub mod upgrade;

mod checked;
mod digest;
pub(in crate::app) mod leads;
mod plan;
mod request;
pub(in crate::app) mod state;
mod user_data;
