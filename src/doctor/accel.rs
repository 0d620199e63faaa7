//! Whether guests run under KVM.

use super::local::{self, Kvm};
use crate::{
    hypervisor::Machine,
    model::{Accel, Code, Error, Result},
};

/// What decides about KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceleration<'a> {
    /// libvirt says it can run guests under KVM.
    pub offered: bool,
    /// Architecture of the host, as libvirt names it: `x86_64`, `aarch64`.
    pub arch: &'a str,
    /// What this machine says of itself; none where guests run on another one.
    pub here: Option<Here<'a>>,
}

/// What the machine says that runs the guests and this command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Here<'a> {
    /// What opening `/dev/kvm` gives.
    pub device: &'a Kvm,
    /// The CPU shows `vmx` or `svm`; none if it cannot be read.
    pub cpu_virtualises: Option<bool>,
}

/// Whether guests are to run under KVM on the host, which `machine` is if it runs guests.
///
/// `auto` takes KVM only if libvirt offers it and nothing speaks against it ([`obstacle`]). `kvm` is refused where that
/// is not so.
pub fn use_kvm(accel: Accel, machine: &dyn Machine, offered: bool, arch: &str) -> Result<bool> {
    decide(accel, || {
        let device = local::kvm(machine);
        let here = Here { device: &device, cpu_virtualises: local::cpu_virtualises(machine) };
        obstacle(&Acceleration { offered, arch, here: machine.runs_guests().then_some(here) })
    })
}

fn decide(accel: Accel, obstacle: impl FnOnce() -> Option<String>) -> Result<bool> {
    match accel {
        Accel::Tcg => Ok(false),
        Accel::Auto => Ok(obstacle().is_none()),
        Accel::Kvm => match obstacle() {
            None => Ok(true),
            Some(why) => Err(Error::new(
                Code::NoKvm,
                format!("KVM is asked for, and cannot be used on this host: {why}"),
            )
            .hint(
                "run guests without it, slowly: `LITE_ACCEL=tcg`, or `LITE_ACCEL=auto` to take KVM only where it works",
            )),
        },
    }
}

/// Whether the CPU's flags tell of virtualisation: on x86 alone. Elsewhere a `/dev/kvm` that opens says it all.
pub fn has_flags(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686")
}

/// What keeps guests from KVM; none if they can have it. The deepest reason first.
///
/// libvirt's word is not enough where more can be known: on some x86 hosts it offers KVM, the CPU shows neither `vmx` nor
/// `svm`, and a Linux guest then hangs with an empty console. Of another machine nothing else is known than what libvirt
/// says there.
pub fn obstacle(seen: &Acceleration<'_>) -> Option<String> {
    let not_offered = (!seen.offered).then(|| "libvirt does not offer it".to_owned());
    let Some(here) = &seen.here else { return not_offered };
    match (here.cpu_virtualises, here.device) {
        (None, _) if has_flags(seen.arch) => Some("`/proc/cpuinfo` cannot be read".to_owned()),
        (Some(false), _) if has_flags(seen.arch) => Some("the CPU shows neither `vmx` nor `svm`".to_owned()),
        (_, Kvm::Absent) => Some("there is no `/dev/kvm`".to_owned()),
        (_, Kvm::Denied) => Some("this user may not open `/dev/kvm`".to_owned()),
        (_, Kvm::Broken(why)) => Some(format!("`/dev/kvm` does not open ({why})")),
        (_, Kvm::Opens) => not_offered,
    }
}

#[cfg(test)]
mod tests {
    use super::decide;
    use crate::model::Accel;

    #[test]
    fn kvm_only_where_nothing_is_in_the_way() {
        let why = || Some("there is no `/dev/kvm`".to_owned());
        assert_eq!(decide(Accel::Auto, || None), Ok(true));
        assert_eq!(decide(Accel::Auto, why), Ok(false));
        assert_eq!(decide(Accel::Kvm, || None), Ok(true));
        assert_eq!(decide(Accel::Tcg, || None), Ok(false));
    }

    #[test]
    fn asked_for_and_impossible_is_refused() {
        let error =
            decide(Accel::Kvm, || Some("the CPU shows neither `vmx` nor `svm`".to_owned())).expect_err("refused");
        assert_eq!((error.code.as_str(), error.exit_code()), ("no_kvm", 2));
        assert_eq!(
            error.message,
            "KVM is asked for, and cannot be used on this host: the CPU shows neither `vmx` nor `svm`"
        );
        assert_eq!(
            error.hints,
            ["run guests without it, slowly: `LITE_ACCEL=tcg`, or `LITE_ACCEL=auto` to take KVM only where it works"]
        );
    }
}
