//! Whether guests run under KVM.

use super::local::{self, Kvm};
use crate::model::{Accel, Error, Result};

/// Whether guests are to run under KVM on this host.
///
/// `auto` takes KVM only if libvirt offers it, `/dev/kvm` opens and the CPU shows `vmx` or `svm`: on some hosts libvirt
/// offers KVM and a Linux guest then hangs with an empty console. `kvm` is refused where that is not so.
pub fn use_kvm(accel: Accel, kvm_offered: bool) -> Result<bool> {
    decide(accel, || obstacle(kvm_offered, &local::kvm(), local::cpu_virtualises()))
}

fn decide(accel: Accel, obstacle: impl FnOnce() -> Option<String>) -> Result<bool> {
    match accel {
        Accel::Tcg => Ok(false),
        Accel::Auto => Ok(obstacle().is_none()),
        Accel::Kvm => match obstacle() {
            None => Ok(true),
            Some(why) => Err(Error::refused(
                "no_kvm",
                format!("KVM is asked for, and cannot be used on this host: {why}"),
            )
            .hint(
                "run guests without it, slowly: `LITE_ACCEL=tcg`, or `LITE_ACCEL=auto` to take KVM only where it works",
            )),
        },
    }
}

/// What keeps guests from KVM; none if they can have it. The deepest reason first.
pub fn obstacle(kvm_offered: bool, device: &Kvm, cpu_virtualises: Option<bool>) -> Option<String> {
    match (cpu_virtualises, device) {
        (None, _) => Some("`/proc/cpuinfo` cannot be read".to_owned()),
        (Some(false), _) => Some("the CPU shows neither `vmx` nor `svm`".to_owned()),
        (_, Kvm::Absent) => Some("there is no `/dev/kvm`".to_owned()),
        (_, Kvm::Denied) => Some("this user may not open `/dev/kvm`".to_owned()),
        (_, Kvm::Broken(why)) => Some(format!("`/dev/kvm` does not open ({why})")),
        (_, Kvm::Opens) if !kvm_offered => Some("libvirt does not offer it".to_owned()),
        (_, Kvm::Opens) => None,
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
        assert_eq!((error.code, error.exit_code()), ("no_kvm", 2));
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
