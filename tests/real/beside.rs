//! lite beside the firewalls of others: Docker's, ufw and firewalld, the real programs, each in a stand-in for a host.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    packet_filter::neighbours,
    support::{
        guest_net::{Beside, GuestNet, Outside, bridge},
        host::{Host, text, virsh},
        idle::{clean, create, idle_host, run},
        need,
        pebble::{PROGRAMS, Pebble},
        stand_in::{Backend, Other, checksum_action, inside, restart_libvirt, start_libvirt},
        watch::wait_for,
    },
};

crate::tests![NETWORK:
    docker_leaves_what_is_published_with_libvirts_iptables,
    with_libvirts_nftables_docker_stops_what_is_published_until_doctor_opens_it,
    a_kernel_without_the_checksum_action_is_told_with_what_helps,
    ufw_leaves_what_is_published,
    firewalld_leaves_what_is_published,
];

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/web.py");
const PORT: u16 = 8041;

/// A host with two instances, and the world that its default route leads to.
struct Site {
    host: Host,
    guests: [GuestNet; 2],
    gateway: String,
    outside: Outside,
    _servers: [Beside; 3],
}

impl Site {
    fn new(tag: &str, third: u8) -> Self {
        let outside = Outside::new(tag);
        run(Command::new("ip").args(["route", "add", "default", "via", Outside::ADDRESS]));
        run(Command::new("sysctl").args(["-qw", "net.ipv4.ip_forward=1"]));
        let (host, guests, gateway) = neighbours(tag, third);
        let servers = [
            Beside::start(guests[0].command(&["whoami", "22"])),
            Beside::start(guests[0].program("python3", &[WEB, "80"])),
            Beside::start(outside.command(&["whoami", "9111"])),
        ];
        Self { host, guests, gateway, outside, _servers: servers }
    }

    fn name(&self) -> String {
        format!("{}-a", self.host.tag)
    }

    fn publish(&self) {
        self.host.ok(&["publish", &self.name(), &format!("22:{PORT}")]);
    }

    /// What does not go on: the published port, a guest's way out, its neighbour, or its DNS.
    fn fault(&self) -> Option<String> {
        let (guest, server) = (&self.guests[1], &self.guests[0].address);
        let name = format!("{}.lite.internal", self.name());
        [
            ("published", self.outside.asks("tcp", PORT), Outside::ADDRESS),
            ("the way out", guest.asks("tcp", Outside::ADDRESS, 9111), Outside::HOST),
            ("a neighbour", guest.asks("tcp", server, 22), &guest.address),
            ("DNS", guest.resolves(&self.gateway, &[&name]).concat(), server),
        ]
        .into_iter()
        .find_map(|(what, found, wanted)| (found != wanted).then(|| format!("{what}: {found}")))
    }

    fn works(&self, when: &str) {
        assert_eq!(self.fault(), None, "{when}");
    }

    /// It works once libvirt has heard of a change, and wrote its rules anew.
    fn comes_to_work(&self, when: &str) {
        wait_for(when, 30, || self.fault().inspect(|fault| eprintln!("{when}: {fault}")).is_none());
    }

    /// What is published outlives restarts of libvirt and of the network, and comes back when all rules are gone.
    fn survives_restarts(&self) {
        restart_libvirt();
        self.works("after a restart of libvirt");
        for verb in ["net-destroy", "net-start"] {
            virsh(&[verb, &self.host.tag]);
        }
        self.guests.iter().for_each(|guest| guest.plug(&self.host));
        self.host.ok(&["repair"]);
        self.works("after a restart of the network");
        run(Command::new("nft").args(["flush", "ruleset"]));
        assert_eq!(self.host.ok(&["repair"]), "loaded the rules of the firewall again\n");
        self.works("after a flush of all rules");
        restart_libvirt();
        self.works("after a restart of libvirt that brings its rules back");
    }

    fn publish_domain(&self) -> Output {
        let hosts = self.host.folder.path().join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost\n{} shop.example.org\n", Outside::HOST)).expect("written");
        self.host.lite_with_hosts(&hosts, &["publish", &self.name(), "--domain", "shop.example.org"])
    }

    /// A domain, whose ports are stopped, is refused with the command that opens them; and that does.
    fn a_domain_is_opened_by(&self, command: &str, stops: &str) {
        let pebble = Pebble::start(&self.outside, self.host.folder.path(), 86_400);
        let settings = format!("subnet6 = \"no\"\n{}", pebble.settings());
        fs::write(self.host.folder.path().join("config.toml"), settings).expect("written");
        self.host.ok(&["firewall", &self.name(), "open", "80"]);
        let before = self.host.tables_text();
        let refused = self.publish_domain();
        let said = text(&refused.stderr);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with(&format!("error: `80/tcp` is not reached from outside: {stops}")), "{said}");
        assert_eq!(lines[1], format!("  hint: nothing is published; let it pass, and try again: `{command}`"));
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(self.host.tables_text(), before, "nothing of it is left");
        clean(&self.host, "after the refusal");
        run(Command::new("sh").args(["-c", command]));
        assert_eq!(self.publish_domain().status.code(), Some(0));
        let (root, at) = (pebble.root(&self.outside), format!("shop.example.org:443:{}", Outside::HOST));
        let page = ["-sS", "--max-time", "20", "--cacert", &root, "--resolve", &at, "https://shop.example.org/"];
        let page: Value = serde_json::from_slice(&run(&mut self.outside.program("curl", &page)).stdout).expect("JSON");
        assert_eq!(page["for"], serde_json::json!([Outside::ADDRESS]));
        self.host.ok(&["unpublish", &self.name(), "shop.example.org"]);
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|out| out.status.success())
}

