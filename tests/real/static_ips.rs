//! Static addresses: real libvirt and nftables, namespaces in the place of guests and of the world.

use std::process::Command;

use crate::support::{
    guest_net::{Beside, GuestNet, Outside, host_asks},
    host::{Host, needs_host, virsh},
    idle::{audit, clean, created, idle_host, run},
};

crate::tests![a_static_address_leads_whole_to_one_instance_after_the_other, an_address_that_cannot_be_kept_is_refused,];

const GUESTS: [&str; 2] = ["lite-test-sip-a", "lite-test-sip-b"];

/// One more address of the host.
const THIRD: &str = "198.51.100.6";

/// A host with two instances that are off, and a namespace in the place of each.
fn neighbours(host: &Host) -> [GuestNet; 2] {
    [0, 1].map(|n| {
        created(host, GUESTS[n]);
        virsh(&["destroy", GUESTS[n]]);
        GuestNet::of(host, GUESTS[n], &host.subnet.replace(".0/24", &format!(".{}", 10 + n)))
    })
}

/// Gives the host further addresses, by which the world reaches it too.
fn further_addresses(outside: &Outside, tag: &str) {
    for address in [Outside::SECOND, THIRD] {
        run(Command::new("ip").args(["addr", "add", &format!("{address}/32"), "dev", &format!("ltw-{tag}")]));
        outside.routes(address);
    }
}

fn a_static_address_leads_whole_to_one_instance_after_the_other() {
    needs_host();
    let host = idle_host("sip", 216);
    let [a, b] = neighbours(&host);
    let outside = Outside::new("sip");
    further_addresses(&outside, "sip");
    let _at_a = Beside::start(a.command(&["whoami", "22", "9000"]));
    let _at_b = Beside::start(b.command(&["whoami", "22", "9000"]));
    let _world = Beside::start(outside.command(&["whoami", "7000"]));
    // Whose answer it is: one of the two guests has this port open.
    host.ok(&["firewall", GUESTS[1], "open", "9000/tcp"]);
    let led_to = || {
        let ports = [22, 9000].map(|port| outside.asks_at("tcp", Outside::SECOND, port) == Outside::ADDRESS);
        match ports {
            [true, false] => "a",
            [true, true] => "b",
            _ => "none",
        }
    };
    let leaves_by = |guest: &GuestNet| guest.asks("tcp", Outside::ADDRESS, 7000);
    host.ok(&["ip", "allocate", "site", "--address", Outside::SECOND]);
    assert_eq!((led_to(), leaves_by(&a)), ("none", Outside::HOST.to_owned()), "kept alone");
    host.ok(&["ip", "attach", "site", GUESTS[0]]);
    assert_eq!((led_to(), leaves_by(&a), leaves_by(&b)), ("a", Outside::SECOND.to_owned(), Outside::HOST.to_owned()));
    assert_eq!(host_asks("tcp", Outside::SECOND, 22), Outside::SECOND, "from the host itself");
    assert_ne!(outside.asks_at("tcp", Outside::HOST, 22), Outside::ADDRESS, "the host's first address stays its own");
    assert!(host.ok(&["show", GUESTS[0]]).contains(&format!("STATIC ADDRESS  {}\n", Outside::SECOND)));
    assert!(host.ok(&["list"]).contains("STATIC ADDRESS"));

    // Moved under load: who asks meanwhile gets an answer, first of the one and then of the other.
    let mut load = Beside::start(outside.command(&["load", Outside::SECOND, "22", "60"]));
    host.ok(&["ip", "attach", "site", GUESTS[1]]);
    assert_eq!(load.said().last().map(String::as_str), Some("60 of 60"));
    assert_eq!((led_to(), leaves_by(&a), leaves_by(&b)), ("b", Outside::HOST.to_owned(), Outside::SECOND.to_owned()));
    let mut talk = Beside::start(outside.command(&["talk", Outside::SECOND, "9000"]));
    host.ok(&["ip", "attach", "site", GUESTS[0]]);
    assert_eq!((talk.said(), led_to()), (vec!["ended".to_owned()], "a"), "what was open ends");

    // One of the network, for the host and other guests.
    let own = host.json(&["ip", "allocate", "db"])["static_ips"][0]["address"].as_str().expect("an address").to_owned();
    assert_eq!(own, host.subnet.replace(".0/24", ".239"));
    host.ok(&["ip", "attach", "db", GUESTS[1]]);
    let gateway = host.subnet.replace(".0/24", ".1");
    assert_eq!(host_asks("tcp", &own, 9000), gateway);
    // The kernel translates a frame that it hands to this on a bridge, and bridges it to an isolated port.
    if !std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").is_ok_and(|value| value == "1\n") {
        assert_eq!(a.asks("tcp", &own, 9000), gateway, "the answer has to come back this way");
    }
    assert_eq!(leaves_by(&b), Outside::HOST, "nobody outside knows it");
    clean(&host, "attached");

    run(Command::new("nft").args(["delete", "table", "inet", &host.tag]));
    assert_eq!(host.ok(&["repair"]), "loaded the rules of the firewall again\n");
    assert_eq!(led_to(), "a", "loaded again");
    host.ok(&["ip", "detach", "site"]);
    assert_eq!((led_to(), leaves_by(&a)), ("none", Outside::HOST.to_owned()), "detached");
    host.ok(&["ip", "attach", "site", GUESTS[0]]);
    host.ok(&["delete", GUESTS[0], "--yes"]);
    assert_eq!(led_to(), "none");
    let kept = host.json(&["ip", "show", "site"])["static_ips"][0].clone();
    assert_eq!((&kept["address"], &kept["instance"]), (&Outside::SECOND.into(), &serde_json::Value::Null));
    host.ok(&["ip", "release", "site"]);
    clean(&host, "after the delete");
}

