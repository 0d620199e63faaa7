//! A host in a virtual machine, from the package to its purge: systemd, AppArmor, KVM (nested, under emulation), a boot and a
//! power cut, which the machine that runs the tests may lack. `make test-host`, half an hour to an hour.

use std::{
    io::Read as _,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
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
/// Bundles as large as the two need, on a machine with little room. One CPU: with two, the emulated SVM loses an instance's exit to an
/// interrupt of the other CPU once in a while, and the host's kernel panics (`corrupted stack end`).
const BUNDLES: &str = "currency: USD
bundles:
  - {id: host, vcpus: 1, memory: 3 GiB, disk: 7 GiB, transfer: 1 TiB, price: 1}
  - {id: inner, vcpus: 1, memory: 512 MiB, disk: 3 GiB, transfer: 1 TiB, price: 1}
";

/// A page that the instance serves from each boot on.
const USER_DATA: &str = "#cloud-config
write_files:
  - path: /etc/systemd/system/page.service
    content: |
      [Service]
      ExecStart=/usr/bin/python3 -m http.server 80 --directory /srv/page
      [Install]
      WantedBy=multi-user.target
  - path: /srv/page/index.html
    content: the page
runcmd:
  - systemctl enable --now page
";
/// The name by which the world reaches the page, and a port by which it reaches the instance's SSH server.
const DOMAIN: &str = "shop.example.org";
const PORT: u16 = 2222;

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

    /// What a newcomer types, for a name that nobody but this host knows, and an authority that is not reached.
    fn instance_is_published(&self) {
        self.ok("DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends haproxy");
        let address = self.0.first_address();
        self.ok(&format!("echo {address} {DOMAIN} >>/etc/hosts"));
        self.ok("echo 'acme_directory = \"https://127.0.0.1:1/\"' >>/etc/lite/config.toml");
        self.0.ok(&["firewall", OUTER, "open", "80", &PORT.to_string()]);
        self.ok(&format!("lite firewall {INNER} open 80 && lite publish {INNER} 22:{PORT}"));
        let site = self.run(&format!("lite publish {INNER} --domain {DOMAIN}"));
        let said = text(&site.stderr);
        let wanted = [
            format!("error: `{DOMAIN}` is served over HTTP alone: it has no certificate yet"),
            "  caused by: `https://127.0.0.1:1/` cannot be reached: Connection refused (os error 111)".to_owned(),
        ];
        let end: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("error:")).take(2).collect();
        assert_eq!(end, wanted, "{said}");
    }

    /// The world, which is the machine of the tests, reaches what is published; this host knows the instance by its name.
    fn instance_is_reached(&self) {
        let address = self.0.first_address();
        let page = || {
            let to = format!("{DOMAIN}:80:{address}");
            let url = format!("http://{DOMAIN}/");
            Command::new("curl").args(["-sS", "--noproxy", "*", "-m", "20", "--resolve", &to, &url]).output()
        };
        wait_for("the page from outside", 300, || page().is_ok_and(|out| text(&out.stdout) == "the page"));
        let to: SocketAddr = format!("{address}:{PORT}").parse().expect("an address");
        let mut banner = [0; 8];
        let mut outside = TcpStream::connect_timeout(&to, Duration::from_secs(20)).expect("the published port");
        outside.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        outside.read_exact(&mut banner).expect("the SSH server's banner");
        assert_eq!(&banner, b"SSH-2.0-");
        assert_eq!(self.ok("systemctl is-active lite-proxy"), "active\n");
        let inner =
            self.json(&format!("show {INNER}"))["instances"][0]["address"].as_str().unwrap_or_default().to_owned();
        // By systemd-resolved, which lite has told whom to ask.
        let known =
            self.ok(&format!("resolvectl query --legend=no -4 {INNER}.lite.internal; grep -c lite /etc/hosts || true"));
        let first: Vec<&str> = known.split_whitespace().take(2).collect();
        assert_eq!(first, [&format!("{INNER}.lite.internal:"), &*inner], "{known}");
    }
}

/// The console of a machine, as a browser in it has it.
struct Console<'a>(&'a Machine<'a>);

