//! The names of instances in the DNS server of their network: real libvirt and dnsmasq, a namespace in the place of a guest.

use std::process::Command;

use crate::support::{
    guest_net::GuestNet,
    host::{needs_host, text, virsh},
    idle::{audit, clean, created, idle_host},
    skip::skip,
};

crate::tests![
    a_name_resolves_at_once_and_until_its_instance_is_gone,
    a_host_without_systemd_resolved_has_the_names_in_its_hosts_file,
];

fn a_name_resolves_at_once_and_until_its_instance_is_gone() {
    needs_host();
    let host = idle_host("nam", 215);
    let (a, b) = ("lite-test-nam-a", "lite-test-nam-b");
    created(&host, a);
    virsh(&["destroy", a]);
    let [gateway, first, second] = [1, 10, 11].map(|n| host.subnet.replace(".0/24", &format!(".{n}")));
    let guest = GuestNet::of(&host, a, &first);
    let full = format!("{b}.lite.internal");
    let ask = |names: &[&str]| guest.resolves(&gateway, names);
    assert_eq!(ask(&[&full, b, &format!("{a}.lite.internal")]), ["nxdomain", "nxdomain", &*first]);

    created(&host, b);
    assert_eq!(ask(&[&full, b, &format!("ptr:{second}"), &full.to_uppercase()]), [&*second, &second, &full, &second]);
    assert_eq!(ask(&["nobody.lite.internal", "nobody"]), ["nxdomain"; 2]);

    for verb in ["net-destroy", "net-start"] {
        virsh(&[verb, &host.tag]);
    }
    host.ok(&["repair"]);
    guest.plug(&host);
    assert_eq!(ask(&[&full, b]), [&*second, &second], "after the network's restart");
    let entry = format!("<host ip='{second}'/>");
    virsh(&["net-update", &host.tag, "delete", "dns-host", &entry, "--live", "--config"]);
    assert_eq!(ask(&[&full]), ["nxdomain"]);
    let problem = format!("network `{}` does not answer for its name `{full}`", host.tag);
    assert_eq!(audit(&host).0["findings"][0]["problem"], problem);
    assert_eq!(host.ok(&["repair"]), "wrote the names of instances again\n");
    assert_eq!(ask(&[&full, b]), [&*second, &second], "written again");
    // In one of the two copies only.
    virsh(&["net-update", &host.tag, "delete", "dns-host", &entry, "--config"]);
    host.ok(&["repair", b, "--yes"]);
    assert!(virsh(&["net-dumpxml", &host.tag, "--inactive"]).contains(&full));
    clean(&host, "named");
    if std::path::Path::new("/run/systemd/resolve/io.systemd.Resolve").exists() {
        let out = Command::new("getent").args(["hosts", &full]).output().expect("run");
        assert!(out.status.success(), "the host itself");
    }

    host.ok(&["delete", b, "--yes"]);
    assert_eq!(ask(&[&full, b]), ["nxdomain"; 2]);
    clean(&host, "after the delete");
}

fn a_host_without_systemd_resolved_has_the_names_in_its_hosts_file() {
    needs_host();
    if std::path::Path::new("/run/systemd/resolve").exists() {
        skip("systemd-resolved runs, which lite tells of the names");
    }
    let host = idle_host("nah", 230);
    let (a, b) = ("lite-test-nah-a", "lite-test-nah-b");
    let file = host.folder.path().join("hosts");
    std::fs::write(&file, "127.0.0.1 localhost\n").expect("written");
    let lite = |args: &[&str]| assert!(host.lite_with_hosts(&file, args).status.success(), "{args:?}");
    let create = |name: &str| lite(&["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet"]);
    let written = || std::fs::read_to_string(&file).expect("read");
    let [begin, end] = ["BEGIN", "END"].map(|word| format!("# {word} lite network {}", host.tag));
    let with = |names: &[(&str, u8)]| {
        let line = |(name, last): &(&str, u8)| {
            format!("{} {name}.lite.internal {name}\n", host.subnet.replace(".0/24", &format!(".{last}")))
        };
        let lines: String = names.iter().map(line).collect();
        format!("127.0.0.1 localhost\n{begin}: names of instances, written by lite\n{lines}{end}\n")
    };
    create(a);
    assert_eq!(written(), "127.0.0.1 localhost\n", "nobody asked for it");
    let said = host.lite_with_hosts(&file, &["doctor"]);
    assert!(text(&said.stdout).contains("this host itself does not know the names of instances"));

    lite(&["doctor", "--fix"]);
    assert_eq!(written(), with(&[(a, 10)]));
    create(b);
    assert_eq!(written(), with(&[(a, 10), (b, 11)]));
    std::fs::write(&file, with(&[])).expect("written");
    lite(&["repair"]);
    assert_eq!(written(), with(&[(a, 10), (b, 11)]), "written again");
    lite(&["delete", a, "--yes"]);
    assert_eq!(written(), with(&[(b, 11)]));
    lite(&["delete", b, "--yes"]);
    assert_eq!(written(), with(&[]));
}
