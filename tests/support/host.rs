//! A real host: a pool, a network and a database of the test's own, and `virsh` as a second client.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::skip::skip;

/// Skips the test where real guests cannot be tried.
pub fn needs_host() {
    if std::env::var_os("LITE_TEST_REAL").is_none_or(|v| v != "1") {
        skip("LITE_TEST_REAL is not 1");
    }
    match Command::new("virsh").args(["-c", "qemu:///system", "uri"]).output() {
        Ok(out) if out.status.success() => {}
        Ok(out) => skip(format!("libvirt does not answer: {}", text(&out.stderr).trim())),
        Err(e) => skip(format!("virsh cannot be run: {e}")),
    }
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
        // What most tests compare is of one family.
        std::fs::write(folder.path().join("config.toml"), "subnet6 = \"no\"\n").expect("written");
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
            .env("LITE_ACCEL", "tcg")
            // What most tests delete goes at once.
            .env("LITE_KEEP_DELETED", "0");
        command
    }

    /// Runs `lite ARGS`.
    pub fn lite(&self, args: &[&str]) -> Output {
        let out = self.command(args).output().expect("lite runs");
        eprintln!("$ lite {}\n{}{}", args.join(" "), text(&out.stdout), text(&out.stderr));
        out
    }

    /// Runs `lite ARGS` where `/etc/hosts` is this file.
    pub fn lite_with_hosts(&self, hosts: &Path, args: &[&str]) -> Output {
        let out = self.command_with_hosts(hosts, args).output().expect("unshare runs");
        eprintln!("$ lite {}\n{}{}", args.join(" "), text(&out.stdout), text(&out.stderr));
        out
    }

    /// The command of that.
    pub fn command_with_hosts(&self, hosts: &Path, args: &[&str]) -> Command {
        let lite = self.command(args);
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(hosts);
        command.arg(lite.get_program()).args(lite.get_args());
        command.envs(lite.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command
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

    /// Brings the image of debian-13: a copy of the one that was built with this very `lite`, or the first build of it.
    pub fn debian_13(&self) {
        let built = BuiltImage::locked();
        if built.is_there() {
            std::fs::DirBuilder::new().mode(0o711).create(self.pool_dir()).expect("a folder");
            copy_images(&built.folder, &self.pool_dir());
        } else {
            self.ok(&["image", "build", "debian-13"]);
            built.keep(&self.pool_dir());
        }
        assert_eq!(self.json(&["image", "list"])["images"][0]["id"], "debian-13");
    }

    /// Replaces its network by one that leads nowhere, of the same name and subnet. No instance is on it.
    pub fn without_a_way_out(&self) {
        let xml = virsh_on(&self.connect, &["net-dumpxml", &self.tag]);
        let (start, forward) = xml.split_once("<forward").expect("a network that leads out");
        let (_, end) = forward.split_once("/>").expect("its end");
        let file = self.folder.path().join("network.xml");
        std::fs::write(&file, format!("{start}{end}")).expect("written");
        let file = file.to_str().expect("a path");
        for verb in
            [["net-destroy", &self.tag], ["net-undefine", &self.tag], ["net-define", file], ["net-start", &self.tag]]
        {
            virsh_on(&self.connect, &verb);
        }
        assert!(!virsh_on(&self.connect, &["net-dumpxml", &self.tag]).contains("<forward"));
    }

    /// The address that its first instance gets.
    pub fn first_address(&self) -> String {
        self.subnet.replace(".0/24", ".10")
    }

    /// Makes the kernel sure of the hardware address behind an address, as after the delete of an instance that it talked to
    /// just now, and for an hour instead of for a minute.
    pub fn remembers_another_machine_at(&self, address: &str) {
        let xml = virsh_on(&self.connect, &["net-dumpxml", &self.tag]);
        let (_, rest) = xml.split_once("<bridge name='").expect("a bridge");
        let (bridge, _) = rest.split_once('\'').expect("its name");
        std::fs::write(format!("/proc/sys/net/ipv4/neigh/{bridge}/base_reachable_time_ms"), "3600000")
            .expect("written");
        let entry = ["neigh", "replace", address, "lladdr", "52:54:00:be:be:be", "dev", bridge, "nud", "reachable"];
        assert!(Command::new("ip").args(entry).status().expect("ip runs").success());
    }

    /// The families of the tables that the kernel has of this host's firewall.
    pub fn tables(&self) -> Vec<String> {
        let listed = Command::new("nft").args(["-j", "list", "tables"]).output().expect("nft runs");
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let tables = listed["nftables"].as_array().into_iter().flatten().map(|item| &item["table"]);
        let mut ours: Vec<String> = tables
            .filter(|table| table["name"] == self.tag.as_str())
            .filter_map(|table| table["family"].as_str().map(str::to_owned))
            .collect();
        ours.sort();
        ours
    }

    /// The rules of lite's own tables, as `nft` prints them.
    pub fn tables_text(&self) -> String {
        let table = |family: &str| {
            let out = Command::new("nft").args(["list", "table", family, &self.tag]).output().expect("nft runs");
            text(&out.stdout)
        };
        ["bridge", "inet"].map(table).concat()
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

/// The image of debian-13 that this very `lite` built, or will: built once in a run of the tests, under a lock.
pub struct BuiltImage {
    all: PathBuf,
    folder: PathBuf,
    _lock: std::fs::File,
}

impl BuiltImage {
    /// Waits for who builds it just now.
    pub fn locked() -> Self {
        let binary = std::fs::metadata(env!("CARGO_BIN_EXE_lite")).expect("lite is built");
        let built = binary.modified().expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let all = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/images"));
        std::fs::create_dir_all(&all).expect("a folder");
        let lock = std::fs::File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/images.lock")).expect("a file");
        lock.lock().expect("a lock");
        Self { folder: all.join(format!("{}-{}", binary.len(), built.as_nanos())), all, _lock: lock }
    }

    fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Keeps the image in `pool` for the tests that follow, in place of what another `lite` built.
    pub fn keep(&self, pool: &std::path::Path) {
        if self.is_there() {
            return;
        }
        std::fs::remove_dir_all(&self.all).expect("what another `lite` built");
        let half = self.all.join("half");
        std::fs::create_dir_all(&half).expect("a folder");
        copy_images(pool, &half);
        std::fs::rename(half, &self.folder).expect("renamed");
    }
}

fn copy_images(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).expect("an entry");
        if name.to_string_lossy().starts_with("base-") {
            let copy = to.join(name);
            std::fs::copy(&path, &copy).expect("copied");
            // QEMU reads it by its group.
            let group = std::os::unix::fs::MetadataExt::gid(&path.metadata().expect("it is there"));
            std::os::unix::fs::chown(copy, None, Some(group)).expect("root may");
        }
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
        // What a failed test left; a good one has deleted it itself. For a load balancer HAProxy would run on.
        let names = |list: &[&str], kind: &str| -> Vec<String> {
            let out = self.command(list).arg("--json").output();
            let listed: serde_json::Value =
                out.ok().and_then(|out| serde_json::from_slice(&out.stdout).ok()).unwrap_or_default();
            let all = listed[kind].as_array().cloned().unwrap_or_default();
            all.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
        };
        for name in names(&["lb", "list"], "load_balancers") {
            let _ = self.command(&["lb", "delete", &name]).output();
        }
        for name in names(&["list"], "instances") {
            let _ = self.command(&["delete", &name, "--yes", "--now"]).output();
        }
        for name in names(&["list", "--deleted"], "deleted") {
            let _ = self.command(&["delete", &name, "--yes", "--now"]).output();
        }
        for family in self.tables() {
            let _ = Command::new("nft").args(["delete", "table", &family, &self.tag]).status();
        }
        for verb in ["net-destroy", "net-undefine", "pool-destroy", "pool-undefine"] {
            virsh_on(&self.connect, &[verb, &self.tag]);
        }
    }
}