impl Console<'_> {
    /// The package's unit serves, and a code lets in.
    fn of<'a>(machine: &'a Machine<'a>) -> Console<'a> {
        machine.ok("mkdir -p /etc/lite/blueprints && cp blueprints/* /etc/lite/blueprints/");
        machine.ok("echo 'keep_deleted = \"0\"' >>/etc/lite/config.toml");
        assert_eq!(
            machine.ok("systemctl enable --now lite-serve >/dev/null 2>&1; systemctl is-active lite-serve"),
            "active\n"
        );
        let console = Console(machine);
        let code = machine.json("login")["code"].as_str().expect("a code").to_owned();
        assert_eq!(console.status(&format!("--data code={code} /login")), "303");
        console
    }

    /// The status of what curl asks with these words, of which the last is the path.
    fn status(&self, words: &str) -> String {
        let (options, path) = words.rsplit_once(' ').unwrap_or(("", words));
        let curl = "curl -sS -m 120 -b jar -c jar -H 'Sec-Fetch-Site: same-origin' -o answer -w '%{http_code}'";
        self.0.ok(&format!("{curl} {options} http://127.0.0.1:8480{path}"))
    }

    /// By forms alone an instance is made, stopped, and deleted by its name: with nothing but what the unit leaves to the server.
    fn makes_an_instance(&self) {
        assert_eq!(self.status("/instances"), "200");
        assert_eq!(
            self.0.ok(&format!("grep -c '/instances/{INNER}\"' answer || true")),
            "1\n",
            "{}",
            self.0.ok("cat answer")
        );
        assert_eq!(self.status("--data 'blueprint=debian-13&bundle=inner&name=second' /create"), "303");
        self.ends_well("create");
        assert_eq!(self.status("--data action=stop /instances/second/power"), "303");
        self.ends_well("stop");
        assert_eq!(self.status("--data name=second /instances/second/delete"), "303");
        self.ends_well("delete");
        let audit = self.0.json("audit");
        let by = audit["audit"].as_array().map_or(0, |all| all.iter().filter(|row| row["via"] == "console").count());
        assert!(by >= 4, "{audit}");
        self.0.ok("systemctl disable --now lite-serve && rm -r /etc/lite/blueprints && sed -i /keep_deleted/d /etc/lite/config.toml");
    }

    /// The last operation on the second instance, by the console, succeeds.
    fn ends_well(&self, kind: &str) {
        wait_for(kind, 1200, || {
            let all = self.0.json("operations");
            let is_it = |one: &&serde_json::Value| one["resource"] == "second" && one["kind"] == kind;
            let last = all["operations"].as_array().and_then(|all| all.iter().find(is_it)).cloned().unwrap_or_default();
            assert!(last["state"] != "failed" && last["via"] == "console", "{kind}: {last}");
            last["state"] == "succeeded"
        });
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
    machine.ok("apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends curl ./lite.deb");
    assert_eq!(machine.ok("systemctl is-enabled lite-watch; systemctl is-active lite-watch"), "enabled\nactive\n");
    machine.ok("lite doctor --fix");
    is_confined_and_has_kvm(&machine);

    // Building an image is the business of other tests, and takes long where all is emulated.
    images_are_copied(&host, &machine);
    let file = host.folder.path().join("user-data");
    std::fs::write(&file, USER_DATA).expect("written");
    host.ok(&["cp", file.to_str().expect("a path"), &format!("{OUTER}:")]);
    machine.ok(&format!("lite create debian-13 --name {INNER} --bundle inner --user-data user-data --timeout 20m"));
    machine.instance_is_up();
    Console::of(&machine).makes_an_instance();
    machine.instance_is_up();
    machine.instance_is_published();
    machine.instance_is_reached();
    wait_for("its first metrics", 300, || {
        let metrics = machine.json(&format!("metrics {INNER}"));
        metrics["metrics"].as_array().is_some_and(|all| all.iter().any(|m| m["value"].is_number()))
    });

    machine.boots_by(|| drop(host.ok(&["reboot", OUTER])));
    machine.instance_is_up();
    machine.instance_is_reached();
    machine.boots_by(|| drop(virsh(&["reset", OUTER])));
    machine.instance_is_up();
    machine.instance_is_reached();

    let removed = machine.ok("apt-get -q remove --yes lite");
    assert!(removed.contains(&format!("lite: these instances stay, as they are, and nobody watches them: {INNER}")));
    let running = || machine.ok(&format!("virsh -q domstate {INNER}"));
    assert_eq!((running(), machine.ok("ls /etc/lite /usr/bin/lite 2>&1 || true")), ("running\n".into(), LEFT.into()));
    let purged = machine.ok("apt-get -q purge --yes lite");
    assert!(purged.contains("lite: /var/lib/lite is kept: "), "{purged}");
    assert_eq!((running(), machine.ok("test ! -e /etc/lite")), ("running\n".into(), String::new()));

    // Without a package, by the unit that the watcher writes itself.
    machine.ok("dpkg-deb --fsys-tarfile lite.deb | tar -x -C /usr/local --strip-components=2 ./usr/bin/lite");
    machine.ok("lite watch --install && systemctl daemon-reload && systemctl enable --now lite-watch");
    machine.instance_is_up();
    assert_eq!(machine.ok("systemctl is-active lite-watch"), "active\n");
    machine.ok("systemctl disable --now lite-watch && rm /etc/systemd/system/lite-watch.service /usr/local/bin/lite");

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
