//! The names of instances in the DNS server of their network: real libvirt and dnsmasq, a namespace in the place of a guest.

use std::process::Command;

use crate::support::{
    guest_net::GuestNet,
    host::{needs_host, virsh},
    idle::{audit, clean, created, idle_host},
};

crate::tests![a_name_resolves_at_once_and_until_its_instance_is_gone];

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
