//! How long a listing of many domains takes, beside `virsh`'s.

use std::{io::Write, time::Instant};

use lite::hypervisor::{libvirt::Libvirt, prelude::*};

use crate::support::boot_sector::{IDLE, Lab, SYSTEM, run, sector};

fn virsh(arguments: &[&str]) -> String {
    run("virsh", &[&["-c", SYSTEM], arguments].concat())
}

#[test]
#[ignore = "defines 500 domains: a bench"]
fn listing_500_domains_costs_no_more_than_virsh() {
    let mut lab = Lab::new();
    let disk = lab.volume("disk.raw", &sector(IDLE));
    for _ in 0..500 {
        lab.defined(&disk, "");
    }
    let fastest = |list: &dyn Fn() -> usize| {
        (0..10)
            .map(|_| {
                let began = Instant::now();
                assert!(list() >= 500);
                began.elapsed()
            })
            .min()
            .expect("ten")
    };
    let ours = fastest(&|| Libvirt::open(SYSTEM).expect("reached").domains().expect("listed").len());
    let theirs = fastest(&|| virsh(&["list", "--all"]).lines().count());
    let open = fastest(&|| {
        drop(Libvirt::open(SYSTEM).expect("reached"));
        500
    });
    let line = format!("open {open:?}, open and list {ours:?}, virsh {theirs:?}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("said");
    assert!(ours <= theirs, "{line}");
}
