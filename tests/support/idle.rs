//! A real host with a blueprint that is one boot sector, and a bundle that is tiny.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::process::Command;

use super::host::{Host, text};

/// Guests of 32 MiB that do nothing, up in a second.
pub fn idle(tag: &str, third: u8) -> Host {
    let host = Host::new(tag, third);
    let image = prepare(&host);
    host.ok(&["image", "import", &image]);
    host
}

/// Writes blueprint, bundle and image into the host's folder; the path of the image.
pub fn prepare(host: &Host) -> String {
    let blueprints = host.folder.path().join("blueprints");
    std::fs::create_dir(&blueprints).expect("a folder");
    let os = "id: idle\ntitle: Idle\ndescription: Does nothing.\ngroup: os\nversion: \"1\"\nbases: [idle]\n\
              minimum: {memory: 32 MiB, disk: 1 MiB}\nports: [22/tcp]\nuser: nobody\n";
    std::fs::write(blueprints.join("idle.yaml"), os).expect("written");
    let bundle =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 1, memory: 32 MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}\n";
    std::fs::write(blueprints.join("bundles.yaml"), bundle).expect("written");
    let mut sector = vec![0xFB, 0xF4, 0xEB, 0xFD];
    sector.resize(510, 0);
    sector.extend([0x55, 0xAA]);
    let (raw, image) = (host.folder.path().join("idle.raw"), host.folder.path().join("idle.qcow2"));
    std::fs::write(&raw, sector).expect("written");
    let out = Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .args([&raw, &image])
        .output()
        .expect("qemu-img runs");
    assert!(out.status.success(), "{}", text(&out.stderr));
    image.to_str().expect("a path").to_owned()
}

/// The command that makes an idle guest.
pub fn create(host: &Host, name: &str) -> Command {
    host.command(&["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet"])
}

/// Makes an idle guest.
pub fn created(host: &Host, name: &str) {
    let out = create(host, name).output().expect("lite runs");
    assert!(out.status.success(), "create {name}: {}", text(&out.stderr));
}

/// Name, state and uuid of each instance, as `list` tells them.
pub fn states(host: &Host) -> Vec<(String, String)> {
    let listed = host.json(&["list"]);
    let word = |i: &serde_json::Value, key: &str| i[key].as_str().expect("a word").to_owned();
    listed["instances"].as_array().expect("a list").iter().map(|i| (word(i, "name"), word(i, "state"))).collect()
}
