//! IPv6 on the network of instances: real libvirt, dnsmasq and nftables, namespaces in the place of guests and of the world.

use crate::{
    publication::Foreign,
    support::{
        guest_net::{Beside, GuestNet, Outside, REFUSED, bridge, host_reaches},
        host::{Host, needs_host, text, virsh},
        idle::{clean, created, idle_host, run},
        skip::skip,
    },
};

crate::tests![
    guests_meet_by_ipv6_as_their_rules_say,
    guests_go_out_by_ipv6_and_are_published,
    a_routed_network_is_reached_as_the_rules_say,
    forged_frames_of_ipv6_stay_at_the_port,
];

/// ICMPv6 `administratively prohibited`, as a socket tells it.
const PROHIBITED: &str = "PermissionError:13";

/// A host whose network has an IPv6 subnet, and two instances that are off, a namespace in the place of each.
struct Six {
    host: Host,
    guests: [GuestNet; 2],
    names: [String; 2],
    addresses: [String; 2],
    gateway: String,
}

impl Six {
    /// `subnet` as the setting has it.
    fn new(tag: &str, third: u8, subnet: &str) -> Self {
        needs_host();
        if std::fs::read_to_string("/proc/sys/net/ipv6/conf/all/disable_ipv6").ok().as_deref() != Some("0\n") {
            skip("IPv6 is off on this host");
        }
        let host = idle_host(tag, third);
        let settings = format!("subnet6 = \"{subnet}\"\n");
        std::fs::write(host.folder.path().join("config.toml"), settings).expect("written");
        let names = ["a", "b"].map(|letter| format!("lite-test-{tag}-{letter}"));
        let made = [0, 1].map(|n| {
            created(&host, &names[n]);
            virsh(&["destroy", &names[n]]);
            let own =
                host.json(&["show", &names[n]])["instances"][0]["address6"].as_str().expect("an address").to_owned();
            let gateway = format!("{}::1", own.split_once("::").expect("a number in its subnet").0);
            let guest = GuestNet::of(&host, &names[n], &host.subnet.replace(".0/24", &format!(".{}", 10 + n)));
            guest.set_ipv6(&own, &gateway);
            (guest, own, gateway)
        });
        let [(a, first, gateway), (b, second, _)] = made;
        let (guests, addresses) = ([a, b], [first, second]);
        Self { host, guests, names, addresses, gateway }
    }
}

fn guests_meet_by_ipv6_as_their_rules_say() {
    let six = Six::new("sixa", 125, "fd6c:6974:6500:125::/64");
    let Six { host, guests: [a, b], names: [first, second], addresses: [own, other], gateway } = &six;
    assert_eq!([own.as_str(), other], ["fd6c:6974:6500:125::a", "fd6c:6974:6500:125::b"]);
    let _listener = Beside::start(a.command(&["whoami", "22", "9000"]));
    // The blueprint opens 22 alone.
    assert_eq!([22, 9000].map(|port| b.asks("tcp", own, port)), [other.as_str(), REFUSED]);
    assert_eq!([22, 9000].map(|port| host_reaches(own, port)), ["open", REFUSED]);
    host.ok(&["firewall", first, "set", "9000", "9000/udp", "--from", other]);
    assert_eq!([22, 9000].map(|port| b.asks("tcp", own, port)), [REFUSED, other.as_str()]);
    assert_eq!(b.asks("udp", own, 9000), *other);
    host.ok(&["firewall", first, "set", "9000", "--from", "2001:db8::/32"]);
    assert_eq!(b.asks("tcp", own, 9000), REFUSED);
    assert_eq!(host_reaches(own, 9000), "open", "the host is kept out by no source");

    // Of the host: names and ping; of clouds nothing.
    let service = std::net::TcpListener::bind("[::]:0").expect("a service of the host");
    let port = service.local_addr().expect("an address").port();
    assert_eq!(host_reaches(gateway, port), "open");
    assert_eq!([a.reaches(gateway, port), a.reaches(gateway, 53)], [PROHIBITED, "open"]);
    assert_eq!(a.reaches("fd00:ec2::254", 80), PROHIBITED);
    assert_eq!(a.pings(gateway), "answered");

    // Names, of both families.
    let server = host.subnet.replace(".0/24", ".1");
    let full = format!("{second}.lite.internal");
    let ipv4 = host.subnet.replace(".0/24", ".11");
    let (aaaa, ptr) = (format!("aaaa:{full}"), format!("ptr:{other}"));
    let asked = [aaaa.as_str(), &full, &ptr];
    assert_eq!(a.resolves(&server, &asked), [other.as_str(), &ipv4, &full]);
    assert_eq!(a.resolves(gateway, &[&full]), [&*ipv4], "by IPv6");
    clean(host, "named");
    host.ok(&["delete", second, "--yes"]);
    assert_eq!(a.resolves(&server, &asked[..2]), ["nxdomain", "nxdomain"]);
    created(host, second);
    assert_eq!(a.resolves(&server, &asked[..1]), [&**other], "the address is free again");
    clean(host, "made again");
}

