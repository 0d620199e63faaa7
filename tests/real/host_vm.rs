//! A host in a virtual machine, from the package to its purge: systemd, AppArmor, KVM (nested, under emulation), a boot and a
//! power cut, which the machine that runs the tests may lack. `make test-host`, about 25 minutes.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::{
    host::{Host, needs_host, text, virsh},
    need,
    watch::wait_for,
};

crate::tests![a_host_from_the_package_to_its_purge];

/// The host's name, and that of the instance in it.
const OUTER: &str = "lite-test-host-1";
const INNER: &str = "inner";
/// Bundles as large as the two need, on a machine with little room.
const BUNDLES: &str = "currency: USD
bundles:
  - {id: host, vcpus: 2, memory: 3 GiB, disk: 7 GiB, transfer: 1 TiB, price: 1}
  - {id: inner, vcpus: 1, memory: 512 MiB, disk: 3 GiB, transfer: 1 TiB, price: 1}
";

/// The machine that is a host.
struct Machine<'a>(&'a Host);

impl Machine<'_> {
    /// Runs a line of shell as root.
    fn run(&self, line: &str) -> Output {
        self.0.lite(&["ssh", OUTER, "--", "sudo", "bash", "-c", line])
    }

    /// The same, which must succeed; its stdout.
    fn ok(&self, line: &str) -> String {
        let out = self.run(line);
        assert!(out.status.success(), "{line}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    /// A document of its lite.
    fn json(&self, command: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(&format!("lite {command} --json"))).expect("JSON")
    }

    /// Runs `change`, which boots it anew, and waits until the new boot lets in.
    fn boots_by(&self, change: impl FnOnce()) {
        let id = || self.run("cat /proc/sys/kernel/random/boot_id");
        let before = text(&id().stdout);
        change();
        wait_for("the boot of the host", 600, || {
            let now = id();
            now.status.success() && text(&now.stdout) != before
        });
    }

    /// Waits until the instance in it runs and is well, by the watcher alone.
    fn instance_is_up(&self) {
        wait_for("the instance in it", 900, || {
            let shown = &self.json(&format!("show {INNER}"))["instances"][0];
            shown["state"] == "running" && shown["health"] == "ok"
        });
        let audit = self.json("doctor --audit");
        assert_eq!(audit["verdict"], "clean", "{audit}");
    }
}

/// The package that `make deb` built.
fn package() -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/debian/lite_{version}-1_amd64.deb"))
}

fn a_host_from_the_package_to_its_purge() {
    needs_host();
    let package = package();
    need::programs(&["lintian", package.to_str().expect("a path")]);
    let judged = Command::new("lintian").args(["--fail-on", "error"]).arg(&package).output().expect("lintian runs");
    assert!(judged.status.success(), "{}", text(&judged.stdout));

    let host = Host::new("host", 96);
    std::fs::create_dir(host.folder.path().join("blueprints")).expect("a folder");
    std::fs::write(host.folder.path().join("blueprints/bundles.yaml"), BUNDLES).expect("written");
    host.debian_13();
    host.ok(&["create", "debian-13", "--name", OUTER, "--bundle", "host"]);
    let machine = Machine(&host);

    host.ok(&["cp", package.to_str().expect("a path"), &format!("{OUTER}:lite.deb")]);
    let bundles = host.folder.path().join("blueprints");
    host.ok(&["cp", bundles.to_str().expect("a path"), &format!("{OUTER}:")]);
    machine.ok("mkdir -p /root/.config/lite && cp -r blueprints /root/.config/lite/");
    machine.ok("apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends ./lite.deb");
    assert_eq!(machine.ok("systemctl is-enabled lite-watch; systemctl is-active lite-watch"), "enabled\nactive\n");
    machine.ok("lite doctor --fix");
    is_confined_and_has_kvm(&machine);

    // Building an image is the business of other tests, and takes long where all is emulated.
    images_are_copied(&host, &machine);
    machine.ok(&format!("lite create debian-13 --name {INNER} --bundle inner --timeout 20m"));
    machine.instance_is_up();
    wait_for("its first metrics", 300, || {
        let metrics = machine.json(&format!("metrics {INNER}"));
        metrics["metrics"].as_array().is_some_and(|all| all.iter().any(|m| m["value"].is_number()))
    });

    machine.boots_by(|| drop(host.ok(&["reboot", OUTER])));
    machine.instance_is_up();
    machine.boots_by(|| drop(virsh(&["reset", OUTER])));
    machine.instance_is_up();

    let removed = machine.ok("apt-get -q remove --yes lite");
    assert!(removed.contains(&format!("lite: these instances stay, as they are, and nobody watches them: {INNER}")));
    let running = || machine.ok(&format!("virsh -q domstate {INNER}"));
    assert_eq!((running(), machine.ok("ls /etc/lite /usr/bin/lite 2>&1 || true")), ("running\n".into(), LEFT.into()));
    let purged = machine.ok("apt-get -q purge --yes lite");
    assert!(purged.contains("lite: /var/lib/lite is kept: "), "{purged}");
    assert_eq!((running(), machine.ok("test ! -e /etc/lite")), ("running\n".into(), String::new()));

    // Who changes his mind has all of it again.
    machine.ok("DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends ./lite.deb");
    machine.instance_is_up();
    machine.ok(&format!("lite delete {INNER} --yes --now"));
    host.ok(&["delete", OUTER, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

/// What a removed package leaves: its settings.
const LEFT: &str = "ls: cannot access '/usr/bin/lite': No such file or directory\n/etc/lite:\nconfig.toml\n";

fn is_confined_and_has_kvm(machine: &Machine<'_>) {
    let checks = machine.json("doctor")["checks"].clone();
    let verdict = |name: &str| {
        let found = checks.as_array().and_then(|all| all.iter().find(|c| c["name"] == name));
        found.map_or_else(String::new, |c| c["sentence"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(verdict("acceleration"), "guests run under KVM");
    assert_eq!(verdict("confinement"), "AppArmor is on, and confines guests");
}

fn images_are_copied(host: &Host, machine: &Machine<'_>) {
    let pool = host.pool_dir();
    let names = std::fs::read_dir(&pool).expect("the pool").filter_map(|e| e.ok()?.file_name().into_string().ok());
    let files: Vec<String> = names.filter(|n| n.starts_with("base-debian-13")).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let paths: Vec<String> = files.iter().map(|n| pool.join(n).to_string_lossy().into_owned()).collect();
    let to = format!("{OUTER}:");
    let words: Vec<&str> = std::iter::once("cp").chain(paths.iter().map(String::as_str)).chain([to.as_str()]).collect();
    host.ok(&words);
    machine.ok("mv base-debian-13* /var/lib/libvirt/images/lite/ && chown root:libvirt-qemu /var/lib/libvirt/images/lite/base-*");
    assert_eq!(machine.json("image list")["images"][0]["id"], "debian-13");
}
