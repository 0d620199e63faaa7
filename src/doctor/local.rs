//! What the machine says of itself: small readers of its files, and the parsers of their text.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{hypervisor::Machine, model::Size};

/// What opening `/dev/kvm` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// It opens.
    Opens,
    /// Not there.
    Absent,
    /// There, and this user may not.
    Denied,
    /// There, and does not open: why.
    Broken(String),
}

/// Tries `/dev/kvm`.
pub fn kvm(machine: &dyn Machine) -> Kvm {
    match machine.open_kvm() {
        Ok(()) => Kvm::Opens,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Kvm::Absent,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Kvm::Denied,
        Err(e) => Kvm::Broken(e.to_string()),
    }
}

/// The CPU shows `vmx` or `svm`.
pub fn cpu_virtualises(machine: &dyn Machine) -> Option<bool> {
    machine.text("/proc/cpuinfo").ok().map(|text| has_virtualisation(&text))
}

/// `vmx` or `svm` stands among the flags of `/proc/cpuinfo`.
pub fn has_virtualisation(cpuinfo: &str) -> bool {
    let flags =
        |line: &str| line.split_once(':').filter(|(key, _)| key.trim() == "flags").map(|(_, flags)| flags.to_owned());
    cpuinfo.lines().filter_map(flags).any(|f| f.split_ascii_whitespace().any(|w| w == "vmx" || w == "svm"))
}

/// `MemAvailable` of `/proc/meminfo`.
pub fn available(meminfo: &str) -> Option<Size> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Size::bytes(kib.checked_mul(1024)?))
}

/// A switch of the kernel: `1`, `0`, `Y` or `N` in a file.
pub fn switch(machine: &dyn Machine, path: &str) -> Option<bool> {
    match machine.text(path).ok()?.as_str() {
        "1" | "Y" => Some(true),
        "0" | "N" => Some(false),
        _ => None,
    }
}

/// It is a folder, or a link to one.
pub fn is_folder(machine: &dyn Machine, path: &Path) -> bool {
    machine.target_info(path).is_ok_and(|info| info.is_folder)
}

/// The folder, or the nearest above it that is there.
pub fn nearest_folder(machine: &dyn Machine, path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|p| is_folder(machine, p)).map(Path::to_path_buf)
}

/// Bytes that can still be written to a folder, or to where it would be made.
pub fn space(machine: &dyn Machine, path: &Path) -> Option<Size> {
    machine.space(&nearest_folder(machine, path)?).ok().map(|s| Size::bytes(s.available))
}

/// A folder can be written, or made.
pub fn writable(machine: &dyn Machine, path: &Path) -> Option<bool> {
    Some(machine.is_writable(&nearest_folder(machine, path)?))
}

/// The topmost folder on the way that other users, QEMU's among them, may not pass through.
pub fn closed(machine: &dyn Machine, path: &Path) -> Option<PathBuf> {
    let shut = |p: &&Path| machine.target_info(p).is_ok_and(|i| i.is_folder && i.mode & 0o001 == 0);
    path.ancestors().filter(shut).last().map(Path::to_path_buf)
}

/// Number of a group in the text of `/etc/group`.
pub fn group_id(groups: &str, name: &str) -> Option<u32> {
    let mut fields = groups.lines().map(|l| l.split(':')).find_map(|mut f| (f.next() == Some(name)).then_some(f))?;
    fields.nth(1)?.parse().ok()
}

/// The base images whose `base-NAME.json` stands among these file names.
pub fn base_images(names: impl Iterator<Item = String>) -> Vec<String> {
    let name =
        |file: String| file.strip_prefix("base-")?.strip_suffix(".json").filter(|n| !n.is_empty()).map(str::to_owned);
    let mut found: Vec<String> = names.filter_map(name).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::{available, base_images, group_id, has_virtualisation};
    use crate::model::Size;

    #[test]
    fn flags_are_whole_words_of_the_flags_line() {
        assert!(has_virtualisation("processor\t: 0\nflags\t\t: fpu vme vmx ssse3\n"));
        assert!(has_virtualisation("flags\t\t: fpu svm\n"));
        for text in ["", "flags\t\t: fpu vmx_like xsvm\n", "model name\t: vmx svm\n", "vmx flags\t: ept vmx\n", "flags"]
        {
            assert!(!has_virtualisation(text), "{text:?}");
        }
    }

    #[test]
    fn memory_available() {
        assert_eq!(available("MemTotal:  9 kB\nMemFree:  1 kB\nMemAvailable:    2097152 kB\n"), Some(Size::mib(2048)));
        for text in [
            "",
            "MemFree: 5 kB\n",
            "MemAvailable: 5 MB\n",
            "MemAvailable: x kB\n",
            "MemAvailable: 99999999999999999999 kB\n",
        ] {
            assert_eq!(available(text), None, "{text:?}");
        }
    }

    #[test]
    fn groups_and_images() {
        let groups = "root:x:0:\nlibvirt-qemu:x:64055:\nlibvirt:x:117:ada,bob\nbroken:x\n";
        assert_eq!(
            [group_id(groups, "libvirt"), group_id(groups, "kvm"), group_id(groups, "broken")],
            [Some(117), None, None]
        );
        let files = ["base-debian-13.json", "base-debian-13.qcow2", "base-.json", "disk.json", "base-alpine.json"];
        assert_eq!(base_images(files.iter().map(|f| (*f).to_owned())), ["alpine", "debian-13"]);
    }
}
