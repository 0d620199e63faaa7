//! Instances that go on from the memory of another machine, under TCG. Minutes, root and a libvirtd: `LITE_TEST_REAL=1`. The gate keeps
//! a plain Debian warm; `SLOW`, run by `make test-guests`, each blueprint that says that it may start warm, and a hundred in a row.

use std::collections::BTreeSet;

use crate::support::{
    host::{Host, needs_host},
    http::get,
};

crate::tests![two_machines_that_go_on_from_one_memory_share_nothing_that_is_one_s_own,];

crate::tests![SLOW:
    each_blueprint_that_says_so_starts_warm,
    a_hundred_in_a_row_leave_nothing,
];

/// What must not be the same on two machines: what, and the command that prints it in the guest.
const OWN: [(&str, &str); 12] = [
    ("machine id", "cat /etc/machine-id"),
    ("host name", "hostname"),
    ("host key", "cat /etc/ssh/ssh_host_ed25519_key.pub"),
    ("random seed", "sudo sha256sum /var/lib/systemd/random-seed"),
    ("random numbers", "head -c 32 /dev/urandom | sha256sum"),
    ("random UUID", "cat /proc/sys/kernel/random/uuid"),
    ("cloud-init's instance", "readlink /var/lib/cloud/instance"),
    ("hardware address", "cat /sys/class/net/eth0/address"),
    ("addresses", "ip -brief address show eth0 | grep -o '10[.][0-9.]*'"),
    ("journal", "ls /var/log/journal"),
    ("lite's instance", "sudo grep -o '\"uuid\": \"[^\"]*\"' /var/lib/lite/instance.json"),
    ("name for itself", "grep ^127.0.1.1 /etc/hosts"),
];

/// What is the same on each, and how.
const SAME: [(&str, &str, &str); 4] = [
    ("reseeds", "sudo dmesg | grep -c 'crng reseeded due to virtual machine fork'", "1\n"),
    ("failed units", "systemctl list-units --failed --plain --no-legend", ""),
    ("timers", "systemctl is-active apt-daily.timer", "active\n"),
    (
        "traces of the template",
        "sudo grep -rlsE 'warm-[a-z0-9.-]+-[1]' /etc /var/lib/cloud /var/lib/lite /var/log /home /root; true",
        "",
    ),
];

/// A host with sizes of its own, small ones first.
fn host(tag: &str, third: u8) -> Host {
    let host = Host::new(tag, third);
    host.debian_13();
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    let sizes = "currency: USD\nbundles:\n  - {id: nano, vcpus: 2, memory: 512 MiB, disk: 5 GiB, transfer: 1 TiB, price: 1}\n  - {id: \
                 tiny, vcpus: 2, memory: 1 GiB, disk: 5 GiB, transfer: 1 TiB, price: 2}\n";
    std::fs::write(folder.join("bundles.yaml"), sizes).expect("written");
    host
}

/// Creates an instance, which is to go on from this memory; its address.
fn warm(host: &Host, blueprint: &str, bundle: &str, name: &str, id: &str) -> String {
    let out = host.lite(&["create", blueprint, "--bundle", bundle, "--name", name, "--timeout", "20m", "--json"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("it goes on from the memory of image `{id}`")), "{said}");
    let created: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(created["instance"]["ready"], true);
    created["instance"]["address"].as_str().expect("an address").to_owned()
}

/// What commands print in a guest, by one log-in: each takes seconds where all is emulated.
fn answers(host: &Host, name: &str, commands: &[&str]) -> Vec<String> {
    let each: Vec<String> = commands.iter().map(|command| format!("({command}); printf '\\036'")).collect();
    let answers = host.ok(&["ssh", name, "--", &each.join("; ")]);
    let answers: Vec<String> = answers.split_terminator('\x1e').map(str::to_owned).collect();
    assert_eq!(answers.len(), commands.len());
    answers
}

