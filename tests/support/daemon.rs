//! A libvirtd of the test's own, in mount and network namespaces of its own: it may be stopped and killed at will, and the
//! host's libvirtd knows nothing of it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::skip::skip;

/// libvirt's folders, each hidden behind one of ours.
const FOLDERS: [(&str, &str); 5] = [
    ("run", "/run/libvirt"),
    ("lib", "/var/lib/libvirt"),
    ("log", "/var/log/libvirt"),
    ("cache", "/var/cache/libvirt"),
    ("etc", "/etc/libvirt"),
];

/// Hides them, says so, and stays: the namespaces live as long as it does. libvirt isolates a port of a bridge by a file of
/// sysfs, which shows the network of the namespace that it is mounted in.
const HOLD: &str = "set -e; while [ $# -gt 1 ]; do mount --bind \"$1\" \"$2\"; shift 2; done; \
                    mount -t sysfs sysfs \"$1\"; mount --rbind /sys/fs/cgroup \"$1/fs/cgroup\"; mount --rbind \"$1\" /sys; \
                    ip link set lo up; \
                    echo ready; exec sleep infinity";

/// A running libvirtd; all its processes end when this is dropped.
pub struct Daemon {
    folder: tempfile::TempDir,
    holder: Child,
    libvirtd: Option<Child>,
}

impl Daemon {
    /// Starts one; the test is skipped where that cannot be done.
    pub fn start() -> Self {
        if let Some(reason) = missing() {
            skip(reason);
        }
        let folder = tempfile::Builder::new()
            .prefix("lite-test-")
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut binds: Vec<PathBuf> = Vec::new();
        for (ours, theirs) in FOLDERS {
            fs::create_dir(at(ours)).expect("a folder");
            fs::create_dir_all(theirs).expect("a folder to hide");
            binds.extend([at(ours), theirs.into()]);
        }
        fs::create_dir(at("socket")).expect("a folder");
        fs::create_dir(at("sys")).expect("a folder");
        let sockets = format!(
            "unix_sock_dir = \"{}\"\nauth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n",
            at("socket").display()
        );
        fs::write(at("etc/libvirtd.conf"), sockets).expect("written");
        // No virtlogd of its own, and no confinement that would have to know the folders.
        fs::write(at("etc/qemu.conf"), "stdio_handler = \"file\"\nsecurity_driver = \"none\"\n").expect("written");
        let mut holder = Command::new("unshare")
            .args(["-m", "-n", "sh", "-c", HOLD, "sh"])
            .args(&binds)
            .arg(at("sys"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let mut line = String::new();
        let said =
            std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.take().expect("a pipe")), &mut line);
        assert!(said.is_ok() && line == "ready\n", "no namespaces: {said:?} {line:?}");
        let mut daemon = Self { folder, holder, libvirtd: None };
        daemon.launch();
        daemon
    }

    /// Starts libvirtd and waits until it answers.
    pub fn launch(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("libvirtd.log"));
        let log = log.expect("a log");
        let child = Command::new("nsenter")
            .args(["-t", &self.holder.id().to_string(), "-m", "-n", "libvirtd", "-p"])
            .arg(self.folder.path().join("libvirtd.pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a copy"))
            .stderr(log)
            .spawn()
            .expect("nsenter runs");
        self.libvirtd = Some(child);
        let end = Instant::now() + Duration::from_secs(60);
        while !Command::new("virsh")
            .args(["-q", "-c", &self.uri(), "version"])
            .output()
            .expect("virsh")
            .status
            .success()
        {
            assert!(Instant::now() < end, "libvirtd does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its URI.
    pub fn uri(&self) -> String {
        format!("qemu+unix:///system?socket={}", self.folder.path().join("socket/libvirt-sock").display())
    }

    /// Sends it a signal. (nsenter has become libvirtd: the process is the same.)
    pub fn signal(&self, signal: &str) {
        let pid = self.libvirtd.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success(), "kill {signal} {pid}");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.libvirtd.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("ended");
    }

    /// Process id of a guest's QEMU.
    pub fn guest(&self, name: &str) -> String {
        let file = self.folder.path().join(format!("run/qemu/{name}.pid"));
        fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).trim().to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("libvirtd.log")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.libvirtd.take() {
            let _ = (child.kill(), child.wait());
        }
        // What a failed test left running: guests and dnsmasq, by their pid files.
        for folder in ["run/qemu", "run/network"] {
            for entry in fs::read_dir(self.folder.path().join(folder)).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|e| e == "pid")
                    && let Ok(pid) = fs::read_to_string(entry.path())
                    && entry.file_name() != "driver.pid"
                {
                    let _ = Command::new("kill").args(["-9", pid.trim()]).output();
                }
            }
        }
        let _ = (self.holder.kill(), self.holder.wait());
    }
}

/// Why it cannot be done here.
fn missing() -> Option<String> {
    if std::env::var_os("LITE_TEST_REAL").is_none_or(|v| v != "1") {
        return Some("LITE_TEST_REAL is not 1".to_owned());
    }
    for program in ["libvirtd", "virsh", "unshare", "nsenter", "ip"] {
        if Command::new(program).arg("--version").output().is_err() && Command::new(program).arg("-V").output().is_err()
        {
            return Some(format!("`{program}` cannot be run"));
        }
    }
    let tried = Command::new("unshare").args(["-m", "-n", "true"]).output().expect("unshare runs");
    (!tried.status.success()).then(|| format!("no namespaces: {}", String::from_utf8_lossy(&tried.stderr).trim()))
}