fn guests_go_out_by_ipv6_and_are_published() {
    let six = Six::new("sixb", 126, "fd6c:6974:6500:126::/64");
    let Six { host, guests: [a, b], names: [first, _], addresses: [own, _], .. } = &six;
    let outside = Outside::new("sixb");
    outside.set_ipv6("sixb", "fd6c:6974:6500:126::/64");
    let asks = |kind: &str, port| outside.asks_at(kind, Outside::HOST6, port);
    let world = Beside::start(outside.command(&["whoami", "80"]));
    let _listener = Beside::start(a.command(&["whoami", "22", "9000"]));
    assert_eq!(a.asks("tcp", Outside::ADDRESS6, 80), Outside::HOST6, "masqueraded");
    drop(world);
    assert_ne!(outside.asks_at("tcp", own, 22), Outside::ADDRESS6, "its address is not the world's");

    host.ok(&["firewall", first, "open", "9000/udp"]);
    host.ok(&["publish", first, "22:8122", "9000:8190/udp"]);
    assert_eq!([asks("tcp", 8122), asks("udp", 8190)], [Outside::ADDRESS6; 2]);
    let filtered = std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
    if !filtered.is_ok_and(|value| value == "1\n") {
        assert_eq!(b.asks("tcp", Outside::HOST6, 8122), six.gateway, "another guest");
    }
    host.ok(&["unpublish", first]);
    assert_ne!(asks("tcp", 8122), Outside::ADDRESS6);
    // lite tries that from outside itself: what somebody else's rule stops is told.
    let publish = ["publish", first, "22:8122", "--address", Outside::HOST6, "--from", "2001:db8:ffff::/64"];
    let said = || text(&host.lite(&publish).stderr);
    let foreign = Foreign::at(host, "forward", "meta nfproto ipv6 iifname lite-probe* counter reject");
    let note = "ufw and firewalld on this host do not stop what is published: `--from` limits who comes in\n";
    let wanted = format!(
        "warning: `[{}]:8122/tcp` was not reached by IPv6 from a network namespace on this host: look for a rule that stops it \
         (`nft list ruleset`), or try it from another machine\n{note}",
        Outside::HOST6
    );
    assert_eq!((said(), foreign.packets() > 0), (wanted, true));
    drop(foreign);
    host.ok(&["unpublish", first]);
    assert_eq!(said(), note);
    assert_eq!(asks("tcp", 8122), Outside::ADDRESS6);
    let shown = format!("PUBLISHED     [{}]:8122/tcp to 22 (2001:db8:ffff::/64)\n", Outside::HOST6);
    assert!(host.ok(&["show", first]).contains(&shown));
    clean(host, "published");
}

fn a_routed_network_is_reached_as_the_rules_say() {
    let subnet = "2001:db8:127:1::/64";
    let six = Six::new("sixc", 127, subnet);
    let Six { host, guests: [a, b], names: [first, _], addresses: [own, other], .. } = &six;
    let outside = Outside::new("sixc");
    outside.set_ipv6("sixc", subnet);
    let world = Beside::start(outside.command(&["whoami", "80"]));
    let _listener = Beside::start(a.command(&["whoami", "22", "9000"]));
    assert_eq!(a.asks("tcp", Outside::ADDRESS6, 80), *own, "as itself");
    drop(world);
    let asks = |port| outside.asks_at("tcp", own, port);
    assert_eq!([asks(22), asks(9000)], [Outside::ADDRESS6, PROHIBITED]);
    host.ok(&["firewall", first, "set", "9000", "--from", "2001:db8:ffff::/64"]);
    assert_eq!([asks(22), asks(9000)], [PROHIBITED, Outside::ADDRESS6]);
    assert_eq!(b.asks("tcp", own, 9000), REFUSED, "{other} is another source");
    // A connection ends with the rule that let it in.
    let mut talk = Beside::start(outside.command(&["talk", own, "9000"]));
    host.ok(&["firewall", first, "close", "9000"]);
    assert_eq!(talk.said(), ["ended"]);
    clean(host, "routed");
}

fn forged_frames_of_ipv6_stay_at_the_port() {
    let six = Six::new("sixd", 128, "auto");
    let Six { host, guests: [a, _], addresses: [own, other], gateway, .. } = &six;
    let arrive = || {
        let mut sniffer = Beside::sniff(&bridge(host));
        run(&mut a.command(&["send6", &a.mac, own, gateway, other]));
        sniffer.said()
    };
    let honest =
        ["ip", "link-local", "solicitation", "advertisement", "detection"].map(|kind| format!("honest-{kind}"));
    assert_eq!(arrive(), honest);
    for family in ["inet", "bridge"] {
        run(std::process::Command::new("nft").args(["delete", "table", family, &host.tag]));
    }
    assert_eq!(arrive().len(), 16, "without the tables every kind arrives");
}
