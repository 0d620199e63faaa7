//! Programs a test needs. Absent ones are told and counted as skipped; with `LITE_TEST_REQUIRE_HOST=1` they fail the test.

use std::path::Path;

/// Whether all programs are there. Says which are not.
pub fn programs(test: &str, wanted: &[&str]) -> bool {
    let missing: Vec<&str> = wanted.iter().copied().filter(|p| !found(p)).collect();
    if missing.is_empty() {
        return true;
    }
    let reason = format!("{test}: needs {}", missing.join(", "));
    assert!(std::env::var_os("LITE_TEST_REQUIRE_HOST").is_none_or(|v| v != "1"), "{reason}");
    eprintln!("skipped: {reason}");
    false
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_absolute() && Path::new(program).exists()
        || std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
