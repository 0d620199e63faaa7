//! A network of an earlier lite that is moved to mode `route` while guests are on it, and back: real libvirt and nftables, a
//! namespace in the place of a guest with a network stack, and a boot sector that runs.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use crate::{
    packet_filter::neighbours,
    support::{
        guest_net::{Beside, GuestNet, Outside, REFUSED, bridge},
        host::{Host, needs_host, text, virsh},
        idle::{CREATED, clean, create, pid, run},
        watch::{Watch, wait_for},
    },
};

crate::tests![a_network_is_moved_under_its_guests_and_back, a_move_that_is_killed_is_finished];

/// Replaces the network by one as an earlier lite made it, of the same bridge and hardware address, and plugs guests in again.
fn age(host: &Host, guests: &[GuestNet]) {
    let xml = virsh(&["net-dumpxml", &host.tag, "--inactive"]);
    let domain = "  <domain name='lite.internal' localOnly='yes'/>\n";
    let old = xml.replace("<forward mode='route'/>", "<forward mode='nat'/>").replace(domain, "");
    assert_eq!(xml.len() - old.len(), domain.len() + 2, "{xml}");
    let file = host.folder.path().join("old.xml");
    std::fs::write(&file, old).expect("written");
    for verb in [["net-destroy", &host.tag], ["net-define", file.to_str().expect("a path")], ["net-start", &host.tag]] {
        virsh(&verb);
    }
    guests.iter().for_each(|guest| guest.plug(host));
}

/// The definition that is stored, without what libvirt adds to mode `nat`.
fn stored(host: &Host) -> String {
    let xml = virsh(&["net-dumpxml", &host.tag, "--inactive"]);
    let nat = "<forward mode='nat'>\n    <nat>\n      <port start='1024' end='65535'/>\n    </nat>\n  </forward>";
    xml.replace(nat, "<forward mode='nat'/>")
}

/// The bridge of a link, and whether its port is isolated.
fn place(link: &str) -> Option<(String, bool)> {
    let master = std::fs::read_link(format!("/sys/class/net/{link}/master")).ok()?;
    let isolated = std::fs::read_to_string(format!("/sys/class/net/{link}/brport/isolated")).ok()?;
    Some((master.file_name()?.to_str()?.to_owned(), isolated == "1\n"))
}

/// A link in the place of one that libvirt named for a guest of an earlier lite; gone when it is dropped.
struct OldTap(&'static str);

impl OldTap {
    fn new(name: &'static str, host: &Host) -> Self {
        run(Command::new("ip").args(["tuntap", "add", "dev", name, "mode", "tap"]));
        run(Command::new("ip").args(["link", "set", name, "master", &bridge(host), "up"]));
        Self(name)
    }
}

impl Drop for OldTap {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "delete", self.0]).status();
    }
}

/// A connection of the host to `whoami` in a guest, which sends back what it gets.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(guest: &GuestNet) -> Self {
        let stream = TcpStream::connect((guest.address.as_str(), 22)).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        let mut talk = Self(BufReader::new(stream));
        assert_eq!(talk.heard(), guest.address.rsplit_once('.').expect("an address").0.to_owned() + ".1");
        talk
    }

    fn heard(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("read");
        line.trim().to_owned()
    }

    fn says(&mut self, word: &str) {
        writeln!(self.0.get_mut(), "{word}").expect("sent");
        assert_eq!(self.heard(), word);
    }
}

