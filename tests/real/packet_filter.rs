//! lite's own tables in the kernel: real libvirt and nftables, namespaces in the place of guests.

use std::process::Command;

use crate::support::{
    guest_net::{Beside, GuestNet, Outside, between, bridge, host_asks, host_reaches},
    host::{Host, needs_host, virsh},
    idle::{audit, clean, created, idle_host, pid, run, states},
    watch::{Watch, wait_for},
};

crate::tests![
    what_guests_reach_and_what_reaches_them,
    what_is_opened_and_closed_is_so_at_once,
    what_is_published_is_reached_from_outside_and_ends,
    a_port_that_is_taken_is_not_published,
    forged_frames_stay_at_the_port_and_the_rules_come_back,
    a_guest_that_a_networks_restart_cut_off_is_put_back_while_it_runs,
];

/// ICMP `port unreachable` and `administratively prohibited`, as a socket tells them.
const REFUSED: &str = "ConnectionRefusedError:111";
const PROHIBITED: &str = "OSError:113";

/// A host with two instances that are off, a namespace in the place of each, and the address of the gateway.
pub fn neighbours(tag: &str, third: u8) -> (Host, [GuestNet; 2], String) {
    let host = idle_host(tag, third);
    let guests = ["a", "b"].map(|letter| format!("lite-test-{tag}-{letter}"));
    let guests = [0, 1].map(|n| {
        created(&host, &guests[n]);
        virsh(&["destroy", &guests[n]]);
        GuestNet::of(&host, &guests[n], &host.subnet.replace(".0/24", &format!(".{}", 10 + n)))
    });
    let gateway = host.subnet.replace(".0/24", ".1");
    (host, guests, gateway)
}

fn what_guests_reach_and_what_reaches_them() {
    needs_host();
    let (host, [a, b], gateway) = neighbours("fwr", 101);
    let _listener = Beside::start(a.command(&["serve", "22", "9000", "40000"]));
    // The blueprint opens 22 alone.
    for (port, wanted) in [(22, "open"), (9000, REFUSED), (40000, REFUSED)] {
        assert_eq!(host_reaches(&a.address, port), wanted, "host to {port}");
        assert_eq!(b.reaches(&a.address, port), wanted, "neighbour to {port}");
    }
    let service = std::net::TcpListener::bind((gateway.as_str(), 9100)).expect("a service of the host");
    assert_eq!(host_reaches(&gateway, 9100), "open");
    assert_eq!(a.reaches(&gateway, 9100), PROHIBITED);
    assert_eq!(a.reaches(&gateway, 53), "open", "DNS");
    assert_eq!(a.reaches("169.254.169.254", 80), PROHIBITED);
    drop(service);
    let opened = std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{}/proxy_arp_pvlan", bridge(&host)));
    assert_eq!(opened.expect("read"), "1\n");
    let delay = std::fs::read_to_string(format!("/proc/sys/net/ipv4/neigh/{}/proxy_delay", bridge(&host)));
    assert_eq!(delay.expect("read"), "0\n");
    for name in ["lite-test-fwr-a", "lite-test-fwr-b"] {
        host.ok(&["delete", name, "--yes"]);
    }
    assert_eq!(host.tables(), Vec::<String>::new());
}

fn forged_frames_stay_at_the_port_and_the_rules_come_back() {
    needs_host();
    let (host, [a, b], gateway) = neighbours("fwf", 102);
    let honest = ["honest-ip", "honest-arp", "honest-dhcp"];
    let seen = || {
        let mut sniffer = Beside::sniff(&bridge(&host));
        run(&mut a.command(&["send", &a.mac, &a.address, &gateway, &b.address]));
        sniffer.said()
    };
    let arrive = |when: &str| assert_eq!(seen(), honest, "{when}");
    arrive("as made");
    let delete = || {
        for family in ["inet", "bridge"] {
            run(Command::new("nft").args(["delete", "table", family, &host.tag]));
        }
    };
    delete();
    assert_eq!(seen().len(), 17, "without the tables every kind arrives");
    assert_eq!(host.ok(&["repair"]), "loaded the rules of the firewall again\n");
    arrive("loaded by repair");
    clean(&host, "after repair");

    // The watcher: a ruleset that is gone, and a bridge that is new.
    let _watch = Watch::start(&host, "");
    let back = || host.tables() == ["bridge", "inet"];
    delete();
    wait_for("the rules", 20, back);
    for verb in ["net-destroy", "net-start"] {
        virsh(&[verb, &host.tag]);
    }
    let file = format!("/proc/sys/net/ipv4/conf/{}/proxy_arp_pvlan", bridge(&host));
    wait_for("the bridge", 20, || std::fs::read_to_string(&file).is_ok_and(|value| value == "1\n"));
    for guest in [&a, &b] {
        guest.plug(&host);
    }
    assert!(back(), "the network's restart is none of theirs");
    arrive("after the network's restart");
    let _listener = Beside::start(b.command(&["serve", "22"]));
    assert_eq!(a.reaches(&b.address, 22), "open");
}

