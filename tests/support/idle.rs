//! A real host whose guests are one boot sector that does nothing: up in a second even without KVM.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{fs, path::Path, process::Command};

use super::host::Host;

/// One boot sector that halts for ever, as a qcow2 file at `path`.
pub fn image(path: &Path) {
    let mut sector = vec![0xFB, 0xF4, 0xEB, 0xFD];
    sector.resize(510, 0);
    sector.extend([0x55, 0xAA]);
    let raw = path.with_extension("raw");
    fs::write(&raw, sector).expect("written");
    let converted =
        Command::new("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).args([raw.as_path(), path]).status();
    assert!(converted.expect("qemu-img runs").success());
}

/// A host with the blueprint `idle`, whose image is one boot sector, and the bundle `tiny`.
pub fn host(tag: &str, third: u8) -> Host {
    let host = Host::new(tag, third);
    let blueprints = host.folder.path().join("blueprints");
    fs::create_dir(&blueprints).expect("a folder");
    let os = "id: idle\ntitle: Idle\ndescription: Does nothing.\ngroup: os\nversion: \"1\"\nbases: [idle]\n\
              minimum: {memory: 32 MiB, disk: 1 MiB}\nports: [22/tcp]\nuser: nobody\n";
    fs::write(blueprints.join("idle.yaml"), os).expect("written");
    let bundle =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 1, memory: 32 MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}\n";
    fs::write(blueprints.join("bundles.yaml"), bundle).expect("written");
    let file = host.folder.path().join("idle.qcow2");
    image(&file);
    host.ok(&["image", "import", file.to_str().expect("a path")]);
    host
}

/// The arguments that create an instance without waiting for it.
pub fn create(name: &str) -> Vec<&str> {
    vec!["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet"]
}

/// Whether a lite process that was to die at the N-th pass of a point of the code (feature `fault`) did so.
pub fn dies(host: &Host, args: &[&str], point: &str, n: usize) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let out = host.command(args).env("LITE_FAULT", format!("{point}:{n}")).output().expect("lite runs");
    out.status.signal() == Some(9)
}
