//! A base image is root's, and QEMU's account may read it and not write to it: real libvirt, guests that are one boot sector.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::PathBuf,
    process::Command,
};

use crate::support::{
    host::{Host, needs_host, virsh},
    idle::{beside, create, idle_host, run},
};

crate::tests![a_base_image_that_qemu_owns_is_taken_back];

const NAME: &str = "lite-test-owner";

fn base(host: &Host) -> PathBuf {
    let entries = fs::read_dir(host.pool_dir()).expect("a pool").map(|e| e.expect("an entry").path());
    let is_image = |p: &PathBuf| p.extension().is_some_and(|e| e == "qcow2");
    let mut bases = entries.filter(|p| is_image(p) && p.to_string_lossy().contains("/base-"));
    bases.next().expect("an image")
}

/// Owner and mode of the image, and whether QEMU's account may read it and write to it.
fn rights(host: &Host) -> (u32, u32, bool, bool) {
    let base = base(host);
    let may = |how: &str| {
        let test = ["--user", "libvirt-qemu", "--", "test", how];
        Command::new("runuser").args(test).arg(&base).status().expect("runs").success()
    };
    let meta = fs::metadata(&base).expect("there");
    (meta.uid(), meta.permissions().mode() & 0o777, may("-r"), may("-w"))
}

/// Makes the image and the definition what an earlier lite left: no word about what the disk lies on, and QEMU the owner.
fn as_of_an_earlier_lite(host: &Host) {
    let xml = virsh(&["dumpxml", "--inactive", NAME]);
    let (before, rest) = xml.split_once("<backingStore type='file'>").expect("what the disk lies on");
    let (_, after) = rest.split_once("<target dev='vda'").expect("the end of it");
    let file = host.folder.path().join("earlier.xml");
    fs::write(&file, format!("{before}<target dev='vda'{after}")).expect("written");
    run(Command::new("virsh").args(["-q", "-c", "qemu:///system", "define"]).arg(&file));
    let id = String::from_utf8(run(Command::new("id").args(["-u", "libvirt-qemu"])).stdout).expect("a number");
    chown(base(host), Some(id.trim().parse().expect("a number")), None).expect("given");
    assert!(rights(host).3);
}

fn a_base_image_that_qemu_owns_is_taken_back() {
    needs_host();
    let _beside = beside();
    let host = idle_host("owner", 105);
    assert!(create(&host, NAME).status().expect("lite runs").success());
    let right = (0, 0o640, true, false);
    assert_eq!(rights(&host), right, "while a guest runs");

    virsh(&["destroy", NAME]);
    as_of_an_earlier_lite(&host);
    host.ok(&["start", NAME, "--no-wait"]);
    assert_eq!(rights(&host), right, "after a start");
    let labels = |xml: String| xml.matches("<seclabel model='dac' relabel='no'/>").count();
    assert_eq!(labels(virsh(&["dumpxml", "--inactive", NAME])), 1);

    // A definition is made anew with the image's place, also where the image is gone.
    virsh(&["destroy", NAME]);
    let (image, aside) = (base(&host), host.folder.path().join("aside"));
    fs::rename(&image, &aside).expect("moved");
    virsh(&["pool-refresh", &host.tag]);
    virsh(&["undefine", NAME]);
    host.ok(&["repair", NAME]);
    let xml = virsh(&["dumpxml", "--inactive", NAME]);
    assert!(xml.contains(&format!("<source file='{}'", image.display())), "{xml}");
    fs::rename(&aside, &image).expect("moved back");
    host.ok(&["delete", NAME, "--yes"]);
}
