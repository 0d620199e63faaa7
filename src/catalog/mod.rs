//! Bundles and blueprints: data files, their checks, and their resolution. Pure: reads `&str`, never a file.

mod blueprint;
mod bundles;
mod cloud_config;
mod diagnostic;
mod foreign;
mod health;
mod load;
mod params;
mod parts;
mod reader;
mod resolve;
mod scalar;
mod scripts;
mod template;
mod tree;
mod types;
mod verification;
mod verified;

pub use diagnostic::Diagnostic;
pub use load::{SourceFile, check, check_with, storage_prices};
pub use params::{parameter_faults, resolve_params};
pub use scripts::InlineScript;
pub use types::*;
pub use verification::Verification;
pub use verified::{Verified, VerifiedBy, add_verified, read_verified, write_verified};

pub(crate) use blueprint::id;
pub(crate) use cloud_config::{Giver, read as read_cloud_config};
pub(crate) use diagnostic::Diagnostics;
pub(crate) use load::embedded_script;
pub(crate) use template::render as render_template;
pub(crate) use tree::{Dialect, Value as TreeValue, parse as parse_tree};
