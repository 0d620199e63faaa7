//! cloud-init documents from a resolved blueprint. Pure.

mod document;
mod files;
mod identity;
mod merge;
mod modules;
mod output;
mod regional;
mod types;
mod user_data;
mod yaml;

pub use document::{meta_data, network_config, renamed, render, with_move};
pub use identity::{identity, told};
pub use output::{render_accounts, render_output};
pub use types::*;
pub use user_data::parse_user_data;