fn a_network_is_moved_under_its_guests_and_back() {
    needs_host();
    let (host, guests, _) = neighbours("mvn", 110);
    let (outside, name, running) = (Outside::new("mvn"), "lite-test-mvn-a", "lite-test-mvn-c");
    age(&host, &guests);
    let refuses =
        format!("network `{}` is in libvirt's mode `nat`, which refuses what is published to other machines", host.tag);
    let command = "`lite repair --network route`";
    let warning = format!("warning: {refuses}: {command} moves it, and stops no instance\n");
    let created = create(&host, running).output().expect("lite runs");
    assert_eq!((created.status.code(), text(&created.stderr)), (Some(0), format!("{warning}{CREATED}")));
    let doctor = host.json(&["doctor"]);
    let check = doctor["checks"].as_array().expect("checks").iter().find(|c| c["name"] == "network").expect("a check");
    assert_eq!((&check["verdict"], &check["sentence"]), (&"warn".into(), &refuses.into()));
    assert_eq!(check["fix"], "lite repair --network route");

    let old_tap = OldTap::new("ltvnet110", &host);
    let links = [old_tap.0, &guests[0].port, &guests[1].port];
    let places = || links.map(place);
    let (there, before, process) = (places(), stored(&host), pid(running));
    let _listener = Beside::start(guests[0].command(&["whoami", "22"]));
    let _world = Beside::start(outside.command(&["whoami", "9110"]));
    let (mut inward, mut outward) =
        (Talk::to(&guests[0]), Beside::start(guests[1].command(&["talk", Outside::ADDRESS, "9110"])));
    let publish = || host.lite(&["publish", name, "22:8110"]);
    let refused = publish();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        format!(
            "error: `8110/tcp` is not reached from outside: network `{}` is in libvirt's mode `nat`, whose rules refuse what \
             comes in\n  hint: nothing is published; move the network, which stops no instance, and try again: {command}\n",
            host.tag
        )
    );

    host.ok(&["repair", "--network", "route"]);
    let domain = "  <domain name='lite.internal' localOnly='yes'/>\n";
    let ends = |xml: &str| xml.replace(domain, "").replace("mode='nat'", "mode='route'");
    assert_eq!((ends(&stored(&host)), stored(&host).matches(domain).count()), (ends(&before), 1));
    assert_eq!((places(), pid(running)), (there.clone(), process.clone()));
    inward.says("moved");
    assert!(outward.goes_on());
    assert_eq!(guests[1].asks("tcp", Outside::ADDRESS, 9110), Outside::HOST, "translated by lite");
    clean(&host, "moved");
    assert_eq!(publish().status.code(), Some(0));
    assert_eq!(outside.asks("tcp", 8110), Outside::ADDRESS);

    host.ok(&["repair", "--network", "nat"]);
    assert_eq!((places(), pid(running)), (there, process));
    inward.says("back");
    assert!(outward.goes_on());
    assert_eq!(guests[1].asks("tcp", Outside::ADDRESS, 9110), Outside::HOST, "translated by libvirt");
    assert_eq!(outside.asks("tcp", 8110), REFUSED);
    assert_eq!(stored(&host).replace(domain, ""), before);
}

fn a_move_that_is_killed_is_finished() {
    needs_host();
    let (host, guests, _) = neighbours("mvk", 111);
    age(&host, &guests);
    let old_tap = OldTap::new("ltvnet111", &host);
    let links = [old_tap.0, &guests[0].port];
    let there = links.map(place);
    let _listener = Beside::start(guests[0].command(&["whoami", "22"]));
    let mut talk = Talk::to(&guests[0]);
    let mut is_route = |by: &str| {
        assert!(virsh(&["net-dumpxml", &host.tag]).contains("<forward mode='route'/>"), "{by}");
        assert_eq!(links.map(place), there, "{by}");
        talk.says(by);
        clean(&host, by);
    };
    let killed = |point: &str| {
        let out = host.command(&["repair", "--network", "route"]).env("LITE_KILL", point).output().expect("lite runs");
        assert_eq!(out.status.code(), None, "{point}: {}", text(&out.stderr));
        let cut_off = format!("warning: the move of `{}` was cut off: `lite repair` finishes or undoes it", host.tag);
        for look in ["list", "doctor"] {
            assert_eq!(text(&host.lite(&[look]).stderr).lines().next(), Some(cut_off.as_str()), "{look}");
        }
    };
    let finished = format!("finished the move of network `{}` that was cut off\n", host.tag);
    killed("stopped:1");
    assert_eq!(host.ok(&["repair"]), finished);
    is_route("after repair");

    host.ok(&["repair", "--network", "nat"]);
    killed("started:1");
    assert_eq!(links.map(place), [None, None], "on no bridge");
    let _watch = Watch::start(&host, "");
    wait_for("the links", 20, || links.map(place) == there);
    wait_for("the operation", 20, || host.json(&["operations"])["operations"][0]["state"] == "succeeded");
    is_route("after a look of the watcher");
}
