//! Chromium, which a program drives as a person would, with a profile of its own that trusts one authority.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{fs, io::Write, path::Path, process::Command, process::Stdio};

use serde_json::Value;

use super::{host::text, idle::run};

/// What it takes.
pub const PROGRAMS: [&str; 4] =
    ["/usr/bin/chromium", "/usr/bin/chromedriver", "/usr/lib/python3/dist-packages/selenium", "certutil"];

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/chromium.py");

/// The administrator of a WordPress, and where its domain is reached.
pub struct Administrator<'a> {
    pub domain: &'a str,
    pub address: &'a str,
    pub user: &'a str,
    pub password: &'a str,
}

/// The command of a program in the namespace that Chromium is in.
pub type World<'a> = dyn Fn(&str, &[&str]) -> Command + 'a;

/// What it saw in the world: its administrator visited a WordPress, logged in and uploaded a picture. `root` is the certificate
/// that the site's leads to; `folder` takes the profile.
pub fn uses_wordpress(world: &World<'_>, folder: &Path, root: &str, who: &Administrator<'_>) -> Value {
    let certificates = folder.join(".pki/nssdb");
    fs::create_dir_all(&certificates).expect("a folder");
    let database = format!("sql:{}", certificates.display());
    run(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]));
    run(Command::new("certutil").args(["-A", "-d", &database, "-n", "authority", "-t", "C,,", "-i", root]));
    let mut command = world("/usr/bin/python3", &[SCRIPT]);
    command.env("HOME", folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut browser = command.spawn().expect("python3 runs");
    let todo = serde_json::json!({"domain": who.domain, "address": who.address, "user": who.user, "password": who.password,
                                  "folder": folder});
    browser.stdin.take().expect("a pipe").write_all(todo.to_string().as_bytes()).expect("written");
    let out = browser.wait_with_output().expect("it ends");
    assert!(out.status.success(), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}
