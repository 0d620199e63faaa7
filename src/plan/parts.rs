//! What a domain is made from.

use serde::{Serialize, Serializer};

use crate::model::Record;

/// Everything a domain is made from.
#[derive(Debug, Clone)]
pub struct DomainPlan<'a> {
    /// The instance.
    pub record: &'a Record,
    /// What the domain has of the things that the instance owns.
    pub attached: &'a Attached,
    /// Path of the image that the root disk lies on; none where that is not known.
    pub image: Option<&'a str>,
    /// The NAT network's name, used unless the record names a bridge.
    pub network: &'a str,
    /// KVM, or QEMU's own emulation.
    pub kvm: bool,
    /// Architecture, `x86_64`.
    pub arch: &'a str,
    /// Machine type; none: libvirt's default.
    pub machine: Option<&'a str>,
}

/// What a domain has of the things that its instance owns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attached {
    /// Its disks, in order.
    pub disks: Vec<AttachedDisk>,
    /// The file that its serial console is recorded to.
    pub console_log: String,
    /// The file that its guest's report channel is recorded to.
    pub report_log: String,
}

/// A volume that a domain has as a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedDisk {
    /// What it is called: `root disk`.
    pub word: &'static str,
    /// The volume's name in our pool.
    pub volume: String,
    /// Where the volume lies.
    pub path: String,
    /// How the domain has it.
    pub port: DiskPort,
}

/// How a domain has a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskPort {
    /// The device in the guest: `vda`.
    pub device: &'static str,
    /// Its place on the bus.
    pub slot: Slot,
    /// qcow2, whose discarded blocks are given back; else raw.
    pub is_qcow2: bool,
    /// The guest cannot write to it.
    pub is_read_only: bool,
}

/// A slot of q35's root bus. libvirt would put a port of its own before each device, and a guest's kernel looks for what could
/// be plugged in there, at each boot (benches/README.md). Slots 0x00 and 0x1f are the chipset's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    /// The root disk's.
    pub const ROOT_DISK: Self = Self(0x02);
    /// The seed's.
    pub const SEED: Self = Self(0x03);
    /// The interface's.
    pub const INTERFACE: Self = Self(0x04);
    /// The serial channels'.
    pub const CHANNELS: Self = Self(0x05);
    /// The memory balloon's.
    pub const BALLOON: Self = Self(0x06);
    /// The random number generator's.
    pub const RNG: Self = Self(0x07);
    /// The scratch disk's.
    pub const SCRATCH_DISK: Self = Self(0x08);
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#04x}", self.0))
    }
}
