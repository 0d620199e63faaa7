//! Programs a test needs.

use std::path::Path;

use super::skip::skip;

/// Skips the test unless all programs are there.
pub fn programs(wanted: &[&str]) {
    let missing: Vec<&str> = wanted.iter().copied().filter(|p| !found(p)).collect();
    if !missing.is_empty() {
        skip(format!("needs {}", missing.join(", ")));
    }
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_absolute() && Path::new(program).exists()
        || std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
