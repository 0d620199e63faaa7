//! A guest that bakes an image: what it takes off its disk.

use super::*;

crate::tests![
    a_guest_that_bakes_takes_off_its_disk_what_is_one_machines_own,
    a_disk_that_cannot_be_sealed_is_no_image,
    a_private_key_that_no_blueprint_named_is_not_baked
];

fn a_guest_that_bakes_takes_off_its_disk_what_is_one_machines_own() {
    ready();
    let guest = Guest::new(&job(json!({"seal": {"paths": ["/etc/app/*.key", "/var/lib/app/id"]}, "uuid": "u1"})));
    for (file, text) in [
        ("etc/machine-id", "0123\n"),
        ("etc/hostname", "bake-nginx-1\n"),
        ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 bake-nginx-1\n::1 localhost\n"),
        ("etc/ssh/ssh_host_ed25519_key", "key"),
        ("etc/ssh/sshd_config", "stays"),
        ("etc/netplan/50-cloud-init.yaml", "network"),
        ("home/debian/.ssh/authorized_keys", "ssh-ed25519 AAAA"),
        ("root/.bash_history", "ls"),
        ("var/lib/cloud/instances/u1/user-data.txt", "secret"),
        ("var/lib/apt/lists/deb.debian.org_main", "list"),
        ("var/lib/dbus/machine-id", "0123\n"),
        ("var/lib/dhcp/dhclient.leases", "lease"),
        ("var/lib/systemd/random-seed", "seed"),
        ("var/log/journal/0123/system.journal", "journal"),
        ("var/log/nginx/access.log", "GET /"),
        ("var/log/dpkg.log.1.gz", "old"),
        ("var/lib/app/data", "stays"),
        ("var/lib/app/id", "one machine's"),
        ("etc/app/tls.key", "-----BEGIN PRIVATE KEY-----"),
        ("tmp/left", "x"),
        ("var/tmp/systemd-private-1/x", "x"),
    ] {
        fs::create_dir_all(guest.path(file).parent().expect("a folder")).expect("a folder");
        guest.write(file, text);
    }
    let done = guest.path("done");
    guest.program("systemctl", &format!("[ $1 = show ] || echo \"$*\" >>{}\n", done.display()));
    guest.write("var/lib/lite/install.sh", "echo one >/dev/null\n");
    let (events, _) = guest.boot();
    assert_eq!(events, [stage("install"), stage("seal"), json!({"event": "sealed"})]);
    assert_eq!(guest.read("done"), "stop systemd-random-seed.service\npoweroff --no-block\n");

    let there = |file: &str| fs::symlink_metadata(guest.path(file)).is_ok();
    for gone in [
        "etc/hostname",
        "etc/ssh/ssh_host_ed25519_key",
        "etc/netplan/50-cloud-init.yaml",
        "home/debian/.ssh/authorized_keys",
        "root/.bash_history",
        "var/lib/cloud/instances",
        "var/lib/apt/lists/deb.debian.org_main",
        "var/lib/dbus/machine-id",
        "var/lib/dhcp/dhclient.leases",
        "var/lib/systemd/random-seed",
        "var/log/journal/0123",
        "var/log/dpkg.log.1.gz",
        "tmp/left",
        "var/lib/lite/install.sh",
        "var/lib/lite/instance.json",
        "var/lib/lite/state.json",
        "var/lib/lite/env",
        "var/lib/app/id",
        "etc/app/tls.key",
    ] {
        assert!(!there(gone), "{gone} is still there");
    }
    for kept in ["etc/ssh/sshd_config", "var/lib/app/data", "var/lib/cloud", "var/tmp/systemd-private-1/x"] {
        assert!(there(kept), "{kept} is gone");
    }
    assert_eq!(guest.read("etc/machine-id"), "");
    assert_eq!(guest.read("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
    assert_eq!(
        (guest.read("var/log/nginx/access.log"), guest.read("var/log/lite-install.log")),
        (String::new(), String::new())
    );
    assert!(there("etc/.updated") && there("var/.updated"));
    let left: Vec<_> =
        fs::read_dir(guest.path("var/lib/lite")).expect("a folder").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left, ["installed.json"]);

    // An instance of it: the same install part is behind it, a certificate's key is made again.
    guest.write("var/lib/lite/instance.json", &job(json!({"uuid": "u2"})).to_string());
    guest.write("var/lib/lite/install.sh", "echo one >/dev/null\n");
    fs::create_dir_all(guest.path("etc/ssl/private")).expect("a folder");
    fs::create_dir_all(guest.path("usr/sbin")).expect("a folder");
    guest.write("etc/ssl/private/ssl-cert-snakeoil.key", "baked");
    guest.program(
        "../sbin/make-ssl-cert",
        &format!("echo new >{}\n", guest.path("etc/ssl/private/ssl-cert-snakeoil.key").display()),
    );
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[0], &events[1]["event"]), (2, &stage("renew"), &json!("done")));
    assert_eq!(guest.read("etc/ssl/private/ssl-cert-snakeoil.key"), "new\n");
}

fn a_private_key_that_no_blueprint_named_is_not_baked() {
    ready();
    let end = |paths: &[&str], made: &str| {
        let guest = Guest::new(&job(json!({"seal": {"paths": paths}})));
        for folder in ["etc", "opt/panel/conf"] {
            fs::create_dir_all(guest.path(folder)).expect("a folder");
        }
        guest.write("etc/hosts", "");
        guest.write("var/lib/lite/install.sh", "true\n");
        guest.write("opt/panel/conf/httpsd.pem", &format!("x\n-----BEGIN {made}-----\n"));
        let (mut events, _) = guest.boot();
        (events.pop().expect("an event"), fs::exists(guest.path("opt/panel/conf/httpsd.pem")).expect("seen"))
    };
    let told = "the install part made private keys: /opt/panel/conf/httpsd.pem; make them in the configure part, or name them \
                under `seal`";
    let refused = json!({"event": "failed", "module": "seal", "command": "", "code": 1, "tail": [told]});
    for key in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        assert_eq!(end(&[], key), (refused.clone(), true), "{key}");
    }
    let sealed = json!({"event": "sealed"});
    assert_eq!(end(&["/opt/panel/conf/*.pem"], "PRIVATE KEY"), (sealed.clone(), false));
    assert_eq!(end(&[], "CERTIFICATE"), (sealed, true));
}

fn a_disk_that_cannot_be_sealed_is_no_image() {
    ready();
    let guest = Guest::new(&job(json!({"seal": {"paths": []}})));
    guest.write("var/lib/lite/install.sh", "true\n");
    // There is no /etc: the machine id cannot be emptied.
    let (events, _) = guest.boot();
    let end = events.last().expect("an event");
    assert_eq!((&end["event"], &end["module"]), (&json!("failed"), &json!("seal")));
    // An install part that fails is told as ever, and nothing is sealed.
    let guest = Guest::new(&job(json!({"seal": {"paths": []}})));
    guest.write("var/lib/lite/install.sh", "exit 7\n");
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[1]["module"]), (2, &json!("install")));
    assert!(fs::exists(guest.path("var/lib/lite/instance.json")).expect("seen"));
}
