//! A stand-in for a host: a test runs itself again in mount, network and process namespaces of its own, with programs that are
//! installed nowhere and a libvirt of its own. Firewalls of others may be started there; all of it ends with the test.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{
    host::{needs_host, text},
    idle::run,
    skip::skip,
    watch::wait_for,
};

/// What `.ci/setup network` unpacks.
const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/network");
const INSIDE: &str = "LITE_TEST_STAND_IN";

/// Lays the packages and folders that may be written over those of this machine, and becomes the test.
const ENTER: &str = r#"
set -e
packages=$1 work=$2; shift 2
mount -t tmpfs tmpfs "$work"
for dir in usr etc var; do
  mkdir "$work/$dir" "$work/$dir.work"
  lower=/$dir
  [ ! -d "$packages/$dir" ] || lower=$packages/$dir:$lower
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/$dir,workdir=$work/$dir.work" "/$dir"
done
for dir in /run /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do mount -t tmpfs tmpfs "$dir"; done
mkdir "$work/sys"
mount -t sysfs sysfs "$work/sys"
mount --rbind /sys/fs/cgroup "$work/sys/fs/cgroup"
mount --rbind "$work/sys" /sys
ip link set lo up
exec "$@"
"#;

/// The firewall that libvirt writes its own rules in.
#[derive(Clone, Copy)]
pub enum Backend {
    Iptables,
    Nftables,
}

impl Backend {
    /// Sets it; libvirt reads it when it starts.
    pub fn write(self) {
        let word = match self {
            Self::Iptables => "iptables",
            Self::Nftables => "nftables",
        };
        fs::write("/etc/libvirt/network.conf", format!("firewall_backend = \"{word}\"\n")).expect("written");
    }
}

/// Has the kernel's action `csum` of traffic control be there, or not, as far as `tc` tells. Without it DHCP clients that check
/// checksums on a virtual network get no address; no guest here asks for one.
pub fn checksum_action(there: bool) {
    let status = if there { 0 } else { 1 };
    let tc = "/usr/sbin/tc";
    fs::rename(tc, "/usr/sbin/tc.own").expect("renamed");
    let script =
        format!("#!/bin/sh\ncase \" $* \" in *' csum '*) exit {status};; esac\nexec /usr/sbin/tc.own \"$@\"\n");
    fs::write(tc, script).expect("written");
    fs::set_permissions(tc, fs::Permissions::from_mode(0o755)).expect("a program");
}

/// Whether the test runs in its stand-in. If not, it was run there by this call, and passed.
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    needs_host();
    if !Path::new(PACKAGES).join("usr").is_dir() {
        skip("the packages of others are not unpacked: `.ci/setup network`");
    }
    let work = tempfile::Builder::new().prefix("lite-test-").tempdir().expect("a folder");
    let out = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"])
        .args(["tini", "-s", "--", "sh", "-c", ENTER, "sh", PACKAGES])
        .arg(work.path())
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", test])
        .env(INSIDE, "1")
        .env("LITE_TEST_REQUIRE_HOST", "1")
        .stdin(Stdio::null())
        .output()
        .expect("unshare runs");
    eprintln!("{}{}", text(&out.stdout), text(&out.stderr));
    assert!(out.status.success() && text(&out.stdout).contains("1 passed"), "in the stand-in: {}", out.status);
    false
}

/// Starts libvirt in the stand-in, and D-Bus, by which it hears of firewalld.
pub fn start_libvirt(backend: Backend) {
    backend.write();
    fs::write("/etc/libvirt/qemu.conf", "security_driver = \"none\"\n").expect("written");
    fs::write("/etc/libvirt/libvirtd.conf", "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n").expect("written");
    fs::set_permissions("/var/lib/libvirt", fs::Permissions::from_mode(0o755)).expect("opened");
    fs::create_dir("/run/dbus").expect("a folder");
    run(Command::new("dbus-daemon").args(["--system", "--fork"]));
    run(Command::new("virtlogd").arg("-d"));
    start_libvirtd();
}

/// Ends libvirtd, and starts it again.
pub fn restart_libvirt() {
    let pid = fs::read_to_string("/run/libvirtd.pid").expect("it runs").trim().to_owned();
    run(Command::new("kill").arg(&pid));
    wait_for("the end of libvirtd", 60, || !Path::new("/proc").join(&pid).exists());
    start_libvirtd();
}

fn start_libvirtd() {
    run(Command::new("libvirtd").arg("-d"));
    let answers =
        || Command::new("virsh").args(["-q", "-c", "qemu:///system", "uri"]).output().is_ok_and(|o| o.status.success());
    wait_for("libvirt", 60, answers);
}

/// A daemon of somebody else, which ends with the stand-in at the latest.
pub struct Other(Child);

impl Other {
    /// Starts it, and waits until it is ready. What it says is in a file, which is shown if it is not.
    pub fn start(program: &str, arguments: &[&str], ready: impl Fn() -> bool) -> Self {
        let path = format!("/run/{program}.log");
        let log = fs::File::create(&path).expect("a log");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a copy"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        let mut is_ready = || {
            let said = || fs::read_to_string(&path).unwrap_or_default();
            assert!(child.try_wait().expect("a child").is_none(), "{program} ended: {}", said());
            ready()
        };
        wait_for(program, 60, &mut is_ready);
        Self(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}