fn what_is_opened_and_closed_is_so_at_once() {
    needs_host();
    let (host, [a, b], gateway) = neighbours("fwc", 181);
    let _listener = Beside::start(a.command(&["whoami", "22", "9000", "40000"]));
    let firewall = |args: &[&str]| host.ok(&[&["firewall", "lite-test-fwc-a"], args].concat());
    let asks = |ports: &[u16]| ports.iter().map(|port| b.asks("tcp", &a.address, *port)).collect::<Vec<_>>();
    let own = b.address.as_str();
    assert_eq!(firewall(&[]), "OPEN    FROM\n22/tcp  anywhere\nicmp    anywhere\n");
    assert_eq!(b.pings(&a.address), "answered");

    // Opened, as a range, for UDP, and for other sources alone; the host is kept out by none.
    firewall(&["open", "8999-9001", "9000/udp"]);
    assert_eq!(asks(&[22, 9000, 40000]), [own, own, REFUSED]);
    assert_eq!(b.asks("udp", &a.address, 9000), own);
    firewall(&["set", "9000", "--from", &format!("203.0.113.0/24,2001:db8::/32,{own}")]);
    assert_eq!(asks(&[22, 9000]), [REFUSED, own]);
    firewall(&["set", "9000", "40000", "--from", "203.0.113.0/24"]);
    assert_eq!(asks(&[9000, 40000]), [REFUSED, REFUSED]);
    assert_eq!([40000, 22].map(|port| host_reaches(&a.address, port)), ["open", REFUSED]);
    assert_eq!(b.pings(&a.address), "no answer");

    // What is closed ends, and all others go on. A packet is on its way at each load of the rules.
    firewall(&["set", "9000", "icmp"]);
    let mut inwards = Beside::start(b.command(&["talk", &a.address, "9000"]));
    for verb in ["open", "close"].repeat(5) {
        host.ok(&["firewall", "lite-test-fwc-b", verb, "9100"]);
    }
    assert!(inwards.goes_on(), "while the rules of another are changed");
    firewall(&["close", "9000"]);
    assert_eq!(inwards.said(), ["ended"]);
    assert_eq!(asks(&[9000]), [REFUSED]);

    // Rules that are lost are seen, and come back as they were set last.
    run(Command::new("nft").args(["delete", "table", "inet", &host.tag]));
    assert_eq!(host.ok(&["repair"]), "loaded the rules of the firewall again\n");
    assert_eq!(asks(&[9000]), [REFUSED]);
    assert_eq!([b.pings(&a.address), a.reaches(&gateway, 53)], ["answered", "open"]);
    assert_eq!(firewall(&[]), "OPEN  FROM\nicmp  anywhere\n");
    clean(&host, "after repair");
}

fn a_guest_that_a_networks_restart_cut_off_is_put_back_while_it_runs() {
    needs_host();
    let (host, name) = (idle_host("lnk", 200), "lite-test-lnk-a");
    created(&host, name);
    let port = between(&virsh(&["dumpxml", name]), "<target dev='lt-", "'");
    let link = format!("/sys/class/net/lt-{port}");
    let process = pid(name);
    let place = || {
        let master = std::fs::read_link(format!("{link}/master")).ok()?;
        let isolated = std::fs::read_to_string(format!("{link}/brport/isolated")).ok()?;
        Some((master.file_name()?.to_str()?.to_owned(), isolated))
    };
    let there = Some((bridge(&host), "1\n".to_owned()));
    let cut_off = |verbs: &[&str]| {
        for verb in verbs {
            virsh(&[verb, &host.tag]);
        }
        assert_eq!((place(), states(&host)), (None, vec![(name.to_owned(), "drifted".to_owned())]));
    };
    let is_back = |by: &str| {
        assert_eq!(
            (place(), states(&host), pid(name)),
            (there.clone(), vec![(name.into(), "running".into())], process.clone()),
            "{by}"
        );
        clean(&host, by);
    };
    is_back("as made");
    cut_off(&["net-destroy", "net-start"]);
    assert_eq!(
        audit(&host).0["findings"][0]["problem"],
        format!("its link is on no bridge, and is to be on bridge `{}`", bridge(&host))
    );
    host.ok(&["repair", name, "--yes"]);
    is_back("repair of an instance");
    // The network is started, too.
    cut_off(&["net-destroy"]);
    assert_eq!(
        host.ok(&["repair"]),
        format!("started network `{}`\nput the link of `{name}` back: it was on no bridge\n", host.tag)
    );
    is_back("repair");
    cut_off(&["net-destroy", "net-start"]);
    host.ok(&["reboot", name, "--force"]);
    is_back("reboot");
    let _watch = Watch::start(&host, "");
    for verb in ["net-destroy", "net-start"] {
        virsh(&[verb, &host.tag]);
    }
    wait_for("the link", 20, || place() == there);
    is_back("watch");
}

