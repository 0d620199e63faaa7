//! A real application baked once and made twice from it, under TCG. Minutes, root and a libvirtd: `LITE_TEST_REAL=1`.

mod support {
    pub mod host;
}

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use support::host::{Host, skip_reason, virsh};

/// A blueprint with nginx's install part, and a secret of its own: what differs per instance is all in `configure`.
const APP: &str = "id: cake\ntitle: A cake\ndescription: Serves a secret's length.\ngroup: app\nversion: '1'\nbases: [debian-13]\n\
    minimum: {memory: 512 MiB, disk: 5 GiB}\nports: [22/tcp, 80/tcp]\nsecrets:\n  word: {description: the word}\n\
    install: |\n  apt-get -q update\n  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install nginx\n\
    configure: |\n  printf '%s\\n' \"$LITE_SECRET_WORD\" >/srv/word\n  echo \"I am $LITE_NAME\" >/var/www/html/index.html\n  chmod 644 /var/www/html/index.html\n  systemctl start nginx\n\
    health:\n  http: {port: 80, path: /, status: 200, text: I am}\n";

/// What must not be the same on two machines, each printed by a command in the guest.
const OWN: [(&str, &str); 7] = [
    ("machine id", "cat /etc/machine-id"),
    ("boot id", "cat /proc/sys/kernel/random/boot_id"),
    ("host name", "hostname"),
    ("host key", "cat /etc/ssh/ssh_host_ed25519_key.pub"),
    ("secret", "sudo cat /srv/word"),
    ("random seed", "sudo sha256sum /var/lib/systemd/random-seed 2>/dev/null || cat /proc/sys/kernel/random/uuid"),
    (
        "cloud-init's instance",
        "cat /run/cloud-init/instance-data.json | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"v1\"][\"instance_id\"])'",
    ),
];

#[test]
fn baked_once_made_twice_without_a_network() {
    if skip_reason().is_some() {
        return;
    }
    let host = Host::new("bake", 73);
    host.ok(&["image", "build", "debian-13"]);
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("cake.yaml"), APP).expect("written");

    let baked = host.json(&["image", "bake", "cake"]);
    assert_eq!(host.left(), Vec::<String>::new(), "the machine that baked is left");
    let image = &baked["images"][0];
    let about = serde_json::json!({"blueprint": "cake", "version": "1", "base": "debian-13", "parameters": {}, "current": true});
    assert_eq!((&image["origin"], &image["baked"]), (&"baked".into(), &about));
    let id = image["id"].as_str().expect("an id");
    assert_eq!(host.json(&["image", "bake", "cake"]), baked, "a second bake does nothing");

    without_a_way_out(&host);
    let names = ["lite-test-bake-a", "lite-test-bake-b"];
    let mut own: Vec<BTreeSet<String>> = vec![BTreeSet::new(); OWN.len()];
    for name in names {
        let out = host.lite(&["create", "cake", "--bundle", "nano", "--name", name, "--json", "--verbose"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("`cake` is installed already: baked image `{id}`\n")), "{said}");
        assert!(!said.contains("cloud-init: install"), "installed again: {said}");
        let created: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let used = serde_json::json!({"id": id, "digest": image["digest"], "baked": true});
        assert_eq!((&created["instance"]["image"], &created["instance"]["ready"]), (&used, &true.into()));
        let address = created["instance"]["address"].as_str().expect("an address");
        assert!(page(address).contains(&format!("I am {name}\n")));
        assert!(!host.ok(&["logs", name, "--boot"]).contains("stage    install"));
        for (seen, (_, command)) in own.iter_mut().zip(OWN) {
            seen.insert(host.ok(&["ssh", name, "--", command]));
        }
        unsealed(&host, name);
    }
    for (seen, (what, _)) in own.iter().zip(OWN) {
        assert_eq!(seen.len(), names.len(), "the {what} is the same: {seen:?}");
        assert!(seen.iter().all(|s| !s.trim().is_empty()), "no {what}");
    }

    // In use it stays, whether current or not.
    assert!(host.fails(2, &["image", "remove", id, "--yes"]).contains(names[0]));
    std::fs::write(folder.join("cake.yaml"), APP.replace("'1'", "'2'")).expect("written");
    let pruned = host.json(&["image", "prune", "--yes"]);
    assert_eq!(pruned["receipts"][0]["went"], serde_json::json!([]));
    assert!(
        pruned["receipts"][0]["stayed"][0]
            .as_str()
            .expect("words")
            .contains("used by lite-test-bake-a, lite-test-bake-b")
    );
    let outdated = host.json(&["blueprints", "outdated"]);
    assert_eq!((&outdated["outdated"][0]["name"], &outdated["outdated"][1]["today"]), (&names[0].into(), &"2".into()));
    let columns = host.ok(&["list", "--columns", "name,version,image"]);
    let digest = &image["digest"].as_str().expect("a digest")[..12];
    assert_eq!(columns.lines().nth(1), Some(format!("{}  1        {digest}", names[0]).as_str()));

    host.ok(&["delete", names[0], names[1], "--yes"]);
    assert!(host.ok(&["image", "prune", "--yes"]).starts_with(&format!("went    baked image `{id}`")));
    assert_eq!(host.left(), Vec::<String>::new());
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Nothing of the machine that baked is on the disk. The pattern does not match itself: sudo writes the command to the journal.
fn unsealed(host: &Host, name: &str) {
    let traces = "sudo grep -rlsE 'bake-cake-[1]' /etc /var/lib/cloud /var/lib/lite /var/log /home /root; \
                  sudo find /var/cache/apt -name '*.deb'; sudo ls /var/lib/apt/lists | grep -v -e lock -e partial; \
                  ls /etc/ssh | grep ssh_host | grep -v ed25519; true";
    assert_eq!(host.ok(&["ssh", name, "--", traces]), "");
}

/// Replaces the host's network by one that leads nowhere, of the same name and subnet. No instance is on it.
fn without_a_way_out(host: &Host) {
    let xml = virsh(&["net-dumpxml", &host.tag]);
    let (start, forward) = xml.split_once("<forward").expect("a NAT network");
    let (_, end) = forward.split_once("</forward>").expect("its end");
    let file = host.folder.path().join("network.xml");
    std::fs::write(&file, format!("{start}{end}")).expect("written");
    let file = file.to_str().expect("a path");
    for verb in
        [["net-destroy", &host.tag], ["net-undefine", &host.tag], ["net-define", file], ["net-start", &host.tag]]
    {
        virsh(&verb);
    }
    assert!(!virsh(&["net-dumpxml", &host.tag]).contains("<forward"));
}

fn page(address: &str) -> String {
    let to: SocketAddr = format!("{address}:80").parse().expect("an address");
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(10)).expect("port 80 is open");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    stream.write_all(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