/// dockerd, which makes its chains when it starts; what is sent on is dropped by the policy, as where it switched forwarding on.
fn dockerd() -> Other {
    let daemon = Other::start(
        "dockerd",
        &["--group", "root", "--storage-driver", "vfs", "--data-root", "/run/docker-data"],
        || succeeds("iptables", &["-n", "-L", "DOCKER-USER"]),
    );
    run(Command::new("iptables").args(["-P", "FORWARD", "DROP"]));
    daemon
}

fn docker_leaves_what_is_published_with_libvirts_iptables() {
    if !inside("beside::docker_leaves_what_is_published_with_libvirts_iptables") {
        return;
    }
    start_libvirt(Backend::Iptables);
    let site = Site::new("dki", 110);
    site.publish();
    site.works("before Docker");
    site.survives_restarts();
    let _docker = dockerd();
    site.works("beside Docker");
    site.host.ok(&["unpublish", &site.name()]);
    site.publish();
    site.works("published beside Docker");
}

fn with_libvirts_nftables_docker_stops_what_is_published_until_doctor_opens_it() {
    if !inside("beside::with_libvirts_nftables_docker_stops_what_is_published_until_doctor_opens_it") {
        return;
    }
    checksum_action(true);
    start_libvirt(Backend::Nftables);
    let site = Site::new("dkn", 111);
    site.publish();
    site.works("before Docker");
    site.survives_restarts();
    site.host.ok(&["unpublish", &site.name()]);
    let _docker = dockerd();
    let before = site.host.tables_text();
    let bridge = bridge(&site.host);
    assert_eq!(
        site.host.fails(1, &["publish", &site.name(), &format!("22:{PORT}")]),
        format!(
            "error: `{PORT}/tcp` is not reached from outside: the policy of iptables-nft's chain `FORWARD` (table `filter`) stops what \
             comes in\n  \
             hint: nothing is published; let it pass, and try again: `iptables-nft -t filter -I DOCKER-USER -o {bridge} -j ACCEPT`\n  \
             hint: `lite doctor` tells what else it stops\n"
        )
    );
    assert_eq!(site.host.tables_text(), before, "nothing of it is left");
    clean(&site.host, "after the refusal");
    site.host.lite(&["doctor", "--fix"]);
    let rules = text(&run(Command::new("iptables").args(["-S", "DOCKER-USER"])).stdout);
    let accepts = ["-o", "-i"].map(|side| format!("-A DOCKER-USER {side} {bridge} -j ACCEPT\n"));
    assert_eq!(rules, format!("-N DOCKER-USER\n{}-A DOCKER-USER -j RETURN\n", accepts.concat()));
    site.publish();
    site.works("after doctor");
}

fn a_kernel_without_the_checksum_action_is_told_with_what_helps() {
    if !inside("beside::a_kernel_without_the_checksum_action_is_told_with_what_helps") {
        return;
    }
    checksum_action(false);
    start_libvirt(Backend::Nftables);
    let host = idle_host("dkc", 114);
    let check = || {
        let told: Value = serde_json::from_slice(&host.lite(&["doctor", "--json"]).stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["name"] == "network").expect("a check");
        ["verdict", "sentence", "fix"].map(|key| found[key].as_str().unwrap_or_default().to_owned())
    };
    let helps = "have `iptables` installed, write `firewall_backend = \"iptables\"` into `/etc/libvirt/network.conf`, and \
                 restart libvirtd: `systemctl restart libvirtd`";
    let failed = create(&host, "lite-test-dkc-a").output().expect("lite runs");
    let said = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: libvirt could not make network `lite-test-dkc`\n"), "{said}");
    assert_eq!(
        said.lines().last(),
        Some(format!("  hint: this kernel lacks the action `csum` of traffic control: {helps}").as_str())
    );
    let sentence = "libvirt cannot start network `lite-test-dkc`: it writes its rules in nftables, for which this kernel lacks the \
                    action `csum` of traffic control";
    assert_eq!(check(), ["fail", sentence, helps]);
    Backend::Iptables.write();
    restart_libvirt();
    assert_eq!(check()[1], "network `lite-test-dkc` is not started");
    run(&mut create(&host, "lite-test-dkc-a"));
    assert_eq!(check()[1], format!("network `lite-test-dkc` is up on bridge `{}`", bridge(&host)));
}

fn ufw_leaves_what_is_published() {
    if !inside("beside::ufw_leaves_what_is_published") {
        return;
    }
    need::programs(&PROGRAMS);
    start_libvirt(Backend::Iptables);
    let site = Site::new("ufw", 112);
    site.publish();
    for when in ["enable", "reload"] {
        run(Command::new("ufw").args(["--force", when]));
        assert!(text(&run(Command::new("ufw").arg("status")).stdout).starts_with("Status: active\n"));
        site.works(when);
    }
    let by = "the policy of iptables-nft's chain `INPUT` (table `filter`) stops what comes in";
    site.a_domain_is_opened_by("ufw allow 80,443/tcp", by);
    site.works("with the ports open");
}

fn firewalld_leaves_what_is_published() {
    if !inside("beside::firewalld_leaves_what_is_published") {
        return;
    }
    need::programs(&PROGRAMS);
    start_libvirt(Backend::Iptables);
    let site = Site::new("fwd", 113);
    site.publish();
    let _firewalld = Other::start("firewalld", &["--nofork", "--nopid"], || succeeds("firewall-cmd", &["--state"]));
    site.comes_to_work("started");
    run(Command::new("firewall-cmd").arg("--reload"));
    site.comes_to_work("reloaded");
    site.a_domain_is_opened_by(
        "firewall-cmd --permanent --add-service=http --add-service=https && firewall-cmd --reload",
        "the rule `handle ",
    );
    site.comes_to_work("with the ports open");
}
