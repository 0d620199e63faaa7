//! The node: libvirt's word for the machine that runs the domains.

use crate::model::Result;

/// Facts about the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// Host name.
    pub hostname: String,
    /// libvirt's version, `11.3.0`.
    pub libvirt: String,
    /// QEMU's version, `10.0.2`; empty on the test driver.
    pub hypervisor: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// All memory, KiB.
    pub memory_kib: u64,
    /// Memory not in use (free, buffers, cached), KiB.
    pub memory_free_kib: u64,
    /// libvirt offers `type='kvm'`.
    pub kvm_offered: bool,
    /// Machine types offered for the host's architecture include `q35`.
    pub q35: bool,
    /// Path of the emulator libvirt would use.
    pub emulator: Option<String>,
}

/// What libvirt says of the host as a whole.
pub trait Node: Send + Sync {
    /// Facts about the host.
    fn host(&self) -> Result<HostInfo>;
    /// Whether libvirt was found to answer nothing at all, within the last few seconds. Asks nobody.
    fn hangs(&self) -> bool {
        false
    }
}
