//! The audit on real libvirt: processes, and the files that libvirt keeps for a domain.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::{
    host::{Host, needs_host, virsh},
    idle::{clean, create, idle_host, turn},
};

crate::tests![
    processes_that_nobody_knows_of_are_told,
    saved_memory_goes_with_the_instance_and_a_file_that_stays_is_told,
];

/// The findings as `kind subject: problem`; the command must end with 1.
fn told(host: &Host) -> Vec<String> {
    let out = host.lite(&["doctor", "--audit", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let audit: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(audit["unknown"], serde_json::json!([]));
    let word = |f: &serde_json::Value, key: &str| f[key].as_str().expect("a word").to_owned();
    let findings = audit["findings"].as_array().expect("findings");
    findings.iter().map(|f| format!("{} {}: {}", word(f, "kind"), word(f, "subject"), word(f, "problem"))).collect()
}

/// A process that ends with the test, and a file that goes with it.
struct Mess(Option<Child>, PathBuf);

impl Mess {
    fn program(program: &str, args: &[&str]) -> Self {
        let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(Some(child.expect("started")), PathBuf::new())
    }

    fn file(path: &str) -> Self {
        std::fs::write(path, "").expect("written");
        Self(None, path.into())
    }

    fn pid(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }
}

impl Drop for Mess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        } else {
            let _ = std::fs::remove_file(&self.1);
        }
    }
}

fn processes_that_nobody_knows_of_are_told() {
    needs_host();
    let _turn = turn();
    let (host, name) = (idle_host("stray", 178), "lite-test-stray");
    assert!(create(&host, name).status().expect("lite runs").success());
    // The QEMU of an instance is not unknown.
    clean(&host, "an instance that runs");
    let disk = virsh(&["vol-list", &host.tag]);
    let disk = disk
        .lines()
        .filter_map(|l| l.split_whitespace().nth(1))
        .find(|l| l.contains("/lite-lite-test-stray-") && l.ends_with(".qcow2"));
    let disk = disk.expect("a root disk").to_owned();
    host.ok(&["delete", name, "--yes"]);
    clean(&host, "delete");

    let qemu = Mess::program("qemu-system-x86_64", &["-M", "none", "-S", "-display", "none", "-name", &disk]);
    let id = disk.strip_suffix(".qcow2").and_then(|d| d.rsplit_once('-')).map(|(_, id)| id).expect("an id");
    let id = uuid::Uuid::try_parse(id).expect("an id");
    assert_eq!(
        told(&host),
        [format!(
            "unknown-process process {} (qemu-system-x86_64): it runs on the disk of instance {id}, and libvirt does not know it",
            qemu.pid()
        )]
    );
    drop(qemu);
    clean(&host, "the process has ended");

    let part = host.pool_dir().join(".build-debian-13_x1/disk.raw").display().to_string();
    let build = Mess::program("tail", &["-F", "--quiet", &part]);
    assert_eq!(
        told(&host),
        [format!(
            "unknown-process process {} (tail): it works on image `debian-13`, and whoever started it is gone",
            build.pid()
        )]
    );
    let lock = std::fs::File::create(host.pool_dir().join(".lock-debian-13")).expect("made");
    lock.lock().expect("held");
    clean(&host, "somebody holds the lock of the image");
    drop((lock, build));
    clean(&host, "the end");
}

fn saved_memory_goes_with_the_instance_and_a_file_that_stays_is_told() {
    needs_host();
    let _turn = turn();
    let (host, name) = (idle_host("saved", 179), "lite-test-saved");
    assert!(create(&host, name).status().expect("lite runs").success());
    let saved = format!("/var/lib/libvirt/qemu/save/{name}.save");
    virsh(&["managedsave", name]);
    assert!(Path::new(&saved).exists());
    clean(&host, "saved memory of an instance");
    host.ok(&["delete", name, "--yes"]);
    assert!(!Path::new(&saved).exists());
    clean(&host, "delete");

    for file in [saved, format!("/var/lib/libvirt/qemu/nvram/{name}_VARS.fd")] {
        let mess = Mess::file(&file);
        let wanted = format!("unknown-file file `{file}`: libvirt keeps it for a domain `{name}`, and there is none");
        assert_eq!(told(&host), [wanted]);
        drop(mess);
        clean(&host, "it went");
    }
}
