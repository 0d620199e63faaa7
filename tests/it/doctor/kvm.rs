//! Whether guests run with KVM, and why not.

use super::*;

#[test]
fn the_deepest_obstacle_to_kvm_first() {
    let table = [
        (true, Kvm::Opens, Some(true), None),
        (false, Kvm::Opens, Some(true), Some("libvirt does not offer it")),
        (false, Kvm::Denied, Some(true), Some("this user may not open `/dev/kvm`")),
        (true, Kvm::Absent, Some(true), Some("there is no `/dev/kvm`")),
        (true, Kvm::Broken("busy".into()), Some(true), Some("`/dev/kvm` does not open (busy)")),
        (true, Kvm::Opens, Some(false), Some("the CPU shows neither `vmx` nor `svm`")),
        (true, Kvm::Opens, None, Some("`/proc/cpuinfo` cannot be read")),
    ];
    for (offered, kvm, cpu, why) in table {
        let here = Some(Here { device: &kvm, cpu_virtualises: cpu });
        assert_eq!(obstacle(&Acceleration { offered, arch: "x86_64", here }).as_deref(), why, "{kvm:?}");
    }
}

#[test]
fn arm_has_no_flag_to_show() {
    let table = [
        (true, Kvm::Opens, None),
        (false, Kvm::Opens, Some("libvirt does not offer it")),
        (true, Kvm::Absent, Some("there is no `/dev/kvm`")),
        (true, Kvm::Denied, Some("this user may not open `/dev/kvm`")),
    ];
    for (offered, kvm, why) in table {
        for cpu in [Some(false), None] {
            let here = Some(Here { device: &kvm, cpu_virtualises: cpu });
            assert_eq!(obstacle(&Acceleration { offered, arch: "aarch64", here }).as_deref(), why, "{kvm:?}");
        }
    }
    let arm = |kvm| {
        let host = healthy().host.map(|h| HostInfo { arch: "aarch64".into(), ..h });
        let checks = evaluate(&Facts { host, kvm, cpu_virtualises: Some(false), ..healthy() }, &settings());
        checks.into_iter().find(|c| c.id == "acceleration").expect("the check")
    };
    assert_eq!(told(&arm(Kvm::Opens)), ("acceleration", Status::Ok, "guests run under KVM", None));
    let slow = "guests run under TCG, which is slow: there is no `/dev/kvm`";
    let fix = Some("see why the kernel has none: `dmesg | grep -i kvm`");
    assert_eq!(told(&arm(Kvm::Absent)), ("acceleration", Status::Warn, slow, fix));
}

#[test]
fn what_keeps_kvm_away_is_said_with_one_fix() {
    use Status::{Fail, Ok as Fine, Warn};
    let firmware =
        "enable virtualisation in the firmware, or nested virtualisation if this is itself a virtual machine";
    let table: &[Row] = &[
        (
            |_, s| s.host.accel = Accel::Tcg,
            "acceleration",
            Fine,
            "guests run under TCG, as set: slow, and works anywhere",
            None,
        ),
        (
            |f, _| f.cpu_virtualises = Some(false),
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: the CPU shows neither `vmx` nor `svm`",
            Some(firmware),
        ),
        (
            |f, _| f.kvm = Kvm::Absent,
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: there is no `/dev/kvm`",
            Some("load the kernel's module: `modprobe kvm_intel` or `modprobe kvm_amd`"),
        ),
        (
            |f, s| (f.kvm, s.host.accel) = (Kvm::Denied, Accel::Kvm),
            "acceleration",
            Fail,
            "KVM is asked for, and cannot be used: this user may not open `/dev/kvm`",
            Some("run lite as root, or join the group: `usermod -aG kvm $USER`, then log in again"),
        ),
        (
            |f, _| f.host.as_mut().expect("a host").kvm_offered = false,
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: libvirt does not offer it",
            Some("restart libvirtd, which looks for KVM when it starts: `systemctl restart libvirtd`"),
        ),
    ];
    look_at_each(table);
}
