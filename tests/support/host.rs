//! A real host: a pool, a network and a database of the test's own, and `virsh` as a second client.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// Why real guests cannot be tried here; none: they can.
///
/// With `LITE_TEST_REQUIRE_HOST=1` a missing host is a failure, not a skip.
pub fn skip_reason() -> Option<String> {
    let reason = if std::env::var_os("LITE_TEST_REAL").is_none_or(|v| v != "1") {
        Some("LITE_TEST_REAL is not 1".to_owned())
    } else {
        let uri = Command::new("virsh").args(["-c", "qemu:///system", "uri"]).output();
        match uri {
            Ok(out) if out.status.success() => None,
            Ok(out) => Some(format!("libvirt does not answer: {}", String::from_utf8_lossy(&out.stderr).trim())),
            Err(e) => Some(format!("virsh cannot be run: {e}")),
        }
    };
    if let Some(reason) = &reason {
        let required = std::env::var_os("LITE_TEST_REQUIRE_HOST").is_some_and(|v| v == "1");
        assert!(!required || std::env::var_os("LITE_TEST_REAL").is_none(), "a host is required: {reason}");
        eprintln!("SKIPPED: {reason}");
    }
    reason
}

/// A host for one test; dropping it removes everything that carries its name.
pub struct Host {
    pub tag: String,
    pub folder: tempfile::TempDir,
    /// Network filters before the test.
    pub filters: String,
    pub subnet: String,
    /// The libvirt it is on.
    pub connect: String,
}

impl Host {
    /// One whose pool and network are `lite-test-TAG`, on its own subnet.
    pub fn new(tag: &str, third: u8) -> Self {
        Self::on("qemu:///system", tag, third)
    }

    /// One on another libvirt.
    pub fn on(connect: &str, tag: &str, third: u8) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lite-test-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711))
            .tempdir()
            .expect("a folder");
        std::fs::write(folder.path().join("config.toml"), "").expect("written");
        Self {
            tag: format!("lite-test-{tag}"),
            folder,
            filters: virsh_on(connect, &["nwfilter-list"]),
            subnet: format!("10.171.{third}.0/24"),
            connect: connect.to_owned(),
        }
    }

    pub fn pool_dir(&self) -> PathBuf {
        self.folder.path().join("pool")
    }

    /// The command `lite ARGS` on this host.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lite"));
        let at = |name: &str| self.folder.path().join(name);
        command
            .args(args)
            .env_remove("NO_COLOR")
            .env("LITE_CONNECT", &self.connect)
            .env("LITE_CONFIG", at("config.toml"))
            .env("LITE_STATE_DIR", at("state"))
            .env("LITE_LOG_DIR", at("logs"))
            .env("LITE_POOL_DIR", self.pool_dir())
            .env("LITE_BLUEPRINTS", at("blueprints"))
            .env("LITE_POOL", &self.tag)
            .env("LITE_NETWORK", &self.tag)
            .env("LITE_SUBNET", &self.subnet)
            .env("LITE_ACCEL", "tcg");
        command
    }

    /// Runs `lite ARGS`.
    pub fn lite(&self, args: &[&str]) -> Output {
        let out = self.command(args).output().expect("lite runs");
        eprintln!("$ lite {}\n{}{}", args.join(" "), text(&out.stdout), text(&out.stderr));
        out
    }

    /// Runs `lite ARGS`, which must succeed; its stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.lite(args);
        assert_eq!(out.status.code(), Some(0), "lite {}: {}", args.join(" "), text(&out.stderr));
        text(&out.stdout)
    }

    /// Runs `lite ARGS --json`, which must succeed.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&all)).expect("JSON")
    }

    /// Runs `lite ARGS`, which must end with `code`; its stderr.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let out = self.lite(args);
        assert_eq!(out.status.code(), Some(code), "lite {}: {}", args.join(" "), text(&out.stderr));
        text(&out.stderr)
    }

    /// What a second client sees of ours: domains, volumes that are no image, filters.
    pub fn left(&self) -> Vec<String> {
        let ours = |line: &&str| line.starts_with("lite-") || line.starts_with(&self.tag);
        let mut left: Vec<String> = Vec::new();
        let seen = virsh_on(&self.connect, &["vol-list", "--pool", &self.tag]);
        left.extend(seen.lines().filter_map(|l| l.split_whitespace().next()).filter(ours).map(str::to_owned));
        left.extend(self.domains());
        left
    }

    /// Names of the domains that our database or tag owns.
    pub fn domains(&self) -> Vec<String> {
        let all = virsh_on(&self.connect, &["list", "--all", "--name"]);
        all.lines().filter(|l| l.starts_with(&self.tag)).map(str::to_owned).collect()
    }
}

/// Output of `virsh ARGS`.
pub fn virsh(args: &[&str]) -> String {
    virsh_on("qemu:///system", args)
}

/// The same on another libvirt.
pub fn virsh_on(connect: &str, args: &[&str]) -> String {
    let out = Command::new("virsh").args(["-q", "-c", connect]).args(args).output().expect("virsh runs");
    text(&out.stdout)
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Drop for Host {
    fn drop(&mut self) {
        // What a failed test left; a good one has deleted its instances itself.
        if let Ok(out) = self.command(&["list", "--json"]).output() {
            let listed: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
            for instance in listed["instances"].as_array().into_iter().flatten() {
                if let Some(name) = instance["name"].as_str() {
                    let _ = self.command(&["delete", name, "--yes"]).output();
                }
            }
        }
        for verb in ["net-destroy", "net-undefine", "pool-destroy", "pool-undefine"] {
            virsh_on(&self.connect, &[verb, &self.tag]);
        }
    }
}