/// Keeps a blueprint warm; the id of the image.
fn keep_warm(host: &Host, blueprint: &str, bundle: &str) -> String {
    let kept = host.json(&["image", "warm", blueprint, "--bundle", bundle, "--timeout", "30m"]);
    assert_eq!(host.left(), Vec::<String>::new(), "a machine is left");
    let image = &kept["images"][0];
    assert_eq!((&image["baked"]["warm"]["vcpus"], &image["baked"]["current"]), (&2.into(), &true.into()), "{kept}");
    assert_eq!(host.json(&["image", "warm", blueprint, "--bundle", bundle]), kept, "a second one does nothing");
    image["id"].as_str().expect("an id").to_owned()
}

fn two_machines_that_go_on_from_one_memory_share_nothing_that_is_one_s_own() {
    needs_host();
    let host = host("warm", 113);
    let id = keep_warm(&host, "debian-13", "nano");
    let names = ["a", "b"].map(|n| format!("{}-{n}", host.tag));
    let commands: Vec<&str> = OWN.iter().map(|own| own.1).chain(SAME.iter().map(|same| same.1)).collect();
    let mut seen: Vec<BTreeSet<String>> = vec![BTreeSet::new(); OWN.len()];
    let mut before = Vec::new();
    for name in &names {
        warm(&host, "debian-13", "nano", name, &id);
        let told = answers(&host, name, &commands);
        seen.iter_mut().zip(&told).for_each(|(seen, answer)| seen.extend([answer.clone()]));
        for ((what, _, wanted), answer) in SAME.iter().zip(&told[OWN.len()..]) {
            assert_eq!(answer, wanted, "{what} of {name}");
        }
        before.push(told);
    }
    for (seen, (what, _)) in seen.iter().zip(&OWN) {
        assert_eq!(seen.len(), names.len(), "the {what} is the same: {seen:?}");
        assert!(seen.iter().all(|s| !s.trim().is_empty()), "no {what}");
    }
    // Its next boot is an ordinary one, of the same machine.
    host.ok(&["stop", &names[0]]);
    host.ok(&["start", &names[0]]);
    let lasting = [0, 1, 2, 6, 7, 8, 10, 11];
    let after = answers(&host, &names[0], &lasting.map(|n| OWN[n].1));
    assert_eq!(after, lasting.map(|n| before[0][n].clone()));
    host.ok(&["doctor", "--audit"]);

    host.ok(&["delete", &names[0], &names[1], "--yes", "--now"]);
    host.ok(&["image", "remove", &id, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// The blueprints with pages that say so, each with its size.
const EACH: [(&str, &str); 1] = [("nginx", "nano")];

fn each_blueprint_that_says_so_starts_warm() {
    needs_host();
    let host = host("wmeach", 114);
    for (blueprint, bundle) in EACH {
        let id = keep_warm(&host, blueprint, bundle);
        let name = format!("{}-{blueprint}", host.tag);
        let address = warm(&host, blueprint, bundle, &name, &id);
        assert!(get(&address, "/").starts_with("HTTP/1.1 "), "{blueprint}");
        let told = answers(&host, &name, &SAME.map(|same| same.1));
        assert_eq!(told, SAME.map(|same| same.2.to_owned()), "{blueprint}");
        host.ok(&["reboot", &name]);
        assert_eq!(answers(&host, &name, &["hostname"]), [format!("{name}\n")]);
        host.ok(&["delete", &name, "--yes", "--now"]);
        assert_eq!(host.left(), Vec::<String>::new());
        host.ok(&["image", "prune", "--yes"]);
    }
}

fn a_hundred_in_a_row_leave_nothing() {
    needs_host();
    let host = host("wmrow", 115);
    let id = keep_warm(&host, "debian-13", "nano");
    let name = format!("{}-a", host.tag);
    let mut ids = BTreeSet::new();
    for _ in 0..100 {
        let address = warm(&host, "debian-13", "nano", &name, &id);
        let shown = host.json(&["show", &name]);
        ids.insert((shown["instance"]["uuid"].to_string(), shown["instance"]["mac"].to_string()));
        assert!(!address.is_empty());
        host.ok(&["delete", &name, "--yes", "--now"]);
        assert_eq!(host.left(), Vec::<String>::new());
    }
    assert_eq!(ids.len(), 100);
    host.ok(&["doctor", "--audit"]);
    host.ok(&["image", "remove", &id, "--yes"]);
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}