fn what_is_published_is_reached_from_outside_and_ends() {
    needs_host();
    let (host, [a, b], gateway) = neighbours("pub", 182);
    let (outside, name) = (Outside::new("pub"), "lite-test-pub-a");
    let _listener = Beside::start(a.command(&["whoami", "22", "9000"]));
    let world = [outside.asks("tcp", 22), outside.asks("tcp", 8022)];
    assert!(world.iter().all(|answer| !answer.contains(Outside::ADDRESS)), "{world:?}");
    host.ok(&["firewall", name, "open", "9000/udp"]);
    host.ok(&["publish", name, "22:8022", "9000:8090/udp"]);
    let filtered = std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables");
    let bridges_are_filtered = filtered.is_ok_and(|value| value == "1\n");
    // The guest sees who asks; another guest by the gateway's address, so that the answer comes back this way.
    let works = |when: &str| {
        assert_eq!([outside.asks("tcp", 8022), outside.asks("udp", 8090)], [Outside::ADDRESS; 2], "{when}");
        assert_eq!(host_asks("tcp", Outside::HOST, 8022), Outside::HOST, "{when}: the host itself");
        // The kernel translates a frame that it hands to this on a bridge, and bridges it to an isolated port.
        if !bridges_are_filtered {
            assert_eq!(b.asks("tcp", Outside::HOST, 8022), gateway, "{when}: another guest");
        }
    };
    works("published");
    assert_eq!(outside.asks("tcp", 9000), REFUSED, "what is not published");
    assert!(host.ok(&["list"]).contains("8022/tcp to 22, 8090/udp to 9000"));
    assert!(host.ok(&["show", name]).contains("PUBLISHED    8022/tcp to 22, 8090/udp to 9000\n"));

    run(Command::new("nft").args(["delete", "table", "inet", &host.tag]));
    assert_eq!(host.ok(&["repair"]), "loaded the rules of the firewall again\n");
    works("loaded again");
    for verb in ["net-destroy", "net-start"] {
        virsh(&[verb, &host.tag]);
    }
    host.ok(&["repair"]);
    [&a, &b].into_iter().for_each(|guest| guest.plug(&host));
    works("after the network's restart");

    // By source, and no longer.
    let mut talk = Beside::start(outside.command(&["talk", Outside::HOST, "8022"]));
    host.ok(&["unpublish", name, "8022"]);
    assert_eq!(talk.said(), ["ended"]);
    assert_ne!(outside.asks("tcp", 8022), Outside::ADDRESS);
    assert_eq!(outside.asks("udp", 8090), Outside::ADDRESS, "the other one stays");
    host.ok(&["publish", name, "22:8022", "--from", "203.0.113.0/24"]);
    assert_ne!(outside.asks("tcp", 8022), Outside::ADDRESS);
    host.ok(&["unpublish", name]);
    host.ok(&["publish", name, "22:8022", "--address", Outside::HOST, "--from", "198.51.100.0/24"]);
    assert_eq!(outside.asks("tcp", 8022), Outside::ADDRESS);
    clean(&host, "published");

    // Gone with the instance: another may have the port.
    host.ok(&["delete", name, "--yes"]);
    assert_ne!(outside.asks("tcp", 8022), Outside::ADDRESS);
    host.ok(&["publish", "lite-test-pub-b", "22:8022"]);
    clean(&host, "after the delete");
}

fn a_port_that_is_taken_is_not_published() {
    needs_host();
    let (host, _guests, _) = neighbours("pbt", 183);
    host.ok(&["publish", "lite-test-pbt-a", "22:8023"]);
    let service = std::net::TcpListener::bind("0.0.0.0:0").expect("a service of the host");
    let port = service.local_addr().expect("an address").port();
    let own = std::fs::read_to_string("/proc/self/comm").expect("read");
    let process = format!("`{}` (process {})", own.trim(), std::process::id());
    let cases: [(&[&str], String); 5] = [
        (&["22:8023"], "`8023/tcp` leads to instance `lite-test-pbt-a` already".to_owned()),
        (&["22"], "port 22 is this host's own: its administrator logs in there".to_owned()),
        (&["22:8024", "--address", "203.0.113.9"], "`203.0.113.9` is no address of this host's network".to_owned()),
        (&["8000"], "the firewall of instance `lite-test-pbt-b` closes `8000/tcp`".to_owned()),
        (&[&format!("22:{port}")], format!("{process} listens on `{port}/tcp` of this host")),
    ];
    let before = host.tables_text();
    for (args, wanted) in cases {
        let out = host.lite(&[&["publish", "lite-test-pbt-b"], args].concat());
        let said = crate::support::host::text(&out.stderr);
        assert_eq!((out.status.code(), said.lines().next()), (Some(2), Some(&*format!("error: {wanted}"))));
    }
    assert_eq!(host.tables_text(), before);
    assert!(!host.ok(&["show", "lite-test-pbt-b"]).contains("PUBLISHED"));

    // One that came later gets nothing.
    let later = std::net::TcpListener::bind("0.0.0.0:8023").expect("a service of the host");
    let found = &audit(&host).0["findings"];
    let problem = format!("{process} listens on `8023/tcp` of this host, and what is sent there goes to the instance");
    assert_eq!((&found[0]["problem"], found.as_array().map(Vec::len)), (&problem.into(), Some(1)));
    drop(later);
}
