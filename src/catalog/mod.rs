//! Bundles and blueprints: data files, their checks, and their resolution. Pure: reads `&str`, never a file.

mod types;

pub use types::*;