fn an_address_that_cannot_be_kept_is_refused() {
    needs_host();
    let host = idle_host("sir", 217);
    let outside = Outside::new("sir");
    further_addresses(&outside, "sir");
    created(&host, "lite-test-sir-a");
    host.ok(&["publish", "lite-test-sir-a", "22:8025", "--address", THIRD]);
    host.ok(&["ip", "allocate", "kept", "--address", Outside::SECOND]);
    let of = |last: &str| host.subnet.replace(".0/24", last);
    let network = |last: &str, why: &str| {
        (of(last), format!("`{}` is no free address of network `{}`: {why}", of(last), host.tag))
    };
    let before = (host.tables_text(), host.ok(&["ip", "list"]));
    let cases = [
        ("203.0.113.9".to_owned(), "`203.0.113.9` is on no interface of this host".to_owned()),
        ("127.0.0.1".to_owned(), "`127.0.0.1` is no address that a machine on a network has".to_owned()),
        (Outside::SECOND.to_owned(), format!("`{}` is taken: it is static address `kept`", Outside::SECOND)),
        (THIRD.to_owned(), format!("`{THIRD}` is taken: ports of it lead to instance `lite-test-sir-a`")),
        (of(".10"), format!("`{}` is taken: instance `lite-test-sir-a` has it", of(".10"))),
        network(".1", "it is the host's own on the network"),
        network(".0", "it is the network's own"),
        network(".250", "DHCP hands it out there"),
    ];
    for (address, wanted) in cases {
        let said = host.fails(2, &["ip", "allocate", "new", "--address", &address]);
        assert_eq!(said.lines().next(), Some(&*format!("error: {wanted}")));
    }
    let said = host.fails(2, &["ip", "allocate", "new", "--address", "203.0.113.9"]);
    assert!(said.contains(&format!("{} (ltw-sir)", Outside::SECOND)), "{said}");
    let refused: [(&[&str], &str); 5] = [
        (&["ip", "allocate", "lite-test-sir-a"], "an instance is called `lite-test-sir-a`"),
        (&["ip", "attach", "none", "lite-test-sir-a"], "there is no static address `none`"),
        (&["ip", "release", "none"], "there is no static address `none`"),
        (
            &["publish", "lite-test-sir-a", "22:8026", "--address", Outside::SECOND],
            "`198.51.100.5` is static address `kept`, which leads whole to one instance",
        ),
        (
            &["ip", "allocate", "new", "--address", "2001:db8::1"],
            "`--address`: `2001:db8::1` is an IPv6 address, and static addresses are IPv4",
        ),
    ];
    for (args, wanted) in refused {
        let said = host.fails(2, args);
        assert_eq!(said.lines().next(), Some(&*format!("error: {wanted}")));
    }
    assert_eq!((host.tables_text(), host.ok(&["ip", "list"])), before);
    host.ok(&["ip", "attach", "kept", "lite-test-sir-a"]);
    let said = host.fails(2, &["ip", "release", "kept"]);
    assert_eq!(said.lines().next(), Some("error: static address `kept` leads to an instance"));
    host.ok(&["ip", "allocate", "other"]);
    let said = host.fails(2, &["ip", "attach", "other", "lite-test-sir-a"]);
    let wanted = "error: the instance has static address `kept` (198.51.100.5) already";
    assert_eq!(said.lines().next(), Some(wanted));
    clean(&host, "refused");

    // The administrator takes them from the interface.
    for address in [Outside::SECOND, THIRD] {
        run(Command::new("ip").args(["addr", "del", &format!("{address}/32"), "dev", "ltw-sir"]));
    }
    let lost = |what: &str, address: &str| (what.to_owned(), format!("`{address}` is on no interface of this host"));
    let found: Vec<_> = audit(&host).0["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| {
            (f["subject"].as_str().unwrap_or_default().to_owned(), f["problem"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    let wanted = [lost("static address `kept`", Outside::SECOND), lost("instance `lite-test-sir-a`", THIRD)];
    assert_eq!(found, wanted);
}
